package consent_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/vault"
)

func TestDevice(t *testing.T) {
	for _, name := range []string{"tv", "phone"} {
		t.Run(name, func(t *testing.T) {
			onScreen(t, func(t *testing.T, s *screen) {
				defer s.tend(s.flow)()
				s.polls = []reply{pending, pending, consents}
				begun := time.Now()
				d, err := s.flow.BeginDevice(t.Context(), consent.Request{Connection: name, Identifier: "user_1", Scopes: []string{"b"}})
				if err != nil {
					t.Fatal(err)
				}
				if d.UserCode != "WDJB-MJHT" || d.VerificationURI != "https://id.test/activate" || d.Interval != 5*time.Second ||
					d.VerificationURIComplete != "https://id.test/activate?user_code=WDJB-MJHT" || !d.Expires.Equal(begun.Add(10*time.Minute)) {
					t.Errorf("got %+v", d)
				}
				if got := s.asked[0].Get("scope"); got != "a b" {
					t.Errorf("asked for the scopes %q", got)
				}
				if l := s.after(d, 14*time.Second); l.Status != vault.LinkPolled || l.Held.IsZero() || l.Expires != d.Expires.UTC() {
					t.Errorf("before the consent the link is %s until %s", l.Status, l.Expires)
				}
				l := s.after(d, time.Minute)
				s.wantWaits(begun, 5*time.Second, 5*time.Second, 5*time.Second)
				if l.Status != vault.LinkUsed || !l.Held.IsZero() {
					t.Errorf("the link is %s", l.Status)
				}
				a, err := s.vault.Account(t.Context(), l.AccountID)
				if err != nil || a.Status != vault.StatusActive || a.Identity.Name != "Ada" || !slices.Equal(a.RequestedScopes, []string{"a", "b"}) {
					t.Errorf("the account is %+v, %v", a, err)
				}
				g, err := s.vault.Grant(t.Context(), a.ID)
				if err != nil || g.Access.Reveal() != "canary-access" || g.Refresh.Reveal() != "canary-refresh" || g.ClientID != "id" || g.RedirectURI != "" {
					t.Errorf("the grant is %+v, %v", g, err)
				}
				if !slices.Equal(s.connected, []vault.AccountID{a.ID}) || s.revoked != 0 {
					t.Errorf("told of %v, %d tokens revoked", s.connected, s.revoked)
				}
			})
		})
	}
}

func TestDeviceRefused(t *testing.T) {
	tests := []struct {
		name, connection, identifier string
		status                       int
		code, next                   string
	}{
		{"no device endpoint", "web", "a", 409, "device_not_offered", "claviger connect web a"},
		{"no user", "key", "a", 409, "device_not_offered", "claviger accounts add key a"},
		{"identifier", "tv", "a b", 400, "identifier_invalid", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			onScreen(t, func(t *testing.T, s *screen) {
				d, err := s.flow.BeginDevice(t.Context(), consent.Request{Connection: tt.connection, Identifier: tt.identifier})
				if wantCode(t, err, tt.status, tt.code); !strings.Contains(nextOf(err), tt.next) {
					t.Errorf("next is %q", nextOf(err))
				}
				if diff := cmp.Diff(consent.Device{}, d); diff != "" || len(s.asked) != 0 {
					t.Errorf("a device beside the error, %d asked for", len(s.asked))
				}
			})
		})
	}
	onScreen(t, func(t *testing.T, s *screen) {
		_, err := s.flow.BeginDevice(t.Context(), consent.Request{Connection: "radio", Identifier: "a"})
		var ce *connection.Error
		if !errors.As(err, &ce) || ce.Code != connection.CodeNotFound {
			t.Errorf("got %v", err)
		}
	})
}

// A provider that gives no device code leaves no link.
func TestDeviceCodeRefused(t *testing.T) {
	tests := []struct {
		name  string
		codes reply
		code  string
	}{
		{"client", refuses("invalid_client"), "oauth_client_rejected"},
		{"trouble", reply{status: 503}, "provider_unavailable"},
		{"out of reach", reply{err: io.EOF}, "provider_unavailable"},
		{"no code", reply{body: `{"user_code":"canary"}`}, "exchange_failed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			onScreen(t, func(t *testing.T, s *screen) {
				s.codes = tt.codes
				d, err := s.flow.BeginDevice(t.Context(), consent.Request{Connection: "tv", Identifier: "user_1"})
				if wantCode(t, err, 502, tt.code); d.UserCode != "" || strings.Contains(fmt.Sprint(err), "canary") || strings.Contains(nextOf(err), "link") {
					t.Errorf("got %+v, %v, next %q", d, err, nextOf(err))
				}
				page, err := s.vault.Links(t.Context(), vault.LinkQuery{})
				if err != nil || len(page.Items) != 0 || len(s.events) != 0 {
					t.Errorf("the links are %+v, %v", page.Items, err)
				}
			})
		})
	}
}

// Nobody sees a user code whose device code is not stored.
func TestDeviceCodeIsStoredFirst(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		s.during = func(string) { s.store.refuse.Store(vault.KindLink) }
		d, err := s.flow.BeginDevice(t.Context(), consent.Request{Connection: "tv", Identifier: "user_1"})
		if wantCode(t, err, http.StatusServiceUnavailable, "vault_unavailable"); d.UserCode != "" {
			t.Errorf("the user code is %q", d.UserCode)
		}
	})
}

func TestDeviceBound(t *testing.T) {
	onScreen(t, func(t *testing.T, s *screen) {
		s.codes.body = strings.Replace(s.codes.body, `"interval":5`, `"interval":240`, 1)
		request := consent.Request{Connection: "tv", Identifier: "user_1"}
		for range 200 {
			if _, err := s.flow.BeginDevice(t.Context(), request); err != nil {
				t.Fatal(err)
			}
		}
		_, err := s.flow.BeginDevice(t.Context(), request)
		wantCode(t, err, http.StatusServiceUnavailable, "too_many_devices")
		defer s.tend(s.flow)()
		time.Sleep(15 * time.Minute) // all have expired
		if _, err := s.flow.BeginDevice(t.Context(), request); err != nil {
			t.Errorf("after the others: %v", err)
		}
	})
}
