package connection_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// provYAML is a connector that needs an OAuth client, and whose accounts have a site.
const provYAML = `
schema: 1
name: prov
title: Prov
account: [{name: site, pattern: "[a-z]+", example: shop}]
authorize: {url: "https://login.prov.example.com/authorize"}
token: {url: "https://login.prov.example.com/token", client_auth: basic}
inject: [{in: header, name: Authorization, template: "Bearer {token}"}]
api: {base_url: "https://{account.site}.prov.example.com"}
`

// moved is provYAML at another provider.
var moved = with(provYAML, "prov.example.com", "prov.example.net")

// prov is a set with a connection to the stored connector prov that has an account, and whose app is gone.
func prov(t *testing.T, v *vault.Vault) *connection.Set {
	t.Helper()
	set := setOf(t, v, catalog(t))
	put(t, set, connection.ConnectorFile{Source: provYAML})
	addApp(t, set, appOf("prov", client("id", "1")))
	c, err := set.Add(t.Context(), bare("one", "prov"))
	if err != nil {
		t.Fatal(err)
	}
	vaulttest.Account(t, v, c.Connection, "user_1", vault.Grant{Inputs: vault.NewSecrets(map[string]string{"site": "shop"})})
	if err := set.RemoveApp(t.Context(), "prov", "", true); err != nil {
		t.Fatal(err)
	}
	return set
}

func addApp(t *testing.T, set *connection.Set, a vault.App) {
	t.Helper()
	if _, err := set.AddApp(t.Context(), a); err != nil {
		t.Fatal(err)
	}
}

// A connection that lacks its client goes nowhere else with the accounts it has, whatever gives it one.
func TestHeldUntilTheConnectorFits(t *testing.T) {
	for name, wake := range map[string]func(*connection.Set) error{
		"an app": func(set *connection.Set) error {
			_, err := set.AddApp(t.Context(), appOf("prov", client("id", "1")))
			if err == nil {
				_, err = set.ByName("one")
			}
			return err
		},
		"a client of its own": func(set *connection.Set) error {
			_, err := set.Change(t.Context(), "one", func(c *vault.Connection) error {
				c.SetClient(client("id", "1"))
				return nil
			})
			return err
		},
	} {
		for _, other := range []struct{ name, source, path string }{
			{"another host", moved, "api.base_url"},
			{"what an account does not fit", with(provYAML, `"[a-z]+"`, `"m[a-z]+"`, "example: shop", "example: market"), "account"},
		} {
			t.Run(name+", "+other.name, func(t *testing.T) {
				v := vaulttest.New(t)
				set := prov(t, v)
				put(t, set, connection.ConnectorFile{Name: "prov", Source: other.source})
				err := wake(set)
				wantCode(t, err, connection.CodeConnectorBreaks)
				if !strings.Contains(err.Error(), other.path+": ") {
					t.Errorf("got %v, want a reason about %s", err, other.path)
				}
				_, err = setOf(t, v, catalog(t)).ByName("one")
				wantCode(t, err, connection.CodeConnectorChanged)
				if name == "an app" { // which was given for the other hosts
					if err := set.RemoveApp(t.Context(), "prov", "", true); err != nil {
						t.Fatal(err)
					}
				}
				put(t, set, connection.ConnectorFile{Name: "prov", Source: with(provYAML, "title: Prov", "title: Back")})
				err = wake(set)
				if c, e := set.ByName("one"); err != nil || e != nil || c.Connector().Title != "Back" {
					t.Errorf("with the hosts of before: %v, %v", err, e)
				}
			})
		}
	}
}

// A connection that is let go on is recorded with the connector that it goes on with.
func TestWokenConnectionIsRecorded(t *testing.T) {
	v := vaulttest.New(t)
	set := prov(t, v)
	put(t, set, connection.ConnectorFile{Name: "prov", Source: with(provYAML, "api: {", `api: {bases: {files: "https://login.prov.example.com/files"}, `)})
	addApp(t, set, appOf("prov", client("id", "1")))
	c, err := v.FindConnection(t.Context(), "", "one")
	live, e := set.ByName("one")
	if err != nil || e != nil || !strings.Contains(string(c.Shape), "files") || live.Version != c.Version {
		t.Errorf("got shape %s, version %d in use, %v, %v", c.Shape, live.Version, err, e)
	}
}

