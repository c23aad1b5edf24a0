package caddymodule

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/vault"
)

const keyed = `
schema: 1
name: keyed
title: Keyed
api: {base_url: "https://{app.region}.example.com"}
app: [{name: region, pattern: "[a-z]+", example: eu}]
auth:
  - id: user_key
    title: Key of the user
    mode: static
    account: [{name: key, secret: true}]
    inject: [{in: header, name: X-Key, template: "{account.key}"}]
  - id: app_key
    title: Key of the app
    mode: static
    app: [{name: key, secret: true, multiline: true}]
    inject: [{in: header, name: X-Key, template: "{app.key}"}]
`

func keyedApp(t *testing.T, c ConnectionConfig) *App {
	t.Helper()
	k, err := connectors.Decode("keyed.yaml", []byte(keyed))
	if err != nil {
		t.Fatal(err)
	}
	return &App{catalog: (*connectors.Catalog)(nil).With(k), Connections: map[string]*ConnectionConfig{"keys": &c}}
}

func TestSecretParams(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, []byte("canary\nkey\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CLAVIGER_TEST_REGION", "eu")
	a := keyedApp(t, ConnectionConfig{
		Connector: "keyed", Auth: "app_key", Params: map[string]string{"region": "{env.CLAVIGER_TEST_REGION}", "key": "{file." + file + "}"},
	})
	if err := a.loadConnections(); err != nil {
		t.Fatal(err)
	}
	c := a.configured[0]
	if c.Way != "app_key" || len(c.Params) != 1 || c.Params["region"] != "eu" || !c.SecretParams["key"].Equal(vault.NewSecret("canary\nkey")) {
		t.Errorf("got %+v", c)
	}
	plain := keyedApp(t, ConnectionConfig{Connector: "keyed", Params: map[string]string{"region": "eu"}})
	if err := plain.loadConnections(); err != nil {
		t.Errorf("the standard way needs neither a client nor a key, and: %v", err)
	}
}

func TestSecretParamErrors(t *testing.T) {
	t.Setenv("CLAVIGER_TEST_EMPTY", "")
	for _, tt := range []struct {
		name, auth string
		params     map[string]string
		says       string
	}{
		{"empty variable", "app_key", map[string]string{"key": "{env.CLAVIGER_TEST_EMPTY}"}, "param key of connection keys is empty: {env.CLAVIGER_TEST_EMPTY} gives nothing"},
		{"beside a placeholder", "app_key", map[string]string{"key": "canary{env.CLAVIGER_TEST_EMPTY}{canary}"}, "param key of connection keys is not usable"},
		{"under another name", "app_key", map[string]string{"kye": "canary {canary}"}, "param kye of connection keys is not usable"},
		{"unknown", "app_key", map[string]string{"kye": "canary"}, "kye: unknown parameter"},
		{"missing", "app_key", nil, "key: connector keyed needs this parameter"},
		{"control character", "app_key", map[string]string{"key": "canary\x00"}, "key: must be text"},
		{"of another way", "user_key", map[string]string{"key": "canary"}, "key: unknown parameter"},
		{"way", "oauth", map[string]string{"key": "canary"}, "use user_key, app_key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			params := map[string]string{"region": "eu"}
			for name, value := range tt.params {
				params[name] = value
			}
			err := keyedApp(t, ConnectionConfig{Connector: "keyed", Auth: tt.auth, Params: params}).loadConnections()
			if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "canary") {
				t.Errorf("got %v, want an error with %q", err, tt.says)
			}
		})
	}
}
