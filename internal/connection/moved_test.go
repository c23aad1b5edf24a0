package connection_test

import (
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// tenantYAML is a connector whose host is what the operator gives.
const tenantYAML = `
schema: 1
name: tenant
title: Tenant
app:
  - {name: domain, pattern: "[a-z.]+", example: example.com}
  - {name: label, pattern: "[a-z]+", default: x}
authorize: {url: "https://{app.domain}/authorize"}
token: {url: "https://{app.domain}/token", client_auth: basic}
inject: [{in: header, name: Authorization, template: "Bearer {token}"}]
api: {base_url: "https://{app.domain}/{app.label}"}
`

// A param of an app is no way to send accounts' tokens elsewhere.
func TestAppParamsInHosts(t *testing.T) {
	v := vaulttest.New(t)
	set := setOf(t, v, catalog(t))
	put(t, set, connection.ConnectorFile{Source: tenantYAML})
	app := appOf("tenant", client("id", "1"))
	app.Params = map[string]string{"domain": "example.com"}
	addApp(t, set, app)
	c, err := set.Add(t.Context(), bare("one", "tenant"))
	if err != nil {
		t.Fatal(err)
	}
	own := bare("own", "tenant")
	own.Params = map[string]string{"domain": "example.com"}
	if _, err := set.Add(t.Context(), own); err != nil {
		t.Fatal(err)
	}
	change := func(name, value string) error {
		_, err := set.ChangeApp(t.Context(), "tenant", "", func(a *vault.App) error {
			a.Params = map[string]string{"domain": "example.com", name: value}
			return nil
		})
		return err
	}
	base := func() string {
		live, err := set.ByName("one")
		if err != nil {
			t.Fatal(err)
		}
		b, _ := live.Base("")
		return b.URL.String()
	}
	if err := change("domain", "example.org"); err != nil || base() != "https://example.org/x" {
		t.Errorf("without accounts: %s, %v", base(), err)
	}
	a := vaulttest.Account(t, v, c.Connection, "user_1", vault.Grant{})
	err = change("domain", "example.net")
	wantCode(t, err, connection.CodeConnectorBreaks)
	if !strings.Contains(err.Error(), "connection one: app.domain: ") || strings.Contains(err.Error(), "connection own") || base() != "https://example.org/x" {
		t.Errorf("got %v, and the base is %s", err, base())
	}
	if _, err := set.ChangeApp(t.Context(), "tenant", "", func(a *vault.App) error { a.Params["label"] = "y"; return nil }); err != nil || base() != "https://example.org/y" {
		t.Errorf("what is in no host: %s, %v", base(), err)
	}
	disconnect(t, v, a)
	if err := change("domain", "example.net"); err != nil {
		t.Errorf("with the account disconnected: %v", err)
	}
}

// The secrets of apps and connections go to no other host, with accounts or without.
func TestSecretsOfTheOperatorStay(t *testing.T) {
	const open = `
schema: 1
name: prov
title: Prov
app: [{name: key, secret: true, optional: true}, {name: host, pattern: "[a-z.]+", default: login.prov.example.com}]
authorize: {url: "https://login.prov.example.com/authorize"}
token: {url: "https://login.prov.example.com/token", client_auth: basic}
inject: [{in: header, name: Authorization, template: "Bearer {token}"}]
api: {base_url: "https://api.prov.example.com"}
`
	token := []string{"login.prov.example.com/token", "login.prov.example.net/token"}
	api := []string{"api.prov.example.com", "api.prov.example.net"}
	own := bare("one", "prov")
	own.SetClient(client("id", "1"))
	keyed := bare("one", "prov")
	keyed.SecretParams = vault.NewSecrets(map[string]string{"key": "canary-secret"})
	app := appOf("prov", client("id", "1"))
	for _, tt := range []struct {
		name       string
		app        *vault.App
		connection *vault.Connection
		configured bool
		pairs      []string
		path       string
	}{
		{"an app", &app, nil, false, token, "token.url"},
		{"an app, and the API", &app, nil, false, api, ""},
		{"an app of the configuration", &app, nil, true, token, "token.url"},
		{"a connection", nil, &own, false, token, "token.url"},
		{"a connection, and the API", nil, &own, false, api, ""},
		{"a connection of the configuration", nil, &own, true, token, "token.url"},
		{"a connection with a secret param", &app, &keyed, false, api, "api.base_url"},
		{"nobody", nil, nil, false, token, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := vaulttest.New(t)
			set := setOf(t, v, catalog(t))
			put(t, set, connection.ConnectorFile{Source: open})
			switch {
			case tt.configured && tt.app != nil:
				set = newSet(t, v, nil, *tt.app)
			case tt.configured:
				set = newSet(t, v, []vault.Connection{*tt.connection})
			}
			if tt.app != nil && !tt.configured {
				addApp(t, set, *tt.app)
			}
			if tt.connection != nil && !tt.configured {
				if _, err := set.Add(t.Context(), *tt.connection); err != nil {
					t.Fatal(err)
				}
			}
			f := connection.ConnectorFile{Name: "prov", Source: with(open, tt.pairs...)}
			if tt.path == "" {
				put(t, set, f)
				return
			}
			f.DryRun = true
			e := wantRefused(t, set, f, connection.CodeConnectorBreaks, tt.path)
			if !strings.Contains(e.Message, "remove") && !strings.Contains(e.Message, "take") || len(e.Reasons) != 1 {
				t.Errorf("got %v", e.Reasons)
			}
		})
	}
}

