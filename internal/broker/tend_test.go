package broker_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/vault"
)

func contextFor(t testing.TB, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

// A token is refreshed before it expires although nobody asks, and again and again.
func TestRefreshedAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{IdleAfter: -1})
		target := k.account("ada", time.Hour)
		k.tend(45 * time.Minute)
		k.wantAsked(0)
		k.tend(10 * time.Minute)
		a := k.wantAccount(target, vault.StatusActive, "", 2)
		if left := time.Until(a.TokenExpiresAt); left < 45*time.Minute {
			t.Errorf("the token has %s left", left)
		}
		k.tend(24 * time.Hour)
		if n := k.provider.count(tokenPath); n < 25 || n > 31 {
			t.Errorf("asked %d times in 25 hours, want one an hour", n)
		}
	})
}

// An account that is connected while Tend runs is looked at without delay when it is told.
func TestLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{})
		ctx, cancel := contextFor(t, time.Minute)
		defer cancel()
		go k.broker.Tend(ctx)
		time.Sleep(10 * time.Second)
		target := k.account("ada", time.Hour)
		k.shared.Look(target.Connection.ID)
		time.Sleep(time.Second)
		if at := k.stored(target).DueAt; time.Until(at) < 40*time.Minute {
			t.Errorf("due in %s: nobody has looked", time.Until(at))
		}
		cancel()
		synctest.Wait()
	})
}

// Accounts that were connected at one moment are not all refreshed at one.
func TestRefreshesAreSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{})
		for i := range 600 {
			k.account(fmt.Sprintf("user_%d", i), time.Hour)
		}
		k.tend(56 * time.Minute)
		k.wantAsked(600)
		if n := k.provider.peak(time.Second); n > 15 {
			t.Errorf("%d refreshes in one second, of 600 in all", n)
		}
	})
}

// What becomes due at one instant is refreshed one by one: requests that go on meanwhile have the processor
// too.
func TestNotAllAtOneInstant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{})
		for i := range 20 {
			k.account(fmt.Sprintf("user_%d", i), time.Minute)
		}
		time.Sleep(59 * time.Second) // nobody looks after them
		k.tend(time.Second)
		k.wantAsked(20)
		if n := k.provider.peak(10 * time.Millisecond); n > 1 {
			t.Errorf("%d refreshes within 10 ms", n)
		}
	})
}

// a start with many expired accounts is no stampede, and does not end those that are good still.
func TestR16ExpiredAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{Rate: 20})
		for i := range 300 {
			k.account(fmt.Sprintf("dead_%d", i), time.Minute)
		}
		time.Sleep(time.Hour) // nobody looks after them
		late := k.account("late", 90*time.Second)
		asked := k.account("asked", time.Minute)
		time.Sleep(time.Minute)
		if _, err := k.broker.Credential(t.Context(), asked); err != nil {
			t.Errorf("a request had to wait for its turn: %v", err)
		}
		k.tend(10 * time.Second) // of the half minute that is left; all of the dead take longer
		k.wantAccount(late, vault.StatusActive, "", 2)
		k.tend(time.Minute)
		k.wantAsked(302)
		if n := k.provider.peak(time.Second); n > 45 { // what has been saved up, and a second's worth
			t.Errorf("%d refreshes in one second, want 20 and what was saved up", n)
		}
	})
}

// What nobody uses is left alone after a while, until somebody does; where grants die of that, they are
// kept alive.
func TestIdleAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{IdleAfter: 24 * time.Hour})
		target := k.account("ada", time.Hour)
		k.tend(26 * time.Hour)
		n := k.provider.count(tokenPath)
		if n < 23 || n > 32 {
			t.Errorf("asked %d times in the first day", n)
		}
		k.tend(72 * time.Hour)
		k.wantAsked(n)
		if at := k.stored(target).DueAt; time.Until(at) < time.Minute {
			t.Errorf("an idle account is due in %s", time.Until(at))
		}
		k.credential(target) // waits, and is the first of a new day
		k.wantAsked(n + 1)
		k.tend(3 * time.Hour)
		if got := k.provider.count(tokenPath); got < n+3 {
			t.Errorf("asked %d times, want more than %d: the account is in use again", got, n+2)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "refresh:\n  keepalive: 240h\n", broker.Schedule{IdleAfter: time.Hour})
		k.account("ada", time.Hour)
		k.tend(48 * time.Hour)
		before := k.provider.count(tokenPath)
		k.tend(30 * 24 * time.Hour)
		if n := k.provider.count(tokenPath) - before; n < 2 || n > 4 {
			t.Errorf("kept alive %d times in 30 days, want about 3", n)
		}
	})
}

