package vault_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

func newLink(token string, c *clock) vault.Link {
	return vault.Link{
		ConnectionID: vault.NewConnectionID(), Identifier: "ada", Token: vault.NewSecret(token),
		Expires: c.now().Add(10 * time.Minute), ReturnURL: "https://app.test/done", AppState: "x",
	}
}

func TestLinkJourney(t *testing.T) {
	c := newClock()
	v := vaulttest.NewAt(t, c.now)
	l := newLink("token", c)
	wantNil(t, v.CreateLink(t.Context(), &l))
	if l.Status != vault.LinkOpen || l.Version != 1 || l.Project != vault.DefaultProject || !vault.IsAccountID(string(l.AccountID)) {
		t.Errorf("got %+v", l)
	}
	l.Status, l.State, l.Browser = vault.LinkStarted, vault.NewSecret("state"), vault.NewSecret("browser")
	l.Verifier, l.RedirectURI = vault.NewSecret("verifier"), "https://cb.test/github"
	wantNil(t, v.PutLink(t.Context(), &l))
	for _, find := range []func() (vault.Link, error){
		func() (vault.Link, error) { return v.FindLink(t.Context(), vault.NewSecret("token")) },
		func() (vault.Link, error) { return v.FindLinkByState(t.Context(), vault.NewSecret("state")) },
	} {
		got, err := find()
		wantNil(t, err)
		if d := cmp.Diff(l, got); d != "" {
			t.Errorf("link (-put +found):\n%s", d)
		}
	}
	for _, wrong := range []string{"", "state", "other"} {
		_, err := v.FindLink(t.Context(), vault.NewSecret(wrong))
		wantErr(t, err, vault.ErrNotFound)
	}
	c.add(10*time.Minute + 23*time.Hour)
	_, err := v.FindLink(t.Context(), vault.NewSecret("token"))
	wantNil(t, err)
	c.add(time.Hour)
	_, err = v.FindLink(t.Context(), vault.NewSecret("token"))
	wantErr(t, err, vault.ErrNotFound)
}

func TestOpenLinkIsTheNewest(t *testing.T) {
	c := newClock()
	v := vaulttest.NewAt(t, c.now)
	id := vault.NewAccountID()
	_, err := v.OpenLink(t.Context(), id)
	wantErr(t, err, vault.ErrNotFound)
	var last vault.Link
	for i := range 20 {
		l := newLink(fmt.Sprint("token-", i), c)
		l.AccountID = id
		wantNil(t, v.CreateLink(t.Context(), &l))
		c.add(time.Second)
		last = l
	}
	other := newLink("other", c)
	wantNil(t, v.CreateLink(t.Context(), &other))
	got, err := v.OpenLink(t.Context(), id)
	wantNil(t, err)
	if got.ID != last.ID {
		t.Errorf("got link %s, want %s", got.ID, last.ID)
	}
	last.Status, last.Outcome = vault.LinkFailed, "access_denied"
	wantNil(t, v.PutLink(t.Context(), &last))
	got, err = v.OpenLink(t.Context(), id)
	wantNil(t, err)
	if got.Token.Reveal() != "token-18" {
		t.Errorf("got link %s, want the one before", got.ID)
	}
	c.add(11 * time.Minute)
	_, err = v.OpenLink(t.Context(), id)
	wantErr(t, err, vault.ErrNotFound)
}

// A link that is waited at elsewhere from the beginning is not one that can be opened.
func TestLinkMadePolled(t *testing.T) {
	c := newClock()
	v := vaulttest.NewAt(t, c.now)
	for status, want := range map[vault.LinkStatus]vault.LinkStatus{vault.LinkPolled: vault.LinkPolled, vault.LinkUsed: vault.LinkOpen} {
		l := newLink("token-"+string(status), c)
		l.Status = status
		wantNil(t, v.CreateLink(t.Context(), &l))
		stored, err := v.Link(t.Context(), l.ID)
		wantNil(t, err)
		if l.Status != want || stored.Status != want {
			t.Errorf("a link that is made %s is %s, and stored as %s", status, l.Status, stored.Status)
		}
		if _, err := v.OpenLink(t.Context(), l.AccountID); (err == nil) != (want == vault.LinkOpen) {
			t.Errorf("a link that is made %s can be opened: %v", status, err)
		}
	}
}

// O-02: of many callbacks of one link one gets through.
func TestO02LinkIsSingleUse(t *testing.T) {
	c := newClock()
	v := vaulttest.NewAt(t, c.now)
	l := newLink("token", c)
	wantNil(t, v.CreateLink(t.Context(), &l))
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			mine := l
			mine.Status = vault.LinkTaken
			err := v.PutLink(t.Context(), &mine)
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, vault.ErrConflict) || mine.Version != l.Version {
				t.Errorf("got error %v and version %d", err, mine.Version)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d callers took the link, want 1", won.Load())
	}
}

func TestLinkRefused(t *testing.T) {
	c := newClock()
	v := vaulttest.NewAt(t, c.now)
	for name, change := range map[string]func(*vault.Link){
		"no token":      func(l *vault.Link) { l.Token = vault.Secret{} },
		"no expiry":     func(l *vault.Link) { l.Expires = time.Time{} },
		"no connection": func(l *vault.Link) { l.ConnectionID = "" },
		"bad account":   func(l *vault.Link) { l.AccountID = "ada" },
		"no identifier": func(l *vault.Link) { l.Identifier = "" },
	} {
		l := newLink("token", c)
		change(&l)
		if err := v.CreateLink(t.Context(), &l); err == nil || l.ID != "" {
			t.Errorf("%s: got error %v and ID %q", name, err, l.ID)
		}
	}
	l := newLink("token", c)
	wantErr(t, v.PutLink(t.Context(), &l), vault.ErrInvalid)
}
