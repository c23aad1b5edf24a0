package consent_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/internal/problem"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

const (
	canaryKey   = "canary-key"
	canaryToken = "canary-token"
)

// A counter is a flow without a callback, and a provider whose users have keys. Anything with the word
// canary in it is a secret.
type counter struct {
	t        *testing.T
	flow     *consent.Flow
	vault    *vault.Vault
	set      *connection.Set
	store    *brittle
	provider *httptest.Server
	// trouble makes the provider answer with 500, anonymous not tell who somebody is.
	trouble, anonymous atomic.Bool
	// hold makes it answer only when it is closed, if there is one.
	hold  chan struct{}
	clock atomic.Int64
	logs  lockedBuffer

	mu        sync.Mutex
	seen      map[string]string // by path: the credential of the last request
	errors    []string
	connected []vault.AccountID
}

// heads are the connectors, without what is the same in all of them.
var heads = map[string]string{
	"key": `
mode: static
account: [{name: key, secret: true}]
inject: [{in: header, name: X-Key, template: "{account.key}"}]
verify: {path: /me, ok_when: {path: ok, equals: true}}
`,
	"plain": `
mode: static
account: [{name: key, secret: true}]
inject: [{in: header, name: X-Key, template: "{account.key}"}]
`,
	"basic": `
mode: static
account: [{name: user, pattern: "[a-z]+"}, {name: password, secret: true}]
inject: [{in: basic, basic: {user: "{account.user}", password: "{account.password}"}}]
`,
	"client": `
mode: client_credentials
account: [{name: id, pattern: "[a-z]+"}, {name: secret, secret: true}]
token:
  url: http://127.0.0.1:{app.port}/token
  client_auth: basic
  client: {id: "{account.id}", secret: "{account.secret}"}
revoke: {url: "http://127.0.0.1:{app.port}/revoke", token: access, auth: none}
`,
	"clientsites": `
mode: client_credentials
account: [{name: id, pattern: "[a-z]+"}, {name: secret, secret: true}]
token:
  url: http://127.0.0.1:{app.port}/token
  client_auth: basic
  client: {id: "{account.id}", secret: "{account.secret}"}
revoke: {url: "http://127.0.0.1:{app.port}/revoke", token: access, auth: none}
discover: [{path: /sites, id: id, into: site}]
`,
	"clienthost": `
mode: client_credentials
account: [{name: id, pattern: "[a-z]+"}, {name: secret, secret: true}]
token:
  url: http://127.0.0.1:{app.port}/token
  client_auth: basic
  client: {id: "{account.id}", secret: "{account.secret}"}
  capture: {host: token_type}
api: {base_url: "https://{captured.host}", within: [example.com]}
revoke: {url: "http://127.0.0.1:{app.port}/revoke", token: access, auth: none}
`,
	"clientsteps": `
mode: client_credentials
account: [{name: id, pattern: "[a-z]+"}, {name: secret, secret: true}]
token:
  url: http://127.0.0.1:{app.port}/token
  client_auth: basic
  client: {id: "{account.id}", secret: "{account.secret}"}
steps: [{request: {url: "http://127.0.0.1:{app.port}/more", headers: {X-Key: canary-forbidden}}}]
revoke: {url: "http://127.0.0.1:{app.port}/revoke", token: access, auth: none}
`,
	"tenant": `
mode: client_credentials
account: [{name: tenant, pattern: "[a-z-]+"}]
token:
  url: http://127.0.0.1:{app.port}/token
  client_auth: basic
  params: {tenant: "{account.tenant}"}
`,
	"robot": `
mode: client_credentials
token:
  url: http://127.0.0.1:{app.port}/token
  client_auth: none
  client: {id: robot}
`,
	"password": `
mode: password
account: [{name: username, pattern: "[a-z]+"}, {name: password, secret: true}]
token:
  url: http://127.0.0.1:{app.port}/token
  client_auth: basic
`,
	"signed": `
mode: jwt
account: [{name: key, secret: true}]
assertion: {alg: RS256, key: "{account.key}"}
`,
	"operators-key": `
mode: jwt
account: [{name: subject, pattern: "[a-z]+"}]
assertion: {alg: RS256, key: "{client_secret}", claims: {sub: "{account.subject}"}}
`,
	"device": `
mode: device
device: {url: "http://127.0.0.1:{app.port}/device"}
token: {url: "http://127.0.0.1:{app.port}/token", client_auth: none}
`,
	"sites": `
mode: static
account: [{name: key, secret: true}]
inject: [{in: header, name: X-Key, template: "{account.key}"}]
discover: [{path: /sites, id: id, into: site}]
`,
	"headed": `
mode: static
account: [{name: key, secret: true}]
inject: [{in: header, name: X-Key, template: "{account.key}"}, {in: header, name: X-Site, template: "{captured.site}"}]
discover: [{path: /sites, id: id, into: site}]
`,
	"open": `
mode: none
`,
	"desk": `
mode: static
account:
  - {name: site, title: Site, description: "The name before <b>.desk.example", pattern: "[a-z0-9-]+", example: acme, normalize: [host], prefix: "desk-", suffix: .desk.example, help: "https://desk.example/help?a=1&b=2"}
  - {name: key, title: API key, secret: true, help: "https://desk.example/keys"}
  - {name: zone, title: Zone, enum: [eu, us], default: us}
  - {name: note, title: Note, pattern: ".*", optional: true}
inject: [{in: header, name: X-Key, template: "{account.key}"}]
verify: {path: /me}
`,
	"pem": `
mode: jwt
account: [{name: key, secret: true, multiline: true, example: "-----BEGIN PRIVATE KEY-----"}]
assertion: {alg: RS256, key: "{account.key}"}
`,
	"kinds": `
mode: static
account:
  - {name: kind, title: Kind, enum: [key, guest]}
  - {name: key, secret: true, visible_when: {input: kind, equals: key}}
  - {name: nick, title: Nickname, pattern: "[a-z]+", visible_when: {input: kind, equals: guest}}
inject: [{in: header, name: X-Key, template: "{account.key}"}]
`,
	"installed": `
mode: oauth2_code
account: [{name: site, pattern: "[a-z]+"}]
authorize: {url: "http://127.0.0.1:{app.port}/{account.site}/install"}
callback: {state: install}
token: {url: "http://127.0.0.1:{app.port}/token", client_auth: basic}
`,
	"sub": `
mode: oauth2_code
account: [{name: site, title: Site, pattern: "[a-z]+", suffix: .desk.example}, {name: zone, enum: [eu, us], default: eu}]
authorize: {url: "http://127.0.0.1:{app.port}/{account.site}/authorize"}
token: {url: "http://127.0.0.1:{app.port}/token", client_auth: basic}
`,
}