// An idle account whose token lives on is noticed when it is used again.
func TestUseIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{IdleAfter: time.Hour})
		target := k.account("ada", 48*time.Hour)
		k.tend(47 * time.Hour)
		k.wantAsked(0)
		k.credential(target)
		k.tend(2 * time.Minute)
		if at := k.stored(target).LastUsedAt; time.Since(at) > 5*time.Minute {
			t.Errorf("last used at %s", at)
		}
		k.tend(56 * time.Minute)
		if a := k.stored(target); a.Generation < 2 {
			t.Errorf("got generation %d: nobody looked after the account again", a.Generation)
		}
	})
}

// while the provider is down it is asked now and then, not for every account; the tokens are used
// as long as they live, and nothing is lost.
func TestR10Outage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{})
		var targets []broker.Target
		for i := range 50 {
			targets = append(targets, k.account(fmt.Sprintf("user_%d", i), time.Hour))
		}
		k.provider.says(func(int, asked) reply { return reply{status: http.StatusServiceUnavailable} })
		k.tend(58 * time.Minute)
		for _, target := range targets {
			if c := k.credential(target); c.Generation != 1 {
				t.Errorf("got generation %d", c.Generation)
			}
		}
		k.tend(12 * time.Hour)
		if n := k.provider.count(tokenPath); n > 300 {
			t.Errorf("asked %d times in an outage of 12 hours", n)
		}
		k.provider.says(func(n int, _ asked) reply { return fresh(n, 3600) })
		k.tend(time.Hour + 10*time.Minute)
		for _, target := range targets {
			if a := k.stored(target); a.Status != vault.StatusActive || a.Generation < 2 || a.Failures != 0 {
				t.Errorf("%s: %s, generation %d, %d failures", a.Identifier, a.Status, a.Generation, a.Failures)
			}
		}
	})
}

// 429 with Retry-After holds up everything that nobody waits for.
func TestR10RetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{})
		for i := range 20 {
			k.account(fmt.Sprintf("user_%d", i), time.Minute)
		}
		time.Sleep(time.Hour)
		k.provider.says(func(int, asked) reply {
			return reply{status: http.StatusTooManyRequests, header: http.Header{"Retry-After": {"300"}}}
		})
		k.tend(4 * time.Minute)
		if n := k.provider.count(tokenPath); n > 8 { // those that were under way at once
			t.Errorf("asked %d times in the time that the provider asked for", n)
		}
	})
}

// a refused OAuth client is tried now and then, whatever the number of accounts, and who needs a
// token is told at once.
func TestR09ClientRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{})
		var targets []broker.Target
		for i := range 100 {
			targets = append(targets, k.account(fmt.Sprintf("user_%d", i), time.Minute))
		}
		k.provider.says(func(int, asked) reply {
			return reply{status: http.StatusUnauthorized, body: `{"error":"invalid_client"}`}
		})
		time.Sleep(time.Hour)
		for _, target := range targets {
			_, err := k.broker.Credential(t.Context(), target)
			wantCode(t, err, broker.CodeClientRejected)
		}
		k.wantAsked(1)
		k.tend(time.Hour)
		if n := k.provider.count(tokenPath); n > 60 {
			t.Errorf("asked %d times in an hour", n)
		}
		k.provider.says(func(n int, _ asked) reply { return fresh(n, 3600) })
		k.tend(time.Hour)
		for _, target := range targets {
			k.wantAccount(target, vault.StatusActive, "", k.stored(target).Generation)
			k.credential(target)
		}
	})
}

// Providers say how often they may be asked.
func TestDeclaredLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "refresh:\n  limit: {requests: 10, per: 10m}\n", broker.Schedule{})
		for i := range 30 {
			k.account(fmt.Sprintf("user_%d", i), time.Minute)
		}
		time.Sleep(time.Hour)
		k.tend(20 * time.Minute)
		if n := k.provider.peak(10 * time.Minute); n > 11 || n < 9 {
			t.Errorf("asked %d times in ten minutes, want 10", n)
		}
	})
}

