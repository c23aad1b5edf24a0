package broker_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/vault"
)

const sessions = `
steps:
  - request: {url: "https://x.test/session", form: {token: "{token}"}}
    response: {access: session}
    default_ttl: 1h
`

// A refresh token that rotated before a later step failed is kept: the one before is spent.
func TestRotatedBeforeAStepFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, sessions, broker.Schedule{})
		target := k.account("ada", time.Minute)
		time.Sleep(time.Hour)
		broken := true
		var spent []string
		k.provider.says(func(n int, a asked) reply {
			switch {
			case a.path == tokenPath:
				spent = append(spent, a.refresh)
				return fresh(n, 3600)
			case broken:
				return reply{status: http.StatusServiceUnavailable}
			}
			return reply{body: `{"session":"session_1"}`}
		})
		if _, err := k.broker.Credential(t.Context(), target); err == nil {
			t.Fatal("there is a credential without a session")
		}
		a := k.wantAccount(target, vault.StatusActive, "", 2)
		if a.Failures != 1 {
			t.Errorf("got %d failures, want 1", a.Failures)
		}
		broken = false
		time.Sleep(10 * time.Minute)
		if c := k.credential(target); c.Token.Reveal() != "session_1" || c.Generation != 3 {
			t.Errorf("got generation %d", c.Generation)
		}
		if len(spent) != 2 || spent[0] == spent[1] || spent[1] != "refresh_1" {
			t.Errorf("spent %q, want the first one and then the one that it gave", spent)
		}
	})
}

// A host that an answer names outside of the provider's domains gets no credential, also when the request has
// waited for that answer.
func TestRefreshNamesForeignHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "api:\n  base_url: https://{captured.host}\n  within: [x.test]\n"+
			"token:\n  url: https://x.test/token\n  client_auth: basic\n  capture: {host: host}\n", broker.Schedule{})
		target := k.account("ada", time.Minute, func(g *vault.Grant) { g.Captured = map[string]string{"host": "eu.x.test"} })
		if c := k.credential(target); c.Connection.App.Endpoints.Bases[""].Host != "eu.x.test" {
			t.Errorf("got base %s", c.Connection.App.Endpoints.Bases[""])
		}
		time.Sleep(time.Hour)
		k.provider.says(func(int, asked) reply {
			return reply{body: `{"access_token":"a","token_type":"bearer","expires_in":3600,"refresh_token":"r","host":"x.test.evil.test"}`}
		})
		for range 2 { // the first waits
			_, err := k.broker.Credential(t.Context(), target)
			wantCode(t, err, broker.CodeConnection)
		}
	})
}

// An account whose credential needs no browser is not sent to one.
func TestNextWithoutABrowser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "mode: client_credentials\n", broker.Schedule{})
		target := k.account("ada", time.Minute)
		time.Sleep(time.Hour)
		k.provider.says(func(int, asked) reply { return refusedGrant })
		_, err := k.broker.Credential(t.Context(), target)
		if be := wantCode(t, err, broker.CodeExpired); be.Next != "give the account a good credential: `claviger accounts add x ada`" {
			t.Errorf("says %q", be.Next)
		}
	})
}