const sharedKeys = `
schema: 1
title: Counter
app: [{name: port, pattern: "[0-9]+", example: "9090"}]
identity: {path: /me, id: id, name: name}
`

func openCounter(t *testing.T, change ...func(*consent.Options)) *counter {
	t.Helper()
	c := &counter{t: t, seen: map[string]string{}}
	c.provider = httptest.NewServer(http.HandlerFunc(c.serve))
	t.Cleanup(c.close)
	c.store = &brittle{Store: vaulttest.NewStore(t)}
	c.vault = vaulttest.OpenAt(t, c.store, vaulttest.NewKeys(t), c.now)
	catalog, err := connectors.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	port := mustParse(t, c.provider.URL).Port()
	configured := []vault.Connection{{Name: "demo", Connector: "demo"}}
	for name, head := range heads {
		if !strings.Contains(head, "\napi:") {
			head += "\napi: {base_url: \"http://127.0.0.1:{app.port}\"}\n"
		}
		k, err := connectors.Decode(name+".yaml", []byte(sharedKeys+"name: "+name+head))
		if err != nil {
			t.Fatal(err)
		}
		catalog = catalog.With(k)
		configured = append(configured, vault.Connection{Name: name, Connector: name})
	}
	for i := range configured {
		configured[i].ClientID, configured[i].ClientSecret = "operator", vault.NewSecret("canary-operator")
		configured[i].Params = map[string]string{"port": port}
	}
	if c.set, err = connection.NewSet(t.Context(), c.vault, catalog, configured); err != nil {
		t.Fatal(err)
	}
	core := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), &c.logs, zap.DebugLevel)
	o := consent.Options{
		Vault: c.vault, Connections: c.set, OAuth: oauth.New(oauth.Options{}), Log: zap.New(core), Now: c.now,
		OnConnected: func(a vault.ConnectedAccount) { c.connected = append(c.connected, a.ID) },
	}
	for _, f := range change {
		f(&o)
	}
	if c.flow, err = consent.New(o); err != nil {
		t.Fatal(err)
	}
	return c
}

// close looks for secrets in what has been logged and said.
func (c *counter) close() {
	c.provider.Close()
	for where, text := range map[string]string{"the log": c.logs.String(), "an error": strings.Join(c.errors, "\n")} {
		if strings.Contains(text, "canary") || strings.Contains(text, basic("ada", canaryKey)) {
			c.t.Errorf("%s holds a secret: %s", where, text)
		}
	}
}

func (c *counter) now() time.Time { return time.Now().Add(time.Duration(c.clock.Load())) }

// later moves the clock, so that what has happened has happened before.
func (c *counter) later() { c.clock.Add(int64(time.Second)) }

