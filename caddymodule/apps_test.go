package caddymodule

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
)

// configured is an app of the Caddy configuration with the built-in connectors.
func configured(t *testing.T, connections map[string]*ConnectionConfig, apps ...*AppConfig) *App {
	t.Helper()
	catalog, err := connectors.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return &App{catalog: catalog, Apps: apps, Connections: connections}
}

func TestDefaultApps(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("canary-one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CLAVIGER_TEST_ID", "id")
	t.Setenv("CLAVIGER_TEST_SECRET", "canary-two")
	a := configured(t, map[string]*ConnectionConfig{
		"hub": {Connector: "github"},
		"own": {Connector: "github", ClientID: "own", ClientSecret: "x", FurtherSecrets: []string{"{env.CLAVIGER_TEST_SECRET}"}, EarlierClients: []ClientConfig{{ClientID: "before"}}},
	}, &AppConfig{
		Connector: "github", ClientID: "{env.CLAVIGER_TEST_ID}", ClientSecret: "{file." + file + "}", FurtherSecrets: []string{"{env.CLAVIGER_TEST_SECRET}"},
		EarlierClients: []ClientConfig{{ClientID: "before", ClientSecret: "{env.CLAVIGER_TEST_SECRET}"}},
	}, &AppConfig{Connector: "demo", ClientID: "x", ClientSecret: "y", Params: map[string]string{"port": "9090"}})
	if err := a.loadApps(); err != nil {
		t.Fatal(err)
	}
	if err := a.loadConnections(); err != nil {
		t.Fatal(err)
	}
	secrets := []vault.Secret{vault.NewSecret("canary-one"), vault.NewSecret("canary-two")}
	if got := a.apps[0]; !got.Client.Equal(vault.OAuthClient{ID: "id", Secrets: secrets}) || len(got.Earlier) != 1 ||
		!got.Earlier[0].Equal(vault.OAuthClient{ID: "before", Secrets: secrets[1:]}) {
		t.Errorf("got app %+v", got)
	}
	if got := a.apps[1]; got.Params["port"] != "9090" || len(got.SecretParams) != 0 {
		t.Errorf("got params %v", got.Params)
	}
	hub, own := a.configured[0], a.configured[1]
	if hub.ClientID != "" || !own.Client().Equal(vault.OAuthClient{ID: "own", Secrets: []vault.Secret{vault.NewSecret("x"), secrets[1]}}) || own.Earlier[0].ID != "before" {
		t.Errorf("got connections %+v", a.configured)
	}
	if c, err := connection.New(hub, a.catalog, a.appsFor(hub)...); err != nil || !c.DefaultApp || c.App.ClientID != "id" {
		t.Errorf("the connection has no app: %v", err)
	}
}

func TestDefaultAppErrors(t *testing.T) {
	t.Setenv("CLAVIGER_TEST_EMPTY", "")
	good := AppConfig{Connector: "github", ClientID: "id", ClientSecret: "canary"}
	for _, tt := range []struct {
		name   string
		change func(*AppConfig)
		says   string
	}{
		{"no connector", func(c *AppConfig) { c.Connector = "" }, "an app has no connector"},
		{"unknown connector", func(c *AppConfig) { c.Connector = "githib" }, "did you mean github"},
		{"no client_id", func(c *AppConfig) { c.ClientID = "" }, "client_id of app github is missing"},
		{"no secret", func(c *AppConfig) { c.ClientSecret = "" }, "it has no client_secret"},
		{"empty secret", func(c *AppConfig) { c.ClientSecret = "{env.CLAVIGER_TEST_EMPTY}" }, "client_secret of app github is empty"},
		{"secret beside a placeholder", func(c *AppConfig) { c.ClientSecret = "canary{env.CLAVIGER_TEST_EMPTY}{canary}" }, "client_secret of app github is not usable"},
		{"empty second secret", func(c *AppConfig) { c.FurtherSecrets = []string{"{env.CLAVIGER_TEST_EMPTY}"} }, "client_secret 2 of app github is empty"},
		{"a secret twice", func(c *AppConfig) { c.FurtherSecrets = []string{"canary"} }, "client_secret 1 and 2 are the same"},
		{"six secrets", func(c *AppConfig) { c.FurtherSecrets = []string{"1", "2", "3", "4", "5"} }, "a client can have 5 secrets"},
		{"earlier client without ID", func(c *AppConfig) { c.EarlierClients = []ClientConfig{{ClientSecret: "canary"}} }, "earlier client 1 of app github has no client_id"},
		{"empty secret of an earlier client", func(c *AppConfig) {
			c.EarlierClients = []ClientConfig{{ClientID: "x", ClientSecret: "{env.CLAVIGER_TEST_EMPTY}"}}
		}, "client_secret of earlier client 1 of app github is empty"},
		{"unknown param", func(c *AppConfig) { c.Params = map[string]string{"x": "canary"} }, `has no param "x"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := good
			tt.change(&c)
			err := configured(t, nil, &c).loadApps()
			if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "canary") {
				t.Errorf("got %v, want %q", err, tt.says)
			}
		})
	}
	if err := configured(t, nil, nil).loadApps(); err == nil {
		t.Error("an empty app is taken")
	}
}

// A connection may lack a client: the app may be in the vault. Any other mistake is one before that is open.
func TestConnectionThatWaitsForAnApp(t *testing.T) {
	if err := configured(t, map[string]*ConnectionConfig{"hub": {Connector: "github"}}).loadConnections(); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]ConnectionConfig{
		"secret without a client": {Connector: "github", ClientSecret: "x"},
		"client without a secret": {Connector: "github", ClientID: "x"},
		"unknown param":           {Connector: "github", Params: map[string]string{"x": "y"}, ClientID: "x", ClientSecret: "y"},
	} {
		if err := configured(t, map[string]*ConnectionConfig{"hub": &c}).loadConnections(); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
}
