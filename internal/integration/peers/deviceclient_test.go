//go:build peers

package peers

import (
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/client"
)

// consentDevice does what the user does on another machine.
func (p *provider) consentDevice(l client.Link, start string, more ...string) {
	p.t.Helper()
	argv := append([]string{"browser/headless.mjs", start, p.url(""), "alice"}, more...)
	if _, err := script(p.t.Context(), p.t, []string{"USER_CODE=" + l.UserCode}, argv...); err != nil {
		p.t.Fatalf("consent: %v", err)
	}
}

// A public client that has no browser at all: users type the code in, or have it in the URL, or decline.
func TestDeviceClient(t *testing.T) {
	t.Parallel()
	p, c := startOIDCWith(t, []string{"ACCESS_TTL=2"}, lazily, connection{name: "device", connector: "oidc-device", id: "proxy-device"})
	begin := func(identifier string) client.Link {
		l := c.newLink(client.NewLink{Connection: "device", Identifier: identifier, Device: true})
		if l.URL != "" || l.UserCode == "" || l.VerificationURI != p.url("/device") || !strings.Contains(l.VerificationURIComplete, l.UserCode) {
			t.Fatalf("the link has %d characters of a URL, a code of %d, and leads to %s", len(l.URL), len(l.UserCode), l.VerificationURI)
		}
		return l
	}
	typed, complete, declined := begin("typed"), begin("complete"), begin("declined")
	p.consentDevice(typed, typed.VerificationURI)
	p.consentDevice(complete, complete.VerificationURIComplete)
	p.consentDevice(declined, declined.VerificationURI, "deny")

	if s := c.ends(declined); s.Status != client.LinkFailed || s.Code != "access_denied" || s.Next == "" {
		t.Errorf("the link of a user who has declined is %+v", s)
	}
	c.wantNoAccount("device", "declined")
	for _, l := range []client.Link{typed, complete} {
		s := c.ends(l)
		if s.Status != client.LinkConnected {
			t.Fatalf("the link is %+v", s)
		}
		if a := c.account("device", l.Identifier, client.StatusActive); a.ID != s.ConnectedAccountID || a.Identity.ID != "alice" {
			t.Errorf("the account is %s of %+v, want %s of alice", a.ID, a.Identity, s.ConnectedAccountID)
		}
	}
	time.Sleep(2100 * time.Millisecond) // until the tokens are dead
	for i, l := range []client.Link{typed, complete} {
		if err := c.wantMe("device/"+l.Identifier, "alice"); err != nil {
			t.Error(err)
		}
		if n := p.refreshes("alice"); n != i+1 {
			t.Errorf("%d refreshes, want %d", n, i+1)
		}
	}
	if n := p.active("proxy-device", "alice"); n < 2 {
		t.Errorf("%d tokens are good at the provider, want a refresh token of each account at least", n)
	}
	for _, l := range []client.Link{typed, complete} {
		c.disconnect(t, "device", l.Identifier, true)
	}
	if n := p.active("proxy-device", "alice"); n != 0 {
		t.Errorf("%d tokens are still good at the provider", n)
	}
}
