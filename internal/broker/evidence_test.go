package broker_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/vault"
)

// fewer scopes after a refresh are recorded and told.
func TestR17FewerScopes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{})
		target := k.account("ada", time.Minute)
		time.Sleep(time.Hour)
		k.provider.says(func(int, asked) reply {
			return reply{body: `{"access_token":"access_1","token_type":"bearer","expires_in":3600,"scope":"a"}`}
		})
		k.credential(target)
		if a := k.stored(target); len(a.GrantedScopes) != 1 || a.GrantedScopes[0] != "a" {
			t.Errorf("got scopes %q", a.GrantedScopes)
		}
		if n := k.reasons()["scopes_changed"]; n != 1 {
			t.Errorf("told %d times, want once", n)
		}
	})
}

// reasons counts the events by reason.
func (k *kit) reasons() map[string]int {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := map[string]int{}
	for _, e := range k.events {
		n[e.Reason]++
	}
	return n
}

// a clock that jumps makes one refresh for each account, or none, and no storm.
func TestR14Clock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{})
		jump := time.Duration(0)
		k.clock = func() time.Time { return time.Now().Add(jump) }
		b := broker.New(broker.Options{Vault: k.vault, Connections: k.set, Shared: k.shared, OAuth: oauthOf(k), Now: k.now})
		k.broker = b
		var targets []broker.Target
		for i := range 20 {
			targets = append(targets, k.account(fmt.Sprintf("user_%d", i), time.Hour))
		}
		jump = time.Hour
		for range 50 {
			for _, target := range targets {
				k.credential(target)
			}
			time.Sleep(time.Second)
		}
		k.wantAsked(20)
		jump = -time.Hour
		for range 50 {
			for _, target := range targets {
				k.credential(target)
			}
			time.Sleep(time.Second)
		}
		k.wantAsked(20)
		// A refused token is renewed at once, though the last time seems to lie in the future.
		for _, target := range targets {
			old := k.credential(target)
			if next, err := k.broker.Renew(t.Context(), target, old); err != nil || next.Generation != old.Generation+1 {
				t.Fatalf("got generation %d after %d, %v", next.Generation, old.Generation, err)
			}
		}
		k.wantAsked(40)
	})
}

// Nobody says how long a token lives: the first that is refused teaches it.
func TestLearnedLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{IdleAfter: -1})
		target := k.account("ada", 0)
		k.provider.says(func(n int, _ asked) reply {
			return reply{body: fmt.Sprintf(`{"access_token":"access_%d","token_type":"bearer"}`, n)}
		})
		k.tend(2 * time.Hour)
		k.wantAsked(0)
		if _, err := k.broker.Renew(t.Context(), target, k.credential(target)); err != nil {
			t.Fatal(err)
		}
		k.wantAsked(1)
		k.tend(100 * time.Minute)
		k.wantAsked(1)
		k.tend(18 * time.Minute)
		k.wantAsked(2)
		// One that was refused at once was ended for another reason, and teaches nothing.
		if _, err := k.broker.RefreshNow(t.Context(), target.Account); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if _, err := k.broker.Renew(t.Context(), target, k.credential(target)); err != nil {
			t.Fatal(err)
		}
		k.tend(100 * time.Minute)
		k.wantAsked(4)
	})
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "token:\n  url: https://x.test/token\n  client_auth: basic\n  ttl: never\n", broker.Schedule{IdleAfter: -1})
		target := k.account("ada", 0)
		time.Sleep(2 * time.Hour)
		k.provider.says(func(n int, _ asked) reply {
			return reply{body: fmt.Sprintf(`{"access_token":"access_%d","token_type":"bearer"}`, n)}
		})
		if _, err := k.broker.Renew(t.Context(), target, k.credential(target)); err != nil {
			t.Fatal(err)
		}
		k.tend(24 * time.Hour)
		k.wantAsked(1)
	})
}

// The provider's introspection endpoint says how long a token lives.
func TestIntrospectedLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "token:\n  url: https://x.test/token\n  client_auth: basic\n  expires_from: introspection\n"+
			"introspect:\n  url: https://x.test/introspect\n", broker.Schedule{IdleAfter: -1})
		target := k.account("ada", 0)
		k.provider.says(func(n int, a asked) reply {
			if a.path == "/introspect" {
				return reply{body: fmt.Sprintf(`{"active":true,"exp":%d}`, time.Now().Add(time.Hour).Unix())}
			}
			return reply{body: fmt.Sprintf(`{"access_token":"access_%d","token_type":"bearer"}`, n)}
		})
		k.tend(time.Minute)
		if left := time.Until(k.wantAccount(target, vault.StatusActive, "", 1).TokenExpiresAt); left < 58*time.Minute {
			t.Errorf("the token has %s left", left)
		}
		k.tend(2 * time.Hour)
		if n := k.provider.count(tokenPath); n < 2 || n > 3 {
			t.Errorf("refreshed %d times in two hours", n)
		}
		if left := time.Until(k.stored(target).TokenExpiresAt); left < time.Minute {
			t.Errorf("the token has %s left", left)
		}
	})
}

// Some providers do not refresh a token that is young.
func TestMinimumAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "refresh:\n  min_age: 9m30s\n  margin: 5m\n", broker.Schedule{IdleAfter: -1})
		target := k.account("ada", 10*time.Minute)
		time.Sleep(5 * time.Minute)
		c := k.credential(target)
		if next, err := k.broker.Renew(t.Context(), target, c); err != nil || next.Generation != c.Generation {
			t.Errorf("got generation %d, %v", next.Generation, err)
		}
		k.wantAsked(0)
		k.tend(4*time.Minute + 25*time.Second)
		k.wantAsked(0)
		k.tend(20 * time.Second)
		k.wantAsked(1)
	})
}

