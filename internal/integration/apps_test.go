package integration

import (
	"crypto/sha256"
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
	"testing"

	"github.com/claviger-proxy/claviger/client"
)

// clientele is an OAuth server with several clients and several secrets of each, in front of the provider,
// which has one. It keeps to what each client was given.
type clientele struct {
	s      *sidecar
	server *httptest.Server

	mu      sync.Mutex
	secrets map[string][]string
	owner   map[string]string // client by code challenge, or refresh token
	asked   []string          // the clients whose calls of the token endpoint were good
	refused int
}

// appSecrets are the client secrets of these tests; none of them may be found anywhere.
var appSecrets = map[string]string{"a": "canary-app-secret-aaaa", "b": "canary-app-secret-bbbb", "c": "canary-app-secret-cccc"}

// withClientele prepares a sidecar with a connector to a clientele.
func withClientele(t *testing.T, claviger string) (*sidecar, *clientele) {
	t.Helper()
	s := prepare(t, options{claviger: "connectors @dir@/connectors\n" + claviger})
	p := &clientele{s: s, secrets: map[string][]string{}, owner: map[string]string{}}
	p.server = httptest.NewServer(p)
	t.Cleanup(p.server.Close)
	s.write("connectors/github.yaml", fmt.Sprintf(`schema: 1
name: github
title: GitHub
app:
  - {name: port, pattern: "^[0-9]{2,5}$"}
authorize:
  url: %s/authorize
  scope: {default: [openid, offline_access, mail.read]}
token:
  url: %s/token
  client_auth: basic
api:
  base_url: http://127.0.0.1:{app.port}
`, strings.Replace(p.server.URL, p.port(), "{app.port}", 1), strings.Replace(p.server.URL, p.port(), "{app.port}", 1)))
	for name, secret := range appSecrets {
		s.write("secret_"+name, secret+"\n")
	}
	var redirects []string
	for _, name := range []string{"demo", "github", "work"} {
		redirects = append(redirects, s.callback()+"/"+name)
	}
	s.provider.SetRedirectURIs(redirects...)
	return s, p
}

func (p *clientele) port() string {
	u, _ := url.Parse(p.server.URL)
	return u.Port()
}

func (p *clientele) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/authorize":
		q := r.URL.Query()
		p.mu.Lock()
		p.owner[q.Get("code_challenge")] = q.Get("client_id")
		p.mu.Unlock()
		q.Set("client_id", p.s.provider.ClientID())
		http.Redirect(w, r, p.s.provider.URL()+"/authorize?"+q.Encode(), http.StatusFound)
	case "/token":
		p.token(w, r)
	default: // the API
		r.URL.Scheme, r.URL.Host = "http", strings.TrimPrefix(p.s.provider.URL(), "http://")
		p.forward(w, r)
	}
}

func (p *clientele) forward(w http.ResponseWriter, r *http.Request) []byte {
	r.RequestURI, r.Host = "", ""
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		http.Error(w, "no answer", http.StatusBadGateway)
		return nil
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	w.Header().Set("Content-Type", resp.Header.Get("Content-Type"))
	w.WriteHeader(resp.StatusCode)
	w.Write(body)
	return body
}

func (p *clientele) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	if err := r.ParseForm(); err != nil {
		http.Error(w, "no form", http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	known := slices.Contains(p.secrets[id], secret)
	key := r.PostForm.Get("refresh_token")
	if v := r.PostForm.Get("code_verifier"); v != "" {
		sum := sha256.Sum256([]byte(v))
		key = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	owner := p.owner[key]
	if !known {
		p.refused++
	}
	p.mu.Unlock()
	w.Header().Set("Cache-Control", "no-store")
	switch {
	case !known:
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error":"invalid_client"}`)
		return
	case owner != id:
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":"invalid_grant"}`)
		return
	}
	to, _ := http.NewRequestWithContext(r.Context(), "POST", p.s.provider.URL()+"/oauth/token", strings.NewReader(r.PostForm.Encode()))
	to.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	to.SetBasicAuth(url.QueryEscape(p.s.provider.ClientID()), url.QueryEscape(p.s.provider.ClientSecret()))
	body := p.forward(w, to)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, id)
	if _, rest, ok := strings.Cut(string(body), `"refresh_token":"`); ok {
		refresh, _, _ := strings.Cut(rest, `"`)
		p.owner[refresh] = id
	}
}

// takes are the secrets that a client may use from now on.
func (p *clientele) takes(id string, secrets ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.secrets[id] = nil
	for _, name := range secrets {
		p.secrets[id] = append(p.secrets[id], appSecrets[name])
	}
}

// askers are the clients of good calls since the last look.
func (p *clientele) askers() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	asked := strings.Join(p.asked, " ")
	p.asked = nil
	return asked
}

