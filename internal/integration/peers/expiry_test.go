//go:build peers

package peers

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// accessTTL is the life of access tokens in these tests, in seconds; providers cannot be told what
// time it is, so the tests wait for it to pass.
const accessTTL = 5

// Traffic for two users goes on while their tokens expire three times and more. No request fails, and
// oidc-provider, which ends a grant when a refresh token comes twice, sees each one once.
func TestTrafficAcrossExpiries(t *testing.T) {
	t.Parallel()
	const workers, length = 8, (3*accessTTL + 2) * time.Second
	p, c := startOIDC(t, accessTTL)
	for _, u := range users {
		c.connect("oidc", "u-"+u, u)
	}
	var served, failed atomic.Int64
	var wg sync.WaitGroup
	end := time.Now().Add(length)
	for i := range workers {
		u := users[i%len(users)]
		wg.Go(func() {
			for ; time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
				if err := c.wantMe("oidc/u-"+u, u); err != nil {
					failed.Add(1)
					t.Errorf("request %d: %v", served.Load(), err)
					return
				}
				served.Add(1)
			}
		})
	}
	wg.Wait()
	// A token is renewed between a third of its life before its end and the end itself.
	const least, most = 3, 5
	for _, u := range users {
		if n := p.refreshes(u); n < least || n > most {
			t.Errorf("%d refreshes for %s, want %d to %d", n, u, least, most)
		}
	}
	p.wantNoRefusal()
	t.Logf("%d requests in %s, %d failed; refreshes: alice %d, bob %d", served.Load(), length, failed.Load(),
		p.refreshes("alice"), p.refreshes("bob"))
}

// wantMe asks oidc-provider who the account is.
func (c *claviger) wantMe(account, login string) error {
	got, err := c.get("/me", account)
	if err != nil {
		return err
	}
	if got.status != http.StatusOK || !strings.Contains(got.body, fmt.Sprintf(`"sub":%q`, login)) {
		return fmt.Errorf("got %d: %s", got.status, got.body)
	}
	return nil
}

// Where token answers say nothing, the provider is asked how long a token lives (RFC 7662), and a token is
// replaced before it is refused.
func TestIntrospectedExpiry(t *testing.T) {
	t.Parallel()
	p, c := startOIDCWith(t, []string{"ACCESS_TTL=" + strconv.Itoa(accessTTL)}, lazily,
		connection{name: "silent", connector: "oidc-silent", id: "proxy-silent", secret: "proxy-silent-secret"})
	c.connect("silent", "u-alice", "alice")
	for range 2 {
		a := c.account("silent", "u-alice", "ACTIVE")
		if left := time.Until(a.TokenExpiresAt); left <= 0 || left > accessTTL*time.Second {
			t.Errorf("the token has %s left, want at most %d s", left, accessTTL)
		}
		time.Sleep(accessTTL * time.Second)
		if err := c.wantMe("silent/u-alice", "alice"); err != nil {
			t.Error(err)
		}
	}
	if n := p.refreshes("alice"); n != 2 {
		t.Errorf("%d refreshes, want 2", n)
	}
	if n := p.count(func(e event) bool { return e.Path == "/me" && e.Status == http.StatusUnauthorized }); n != 0 {
		t.Errorf("%d requests went out with a dead token", n)
	}
	p.wantNoRefusal()
}

// When a provider's word about a token's life is wrong or missing, its 401 is what tells: one refresh,
// and the request, body included, is sent again.
func TestEmulatorExpiry(t *testing.T) {
	for _, says := range []string{"lie", "omit"} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			e := startGmail(t, fmt.Sprintf("TOKEN_TTL=%d", accessTTL), "EXPIRES_IN="+says)
			for _, u := range users {
				e.wantLabel(t, u, "first-"+u)
			}
			// Not just after accessTTL: Node closes idle connections then, and a POST that meets that
			// moment cannot be sent again by anybody.
			time.Sleep((accessTTL + 2) * time.Second)
			var wg sync.WaitGroup
			for i := range 10 {
				for _, u := range users {
					wg.Go(func() { e.wantLabel(t, u, fmt.Sprintf("again-%d-%s", i, u)) })
				}
			}
			wg.Wait()
			if n := e.provider.count(func(v event) bool { return v.Issued != "" }); n != 2*len(users) {
				t.Errorf("%d tokens were issued, want one for each consent and one refresh for each user", n)
			}
			refused := e.provider.count(func(v event) bool { return v.Status == http.StatusUnauthorized })
			t.Logf("%d requests were refused by the provider and sent again", refused)
			if refused == 0 {
				t.Error("no token has expired")
			}
		})
	}
}

// wantLabel makes a label: a request with a body.
func (e *emulated) wantLabel(t *testing.T, peer, name string) {
	got, err := e.do(http.MethodPost, "/gmail/v1/users/me/labels", "gmail/u-"+peer, fmt.Sprintf(`{"name":%q}`, name))
	if err != nil || got.status != http.StatusOK || !strings.Contains(got.body, name) {
		t.Errorf("making a label for %s: %d %s, %v", peer, got.status, got.body, err)
	}
}
