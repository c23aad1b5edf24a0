package connection_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// registry is a provider that registers clients, and a registrar that has them registered.
type registry struct {
	t    *testing.T
	url  string
	v    *vault.Vault
	set  *connection.Set
	with *connection.Registrar
	logs *observer.ObservedLogs

	mu sync.Mutex
	// seen are the requests, and made how many clients were registered.
	seen []string
	made int
	// unmanaged registers clients that cannot be changed, and answer is said in place of a client.
	unmanaged bool
	answer    string
	status    int
	// meanwhile is done while a client is registered.
	meanwhile func()
}

func newRegistry(t *testing.T, configured ...vault.Connection) *registry {
	t.Helper()
	r := &registry{t: t, v: vaulttest.New(t)}
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	r.url = s.URL
	k := mustDecode(t, strings.ReplaceAll(`
schema: 1
name: social
title: Social
app: [{name: team, pattern: "[a-z]+", default: all}]
authorize: {url: "BASE/authorize", scope: {default: [read]}}
token: {url: "BASE/token", client_auth: post}
register: {with: dynamic, url: "BASE/register"}
api: {base_url: "BASE/api"}
`, "BASE", r.url))
	var err error
	if r.set, err = connection.NewSet(t.Context(), r.v, catalog(t).With(k), configured); err != nil {
		t.Fatal(err)
	}
	core, logs := observer.New(zap.DebugLevel)
	r.logs = logs
	r.with = &connection.Registrar{
		Set: r.set, OAuth: oauth.New(oauth.Options{}), AppName: "Example App", Version: "1.2.3", Log: zap.New(core),
		Callback: func(name string) string { return "https://accounts.example.com/oauth/callback/" + name },
	}
	return r
}

