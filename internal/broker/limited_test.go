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

// limiting is a connector whose provider limits requests in its own ways, and refuses tokens with 403 as well.
const limiting = `verify:
  path: /me
errors:
  expired_when:
    - {status: 403}
rate:
  statuses: [403]
  windows:
    - {remaining: X-Left, reset: X-Reset, as: at_s}
    - {remaining: X-Day-Left, reset: X-Day-Reset, as: at_s}
  max_wait: 3h
`

// after is a header's value for so long from now.
func after(d time.Duration) []string { return []string{fmt.Sprint(time.Now().Add(d).Unix())} }

// A limit says nothing about the credential: the account stays, and nothing is refreshed.
func TestCheckLimited(t *testing.T) {
	for _, c := range []struct {
		name      string
		says      func() reply
		code      string
		wait      time.Duration
		status    vault.Status
		refreshes int
	}{
		{"nothing left", func() reply {
			return reply{status: 403, header: http.Header{"X-Left": {"0"}, "X-Reset": after(40 * time.Minute), "X-Day-Left": {"9"}, "X-Day-Reset": after(2 * time.Hour)}}
		}, broker.CheckLimited, 40 * time.Minute, vault.StatusActive, 0},
		{"nothing left of the day", func() reply {
			return reply{status: 403, header: http.Header{"X-Left": {"0"}, "X-Reset": after(40 * time.Minute), "X-Day-Left": {"0"}, "X-Day-Reset": after(2 * time.Hour)}}
		}, broker.CheckLimited, 2 * time.Hour, vault.StatusActive, 0},
		{"absurd", func() reply {
			return reply{status: 429, header: http.Header{"X-Left": {"0"}, "X-Reset": {"99999999999999"}}}
		}, broker.CheckLimited, 3 * time.Hour, vault.StatusActive, 0},
		{"429 that says no more", func() reply { return reply{status: 429} }, broker.CheckLimited, 5 * time.Minute, vault.StatusActive, 0},
		{"not available", func() reply { return reply{status: 503, header: http.Header{"Retry-After": {"99999"}}} }, "provider_status_503", time.Hour, vault.StatusActive, 0},
		{"something left", func() reply {
			return reply{status: 403, header: http.Header{"X-Left": {"1"}, "X-Reset": after(time.Hour)}}
		}, broker.CheckRefused, 0, vault.StatusExpired, 1},
		{"nothing left and 401", func() reply {
			return reply{status: 401, header: http.Header{"X-Left": {"0"}, "X-Reset": after(time.Hour)}}
		}, broker.CheckRefused, 0, vault.StatusExpired, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := newLifeKit(t, limiting, broker.Schedule{})
				target := k.account("ada", time.Hour)
				k.provider.says(func(n int, a asked) reply {
					if a.path == "/me" {
						return c.says()
					}
					return fresh(n, 3600)
				})
				got, err := k.broker.Check(t.Context(), target.Account)
				if err != nil || got.OK || got.Code != c.code || (got.RetryAfter-c.wait).Abs() > time.Second {
					t.Errorf("got %q, again after %s, %v; want %q after %s", got.Code, got.RetryAfter, err, c.code, c.wait)
				}
				k.wantAsked(c.refreshes)
				if a := k.stored(target); a.Status != c.status {
					t.Errorf("got %s, want %s", a.Status, c.status)
				}
			})
		})
	}
}

// As long as the provider says, nobody's credential is checked without being asked for.
func TestTendRestsWhenLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, limiting, broker.Schedule{CheckEvery: time.Minute, IdleAfter: -1})
		for i := range 5 {
			k.account(fmt.Sprintf("user_%d", i), 24*time.Hour)
		}
		k.provider.says(func(int, asked) reply {
			return reply{status: 403, header: http.Header{"X-Left": {"0"}, "X-Reset": after(30 * time.Minute)}}
		})
		k.tend(25 * time.Minute)
		n := k.provider.count("/me")
		if n == 0 || n > 5 { // those that were under way at once
			t.Errorf("asked %d times while the provider wanted not to be asked", n)
		}
		k.tend(20 * time.Minute)
		if more := k.provider.count("/me"); more == n {
			t.Error("not asked any more")
		}
	})
}

// A limit at the token endpoint ends no grant, and is no refusal of the client.
func TestRefreshLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newLifeKit(t, limiting, broker.Schedule{})
		target := k.account("ada", time.Minute)
		time.Sleep(time.Hour)
		k.provider.says(func(int, asked) reply {
			return reply{status: 403, body: `{"error":"invalid_client"}`, header: http.Header{"X-Left": {"0"}, "X-Reset": after(7 * time.Minute)}}
		})
		_, err := k.broker.Credential(t.Context(), target)
		e := wantCode(t, err, broker.CodeRefreshFailed)
		if e.Reason != "provider_rate_limited" || (e.RetryAfter-7*time.Minute).Abs() > time.Second {
			t.Errorf("got %s, again after %s", e.Reason, e.RetryAfter)
		}
		for range 5 {
			_, err := k.broker.Credential(t.Context(), target)
			wantCode(t, err, broker.CodeRefreshFailed)
		}
		k.wantAsked(1)
		if a := k.stored(target); a.Status != vault.StatusActive || a.LastErrorClass != "transient" {
			t.Errorf("got %s, %s", a.Status, a.LastErrorClass)
		}
	})
}
