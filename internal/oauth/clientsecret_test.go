package oauth_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

const (
	secondSecret = "canary-second-secret"
	thirdSecret  = "canary-third-secret"
	granted      = `{"access_token":"canary-access","token_type":"Bearer"}`
)

// given is the client secret that a request has, in a field or in HTTP Basic.
func given(r *http.Request) string {
	if _, password, ok := r.BasicAuth(); ok {
		secret, err := url.QueryUnescape(password)
		if err != nil {
			return ""
		}
		return secret
	}
	return r.FormValue("client_secret")
}

// rotating is a provider that takes one secret at a time, and refuses others with an answer of its own.
type rotating struct {
	takes  atomic.Value
	status int
	body   string

	mu   sync.Mutex
	seen []string
}

func (p *rotating) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secret := given(r)
	p.mu.Lock()
	p.seen = append(p.seen, secret)
	p.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if secret == p.takes.Load() {
		fmt.Fprint(w, granted)
		return
	}
	w.WriteHeader(p.status)
	fmt.Fprint(w, p.body)
}

func (p *rotating) sent() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	sent := p.seen
	p.seen = nil
	return sent
}

func newRotating(takes string) *rotating {
	p := &rotating{status: http.StatusBadRequest, body: `{"error":"invalid_client"}`}
	p.takes.Store(takes)
	return p
}

func several(t *testing.T, c *connectors.Connector, base string, more ...string) oauth.App {
	app := at(t, c, base)
	for _, s := range more {
		app.FurtherSecrets = append(app.FurtherSecrets, vault.NewSecret(s))
	}
	return app
}

// logged is a client and what it logs.
func logged() (*oauth.Client, *observer.ObservedLogs) {
	core, logs := observer.New(zapcore.DebugLevel)
	return newClient(oauth.Options{Log: zap.New(core)}), logs
}

// A request is repeated with the next secret when the one before was refused, and for nothing else: it has
// a code that is good for one try.
func TestNextSecret(t *testing.T) {
	basic := func(c *connectors.Connector) { c.Token.ClientAuth = connectors.ClientAuthBasic }
	halves := func(c *connectors.Connector) {
		c.Token.ClientAuth = connectors.ClientAuthBasic
		c.Token.Basic = &connectors.Basic{User: text("{client_id}"), Password: text("{client_secret}")}
	}
	template := func(c *connectors.Connector) {
		c.Token.Omit, c.Token.Params = []string{"client_secret"}, texts("client_secret", "{client_secret}")
	}
	for _, tt := range []struct {
		name   string
		edit   func(*connectors.Connector)
		status int
		body   string
		again  bool
	}{
		{"RFC 6749", nil, 400, `{"error":"invalid_client"}`, true},
		{"RFC 6749 with a status of its own", nil, 401, `{"error":"invalid_client"}`, true},
		{"GitHub", nil, 200, `{"error":"incorrect_client_credentials"}`, true},
		{"Slack", nil, 200, `{"error":"bad_client_secret"}`, true},
		{"Basic without a word", basic, 401, ``, true},
		{"Basic with a page", basic, 401, `<h1>Unauthorized</h1>`, true},
		{"Basic with halves of the connector", halves, 401, ``, true},
		{"Basic, but the code", basic, 401, `{"error":"invalid_grant"}`, false},
		{"Basic, but something else", basic, 401, `{"error":"code_already_used"}`, false},
		{"fields without a word", nil, 401, ``, false},
		{"the code", nil, 400, `{"error":"invalid_grant"}`, false},
		{"the client, but not its secret", nil, 400, `{"error":"unauthorized_client"}`, false},
		{"trouble", nil, 503, `{"error":"invalid_client"}`, false},
		{"too many", nil, 429, `{"error":"invalid_client"}`, false},
		{"a token beside it", nil, 200, `{"error":"invalid_client","access_token":"t"}`, false},
		{"a refresh token beside it", nil, 200, `{"error":"invalid_client","refresh_token":"t"}`, false},
		{"a redirect", nil, 302, ``, false},
		{"no answer to read", nil, 200, `invalid_client`, false},
		{"a secret in a template", template, 400, `{"error":"invalid_client"}`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newRotating(secondSecret)
			p.status, p.body = tt.status, tt.body
			client, logs := logged()
			app := several(t, plain(tt.edit), serve(t, p.ServeHTTP), secondSecret)
			got, err := client.Exchange(t.Context(), app, oauth.Code{Code: vault.NewSecret(code), Verifier: vault.NewSecret(verifier), RedirectURI: redirectURI})
			want := []string{clientSecret}
			if tt.again {
				want = append(want, secondSecret)
			}
			if sent := p.sent(); !slices.Equal(sent, want) {
				t.Errorf("sent %q, want %q", sent, want)
			}
			if (err == nil) != tt.again || tt.again != (got.Access.Reveal() == access) {
				t.Errorf("got %v, want a token: %v", err, tt.again)
			}
			if tt.again != (logs.Len() == 1) || tt.again != (client.SecretInUse(app) == 2) {
				t.Errorf("got %d lines, and secret %d in use", logs.Len(), client.SecretInUse(app))
			}
			for _, line := range logs.All() {
				if line.ContextMap()["position"] != int64(1) || strings.Contains(fmt.Sprint(line), "canary") {
					t.Errorf("got %v", line)
				}
			}
		})
	}
}