// refresh refreshes an account's token.
func (s *sidecar) refresh(a client.Account) error {
	_, err := s.api().Refresh(s.t.Context(), a.ID)
	return err
}

// wantNoAppSecret fails if one of the client secrets is in a log, in the configuration, or in what the API says.
func (s *sidecar) wantNoAppSecret() {
	s.t.Helper()
	texts := map[string]string{"the log": readFile(s.t, logFile())}
	for _, path := range []string{"/config/", "/claviger/apps", "/claviger/connections", "/metrics"} {
		resp, err := http.Get(s.admin() + path)
		if err != nil {
			s.t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			s.t.Fatalf("%s: %d, %v", path, resp.StatusCode, err)
		}
		texts[path] = string(body)
	}
	for where, text := range texts {
		for _, secret := range appSecrets {
			for form, needle := range forms(secret) {
				if strings.Contains(text, needle) {
					s.t.Errorf("%s has a client secret (%s)", where, form)
				}
			}
		}
	}
}

const twoConnections = `
		connection github
		connection work {
			connector github
		}`

func appBlock(lines string) string {
	return "app github {\n" + lines + "\nparam port @front@\n}" + twoConnections
}

// Two connections use the app of the Caddyfile. Its secret is changed without a failed call, and its client
// without a lost account.
func TestAppInTheCaddyfile(t *testing.T) {
	s, p := withClientele(t, "")
	with := func(lines string) string {
		s.options.claviger = "connectors @dir@/connectors\n" + strings.ReplaceAll(appBlock(lines), "@front@", p.port())
		return s.caddyfile()
	}
	p.takes("one", "a")
	s.load(with("client_id one\nclient_secret {file.@dir@/secret_a}"))
	first, second := s.connectAt("github", "alice", "user_1"), s.connectAt("work", "bob", "user_2")
	if got := p.askers(); got != "one one" {
		t.Errorf("%q have asked", got)
	}
	shown, err := s.api().Connection(t.Context(), "work")
	if err != nil || !shown.DefaultApp || shown.ClientID != "one" {
		t.Errorf("the connection is %+v, %v", shown, err)
	}

	// A second secret at the provider, here, and the first is gone, there and here.
	stop := s.trafficOf("github/user_1", 2)
	renew := func(accounts ...client.Account) {
		t.Helper()
		for _, a := range accounts {
			if err := s.refresh(a); err != nil {
				t.Errorf("%s/%s: %v", a.Connection, a.Identifier, err)
			}
		}
	}
	p.takes("one", "a", "b")
	s.load(with("client_id one\nclient_secret {file.@dir@/secret_a}\nclient_secret {file.@dir@/secret_b}"))
	renew(first, second)
	p.takes("one", "b")
	renew(first, second, first)
	if p.refused != 1 {
		t.Errorf("the old secret was refused %d times, want once", p.refused)
	}
	app, err := s.api().App(t.Context(), "github", "")
	if err != nil || app.ClientSecrets != 2 || app.ClientSecretInUse != 2 || !slices.Equal(app.Connections, []string{"github", "work"}) {
		t.Errorf("the app is %+v, %v", app, err)
	}
	s.load(with("client_id one\nclient_secret {file.@dir@/secret_b}"))
	renew(first, second)
	if n := stop(); n == 0 {
		t.Error("there was no traffic")
	}
	p.askers()

	// Another client: accounts go on with theirs, and new ones have the new one.
	p.takes("two", "c")
	s.load(with("client_id two\nclient_secret {file.@dir@/secret_c}\nearlier_client one {file.@dir@/secret_b}"))
	renew(first, second)
	if got := p.askers(); got != "one one" {
		t.Errorf("%q have asked, want the client that the accounts were connected with", got)
	}
	third := s.connectAt("work", "alice", "user_3")
	renew(third)
	if got := p.askers(); got != "two two" {
		t.Errorf("%q have asked, want the new client", got)
	}
	again := s.connectAt("work", "bob", "user_2")
	renew(again)
	if got := p.askers(); got != "two two" {
		t.Errorf("%q have asked after a new consent, want the new client", got)
	}

	// The earlier client is forgotten: who needs it is told, and loses nothing.
	s.load(with("client_id two\nclient_secret {file.@dir@/secret_c}"))
	var refused *client.Error
	if err := s.refresh(first); !errors.As(err, &refused) || refused.Code != "oauth_client_unknown" || refused.Status != 503 {
		t.Errorf("got %v, want oauth_client_unknown", err)
	}
	s.get("/api/echo", "Connected-Account: github/user_1").wantOK(t)
	renew(again, third)
	s.wantNoAppSecret()
}

