package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/api"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// registering is an API with the connector social, whose provider registers clients. change, which may be nil, has
// the last word on the options.
func registering(t *testing.T, change func(*api.Options)) (k *kit, asked *atomic.Value) {
	t.Helper()
	made := 0
	asked = new(atomic.Value)
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			ClientID string `json:"client_id"`
			Name     string `json:"client_name"`
			Version  string `json:"software_version"`
		}
		_ = json.NewDecoder(r.Body).Decode(&body)
		asked.Store(r.Method + " " + r.URL.Path + " " + body.Name + " " + body.Version)
		if r.Method == http.MethodDelete {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		if body.ClientID == "" {
			made++
			body.ClientID = fmt.Sprintf("c%d", made)
		}
		fmt.Fprintf(w, `{"client_id":%q,"client_secret":%q,"client_secret_expires_at":4102444800,"registration_client_uri":"http://%s/register/%[1]s","registration_access_token":%[2]q}`,
			body.ClientID, canaryPosted, r.Host)
	}))
	t.Cleanup(provider.Close)
	social, err := connectors.Decode("social.yaml", []byte(strings.ReplaceAll(`
schema: 1
name: social
title: Social
authorize: {url: "BASE/authorize"}
token: {url: "BASE/token", client_auth: post}
register: {with: dynamic, url: "BASE/register"}
api: {base_url: "BASE/api"}
`, "BASE", provider.URL)))
	if err != nil {
		t.Fatal(err)
	}
	v := vaulttest.New(t)
	k = setupAt(t, v, 9090, func(o *api.Options) {
		catalog := o.Catalog().With(social)
		knows(o, catalog)
		o.Connections = setOf(t, v, catalog)
		o.AppName = "Example App"
		if change != nil {
			change(o)
		}
	})
	return k, asked
}

func TestRegisteredClient(t *testing.T) {
	k, asked := registering(t, nil)
	made, err := k.CreateConnection(t.Context(), client.NewConnection{Name: "one", Connector: "social"})
	if err != nil || made.ClientID != "c1" || made.ClientSecrets != 1 || asked.Load() != "POST /register Example App 1.2.3" {
		t.Fatalf("got %+v, %v; asked %v", made, err, asked.Load())
	}
	r := made.Registration
	if r == nil || !r.Managed || r.RedirectURI != made.RedirectURI || r.ClientSecretExpiresAt.Year() != 2100 || r.RegisteredAt.IsZero() {
		t.Errorf("got registration %+v", r)
	}
	changed, err := k.RegisterClient(t.Context(), "one", false)
	if err != nil || changed.NewClient || changed.ClientID != "c1" || asked.Load() != "PUT /register/c1 Example App 1.2.3" {
		t.Errorf("got %+v, %v; asked %v", changed, err, asked.Load())
	}
	other, err := k.RegisterClient(t.Context(), "one", true)
	if err != nil || !other.NewClient || other.ClientID != "c2" || len(other.EarlierClients) != 1 {
		t.Errorf("got %+v, %v", other, err)
	}
	raw := k.send("GET", "/claviger/connections/one", "")
	if strings.Contains(raw.text, "registration_access_token") || strings.Contains(raw.text, "/register/") {
		t.Errorf("the answer has what the registration is managed with: %s", raw.text)
	}
	gone, err := k.RemoveConnection(t.Context(), "one", false)
	want := client.RemovedConnection{Removed: "one", Clients: []client.RemovedClient{
		{ClientID: "c2", Reason: "provider_status_403"}, {ClientID: "c1", Reason: "provider_status_403"},
	}}
	if diff := cmp.Diff(want, gone); err != nil || diff != "" {
		t.Errorf("gone (-want +got), %v:\n%s", err, diff)
	}
	k.quiet(made, changed, other, raw, gone)
}

func TestRegisterRoutes(t *testing.T) {
	k, asked := registering(t, nil)
	if shown, err := k.Connector(t.Context(), "social", ""); err != nil || !strings.HasSuffix(shown.RegisterURL, "/register") {
		t.Errorf("got %q, %v", shown.RegisterURL, err)
	}
	if shown, err := k.Connector(t.Context(), "github", ""); err != nil || shown.RegisterURL != "" {
		t.Errorf("got %q, %v", shown.RegisterURL, err)
	}
	k.send("POST", "/claviger/connections/one/register", "").wants(t, 404, "connection_not_found")
	k.send("POST", "/claviger/connections/one/register?new=1", "").wants(t, 400, "parameter_invalid")
	k.send("POST", "/claviger/connections/one/register", `{"new":true}`).wants(t, 400, "field_unknown")
	k.send("DELETE", "/claviger/connections/one?keep_clients=yes", "").wants(t, 400, "parameter_invalid")
	own := client.NewConnection{Name: "own", Connector: "social", ClientID: "mine", ClientSecret: canaryPosted}
	if got, err := k.CreateConnection(t.Context(), own); err != nil || got.Registration != nil {
		t.Errorf("got %+v, %v", got, err)
	}
	if got := k.send("DELETE", "/claviger/connections/own", ""); got.status != 204 || got.text != "" {
		t.Errorf("got %d %s", got.status, got.text)
	}
	if was := asked.Load(); was != nil {
		t.Errorf("the provider was asked for %v", was)
	}
	half := client.NewConnection{Name: "half", Connector: "social", ClientSecret: canaryPosted}
	_, err := k.CreateConnection(t.Context(), half)
	refused(t, err, 400, "connection_invalid")
}

func TestRegisterRefused(t *testing.T) {
	k, asked := registering(t, withFlow(t, nil))
	own := client.NewConnection{Name: "own", Connector: "social", ClientID: "mine", ClientSecret: canaryPosted}
	for n := range 5 {
		own.EarlierClients = append(own.EarlierClients, client.NewOAuthClient{ClientID: fmt.Sprintf("old-%d", n)})
	}
	full, err := k.CreateConnection(t.Context(), own)
	if err != nil {
		t.Fatal(err)
	}
	_, err = k.RegisterClient(t.Context(), "own", false)
	refused(t, err, 409, "oauth_clients_full")
	own.Name, own.EarlierClients = "other", nil
	if _, err := k.CreateConnection(t.Context(), own); err != nil {
		t.Fatal(err)
	}
	_, err = k.RegisterClient(t.Context(), "other", true)
	refused(t, err, 409, "callback_missing")
	_, err = k.CreateConnection(t.Context(), client.NewConnection{Name: "new", Connector: "social"})
	refused(t, err, 409, "callback_missing")
	if was := asked.Load(); was != nil {
		t.Errorf("the provider was asked for %v", was)
	}
	k.quiet(full)
}