// The coming end of a refresh token is told once.
func TestRefreshTokenExpiring(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{})
		end := time.Now().Add(30 * 24 * time.Hour)
		k.account("ada", 0, func(g *vault.Grant) { g.RefreshExpires = end })
		k.tend(22 * 24 * time.Hour)
		if n := k.told()[vault.EventRefreshTokenExpiring]; n != 0 {
			t.Errorf("told %d times, eight days before", n)
		}
		k.tend(6 * 24 * time.Hour)
		if n := k.told()[vault.EventRefreshTokenExpiring]; n != 1 {
			t.Errorf("told %d times, want once", n)
		}
		i := slices.IndexFunc(k.events, func(e vault.Event) bool { return e.Type == vault.EventRefreshTokenExpiring })
		if got := k.events[i].Expires; !got.Equal(end) {
			t.Errorf("told of an end at %s, want %s", got, end)
		}
	})
}

// Checks on a schedule.
func TestScheduledChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "verify:\n  path: /me\n", broker.Schedule{CheckEvery: 24 * time.Hour})
		target := k.account("ada", 0)
		k.provider.says(func(_ int, a asked) reply { return reply{body: "{}"} })
		k.tend(3*24*time.Hour + time.Hour)
		if n := k.provider.count("/me"); n != 3 {
			t.Errorf("checked %d times in three days", n)
		}
		if at := k.wantAccount(target, vault.StatusActive, "", 1).CheckedAt; time.Since(at) > 25*time.Hour {
			t.Errorf("checked at %s", at)
		}
	})
}

// In a fleet: what another process has connected again works here at once.
func TestConnectedAgainElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{})
		target := k.account("ada", time.Hour)
		if _, err := k.vault.SetStatus(t.Context(), target.Account, 0, vault.StatusExpired, "invalid_grant"); err != nil {
			t.Fatal(err)
		}
		k.broker.Forget(target.Account)
		_, err := k.broker.Credential(t.Context(), target)
		wantCode(t, err, broker.CodeExpired)
		if _, err := k.vault.Connect(t.Context(), vault.Link{}, vault.ConnectedAccount{ConnectionID: target.Connection.ID, Connector: "x", Identifier: "ada"},
			vault.Grant{Access: vault.NewSecret("access_9"), ObtainedAt: time.Now()}); err != nil {
			t.Fatal(err)
		}
		if c := k.credential(target); c.Generation != 2 {
			t.Errorf("got generation %d", c.Generation)
		}
	})
}

// A check is no use: the token of an account that is only checked is not refreshed between the checks.
func TestCheckIsNoUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "verify:\n  path: /me\n", broker.Schedule{CheckEvery: 24 * time.Hour, IdleAfter: 12 * time.Hour})
		k.account("ada", time.Hour)
		k.tend(24 * time.Hour)
		n := k.provider.count(tokenPath)
		k.tend(10 * 24 * time.Hour)
		if got := k.provider.count(tokenPath) - n; got < 9 || got > 11 {
			t.Errorf("refreshed %d times in ten days without use, want one for each check", got)
		}
	})
}

// R-01, in a fleet: two processes that remember apart look after one store, and requests come to both.
func TestTwoProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, "", broker.Schedule{IdleAfter: -1})
		shared := broker.NewShared(0)
		other := k.process(shared)
		spent := map[string]int{}
		k.provider.says(func(n int, a asked) reply {
			k.mu.Lock()
			spent[a.refresh]++
			k.mu.Unlock()
			time.Sleep(200 * time.Millisecond)
			return reply{body: fmt.Sprintf(`{"access_token":"access_%d","token_type":"bearer","expires_in":60,"refresh_token":"refresh_%d"}`, n, n)}
		})
		var targets []broker.Target
		for i := range 20 {
			targets = append(targets, k.account(fmt.Sprintf("user_%d", i), time.Minute, func(g *vault.Grant) { g.Refresh = vault.NewSecret(fmt.Sprintf("first_%d", i)) }))
		}
		ctx, cancel := contextFor(t, time.Hour)
		defer cancel()
		go other.Tend(ctx)
		go k.broker.Tend(ctx)
		for range 3600 {
			for _, target := range targets {
				for _, b := range []*broker.Broker{k.broker, other} {
					if _, err := b.Credential(ctx, target); err != nil {
						t.Fatal(err)
					}
				}
			}
			time.Sleep(time.Second - time.Millisecond)
		}
		cancel()
		for _, s := range []*broker.Shared{k.shared, shared} {
			if err := s.Drain(t.Context()); err != nil {
				t.Error(err)
			}
		}
		for token, n := range spent {
			if n != 1 {
				t.Errorf("refresh token %s was spent %d times", token, n)
			}
		}
		if n := k.provider.count(tokenPath); n < 20*60 || n > 20*3600/35 {
			t.Errorf("asked %d times for 20 accounts in 60 lives", n)
		}
	})
}