// A signature is made with the first secret, and not repeated with another.
func TestSignedSecretIsTheFirst(t *testing.T) {
	p := newRotating("none")
	c := plain(func(c *connectors.Connector) {
		c.Token.ClientAuth = connectors.ClientAuthSecretJWT
		c.Token.ClientAssertion = &connectors.JWT{Alg: "HS256", Key: text("{client_secret}")}
	})
	client, _ := logged()
	_, err := client.Refresh(t.Context(), several(t, c, serve(t, p.ServeHTTP), secondSecret), vault.Grant{Refresh: vault.NewSecret(refresh)})
	if sent := p.sent(); err == nil || len(sent) != 1 {
		t.Errorf("got %d requests and %v", len(sent), err)
	}
}

// One repetition is all that a call makes, and the next call goes on where it has ended.
func TestSecretInUse(t *testing.T) {
	p := newRotating(thirdSecret)
	client, _ := logged()
	app := several(t, plain(nil), serve(t, p.ServeHTTP), secondSecret, thirdSecret)
	renew := func() error {
		_, err := client.Refresh(t.Context(), app, vault.Grant{Refresh: vault.NewSecret(refresh)})
		return err
	}
	for _, step := range []struct {
		takes string
		sent  []string
		ok    bool
		inUse int
	}{
		{thirdSecret, []string{clientSecret, secondSecret}, false, 3},
		{thirdSecret, []string{thirdSecret}, true, 3},
		{thirdSecret, []string{thirdSecret}, true, 3},
		{clientSecret, []string{thirdSecret, clientSecret}, true, 1},
		{"none", []string{clientSecret, secondSecret}, false, 3},
	} {
		p.takes.Store(step.takes)
		err := renew()
		if sent := p.sent(); !slices.Equal(sent, step.sent) || (err == nil) != step.ok || client.SecretInUse(app) != step.inUse {
			t.Errorf("sent %q, got %v, secret %d in use; want %+v", sent, err, client.SecretInUse(app), step)
		}
	}
	app.FurtherSecrets = app.FurtherSecrets[:1] // the third was removed
	if n := client.SecretInUse(app); n != 1 {
		t.Errorf("secret %d is in use, want the first", n)
	}
	app.ClientSecret, app.FurtherSecrets = vault.Secret{}, nil
	if n := client.SecretInUse(app); n != 0 {
		t.Errorf("secret %d of a public client is in use", n)
	}
}