// serve is the provider.
func (c *counter) serve(w http.ResponseWriter, r *http.Request) {
	if c.hold != nil {
		<-c.hold
	}
	credential := ""
	for _, name := range []string{"X-Key", "Authorization"} {
		if value := r.Header.Get(name); value != "" {
			credential = name + ": " + value
		}
	}
	switch r.URL.Path {
	case "/revoke":
		credential = r.PostFormValue("token")
	case "/token":
		c.token(w, r)
		return
	}
	c.mu.Lock()
	c.seen[r.URL.Path] = credential
	c.mu.Unlock()
	who, ok := strings.CutPrefix(credential, "Authorization: Bearer "+canaryToken+"-")
	if strings.HasPrefix(credential, "Authorization: Bearer ey") {
		who, ok = "ada", true
	}
	good := []string{"", "X-Key: " + canaryKey, "X-Key: " + canaryKey + "-2", "X-Key: " + canaryKey + "-0", "Authorization: Basic " + basic("ada", canaryKey)}
	switch {
	case c.trouble.Load():
		w.WriteHeader(http.StatusInternalServerError)
	case credential == "X-Key: canary-forbidden":
		w.WriteHeader(http.StatusForbidden)
	case credential == "X-Key: canary-error-inside":
		_, _ = io.WriteString(w, `{"ok":false}`)
	case r.URL.Path == "/sites" && slices.Contains(good, credential):
		_, _ = io.WriteString(w, sites[credential])
	case r.URL.Path == "/sites" && ok:
		_, _ = io.WriteString(w, sites["X-Key: "+canaryKey+"-2"])
	case c.anonymous.Load():
		_, _ = io.WriteString(w, `{"ok":true}`)
	case ok:
		fmt.Fprintf(w, `{"ok":true,"id":%q,"name":"Ada"}`, who)
	case slices.Contains(good, credential):
		_, _ = io.WriteString(w, `{"ok":true,"id":"ada","name":"Ada"}`)
	default:
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"error":"you sent `+credential+`"}`)
	}
}

// sites are those of the users of that name, by their credentials.
var sites = map[string]string{
	"X-Key: " + canaryKey:        `[{"id":"site-1"}]`,
	"X-Key: " + canaryKey + "-0": `[]`,
	"X-Key: " + canaryKey + "-2": `[{"id":"site-1"},{"id":"site-2"}]`,
}

// token is the token endpoint. It repeats what it gets, as some do.
func (c *counter) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.PostFormValue("username") == "grace" && r.PostFormValue("password") == canaryKey, r.PostFormValue("grant_type") == "authorization_code":
		_, _ = io.WriteString(w, `{"access_token":"`+canaryToken+`-ada","token_type":"Bearer"}`)
	case r.PostFormValue("grant_type") == "password":
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"invalid_grant","error_description":"`+r.PostFormValue("password")+`"}`)
	case c.trouble.Load() || id == "late":
		w.WriteHeader(http.StatusServiceUnavailable)
	case secret != canaryKey:
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"error":"invalid_client","error_description":"`+secret+`"}`)
	case id == "mute":
		_, _ = io.WriteString(w, `{"hello":"`+secret+`"}`)
	default:
		fmt.Fprintf(w, `{"access_token":"%s-%s","token_type":"Bearer","expires_in":3600}`, canaryToken, id)
	}
}

// last is the credential of the last request to that path.
func (c *counter) last(path string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen[path]
}

func (c *counter) connect(connection, identifier string, inputs map[string]string) vault.ConnectedAccount {
	c.t.Helper()
	a, err := c.flow.Connect(c.t.Context(), consent.Direct{Connection: connection, Identifier: identifier, Inputs: inputs})
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

func (c *counter) grant(a vault.ConnectedAccount) vault.Grant {
	c.t.Helper()
	g, err := c.vault.Grant(context.Background(), a.ID)
	if err != nil {
		c.t.Fatal(err)
	}
	return g
}

// keep looks for secrets in what an error says.
func (c *counter) keep(err error) {
	c.errors = append(c.errors, fmt.Sprintf("%v %+v %s", err, err, nextOf(err)))
}

// wantNothing checks that nothing has come of a request.
func (c *counter) wantNothing(a vault.ConnectedAccount) {
	c.t.Helper()
	page, err := c.vault.Accounts(c.t.Context(), vault.AccountQuery{})
	if err != nil || len(page.Items) != 0 || a.ID != "" || len(c.connected) != 0 {
		c.t.Errorf("there are %d accounts, the answer is %+v, told of %v (%v)", len(page.Items), a, c.connected, err)
	}
}

func nextOf(err error) string {
	if p := (*problem.Problem)(nil); errors.As(err, &p) {
		return p.Next
	}
	return ""
}

func basic(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(user) + ":" + url.QueryEscape(password)))
}