// A check asks the provider, with a new token if need be, and what it says decides the status.
func TestCheck(t *testing.T) {
	const checked = "verify:\n  path: /me\n  ok_when: {path: ok, equals: true}\n"
	good := reply{body: `{"ok":true}`}
	refused := reply{status: http.StatusUnauthorized}
	for _, c := range []struct {
		name      string
		connector string
		me        func(token string) reply
		change    func(*vault.Grant)
		code      string
		status    vault.Status
		reason    string
		refreshes int
	}{
		{name: "good", connector: checked, me: func(string) reply { return good }, status: vault.StatusActive},
		{name: "good after a refresh", connector: checked, me: func(token string) reply {
			if token == "access_0" {
				return refused
			}
			return good
		}, status: vault.StatusActive, refreshes: 1},
		{
			name: "refused for good", connector: checked, me: func(string) reply { return refused },
			code: broker.CheckRefused, status: vault.StatusExpired, reason: broker.CheckRefused, refreshes: 1,
		},
		{
			name: "refused, and nothing to refresh with", connector: checked, me: func(string) reply { return refused },
			change: func(g *vault.Grant) { g.Refresh = vault.Secret{} },
			code:   broker.CheckRefused, status: vault.StatusExpired, reason: broker.CheckRefused,
		},
		{
			name: "refused in a success", connector: checked + "errors:\n  expired_when:\n    - {status: 200, path: error, in: [token_expired]}\n",
			me:   func(string) reply { return reply{body: `{"ok":false,"error":"token_expired"}`} },
			code: broker.CheckRefused, status: vault.StatusExpired, reason: broker.CheckRefused, refreshes: 1,
		},
		{
			name: "another answer", connector: checked, me: func(string) reply { return reply{body: `{"ok":false}`} },
			code: "provider_answer", status: vault.StatusActive,
		},
		{
			name: "forbidden", connector: checked, me: func(string) reply { return reply{status: http.StatusForbidden} },
			code: "provider_status_403", status: vault.StatusActive,
		},
		{
			name: "down", connector: checked, me: func(string) reply { return reply{err: errCut} },
			code: broker.CheckUnreachable, status: vault.StatusActive,
		},
		{name: "nothing to check with", code: broker.CheckNone, status: vault.StatusActive},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := newLifeKit(t, c.connector, broker.Schedule{})
				change := func(*vault.Grant) {}
				if c.change != nil {
					change = c.change
				}
				target := k.account("ada", time.Hour, change)
				k.provider.says(func(n int, a asked) reply {
					if a.path == "/me" {
						return c.me(a.token)
					}
					return fresh(n, 3600)
				})
				got, err := k.broker.Check(t.Context(), target.Account)
				if err != nil || got.Code != c.code || got.OK != (c.code == "") {
					t.Errorf("got %v %q, %v; want %q", got.OK, got.Code, err, c.code)
				}
				k.wantAsked(c.refreshes)
				a := k.stored(target)
				if a.Status != c.status || a.Reason != c.reason || !a.CheckedAt.Equal(time.Now()) {
					t.Errorf("got %s %q, checked at %s; want %s %q", a.Status, a.Reason, a.CheckedAt, c.status, c.reason)
				}
			})
		})
	}
}

// A token that cannot be renewed and is refused is looked at behind the request: by that evidence the
// account ends, not by the 401 alone.
func TestRefusedWithoutRefreshToken(t *testing.T) {
	for name, me := range map[string]reply{"ended": {status: http.StatusUnauthorized}, "one URL only": {body: "{}"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := newLifeKit(t, "verify:\n  path: /me\n", broker.Schedule{})
				target := k.account("ada", 0, func(g *vault.Grant) { g.Refresh = vault.Secret{} })
				k.provider.says(func(int, asked) reply { return me })
				for range 100 {
					c, err := k.broker.Credential(t.Context(), target)
					if err != nil {
						break
					}
					if _, err := k.broker.Renew(t.Context(), target, c); err != nil {
						break
					}
				}
				synctest.Wait()
				if n := k.provider.count("/me"); n != 1 {
					t.Errorf("checked %d times, want once in a minute", n)
				}
				want := vault.StatusActive
				if me.status != 0 {
					want = vault.StatusExpired
				}
				if a := k.stored(target); a.Status != want {
					t.Errorf("got %s, want %s", a.Status, want)
				}
			})
		})
	}
}

// A token is handed out only where that is allowed, and that is told.
func TestFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{})
		target := k.account("ada", time.Minute)
		_, err := k.broker.Fetch(t.Context(), target.Account)
		wantCode(t, err, broker.CodeNotExposed)
		target.Connection.ExposeTokens = true
		time.Sleep(time.Hour)
		f, err := k.broker.Fetch(t.Context(), target.Account)
		if err != nil || f.Token.Reveal() != "access_1" || time.Until(f.Expires) < 50*time.Minute {
			t.Errorf("got a token that expires at %s, %v", f.Expires, err)
		}
		if n := k.told()[vault.EventTokenFetched]; n != 1 {
			t.Errorf("told %d times", n)
		}
		k.store.onWrite(vault.KindAccount, func(func() error) error { return vault.ErrFull })
		if _, err := k.broker.Fetch(t.Context(), target.Account); err == nil {
			t.Error("a token was handed out that could not be recorded")
		}
	})
}

func TestRefreshNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{})
		target := k.account("ada", time.Hour)
		for n := uint64(2); n < 4; n++ {
			if a, err := k.broker.RefreshNow(t.Context(), target.Account); err != nil || a.Generation != n {
				t.Errorf("got generation %d, %v; want %d", a.Generation, err, n)
			}
		}
		k.wantAsked(2)
	})
}