// Other endpoints that the client authenticates at have the same rule.
func TestNextSecretElsewhere(t *testing.T) {
	p := newRotating(secondSecret)
	p.body = `{"error":"invalid_client"}`
	answers := map[string]string{
		"/introspect": `{"active":true,"exp":1900000000}`,
		"/device":     `{"device_code":"canary-device-code","user_code":"A-B","verification_uri":"https://p.example/d","expires_in":600}`,
	}
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if given(r) == secondSecret {
			p.mu.Lock()
			p.seen = append(p.seen, secondSecret)
			p.mu.Unlock()
			fmt.Fprint(w, answers[r.URL.Path])
			return
		}
		p.ServeHTTP(w, r)
	})
	c := plain(func(c *connectors.Connector) {
		c.Introspect = &connectors.Introspect{}
		c.Device = &connectors.Device{URL: text(base + "/device")}
	})
	g := vault.Grant{Access: vault.NewSecret(access), Refresh: vault.NewSecret(refresh)}
	for name, do := range map[string]func(*oauth.Client, oauth.App) error{
		"revoke": func(client *oauth.Client, app oauth.App) error {
			ok, err := client.Revoke(t.Context(), app, g)
			if err == nil && !ok {
				return fmt.Errorf("not revoked")
			}
			return err
		},
		"revoke with a field of its own": func(client *oauth.Client, app oauth.App) error {
			own := *app.Connector
			own.Revoke = &connectors.Revoke{Auth: "none", Params: map[string]connectors.Template{"client_secret": text("{client_secret}")}}
			app.Connector = &own
			_, err := client.Revoke(t.Context(), app, g)
			return err
		},
		"introspect": func(client *oauth.Client, app oauth.App) error {
			got, err := client.Introspect(t.Context(), app, g.Access)
			if err == nil && !got.Active {
				return fmt.Errorf("not active")
			}
			return err
		},
		"device": func(client *oauth.Client, app oauth.App) error {
			got, err := client.DeviceStart(t.Context(), app, nil)
			if err == nil && got.UserCode != "A-B" {
				return fmt.Errorf("got %q", got.UserCode)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			client, _ := logged()
			app := several(t, c, base, secondSecret)
			app.ClientID = "client"
			if err := do(client, app); err != nil {
				t.Error(err)
			}
			if sent := p.sent(); !slices.Equal(sent, []string{clientSecret, secondSecret}) {
				t.Errorf("sent %q", sent)
			}
		})
	}
}

// A provider changes its secret while many ask: none of them fails, and the old secret is soon not sent
// any more.
func TestSecretsChangeUnderLoad(t *testing.T) {
	const askers, each = 16, 20
	p := newRotating(clientSecret)
	client, _ := logged()
	app := several(t, plain(func(c *connectors.Connector) { c.Token.ClientAuth = connectors.ClientAuthBasic }), serve(t, p.ServeHTTP), secondSecret)
	var done atomic.Int32
	var running sync.WaitGroup
	for range askers {
		running.Go(func() {
			for range each {
				if done.Add(1) == askers*each/2 {
					p.takes.Store(secondSecret)
				}
				if _, err := client.Refresh(t.Context(), app, vault.Grant{Refresh: vault.NewSecret(refresh)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
	if n := client.SecretInUse(app); n != 2 {
		t.Errorf("secret %d is in use", n)
	}
	if extra := len(p.sent()) - askers*each; extra < 1 || extra > askers {
		t.Errorf("%d requests too many, want one for each who asked at that moment at most", extra)
	}
}

// An error code that repeats one of the secrets is not passed on, whichever of them it is.
func TestFurtherSecretsStayInside(t *testing.T) {
	base := says(t, 400, "application/json", fmt.Sprintf(`{"error":%q}`, base64.RawURLEncoding.EncodeToString([]byte("x"))+"."+secondSecret))
	client, _ := logged()
	_, err := client.Refresh(t.Context(), several(t, plain(nil), base, secondSecret), vault.Grant{Refresh: vault.NewSecret(refresh)})
	if err == nil || strings.Contains(err.Error(), secondSecret) {
		t.Errorf("got %v", err)
	}
}