// An app that is added through the API makes connections usable that have waited for it, and every change
// takes effect at once.
func TestAppThroughTheAPI(t *testing.T) {
	s, p := withClientele(t, twoConnections)
	s.load(s.caddyfile())
	api := s.api()
	got, err := api.Connection(t.Context(), "github")
	if err != nil || !strings.Contains(got.Broken, "claviger apps add github") {
		t.Errorf("the connection is %+v, %v", got, err)
	}
	_, err = api.CreateLink(t.Context(), client.NewLink{Connection: "github", Identifier: "user_1"})
	var refused *client.Error
	if !errors.As(err, &refused) || refused.Status >= 500 {
		t.Errorf("got %v, want a refusal", err)
	}
	p.takes("one", "a")
	_, err = api.CreateApp(t.Context(), client.NewApp{
		Connector: "github", ClientID: "one", ClientSecrets: []string{"{file." + s.dir + "/secret_a}"}, Params: map[string]string{"port": p.port()},
	})
	if err != nil {
		t.Fatal(err)
	}
	first := s.connectAt("github", "alice", "user_1")
	change := func(c client.AppChange) {
		t.Helper()
		if _, err := api.ChangeApp(t.Context(), "github", "", c); err != nil {
			t.Fatal(err)
		}
	}
	change(client.AppChange{AddClientSecrets: []string{appSecrets["b"]}})
	p.takes("one", "b")
	if err := s.refresh(first); err != nil {
		t.Error(err)
	}
	change(client.AppChange{RemoveClientSecrets: []int{1}})
	if err := s.refresh(first); err != nil {
		t.Error(err)
	}
	two := "two"
	p.takes("two", "c")
	change(client.AppChange{ClientID: &two, ClientSecrets: []string{appSecrets["c"]}})
	p.askers()
	second := s.connectAt("work", "bob", "user_2")
	for _, a := range []client.Account{first, second} {
		if err := s.refresh(a); err != nil {
			t.Error(err)
		}
	}
	if got := p.askers(); got != "two one two" {
		t.Errorf("%q have asked", got)
	}
	_, err = api.ForgetAppClient(t.Context(), "github", "", "one", false)
	if !errors.As(err, &refused) || refused.Code != "oauth_client_in_use" {
		t.Errorf("got %v, want oauth_client_in_use", err)
	}
	s.load(s.caddyfile()) // the vault has it all
	for _, a := range []client.Account{first, second} {
		if err := s.refresh(a); err != nil {
			t.Error(err)
		}
		s.get("/api/echo", "Connected-Account: "+a.ID).wantOK(t)
	}
	s.wantNoAppSecret()
}
