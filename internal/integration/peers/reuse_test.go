//go:build peers

package peers

import (
	"net/http"
	"path"
	"sync"
	"testing"
	"time"
)

const crowd = 100

// all sends 100 requests at once, and wants each to succeed.
func (c *claviger) all(t *testing.T, account, login string) {
	t.Helper()
	var wg sync.WaitGroup
	start := make(chan struct{})
	for range crowd {
		wg.Go(func() {
			<-start
			if err := c.wantMe(account, login); err != nil {
				t.Error(err)
			}
		})
	}
	close(start)
	wg.Wait()
}

// 100 requests at once find the token dead, and then another one about to die: one refresh each time.
// oidc-provider would end the grant at the second use of a refresh token. Nothing is refreshed ahead of
// the requests.
func TestReuseDetection(t *testing.T) {
	t.Parallel()
	p, c := startOIDC(t, accessTTL, lazily)
	c.connect("oidc", "u-alice", "alice")
	for i, wait := range []struct {
		name string
		time time.Duration
	}{
		{"fresh", 0},
		{"dead", (accessTTL + 1) * time.Second},
		{"about to die", accessTTL * time.Second * 4 / 5},
	} {
		time.Sleep(wait.time)
		before := p.refreshes("alice")
		c.all(t, "oidc/u-alice", "alice")
		await(t, func() bool { return p.refreshes("alice") == i })
		if n := p.refreshes("alice") - before; n != min(i, 1) {
			t.Errorf("%s: %d refreshes for %d requests, want %d", wait.name, n, crowd, min(i, 1))
		}
	}
	p.wantNoRefusal()
	t.Logf("%d refreshes for 3 times %d requests", p.refreshes("alice"), crowd)
}

// The user removes the app at the provider. The account turns EXPIRED and says how to come back; after
// a new consent it is the same account.
func TestRevokedAtProvider(t *testing.T) {
	p, c := startOIDC(t, 3600)
	c.connect("oidc", "u-alice", "alice")
	before := c.account("oidc", "u-alice", "ACTIVE")
	var answer struct{ Revoked int }
	p.control(http.MethodPost, "revoke-account?account=alice", nil, &answer)
	if answer.Revoked != 1 {
		t.Fatalf("%d grants were revoked, want 1", answer.Revoked)
	}
	// The first request shows that the token is dead, and its refresh that the grant is.
	if got, err := c.get("/me", "oidc/u-alice"); err != nil || got.status != http.StatusUnauthorized {
		t.Errorf("got %d %s, %v, want the provider's own 401", got.status, got.body, err)
	}
	c.account("oidc", "u-alice", "EXPIRED")
	got, err := c.get("/me", "oidc/u-alice")
	no := got.problem()
	if err != nil || got.status != http.StatusConflict || no.Code != "account_expired" || no.ReconnectURL == "" {
		t.Fatalf("got %d %s, %v, want 409 account_expired with reconnect_url", got.status, got.body, err)
	}
	addSecrets(path.Base(no.ReconnectURL))
	if at := c.consent(no.ReconnectURL, "alice"); at.Status != http.StatusOK {
		t.Fatalf("reconnecting ended with %d: %s", at.Status, at.Text)
	}
	if after := c.account("oidc", "u-alice", "ACTIVE"); after.ID != before.ID {
		t.Errorf("the account is %s after reconnecting, was %s", after.ID, before.ID)
	}
	if err := c.wantMe("oidc/u-alice", "alice"); err != nil {
		t.Error(err)
	}
}

// await waits a little for a refresh that goes on behind the requests.
func await(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Second); !ok() && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
}
