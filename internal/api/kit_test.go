package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/api"
	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// Canaries must not come out of any route.
const (
	canaryConfigured = "canary-configured-client-secret"
	canaryPosted     = "canary-posted-client-secret"
	canaryExpanded   = "canary-expanded-client-secret"
	canaryImported   = "canary-imported-access-token"
)

// kit is a management API on an empty vault, with the configured connection mail.
type kit struct {
	*client.Client
	t     *testing.T
	url   string
	vault *vault.Vault
	set   *connection.Set
	// log is everything that the API has logged.
	log *journal
}

// journal is a log that is read while others write.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// setup starts the API; change, which may be nil, has the last word on the options.
func setup(t *testing.T, change func(*api.Options)) *kit {
	t.Helper()
	return setupAt(t, vaulttest.New(t), 9090, change)
}

// setupAt is setup on a vault of the caller's, with the provider of mail at that port.
func setupAt(t *testing.T, v *vault.Vault, port int, change func(*api.Options)) *kit {
	t.Helper()
	catalog, err := connectors.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	set, err := connection.NewSet(t.Context(), v, catalog, []vault.Connection{{
		Name: "mail", Connector: "demo", ClientID: "claviger-demo", ClientSecret: vault.NewSecret(canaryConfigured),
		Params: map[string]string{"port": strconv.Itoa(port)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	k := &kit{t: t, vault: v, set: set, log: new(journal)}
	calls := oauth.New(oauth.Options{})
	flow, err := consent.New(consent.Options{
		Vault: v, Connections: set, OAuth: calls,
		Callback:   &url.URL{Scheme: "https", Host: "accounts.example.com", Path: "/oauth/callback"},
		ReturnURLs: []string{"https://app.example.com"},
	})
	if err != nil {
		t.Fatal(err)
	}
	o := api.Options{
		Vault: v, Connections: set, Catalog: func() *connectors.Catalog { return catalog }, Consent: flow, OAuth: calls,
		Broker:  broker.New(broker.Options{Vault: v, Connections: set, OAuth: calls, Shared: broker.NewShared(0)}),
		Version: "1.2.3", StartedAt: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC),
		Expand: func(string) (string, error) { return canaryExpanded, nil },
		Log: zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()),
			zapcore.AddSync(k.log), zapcore.DebugLevel)),
	}
	if change != nil {
		change(&o)
		k.set = o.Connections
	}
	s := httptest.NewServer(watched(t, o))
	t.Cleanup(s.Close)
	k.url = s.URL
	k.Client, err = client.New(client.Options{Base: s.URL, Prefix: o.Prefix, HTTP: s.Client(), Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// knows gives the API another catalogue.
func knows(o *api.Options, catalog *connectors.Catalog) {
	o.Catalog = func() *connectors.Catalog { return catalog }
}

// setOf is the connections of a vault, with none in the configuration.
func setOf(t *testing.T, v *vault.Vault, catalog *connectors.Catalog) *connection.Set {
	t.Helper()
	set, err := connection.NewSet(t.Context(), v, catalog, nil)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// twice is setupAt on a vault with that store, and a client of a second handler of the same vault, as
// another configuration has one.
func twice(t *testing.T, store vault.Store) (k *kit, second *client.Client) {
	t.Helper()
	var o api.Options
	k = setupAt(t, vaulttest.OpenAt(t, store, vaulttest.NewKeys(t), nil), 9090, func(with *api.Options) { o = *with })
	s := httptest.NewServer(watched(t, o))
	t.Cleanup(s.Close)
	second, err := client.New(client.Options{Base: s.URL, HTTP: s.Client(), Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	return k, second
}

// account connects an account at the connection with canary tokens.
func (k *kit) account(connection, identifier string, change func(*vault.ConnectedAccount, *vault.Grant)) vault.ConnectedAccount {
	k.t.Helper()
	c, err := k.set.ByName(connection)
	if err != nil {
		k.t.Fatal(err)
	}
	a := vault.ConnectedAccount{ConnectionID: c.ID, Connector: c.Connection.Connector, Identifier: identifier}
	g := vaulttest.Grant("canary-"+connection+"-"+identifier, time.Now())
	g.IDToken = vault.NewSecret("id-token-canary-" + identifier)
	if change != nil {
		change(&a, &g)
	}
	made, err := k.vault.Connect(context.Background(), vault.Link{}, a, g)
	if err != nil {
		k.t.Fatal(err)
	}
	return made
}

// second adds the connection of that name through the API.
func (k *kit) second(name string) client.Connection {
	k.t.Helper()
	c, err := k.CreateConnection(k.t.Context(), demoConnection(name))
	if err != nil {
		k.t.Fatal(err)
	}
	return c
}

func demoConnection(name string) client.NewConnection {
	return client.NewConnection{
		Name: name, Connector: "demo", ClientID: "claviger-demo", ClientSecret: canaryPosted,
		Params: map[string]string{"port": "9090"},
	}
}

// answer is what came back from a raw request.
type answer struct {
	status  int
	header  http.Header
	text    string
	problem client.Error
}

// send does a request that the client would not do. Header lines are "Name: value".
func (k *kit) send(method, target, body string, header ...string) answer {
	k.t.Helper()
	r, err := http.NewRequestWithContext(k.t.Context(), method, k.url+target, strings.NewReader(body))
	if err != nil {
		k.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		k.t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		k.t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, text: string(data)}
	if res.StatusCode >= 400 && res.Header.Get("Content-Type") == "application/problem+json" {
		if err := json.Unmarshal(data, &a.problem); err != nil {
			k.t.Fatalf("%s %s: problem is not JSON: %v", method, target, err)
		}
	}
	return a
}

// wants checks an answer that is a problem.
func (a answer) wants(t *testing.T, status int, code string) {
	t.Helper()
	if a.status != status || a.problem.Code != code {
		t.Errorf("got %d %q (%s), want %d %q", a.status, a.problem.Code, a.text, status, code)
	}
	if got := a.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control is %q, want no-store", got)
	}
	if got := a.header.Get("Claviger-Error"); got != code {
		t.Errorf("Claviger-Error is %q, want %q", got, code)
	}
	if status < 500 && a.problem.Next == "" && a.problem.Detail == "" {
		t.Errorf("%s says neither what happened nor what to do", code)
	}
}

// refused checks an error of the client.
func refused(t *testing.T, err error, status int, code string) *client.Error {
	t.Helper()
	var e *client.Error
	if !errors.As(err, &e) {
		t.Fatalf("got error %v, want a problem with code %s", err, code)
	}
	if e.Status != status || e.Code != code {
		t.Errorf("got %d %s (%s), want %d %s", e.Status, e.Code, e.Detail, status, code)
	}
	return e
}
