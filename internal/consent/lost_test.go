package consent_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/vault"
)

// comeBack walks through a link of a connection with a consent page, and returns what the callback answers.
func (v *viewer) comeBack(connection string) (vault.Link, answer) {
	s := v.s
	s.t.Helper()
	issued, err := s.flow.Begin(s.t.Context(), consent.Request{Connection: connection, Identifier: "user_1"})
	if err != nil {
		s.t.Fatal(err)
	}
	to := mustParse(s.t, v.do(http.MethodPost, issued.URL).header.Get("Location"))
	back := url.Values{"code": {"canary-code"}, "state": {to.Query().Get("state")}}
	a := v.do(http.MethodGet, "https://accounts.example.com/oauth/callback/"+connection+"?"+back.Encode())
	return s.stored(issued.Link.ID), a
}

// byDevice walks through a device journey.
func (s *screen) byDevice(connection string) vault.Link {
	s.t.Helper()
	d, err := s.flow.BeginDevice(s.t.Context(), consent.Request{Connection: connection, Identifier: "user_1"})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.after(d, time.Minute)
}

// wantFailed checks that a journey has failed for that, and how many tokens were revoked.
func (s *screen) wantFailed(l vault.Link, code string, revoked int) {
	s.t.Helper()
	if l.Status != vault.LinkFailed || l.Outcome != code || s.revoked != revoked || len(s.connected) != 0 {
		s.t.Errorf("the link is %s %s, %d tokens revoked, connected %d times; want %s and %d revoked", l.Status, l.Outcome, s.revoked, len(s.connected), code, revoked)
	}
}

// A token that came before one of the connector's steps failed is not left alive, and is not asked for again.
func TestTokenBeforeAStepFails(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		s.from(nil, consents)
		s.more = reply{status: 503}
		l, _ := s.viewer().comeBack("steps")
		s.wantFailed(l, "provider_unavailable", 1)
	})
	onScreen(t, func(t *testing.T, s *screen) {
		defer s.tend(s.flow)()
		s.from(nil, consents)
		s.more = reply{status: 503}
		l := s.byDevice("steps")
		if s.wantFailed(l, "provider_unavailable", 1); len(s.polled) != 1 {
			t.Errorf("polled %d times", len(s.polled))
		}
	})
}

// The grant of an account that works may end with the token, so that it stays.
func TestTokenBeforeAStepFailsAgain(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		s.from(nil, consents)
		v := s.viewer()
		if l, _ := v.comeBack("steps"); l.Status != vault.LinkUsed {
			t.Fatalf("the link is %s %s", l.Status, l.Outcome)
		}
		s.more, s.connected = reply{status: 503}, nil
		time.Sleep(time.Second)
		l, _ := v.comeBack("steps")
		s.wantFailed(l, "provider_unavailable", 0)
	})
}

// What a user must grant is looked at however the token came.
func TestDeviceScopesMissing(t *testing.T) {
	for granted, missing := range map[string]bool{`"scope":"a b"`: true, `"scope":""`: true, `"scope":"a must"`: false, `"x":1`: false} {
		onScreen(t, func(t *testing.T, s *screen) {
			defer s.tend(s.flow)()
			s.from(nil, reply{body: `{"access_token":"canary-access","token_type":"bearer",` + granted + `}`})
			l := s.byDevice("strict")
			if missing {
				s.wantFailed(l, "scopes_missing", 1)
			} else if l.Status != vault.LinkUsed {
				t.Errorf("with %s the link is %s %s", granted, l.Status, l.Outcome)
			}
		})
	}
}

func tokenAt(host string) reply {
	return reply{body: `{"access_token":"canary-access","token_type":"bearer","host":"` + host + `"}`}
}

// A host that is not the provider's is not gone to, and the token not left alive.
func TestTokenOfAnotherHost(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		s.from(nil, tokenAt("evil.test"))
		l, _ := s.viewer().comeBack("walled")
		s.wantFailed(l, "exchange_failed", 1)
	})
	onScreen(t, func(t *testing.T, s *screen) {
		defer s.tend(s.flow)()
		s.from(nil, tokenAt("evil.test"))
		s.wantFailed(s.byDevice("walled"), "exchange_failed", 1)
	})
}

// A token that comes too late is revoked, also where only its answer says at which host.
func TestDeviceTokenComesTooLateFromHost(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		defer s.tend(s.flow)()
		d, err := s.flow.BeginDevice(t.Context(), consent.Request{Connection: "hosted", Identifier: "user_1"})
		if err != nil {
			t.Fatal(err)
		}
		s.from(func(path string) {
			if path == "/token" {
				if _, err := s.flow.Revoke(t.Context(), d.Link.ID); err != nil {
					t.Error(err)
				}
			}
		}, tokenAt("a.api.test"))
		s.wantFailed(s.after(d, time.Minute), "link_revoked", 1)
	})
}

// A link dies with its first code, however often its button is pressed.
func TestDeviceLinkEndsWithFirstCode(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		defer s.tend(s.flow)()
		v, link := s.viewer(), s.link(consent.Request{})
		begun := time.Now()
		v.press(link.URL)
		time.Sleep(9 * time.Minute)
		waiting := v.press(link.URL)
		if got := s.stored(link.Link.ID).Expires; !got.Equal(begun.Add(10 * time.Minute)) {
			t.Errorf("the link lives for %s, want 10 minutes", got.Sub(begun))
		}
		if a := v.do(http.MethodGet, waiting); !strings.Contains(a.body, "for 1 more minute,") {
			t.Errorf("the page does not tell what is left: %d", a.status)
		}
		time.Sleep(2 * time.Minute)
		v.do(http.MethodPost, link.URL).want(t, http.StatusGone, "link_expired")
	})
}
