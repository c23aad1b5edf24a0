//go:build peers

package peers

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/client"
)

// holder is whom the API at the resource of oidc-provider takes a token for.
type holder struct {
	Client, Account, Scope string
	Token                  string // fingerprint
}

// holder asks the API at the resource, which refuses tokens for anything else.
func (c *claviger) holder(account string) (h holder, err error) {
	got, err := c.get("/api", account)
	if err != nil {
		return h, err
	}
	if got.status != http.StatusOK {
		return h, fmt.Errorf("got %d: %s", got.status, got.body)
	}
	return h, json.Unmarshal([]byte(got.body), &h)
}

func machine(name, resource, secret string) connection {
	return connection{
		name: name, connector: "oidc-machine", id: "machine", secret: secret,
		params: map[string]string{"resource": resource},
	}
}

// A client that acts for itself (RFC 6749 section 4.4), for one resource (RFC 8707). There is no refresh token:
// when the token is dead, many requests at once ask for one other.
func TestClientCredentials(t *testing.T) {
	t.Parallel()
	const ttl = 4 * time.Second
	p, c := startOIDCWith(t, []string{"ACCESS_TTL=4"}, lazily, machine("machine", "api", "machine-secret"))
	a, err := c.api.CreateAccount(t.Context(), client.NewAccount{Connection: "machine", Identifier: "service"})
	if err != nil || a.Status != client.StatusActive || a.Identity.ID != "machine" {
		t.Fatalf("the account is %+v, %v", a, err)
	}
	first, err := c.holder("machine/service")
	if err != nil || first.Client != "machine" || first.Account != "" || first.Scope != "api:read" {
		t.Errorf("the token is for %+v, %v", first, err)
	}
	time.Sleep(ttl + 100*time.Millisecond)
	before := p.asked("client_credentials")
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if h, err := c.holder("machine/service"); err != nil || h.Token == first.Token {
				t.Errorf("the token is for %+v, %v, the first one was %s", h, err, first.Token)
			}
		})
	}
	wg.Wait()
	if n := p.asked("client_credentials") - before; n != 1 {
		t.Errorf("%d tokens were asked for, want 1", n)
	}
	if p.active("machine", "") == 0 {
		t.Error("no token is good at the provider")
	}
	c.disconnect(t, "machine", "service", true)
	if n := p.active("machine", ""); n != 0 {
		t.Errorf("%d tokens are still good at the provider", n)
	}
}

// asked counts the tokens that the provider has given for a kind of grant.
func (p *provider) asked(grant string) int {
	p.t.Helper()
	return p.count(func(e event) bool { return e.Type == "grant.success" && e.GrantType == grant })
}

// What is wrong with a client or a resource is said at once, and nothing is saved.
func TestClientCredentialsRefused(t *testing.T) {
	t.Parallel()
	_, c := startOIDCWith(t, nil, "", machine("wrong-secret", "api", "not-the-machine-secret"), machine("wrong-resource", "elsewhere", "machine-secret"))
	for _, tt := range []struct{ connection, code string }{
		{"wrong-secret", "oauth_client_rejected"},
		{"wrong-resource", "oauth_client_rejected"},
	} {
		_, err := c.api.CreateAccount(t.Context(), client.NewAccount{Connection: tt.connection, Identifier: "service"})
		wantCode(t, err, tt.code)
		c.wantNoAccount(tt.connection, "service")
	}
}

// wantCode wants a problem that also says what to do.
func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var e *client.Error
	if !errors.As(err, &e) || e.Code != code || e.Next == "" {
		t.Errorf("got %+v (%v), want %s", e, err, code)
	}
}

// The access token of a user is for the resource, after a refresh as well: a refresh that does not name it
// gets a token that the API refuses.
func TestResource(t *testing.T) {
	t.Parallel()
	const ttl = 2 * time.Second
	resource := func(name, of string) connection {
		return connection{
			name: name, connector: "oidc-resource", id: "proxy-basic", secret: "proxy-basic-secret",
			params: map[string]string{"resource": of},
		}
	}
	p, c := startOIDCWith(t, []string{"ACCESS_TTL=2"}, lazily, resource("resource", "api"), resource("refused", "elsewhere"))
	c.connect("resource", "u-alice", "alice")
	if a := c.account("resource", "u-alice", client.StatusActive); a.Identity.ID != "alice" {
		t.Errorf("the account is %+v, want alice", a.Identity)
	}
	seen := map[string]bool{}
	for i := range 3 {
		if i > 0 {
			time.Sleep(ttl + 100*time.Millisecond)
		}
		h, err := c.holder("resource/u-alice")
		if err != nil || h.Account != "alice" || h.Client != "proxy-basic" || h.Scope != "api:read" {
			t.Errorf("the token is for %+v, %v", h, err)
		}
		seen[h.Token] = true
	}
	if len(seen) != 3 {
		t.Errorf("%d tokens were used, want 3", len(seen))
	}
	p.wantNoRefusal()
	c.wantRefused(t, client.NewLink{Connection: "refused", Identifier: "u-alice"}, "oauth_client_rejected")
}
