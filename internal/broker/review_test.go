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

// A refusal with a code that nobody knows may be about one account, and does not stop the others.
func TestOddRefusalStopsNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{})
		odd := k.account("odd", time.Minute, func(g *vault.Grant) { g.Refresh = vault.NewSecret("refresh_odd") })
		var others []broker.Target
		for i := range 50 {
			others = append(others, k.account(fmt.Sprintf("user_%d", i), time.Minute))
		}
		time.Sleep(time.Hour)
		k.provider.says(func(n int, a asked) reply {
			if a.refresh == "refresh_odd" {
				return reply{status: http.StatusBadRequest, body: `{"error":"interaction_required"}`}
			}
			return fresh(n, 3600)
		})
		for _, target := range others {
			_, err := k.broker.Credential(t.Context(), odd)
			wantCode(t, err, broker.CodeClientRejected)
			k.credential(target)
			time.Sleep(time.Second)
		}
	})
}

// A refusal in an answer with status 200 is an answer: it is not asked again, and keeps its name.
func TestRefusalInSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "errors:\n  permanent_when: [bad_refresh_token]\n", broker.Schedule{})
		target := k.account("ada", time.Minute)
		time.Sleep(time.Hour)
		k.provider.says(func(int, asked) reply { return reply{body: `{"error":"bad_refresh_token"}`} })
		_, err := k.broker.Credential(t.Context(), target)
		wantCode(t, err, broker.CodeExpired)
		k.wantAsked(1)
		k.wantAccount(target, vault.StatusExpired, "bad_refresh_token", 1)
	})
}

// M-07: a token that is dead at once is refreshed for who asks, and not again and again for nobody.
func TestM07DeadAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{})
		k.account("ada", time.Minute)
		k.provider.says(func(n int, _ asked) reply { return fresh(n, 0) })
		k.tend(24 * time.Hour)
		k.wantAsked(1)
	})
}

// What is noted of a disconnected account does not make it one that was disconnected later.
func TestUseAfterDisconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{})
		target := k.account("ada", time.Hour)
		k.credential(target)
		if _, err := k.broker.Disconnect(t.Context(), target.Account); err != nil {
			t.Fatal(err)
		}
		ended := k.stored(target).UpdatedAt
		k.tend(time.Hour)
		if a := k.stored(target); !a.UpdatedAt.Equal(ended) || a.Status != vault.StatusDisconnected {
			t.Errorf("%s at %s, want DISCONNECTED at %s", a.Status, a.UpdatedAt, ended)
		}
	})
}

// The process ends in the middle of a disconnection: the grant is ended by the next one.
func TestDisconnectKilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "revoke:\n  url: https://x.test/revoke\n", broker.Schedule{})
		target := k.account("ada", time.Hour)
		k.provider.says(func(int, asked) reply { return reply{} })
		if _, err := k.vault.SetStatus(t.Context(), target.Account, 0, vault.StatusDisconnected, "disconnected"); err != nil {
			t.Fatal(err)
		}
		k.tend(10 * time.Minute)
		if n := k.provider.count("/revoke"); n != 1 {
			t.Errorf("revoked %d times", n)
		}
		if _, err := k.vault.Grant(t.Context(), target.Account); err == nil {
			t.Error("the grant is still stored")
		}
		if at := k.stored(target).DueAt; !at.IsZero() {
			t.Errorf("due at %s", at)
		}
	})
}

// disconnected in the moment in which an unsaved token is taken into memory.
func TestR15DisconnectWhileUnsaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{})
		target := k.account("ada", time.Minute)
		time.Sleep(time.Hour)
		k.store.onWrite(vault.KindGrant, func(func() error) error { return vault.ErrFull })
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = k.broker.Credential(t.Context(), target)
		}()
		time.Sleep(1800 * time.Millisecond)
		k.store.onWrite("", nil)
		if _, err := k.broker.Disconnect(t.Context(), target.Account); err != nil {
			t.Fatal(err)
		}
		<-done
		time.Sleep(time.Minute)
		_, err := k.broker.Credential(t.Context(), k.resolve("x/ada"))
		wantCode(t, err, broker.CodeDisconnected)
	})
}

// Settings that change reach accounts for which there was nothing to do.
func TestSettingsReachIdleAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "verify:\n  path: /me\n", broker.Schedule{})
		k.account("ada", 0)
		k.tend(time.Hour)
		k.schedule = broker.Schedule{CheckEvery: 24 * time.Hour}
		k.broker = k.process(k.shared)
		k.tend(3 * 24 * time.Hour)
		if n := k.provider.count("/me"); n < 2 {
			t.Errorf("checked %d times in three days", n)
		}
	})
}

// An introspection that fails is tried again.
func TestIntrospectionFailsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "token:\n  url: https://x.test/token\n  client_auth: basic\n  expires_from: introspection\n"+
			"introspect:\n  url: https://x.test/introspect\n", broker.Schedule{})
		target := k.account("ada", 0)
		k.provider.says(func(n int, a asked) reply {
			if n == 1 {
				return reply{status: http.StatusServiceUnavailable}
			}
			return reply{body: fmt.Sprintf(`{"active":true,"exp":%d}`, time.Now().Add(24*time.Hour).Unix())}
		})
		k.tend(time.Hour)
		if at := k.stored(target).TokenExpiresAt; at.IsZero() {
			t.Error("the token's end is still unknown")
		}
	})
}

// A grant that cannot be opened does not hold up the others.
func TestDamagedGrantHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{})
		for i := range 100 {
			target := k.account(fmt.Sprintf("lost_%d", i), time.Minute)
			key := vault.Key{Kind: vault.KindGrant, ID: string(target.Account)}
			r, err := k.store.Get(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			if err := k.store.Apply(t.Context(), vault.Change{Record: vault.Record{Key: key, Version: r.Version}, Delete: true}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 100 {
			k.account(fmt.Sprintf("user_%d", i), time.Minute)
		}
		time.Sleep(time.Hour)
		k.tend(time.Minute)
		k.wantAsked(100)
	})
}

// A token without a successor ends its account when it dies, whether or not anybody asks.
func TestEndWithoutRefreshToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{})
		target := k.account("ada", time.Hour, func(g *vault.Grant) { g.Refresh = vault.Secret{} })
		k.tend(50 * time.Minute)
		k.wantAccount(target, vault.StatusActive, "", 1)
		k.tend(20 * time.Minute)
		k.wantAccount(target, vault.StatusExpired, "no_refresh_token", 1)
		k.wantAsked(0)
	})
}

// Checks are spread, paced, and stop when the API asks for it.
func TestChecksArePaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "verify:\n  path: /me\n", broker.Schedule{CheckEvery: time.Hour, Rate: 10})
		for i := range 200 {
			k.account(fmt.Sprintf("user_%d", i), 0)
		}
		k.provider.says(func(int, asked) reply {
			return reply{status: http.StatusTooManyRequests, header: http.Header{"Retry-After": {"600"}}}
		})
		k.tend(time.Hour + time.Minute)
		if n := k.provider.count("/me"); n > 20 {
			t.Errorf("asked %d times within minutes of being told to wait", n)
		}
	})
}

// Failures in a row for one reason are told once.
func TestFailuresAreToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{})
		k.account("ada", time.Minute)
		k.provider.says(func(int, asked) reply { return reply{status: http.StatusServiceUnavailable} })
		k.tend(5 * time.Hour)
		if n := k.told()[vault.EventTokenRefreshFailed]; n != 1 {
			t.Errorf("told %d times, want once", n)
		}
	})
}
