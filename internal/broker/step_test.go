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
