//go:build peers

package peers

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/client"
)

// device begins a journey without a browser.
func (c *claviger) device(identifier string) client.Link {
	c.t.Helper()
	l, err := c.api.CreateLink(c.t.Context(), client.NewLink{Connection: "oidc", Identifier: identifier, Device: true})
	if err != nil {
		c.t.Fatal(err)
	}
	addSecrets(l.UserCode)
	return l
}

// ends waits for the end of a link.
func (c *claviger) ends(l client.Link) client.LinkState {
	c.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		got, err := c.api.Link(c.t.Context(), l.ID)
		if err != nil {
			c.t.Fatal(err)
		}
		if got.Over() {
			return got
		}
	}
	c.t.Fatal("waited in vain for the end of a link")
	return client.LinkState{}
}

// The form filler confirms the code, logs in and consents at the provider's pages, while Claviger asks.
func TestDeviceHeadless(t *testing.T) {
	p, c := startOIDC(t, 3600)
	l := c.device("u-alice")
	if l.Interval != 5 || l.VerificationURI != fmt.Sprintf("http://127.0.0.1:%d/device", p.port) {
		t.Errorf("the provider's answer became %+v", l)
	}
	pages := fmt.Sprintf("http://127.0.0.1:%d", p.port)
	if out, err := script(t.Context(), t, nil, "browser/headless.mjs", l.VerificationURIComplete, pages, "alice"); err != nil {
		t.Fatalf("consent: %v\n%s", err, out)
	}
	if got := c.ends(l); got.Status != client.LinkConnected {
		t.Fatalf("the link is %+v", got)
	}
	if a := c.account("oidc", "u-alice", "ACTIVE"); a.Identity.ID != "alice" {
		t.Errorf("the account is %+v, want alice", a)
	}
	got, err := c.get("/me", "oidc/u-alice")
	if err != nil || got.status != http.StatusOK || !strings.Contains(got.body, `"sub":"alice"`) {
		t.Errorf("GET /me: %d %s, %v", got.status, got.body, err)
	}
	if _, err := c.api.RefreshNamed(t.Context(), "oidc", "u-alice"); err != nil {
		t.Errorf("refreshing: %v", err)
	}
	for _, e := range p.log() {
		if e.Type == "grant.error" && e.Error != "authorization_pending" || e.Type == "server_error" {
			t.Errorf("the provider notes %s: %s", e.Type, e.Error)
		}
	}
}