func mustDecode(t *testing.T, text string) *connectors.Connector {
	t.Helper()
	k, err := connectors.Decode("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (r *registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var body struct {
		ClientID     string   `json:"client_id"`
		RedirectURIs []string `json:"redirect_uris"`
		Name         string   `json:"client_name"`
		Scope        string   `json:"scope"`
	}
	_ = json.NewDecoder(req.Body).Decode(&body)
	r.seen = append(r.seen, strings.TrimSpace(fmt.Sprint(req.Method, " ", req.URL.Path, " ", req.Header.Get("Authorization"), " ", body.ClientID, strings.Join(body.RedirectURIs, ","))))
	if r.meanwhile != nil {
		r.meanwhile()
	}
	if r.status != 0 || r.answer != "" {
		w.WriteHeader(max(r.status, 200))
		fmt.Fprint(w, strings.ReplaceAll(r.answer, "BASE", r.url))
		return
	}
	if req.Method == http.MethodDelete {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if r.made++; body.Name != "Example App" || body.Scope != "read" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	id := fmt.Sprintf("c%d", r.made)
	if req.Method == http.MethodPut {
		id = body.ClientID
	}
	answer := map[string]any{"client_id": id, "client_secret": "canary-secret-" + fmt.Sprint(r.made), "client_secret_expires_at": 4102444800, "redirect_uris": body.RedirectURIs}
	if !r.unmanaged {
		answer["registration_client_uri"], answer["registration_access_token"] = r.url+"/register/"+id, "canary-secret-token-"+fmt.Sprint(r.made)
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// wantSeen checks which requests there were, and forgets them.
func (r *registry) wantSeen(want ...string) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if diff := cmp.Diff(want, r.seen); diff != "" {
		r.t.Errorf("requests (-want +got):\n%s", diff)
	}
	r.seen = nil
}

// stored is the connection as it is in the vault.
func (r *registry) stored(name string) vault.Connection {
	r.t.Helper()
	c, err := r.v.FindConnection(r.t.Context(), "", name)
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// quiet fails if the log has a secret.
func (r *registry) quiet() {
	r.t.Helper()
	for _, e := range r.logs.All() {
		if text := fmt.Sprintf("%s %v", e.Message, e.ContextMap()); strings.Contains(text, "canary") {
			r.t.Errorf("the log has a secret: %s", text)
		}
	}
}

func secret(text string) vault.Secret { return vault.NewSecret("canary-secret-" + text) }

const callbackOfOne = "https://accounts.example.com/oauth/callback/one"

// A connection that brings no client gets one, which is stored with what it is managed with.
func TestRegister(t *testing.T) {
	r := newRegistry(t)
	live, err := r.with.Add(t.Context(), bare("one", "social"))
	if err != nil {
		t.Fatal(err)
	}
	r.wantSeen("POST /register  " + callbackOfOne)
	wantClient(t, r.set, "one", client("c1", "1"), false)
	if live.Name != "one" || live.ClientID != "c1" {
		t.Errorf("got %+v", live.Connection)
	}
	got, ok := r.stored("one").Registration("c1")
	if !ok || got.RedirectURI != callbackOfOne || got.URI != r.url+"/register/c1" || !got.Token.Equal(secret("token-1")) ||
		!got.SecretExpires.Equal(time.Unix(4102444800, 0)) || time.Since(got.RegisteredAt) > time.Minute {
		t.Errorf("got registration %+v", got)
	}
	if r.logs.FilterField(zap.String("client_id", "c1")).Len() != 1 {
		t.Error("the log does not have the client, which is lost in a crash before it is stored")
	}
	r.quiet()
}

// Nobody is asked where it would be of no use.
func TestRegisterNothing(t *testing.T) {
	r := newRegistry(t)
	own := configured("own", "social")
	if _, err := r.with.Add(t.Context(), own); err != nil {
		t.Fatal(err)
	}
	_, err := r.with.Add(t.Context(), bare("own", "social"))
	wantCode(t, err, connection.CodeExists)
	_, err = r.with.Add(t.Context(), bare("One", "social"))
	wantCode(t, err, connection.CodeInvalidName)
	_, err = r.with.Add(t.Context(), bare("one", "sozial"))
	wantCode(t, err, connection.CodeUnknownConnector)
	_, err = r.with.Add(t.Context(), bare("one", "github"))
	wantCode(t, err, connection.CodeInvalidConnection)
	odd := bare("one", "social")
	odd.Params = map[string]string{"team": "7"}
	_, err = r.with.Add(t.Context(), odd)
	wantCode(t, err, connection.CodeInvalidConnection)
	half := bare("one", "social")
	half.ClientSecret = vault.NewSecret("x")
	_, err = r.with.Add(t.Context(), half)
	wantCode(t, err, connection.CodeInvalidConnection)
	callback := r.with.Callback
	r.with.Callback = func(string) string { return "" }
	_, err = r.with.Add(t.Context(), bare("one", "social"))
	wantCode(t, err, connection.CodeNoCallback)
	r.with.Callback = callback
	if _, err := r.set.AddApp(t.Context(), appOf("social", client("a", "1"))); err != nil {
		t.Fatal(err)
	}
	if _, err := r.with.Add(t.Context(), bare("one", "social")); err != nil {
		t.Fatal(err)
	}
	wantClient(t, r.set, "one", client("a", "1"), true)
	r.wantSeen()
}

// A client that is none, or that cannot be stored, leaves no connection, and is deleted if it can be.
func TestRegisterFails(t *testing.T) {
	const known = `"client_id":"c1","client_secret":"canary-secret","registration_client_uri":"BASE/register/c1","registration_access_token":"canary-secret-token"`
	posted, deleted := "POST /register  "+callbackOfOne, "DELETE /register/c1 Bearer canary-secret-token"
	for name, tt := range map[string]struct {
		answer string
		status int
		says   string
		seen   []string
	}{
		"refused":          {`{"error":"invalid_client_metadata","error_description":"canary-secret"}`, 400, "invalid_client_metadata", []string{posted}},
		"in trouble":       {``, 503, "provider_status_503", []string{posted}},
		"another callback": {`{` + known + `,"redirect_uris":["https://evil.example.com"]}`, 0, "other redirect URIs", []string{posted, deleted}},
		"managed elsewhere": {
			strings.Replace(`{`+known+`}`, "BASE", "https://evil.example.com", 1), 0, `client "c1" is left at the provider`, []string{posted},
		},
		"another auth": {`{` + known + `,"token_endpoint_auth_method":"none"}`, 0, "token.client_auth", []string{posted, deleted}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRegistry(t)
			r.answer, r.status = tt.answer, tt.status
			_, err := r.with.Add(t.Context(), bare("one", "social"))
			wantCode(t, err, connection.CodeRegistration)
			if !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "http") {
				t.Errorf("got %v, want it to say %q", err, tt.says)
			}
			if _, err := r.v.FindConnection(t.Context(), "", "one"); !errors.Is(err, vault.ErrNotFound) {
				t.Errorf("got %v, want no connection", err)
			}
			r.wantSeen(tt.seen...)
			r.quiet()
		})
	}
	t.Run("the name is taken meanwhile", func(t *testing.T) {
		r := newRegistry(t)
		r.meanwhile = func() {
			r.meanwhile = nil
			other := configured("one", "social")
			if err := r.v.PutConnection(t.Context(), &other); err != nil {
				t.Error(err)
			}
		}
		_, err := r.with.Add(t.Context(), bare("one", "social"))
		wantCode(t, err, connection.CodeExists)
		if !strings.Contains(err.Error(), "has been deleted again") || r.stored("one").ClientID != "id" {
			t.Errorf("got %v and client %s", err, r.stored("one").ClientID)
		}
		r.wantSeen(posted, "DELETE /register/c1 Bearer canary-secret-token-1")
	})
}

// A connection of the configuration is not registered for: it says what to do.
func TestRegisterConfigured(t *testing.T) {
	r := newRegistry(t, bare("one", "social"))
	_, err := r.set.ByName("one")
	if !connection.LacksClient(err) || !strings.Contains(err.Error(), "claviger connections add one --connector social") {
		t.Errorf("got %v, want to be told what to do", err)
	}
	_, _, err = r.with.Renew(t.Context(), "one", false)
	wantCode(t, err, connection.CodeReadOnly)
	_, err = r.with.Add(t.Context(), bare("one", "social"))
	wantCode(t, err, connection.CodeExists)
	r.wantSeen()
}
