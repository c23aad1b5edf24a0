//go:build peers

package peers

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/client"
)

// pemOf writes a private key down, for an input of a connection. The leak check looks for each line of it.
func pemOf(t *testing.T, key crypto.PrivateKey) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	lines := strings.Split(strings.TrimSpace(text), "\n")
	addSecrets(lines[1 : len(lines)-1]...)
	return text
}

// clientKey makes a key for ES256: the private half for us, the public one as a JWK for the provider.
func clientKey(t *testing.T) (private, public string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	jwk, err := json.Marshal(jwkOf(t, key))
	if err != nil {
		t.Fatal(err)
	}
	return pemOf(t, key), string(jwk)
}

func jwkOf(t *testing.T, key *ecdsa.PrivateKey) object {
	t.Helper()
	point, err := key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		t.Fatal(err)
	}
	half := (len(point) - 1) / 2
	return object{
		"kty": "EC", "crv": "P-256", "kid": "key-1", "use": "sig", "alg": "ES256",
		"x": base64.RawURLEncoding.EncodeToString(point[1 : 1+half]), "y": base64.RawURLEncoding.EncodeToString(point[1+half:]),
	}
}

// The provider decodes what each kind of client shows it, at the exchange of the code, at the refresh and
// at the revocation. Afterwards it knows none of the tokens any more.
func TestClientAuthentication(t *testing.T) {
	t.Parallel()
	private, public := clientKey(t)
	clients := []struct {
		connection
		proof string
	}{
		{connection{name: "basic", connector: "oidc", id: "proxy-basic", secret: "proxy-basic-secret"}, "Basic"},
		{connection{name: "basic-odd", connector: "oidc", id: "proxy:odd id", secret: "p%c s+e&c:r=t/~"}, "Basic"},
		{connection{name: "post", connector: "oidc-post", id: "proxy-post", secret: "proxy-post-secret"}, "post"},
		{connection{name: "post-odd", connector: "oidc-post", id: `proxy/"odd"+id %3A`, secret: `p"o's+t %2B=&/:\?~`}, "post"},
		{connection{name: "basic-quotes", connector: "oidc", id: `proxy/"odd"+id %3A`, secret: `p"o's+t %2B=&/:\?~`}, "Basic"},
		{connection{name: "public", connector: "oidc-public", id: "proxy-public"}, "none"},
		{connection{name: "key", connector: "oidc-key", id: "proxy-key", params: map[string]string{"key": private}}, "ES256"},
		{connection{name: "hmac", connector: "oidc-hmac", id: "proxy-hmac", secret: "proxy-hmac-secret-of-more-than-32-bytes"}, "HS256"},
	}
	var connections []connection
	for _, k := range clients {
		connections = append(connections, k.connection)
	}
	const ttl = 2 * time.Second
	p, c := startOIDCWith(t, []string{"ACCESS_TTL=2", "CLIENT_KEY=" + public}, lazily, connections...)
	for _, k := range clients {
		c.connect(k.name, "u-"+k.name, k.name)
	}
	time.Sleep(ttl + 100*time.Millisecond)
	for _, k := range clients {
		if err := c.wantMe(k.name+"/u-"+k.name, k.name); err != nil {
			t.Errorf("%s: %v", k.name, err)
		}
		if p.refreshes(k.name) == 0 {
			t.Errorf("%s: nothing was refreshed", k.name)
		}
	}
	p.wantNoRefusal()
	for _, k := range clients {
		t.Run(k.name, func(t *testing.T) {
			if n := p.active(k.id, k.name); n == 0 {
				t.Error("no token is good at the provider")
			}
			c.disconnect(t, k.name, "u-"+k.name, true)
			if n := p.active(k.id, k.name); n != 0 {
				t.Errorf("%d tokens are still good at the provider", n)
			}
			got, err := c.get("/me", k.name+"/u-"+k.name)
			if err != nil || got.problem().Code != "account_disconnected" {
				t.Errorf("got %d %s, %v after the disconnect", got.status, got.body, err)
			}
			p.wantProof(t, k.id, k.proof)
		})
	}
}

// wantProof fails unless the client has authenticated like that wherever it has to, or if it was refused.
// A client of two connections may have done it in two ways.
func (p *provider) wantProof(t *testing.T, id, proof string) {
	t.Helper()
	seen := map[string]int{}
	for _, e := range p.log() {
		if e.Type != "client" || e.Client != id {
			continue
		}
		if e.Status != http.StatusOK {
			t.Errorf("the client was refused at %s with %d", e.Path, e.Status)
		}
		if e.Proof == proof {
			seen[e.Path+" "+e.GrantType]++
		}
	}
	for _, want := range []string{"/token authorization_code", "/token refresh_token", "/token/revocation "} {
		if seen[want] == 0 {
			t.Errorf("no request to %s was authenticated by %s", want, proof)
		}
	}
}

// active counts the tokens that the provider has handed out to a client for an account, none for the client
// itself, and that it says are good (RFC 7662).
func (p *provider) active(clientID, account string) (n int) {
	p.t.Helper()
	var tokens []string
	p.control(http.MethodGet, "secrets", nil, &tokens)
	for _, token := range tokens {
		var says struct {
			Active   bool
			ClientID string `json:"client_id"`
			Sub      string
		}
		p.post("/token/introspection", url.Values{"token": {token}, "client_id": {"watcher"}, "client_secret": {"watcher-secret"}}, &says)
		if says.Active && says.ClientID == clientID && (says.Sub == account || account == "") {
			n++
		}
	}
	return n
}

// disconnect ends an account, and wants the provider to have been told or not.
func (c *claviger) disconnect(t *testing.T, connection, identifier string, revoked bool) client.Disconnection {
	t.Helper()
	d, err := c.api.DisconnectNamed(t.Context(), connection, identifier)
	if err != nil || d.Revoked != revoked || revoked && d.RevokeError != "" {
		t.Errorf("disconnecting %s/%s: revoked %v, %q, %v, want %v", connection, identifier, d.Revoked, d.RevokeError, err, revoked)
	}
	c.account(connection, identifier, client.StatusDisconnected)
	return d
}

// A client secret that is wrong is told apart from a grant that is: the link says whose fault it is.
func TestWrongClientSecret(t *testing.T) {
	t.Parallel()
	_, c := startOIDCWith(t, nil, "",
		connection{name: "basic", connector: "oidc", id: "proxy-basic", secret: "not-the-basic-secret"},
		connection{name: "hmac", connector: "oidc-hmac", id: "proxy-hmac", secret: "not-the-hmac-secret-of-more-than-32-bytes"},
	)
	for _, name := range []string{"basic", "hmac"} {
		c.wantRefused(t, client.NewLink{Connection: name, Identifier: "u-alice"}, "oauth_client_rejected")
	}
}

// wantRefused goes through a link that must end with that code.
func (c *claviger) wantRefused(t *testing.T, n client.NewLink, code string) {
	t.Helper()
	l := c.newLink(n)
	at := c.consent(l.URL, "alice")
	state, err := c.api.Link(t.Context(), l.ID)
	if err != nil || state.Status != client.LinkFailed || state.Code != code || state.Next == "" {
		t.Errorf("%s: the link is %+v, %v, want %s; the page says %s", n.Connection, state, err, code, strings.Join(strings.Fields(at.Text), " "))
	}
	c.wantNoAccount(n.Connection, n.Identifier)
}