// Where requests to the API go may change without accounts, and makes nobody known who may have the secrets of the
// operator.
func TestSecretsStayInSteps(t *testing.T) {
	const code = `
schema: 1
name: prov
title: Prov
app: [{name: key, secret: true, optional: true}]
authorize: {url: "https://login.prov.example.com/authorize"}
token: {url: "https://login.prov.example.com/token", client_auth: basic}
inject: [{in: header, name: Authorization, template: "Bearer {token}"}]
api: {base_url: "https://api.prov.example.com"}
`
	const plain = `
schema: 1
name: prov
title: Prov
account: [{name: x, pattern: .+}]
mode: static
signer: {kind: oauth1, method: PLAINTEXT}
api: {base_url: "https://api.prov.example.com"}
`
	const within = `api: {base_url: "https://api.prov.example.com", within: [shops.example.net]}`
	app := appOf("prov", client("id", "1"))
	keyed := appOf("prov", client("id", "1"))
	keyed.SecretParams = vault.NewSecrets(map[string]string{"key": "canary-secret"})
	api := []string{"api.prov.example.com", "api.prov.example.net"}
	for _, tt := range []struct {
		name, source string
		app          vault.App
		steps        [][]string // of which all but the last are allowed
		path         string
	}{
		{"by a default", with(code, "app: [", "app: [{name: host, default: login.prov.example.com, pattern: '[a-z.]+'}, ", "login.prov.example.com/token", "{app.host}/token"), app, [][]string{
			{"default: login.prov.example.com", "default: evil.example.net"},
		}, "app.host.default"},
		{"by a suffix", with(code, "app: [", "app: [{name: host, default: login, pattern: '[a-z.]+', suffix: .prov.example.com}, ", "login.prov.example.com/token", "{app.host}.prov.example.com/token"), app, [][]string{
			{"suffix: .prov.example.com", "suffix: .example.net"},
		}, "app.host"},
		{"after the API", code, app, [][]string{api, {"login.prov.example.com/token", "api.prov.example.net/token"}}, "token.url"},
		{"after another base", code, app, [][]string{{"api: {", `api: {bases: {b: "https://b.example.net"}, `}, {"api:", "revoke: {url: 'https://b.example.net/revoke'}\napi:"}}, "revoke.url"},
		{"after a domain", code, keyed, [][]string{
			{`api: {base_url: "https://api.prov.example.com"}`, within, "client_auth: basic}", "client_auth: basic, capture: {host: host}}"},
		}, "api.within[0]"},
		{"in a domain that was there", with(code, `api: {base_url: "https://api.prov.example.com"}`, within), keyed, [][]string{
			{"api.prov.example.com", "evil.shops.example.net"},
			{"inject: [", `inject: [{in: header, name: X-Key, template: "{app.key}"}, `},
		}, "api.base_url"},
		{
			"a domain that bounds where tokens come from", with(code, `api: {base_url: "https://api.prov.example.com"}`, within,
				"client_auth: basic}", "client_auth: basic, capture: {host: host}}\nrefresh: {url: 'https://{captured.host}/token'}"), app,
			[][]string{{"within: [shops.example.net]", "within: [example.org]"}},
			"api.within[0]",
		},
		{"a signature that is the secret", plain, app, [][]string{api}, "api.base_url"},
		{"a signature that becomes the secret", with(plain, "PLAINTEXT", "HMAC-SHA256"), app, [][]string{api, {"HMAC-SHA256", "PLAINTEXT"}}, "api.base_url"},
		{"another path", plain, app, [][]string{{"prov.example.com", "prov.example.com/v2"}}, ""},
		{"a call to where the secret goes", plain, app, [][]string{{"api:", "verify: {path: /me}\napi:"}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set := setOf(t, vaulttest.New(t), catalog(t))
			put(t, set, connection.ConnectorFile{Source: tt.source})
			addApp(t, set, tt.app)
			f := connection.ConnectorFile{Name: "prov", Source: tt.source}
			for i, step := range tt.steps {
				f.Source = with(f.Source, step...)
				if tt.path == "" || i < len(tt.steps)-1 {
					put(t, set, f)
				}
			}
			if tt.path != "" {
				wantRefused(t, set, f, connection.CodeConnectorBreaks, tt.path)
			}
		})
	}
}

// A connector that an app is for is not removed, so that none of the same name gets the app's secret.
func TestRemoveConnectorOfAnApp(t *testing.T) {
	v := vaulttest.New(t)
	set := setOf(t, v, catalog(t))
	put(t, set, connection.ConnectorFile{Source: provYAML})
	for name, one := range map[string]*connection.Set{"claviger apps remove prov": set, "configuration": newSet(t, v, nil, appOf("prov", client("id", "1")))} {
		if one == set {
			addApp(t, set, appOf("prov", client("id", "1")))
		}
		_, err := one.RemoveConnector(t.Context(), "prov", 0)
		wantCode(t, err, connection.CodeConnectorInUse)
		if !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want it to name %s", err, name)
		}
		if one == set {
			if err := set.RemoveApp(t.Context(), "prov", "", false); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := set.RemoveConnector(t.Context(), "prov", 0); err != nil {
		t.Error(err)
	}
}

// What stands in place of a built-in connector does not get the secret of its app.
func TestReplaceBuiltinOfAnApp(t *testing.T) {
	set := setOf(t, vaulttest.New(t), catalog(t))
	addApp(t, set, appOf("github", client("id", "1")))
	moved := connection.ConnectorFile{Source: with(provYAML, "name: prov", "name: github"), ReplaceBuiltin: true}
	wantRefused(t, set, moved, connection.CodeConnectorBreaks, "token.url")
	change := put(t, set, connection.ConnectorFile{Source: "schema: 1\nname: github\nextends: github\ntitle: Own\n", ReplaceBuiltin: true})
	if change.Replaces != connectors.OriginBuiltin {
		t.Errorf("got %+v", change)
	}
}
