package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/transfer"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

func oauthClient(id, secret string) vault.OAuthClient {
	return vault.OAuthClient{ID: id, Secrets: []vault.Secret{vault.NewSecret(secret)}}
}

// A connection takes the clients of its default app along, so that its accounts go on without the app.
func TestExportOfConnectionsWithAnApp(t *testing.T) {
	catalog, err := connectors.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	e := &exporter{catalog: catalog, apps: []vault.App{
		{Connector: "gmail", Client: oauthClient("other", "o")},
		{
			Connector: "demo", Client: oauthClient("app", "s"), Earlier: []vault.OAuthClient{oauthClient("before", "b")},
			Params: map[string]string{"port": "1"}, SecretParams: vault.NewSecrets(map[string]string{"key": "k"}),
		},
	}}
	for _, tt := range []struct {
		name    string
		from    vault.Connection
		client  string
		port    string
		earlier []string
	}{
		{"without a client", vault.Connection{Connector: "demo", Origin: vault.OriginAPI}, "app", "1", []string{"before"}},
		{"with a param", vault.Connection{Connector: "demo", Origin: vault.OriginAPI, Params: map[string]string{"port": "2"}}, "app", "2", []string{"before"}},
		{"with an earlier client", vault.Connection{Connector: "demo", Origin: vault.OriginAPI, Earlier: []vault.OAuthClient{oauthClient("mine", "m")}}, "app", "1", []string{"mine", "before"}},
		{"with a client", vault.Connection{Connector: "demo", Origin: vault.OriginAPI, ClientID: "own"}, "own", "", []string{"app", "before"}},
		{"with the app's client", vault.Connection{Connector: "demo", Origin: vault.OriginAPI, ClientID: "app"}, "app", "", []string{"before"}},
		{"of the configuration", vault.Connection{Connector: "demo", Origin: vault.OriginConfig}, "", "", nil},
		{"of another connector", vault.Connection{Connector: "github", Origin: vault.OriginAPI}, "", "", nil},
	} {
		got := e.moved(tt.from)
		var earlier []string
		for _, c := range got.EarlierClients {
			earlier = append(earlier, c.ID)
		}
		if got.ClientID != tt.client || got.Params["port"] != tt.port || len(earlier) != len(tt.earlier) {
			t.Errorf("%s: got client %q, port %q, earlier %v; want %q, %q, %v", tt.name, got.ClientID, got.Params["port"], earlier, tt.client, tt.port, tt.earlier)
		}
		for i, id := range tt.earlier {
			if i < len(earlier) && earlier[i] != id {
				t.Errorf("%s: got earlier %v, want %v", tt.name, earlier, tt.earlier)
			}
		}
		if tt.client == "app" && tt.from.ClientID == "" && !got.ClientSecret.Equal(vault.NewSecret("s")) {
			t.Errorf("%s: the secret is missing", tt.name)
		}
	}
}

// More clients than can be kept are left out, those of the app first.
func TestExportKeepsAsManyClientsAsThereMayBe(t *testing.T) {
	c := transfer.Connection{ClientID: "x"}
	var more []vault.OAuthClient
	for _, id := range []string{"1", "2", "3", "4", "5", "6"} {
		more = append(more, oauthClient(id, "s"))
	}
	c.EarlierClients = more[:3]
	if got := withClients(c, more); len(got) != vault.MaxEarlierClients || got[4].ID != "5" {
		t.Errorf("got %d clients", len(got))
	}
}

// The app of a connector that is not built in is found by the connector's standard way, too.
func TestExportOfConnectionsToConnectorsOfOnesOwn(t *testing.T) {
	const ways = `
schema: 1
name: stored
title: Ways
auth:
  - id: oauth
    title: Sign in
    authorize: {url: "https://ways.example.com/authorize"}
    token: {url: "https://ways.example.com/token", client_auth: post}
    inject: [{in: header, name: Authorization, template: "Bearer {token}"}]
  - id: key
    title: Key
    mode: static
    account: [{name: key, secret: true}]
    inject: [{in: header, name: X-Key, template: "{account.key}"}]
api: {base_url: "https://ways.example.com/api"}
`
	v, dir := vaulttest.New(t), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file.yaml"), []byte(strings.Replace(ways, "name: stored", "name: file", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"stored": ways, "variant": "schema: 1\nname: variant\nextends: file\ntitle: Variant\n", "bad": "name: bad\n"} {
		if err := v.PutConnector(t.Context(), &vault.Connector{Name: name, Source: text}); err != nil {
			t.Fatal(err)
		}
	}
	names := []string{"stored", "file", "variant", "bad", "gone"}
	for _, name := range names {
		if err := v.PutApp(t.Context(), &vault.App{Connector: name, Way: "oauth", Client: oauthClient("id-"+name, "s")}); err != nil {
			t.Fatal(err)
		}
	}
	e := &exporter{v: v, folders: []string{dir, filepath.Join(dir, "no-such")}}
	if err := e.readApps(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		got := e.moved(vault.Connection{Name: "c-" + name, Connector: name, Origin: vault.OriginAPI})
		want := "id-" + name
		if name == "bad" || name == "gone" {
			want = ""
		}
		if got.ClientID != want || got.ClientSecret.IsZero() != (want == "") {
			t.Errorf("connector %s: got client %q, want %q", name, got.ClientID, want)
		}
		if got := e.moved(vault.Connection{Name: "k-" + name, Connector: name, Way: "key", Origin: vault.OriginAPI}); got.ClientID != "" {
			t.Errorf("connector %s: the other way has client %q", name, got.ClientID)
		}
	}
	if left := strings.Join(e.done.LeftOut, "\n"); len(e.done.LeftOut) != 2 || !strings.Contains(left, "connection c-bad: ") || !strings.Contains(left, "connection c-gone: ") {
		t.Errorf("left out: %s", left)
	}
}