// What a later program brings is noticed also while the app is missing.
func TestGuardWithoutApp(t *testing.T) {
	v := vaulttest.New(t)
	first := setOf(t, v, catalog(t).WithStored(decoded(t, provYAML)))
	addApp(t, first, appOf("prov", client("id", "1")))
	if _, err := first.Add(t.Context(), bare("one", "prov")); err != nil {
		t.Fatal(err)
	}
	connected(t, v, first, "one")
	if err := first.RemoveApp(t.Context(), "prov", "", true); err != nil {
		t.Fatal(err)
	}
	set := setOf(t, v, catalog(t).WithStored(decoded(t, moved)))
	addApp(t, set, appOf("prov", client("id", "1")))
	_, err := set.ByName("one")
	wantCode(t, err, connection.CodeConnectorChanged)
}

// Nothing is changed while another change has been looked at and is not made yet.
func TestChangesTakeTurns(t *testing.T) {
	set := prov(t, vaulttest.New(t))
	app := appOf("prov", client("id", "1"))
	nothing := func(*vault.Connection) error { return nil }
	addApp(t, set, app)
	_, err := set.ChangeApp(t.Context(), "prov", "", func(*vault.App) error {
		for name, do := range map[string]func(context.Context) error{
			"AddApp":    func(ctx context.Context) error { _, err := set.AddApp(ctx, app); return err },
			"ChangeApp": func(ctx context.Context) error { _, err := set.ForgetAppClient(ctx, "prov", "", "x", true); return err },
			"RemoveApp": func(ctx context.Context) error { return set.RemoveApp(ctx, "prov", "", false) },
			"Change":    func(ctx context.Context) error { _, err := set.Change(ctx, "one", nothing); return err },
			"Remove":    func(ctx context.Context) error { return set.Remove(ctx, "one") },
		} {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			if err := do(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s does not wait: %v", name, err)
			}
			cancel()
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// hostYAML is a connector whose host is what the operator, or a user, gives.
const hostYAML = `
schema: 1
name: host
title: Host
app: [{name: host, pattern: "[a-z.]+", default: api.example.com, prefix: "https://", example: api.example.org}]
account:
  - {name: key, secret: true}
mode: static
inject: [{in: header, name: X-Key, template: "{account.key}"}]
api: {base_url: "https://{app.host}"}
`

// What is taken off a value, or put in its place, is part of the host.
func TestHostsThatValuesMakeUp(t *testing.T) {
	ofAccount := strings.NewReplacer("app: [{name: host", "account:\n  - {name: host", "org}]\naccount:", "org}", "{app.host}", "{account.host}")
	for _, tt := range []struct{ name, value, old, now, path string }{
		{"a suffix", "api.bank.com.br", `prefix: "https://"`, `prefix: "https://", suffix: .br`, "host"},
		{"a prefix", "api.bank.com.br", `prefix: "https://"`, `prefix: api.`, "host"},
		{"a normalization", "api.bank.com.br", `prefix: "https://"`, `prefix: "https://", normalize: [trim, lower]`, "host"},
		{"a default in place of nothing that is left", "https://", "default: api.example.com", "default: api.example.net", "host"},
		{"a pattern", "api.bank.com.br", `"[a-z.]+"`, `"[a-z.]{3,40}"`, ""},
	} {
		for prefix, text := range map[string]string{"app.": hostYAML, "account.": ofAccount.Replace(hostYAML)} {
			t.Run(prefix+tt.name, func(t *testing.T) {
				v := vaulttest.New(t)
				set := setOf(t, v, catalog(t))
				put(t, set, connection.ConnectorFile{Source: text})
				c := vault.Connection{Name: "one", Connector: "host"}
				inputs := map[string]string{"key": "canary-secret"}
				if prefix == "app." {
					c.Params = map[string]string{"host": tt.value}
				} else {
					inputs["host"] = tt.value
				}
				live, err := set.Add(t.Context(), c)
				if err != nil {
					t.Fatal(err)
				}
				vaulttest.Account(t, v, live.Connection, "user_1", vault.Grant{Inputs: vault.NewSecrets(inputs)})
				f := connection.ConnectorFile{Name: "host", Source: with(text, tt.old, tt.now)}
				if tt.path == "" {
					put(t, set, f)
					return
				}
				wantRefused(t, set, f, connection.CodeConnectorBreaks, prefix+tt.path)
			})
		}
	}
}
