package consent_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/vault"
)

// toChoice has a browser's user consent at sites and stops before the choice. It returns the page that waits.
func (v *viewer) toChoice() (waiting string, l vault.Link) {
	s := v.s
	s.t.Helper()
	s.from(nil, consents)
	issued, err := s.flow.Begin(s.t.Context(), consent.Request{Connection: "sites", Identifier: "user_1"})
	if err != nil {
		s.t.Fatal(err)
	}
	waiting = v.press(issued.URL)
	time.Sleep(6 * time.Second)
	synctest.Wait()
	if l = s.stored(issued.Link.ID); l.Status != vault.LinkChoice {
		s.t.Fatalf("the link is %s %s", l.Status, l.Outcome)
	}
	return waiting, l
}

// revocations is how many tokens were revoked.
func (s *screen) revocations() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.revoked
}

func (s *screen) stored(id vault.LinkID) vault.Link {
	s.t.Helper()
	l, err := s.vault.Link(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return l
}

// A choice that nobody makes ends its grant, without anybody who asks for it.
func TestChoiceAbandoned(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		defer s.tend(s.flow)()
		defer s.tend(s.another())() // of two one ends it
		v := s.viewer()
		_, before := v.toChoice()
		time.Sleep(9 * time.Minute)
		synctest.Wait()
		if l := s.stored(before.ID); l.Status != vault.LinkChoice || s.revocations() != 0 {
			t.Errorf("before its end the link is %s, %d tokens revoked", l.Status, s.revocations())
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		l := s.stored(before.ID)
		if l.Status != vault.LinkFailed || l.Outcome != "link_expired" || !l.Held.IsZero() || s.revocations() != 1 {
			t.Errorf("the link is %s %s, holds something: %v, %d tokens revoked", l.Status, l.Outcome, !l.Held.IsZero(), s.revocations())
		}
		if n := len(s.events); n != 2 || s.events[n-1].Reason != "link_expired" {
			t.Errorf("told of %+v", s.events)
		}
		v.do(http.MethodGet, "https://accounts.example.com/oauth/choice?link="+string(l.ID)).want(t, http.StatusGone, "link_expired")
	})
}

// What a process has left behind that died while it was connecting an account ends as well.
func TestTakenAbandoned(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		stop := s.tend(s.flow)
		v := s.viewer()
		waiting, l := v.toChoice()
		stop()
		l.Status = vault.LinkTaken
		if err := s.vault.PutLink(t.Context(), &l); err != nil {
			t.Fatal(err)
		}
		defer s.tend(s.flow)()
		time.Sleep(time.Until(l.Expires) + 30*time.Second)
		if a := v.do(http.MethodGet, waiting); !strings.Contains(a.body, "One moment") {
			t.Errorf("while somebody may be at it, the page is %d", a.status)
		}
		time.Sleep(time.Minute)
		v.do(http.MethodGet, waiting).want(t, http.StatusGone, "link_expired")
		if now := s.stored(l.ID); now.Status != vault.LinkTaken || s.revocations() != 0 {
			t.Errorf("while somebody may be at it the link is %s, %d tokens revoked", now.Status, s.revocations())
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if now := s.stored(l.ID); now.Status != vault.LinkFailed || now.Outcome != "link_expired" || s.revocations() != 1 {
			t.Errorf("the link is %s %s, %d tokens revoked", now.Status, now.Outcome, s.revocations())
		}
	})
}

// All of many end, though they are more than one page of a list.
func TestManyAbandoned(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		const many = 53
		for range many {
			l := s.link(consent.Request{}).Link
			l.Status, l.Held = vault.LinkChoice, vault.NewSecret(`{"choice":{"grant":{"access":"canary-held"}}}`)
			if err := s.vault.PutLink(t.Context(), &l); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Hour)
		defer s.tend(s.flow)()
		time.Sleep(time.Second)
		if n := s.revocations(); n != many {
			t.Errorf("%d tokens revoked, want %d", n, many)
		}
	})
}
