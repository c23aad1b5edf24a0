package connection_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// acmeYAML is a connector whose accounts have a site and a key.
const acmeYAML = `
schema: 1
name: acme
title: Acme
account:
  - {name: site, pattern: "[a-z]+", example: shop}
  - {name: zone, pattern: "[a-z]+", default: eu}
  - {name: note, pattern: ".*", optional: true}
  - {name: key, secret: true}
mode: static
inject: [{in: header, name: X-Key, template: "{account.key}"}]
api: {base_url: "https://{account.site}.acme.example.com/{account.zone}"}
identity: {path: /me, id: id}
`

// with is a file with some of its text replaced.
func with(text string, pairs ...string) string {
	return strings.NewReplacer(pairs...).Replace(text)
}

func setOf(t *testing.T, v *vault.Vault, catalog *connectors.Catalog, configured ...vault.Connection) *connection.Set {
	t.Helper()
	set, err := connection.NewSet(t.Context(), v, catalog, configured)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func put(t *testing.T, set *connection.Set, f connection.ConnectorFile) connection.ConnectorChange {
	t.Helper()
	change, err := set.PutConnector(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return change
}

// acme is a set with the stored connector acme, a connection of the same name, and accounts of these sites.
func acme(t *testing.T, v *vault.Vault, sites ...string) (*connection.Set, []vault.ConnectedAccount) {
	t.Helper()
	set := setOf(t, v, catalog(t))
	put(t, set, connection.ConnectorFile{Source: acmeYAML})
	c, err := set.Add(t.Context(), vault.Connection{Name: "acme", Connector: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	var accounts []vault.ConnectedAccount
	for i, site := range sites {
		accounts = append(accounts, vaulttest.Account(t, v, c.Connection, fmt.Sprintf("user_%d", i), vault.Grant{
			Inputs: vault.NewSecrets(map[string]string{"site": site, "note": "x", "key": "canary-secret"}),
		}))
	}
	return set, accounts
}

// wantRefused checks that a change is refused for the reason with that path, and that nothing has changed.
func wantRefused(t *testing.T, set *connection.Set, f connection.ConnectorFile, code, path string) *connection.Error {
	t.Helper()
	before, catalog := set.All(), set.Catalog()
	_, err := set.PutConnector(t.Context(), f)
	wantCode(t, err, code)
	var ce *connection.Error
	errors.As(err, &ce)
	if !slices.ContainsFunc(ce.Reasons, func(r connection.Reason) bool { return r.Path == path }) {
		t.Errorf("got reasons %v, want one about %q", ce.Reasons, path)
	}
	for _, r := range ce.Reasons {
		if strings.Contains(fmt.Sprint(r), "canary-secret") {
			t.Errorf("a reason holds a secret: %v", r)
		}
	}
	if !slices.Equal(before, set.All()) || set.Catalog() != catalog {
		t.Error("a change that was refused has changed something")
	}
	return ce
}

func TestStoredConnector(t *testing.T) {
	v := vaulttest.New(t)
	set, accounts := acme(t, v, "shop")
	if got := set.Catalog().Origin("acme"); got != connectors.OriginStored {
		t.Errorf("its origin is %q", got)
	}
	was, err := set.ByName("acme")
	if err != nil {
		t.Fatal(err)
	}
	change := put(t, set, connection.ConnectorFile{Name: "acme", Source: with(acmeYAML, "X-Key", "X-Api-Key")})
	if change.Stored.Version != 2 || change.Replaces != connectors.OriginStored || !slices.Equal(change.Connections, []string{"acme"}) {
		t.Errorf("got %+v", change)
	}
	now, err := set.ByName("acme")
	if err != nil || now == was || now.ID != was.ID || now.Connector().Inject[0].Name != "X-Api-Key" {
		t.Fatalf("the connection is as before: %v", err)
	}
	again := setOf(t, v, catalog(t))
	after, err := again.ByID(was.ID)
	if err != nil || after.Connector().Inject[0].Name != "X-Api-Key" || again.Catalog().Origin("acme") != connectors.OriginStored {
		t.Fatalf("after a restart: %v", err)
	}
	stored, err := v.Connection(t.Context(), was.ID)
	if err != nil || stored.Version != after.Version || len(stored.Shape) == 0 {
		t.Errorf("the connection is stored in version %d and used in %d, with shape %s: %v", stored.Version, after.Version, stored.Shape, err)
	}
	if _, err := now.For(vault.NewSecrets(map[string]string{"site": "shop", "key": "k"}), nil); err != nil || accounts[0].ID == "" {
		t.Error(err)
	}
}

// Each change is looked at with what the accounts were connected with.
func TestChangesWithAccounts(t *testing.T) {
	for _, tt := range []struct {
		name  string
		sites []string
		pairs []string
		// path is of the reason; empty means that it is allowed.
		path string
	}{
		{"words", []string{"shop"}, []string{"title: Acme", "title: Acme Inc"}, ""},
		{"another domain without accounts", nil, []string{"acme.example.com", "acme.example.org"}, ""},
		{"another domain", []string{"shop"}, []string{"acme.example.com", "acme.example.org"}, "api.base_url"},
		{"another mode", []string{"shop"}, []string{"mode: static", "mode: none", `inject: [{in: header, name: X-Key, template: "{account.key}"}]`, ""}, "mode"},
		{"a narrower pattern that all fit", []string{"shop", "store"}, []string{`"[a-z]+", example: shop`, `"s[a-z]+", example: shop`}, ""},
		{"a narrower pattern that one does not fit", []string{"shop", "market"}, []string{`"[a-z]+", example: shop`, `"s[a-z]+", example: shop`}, "account"},
		{"values that are listed", []string{"shop"}, []string{`pattern: "[a-z]+", example: shop`, `enum: [shop, store]`}, ""},
		{"values that are not listed", []string{"shop"}, []string{`pattern: "[a-z]+", example: shop`, `enum: [store]`}, "account"},
		{"an input more", []string{"shop"}, []string{"account:\n", "account:\n  - {name: more, pattern: \".+\", optional: true}\n"}, ""},
		{"a required input more", []string{"shop"}, []string{"account:\n", "account:\n  - {name: more, pattern: \".+\"}\n"}, "account"},
		{"an input less that none has given", []string{"shop"}, []string{"  - {name: zone, pattern: \"[a-z]+\", default: eu}\n", "", "/{account.zone}", "/eu"}, ""},
		{"an input less", []string{"shop"}, []string{"  - {name: note, pattern: \".*\", optional: true}\n", ""}, "account"},
		{"another default", []string{"shop"}, []string{"default: eu", "default: us"}, "account.zone.default"},
		{"no default", []string{"shop"}, []string{", default: eu", ""}, "account"},
		{"asked for as it was", []string{"shop"}, []string{`name: note, pattern: ".*", optional: true`, `name: note, pattern: ".*", visible_when: {input: zone, equals: eu}`}, ""},
		{"not asked for any more", []string{"shop"}, []string{`name: note, pattern: ".*", optional: true`, `name: note, pattern: ".*", visible_when: {input: zone, equals: us}`}, "account"},
		{"another identity", []string{"shop"}, []string{"id: id", "id: uuid"}, "identity.id"},
		{"an open secret", []string{"shop"}, []string{"{name: key, secret: true}", "{name: key, pattern: \".+\"}"}, "account.key.secret"},
		{"what was not kept", []string{"shop"}, []string{
			"/{account.zone}\"}", "/{account.zone}\", headers: {X-Org: \"{captured.org}\"}}\ndiscover: [{path: /orgs, id: id, into: org}]",
		}, "captured.org"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set, accounts := acme(t, vaulttest.New(t), tt.sites...)
			f := connection.ConnectorFile{Name: "acme", Source: with(acmeYAML, tt.pairs...)}
			if f.Source == acmeYAML {
				t.Fatal("the file is the same")
			}
			if tt.path == "" {
				put(t, set, f)
				return
			}
			e := wantRefused(t, set, f, connection.CodeConnectorBreaks, tt.path)
			if !strings.Contains(e.Message, "disconnected first and connected again") {
				t.Errorf("the way out is not told: %s", e.Message)
			}
			if tt.path == "account" && e.Reasons[0].Account != accounts[len(accounts)-1].ID {
				t.Errorf("got %+v, want the reason to name account %s", e.Reasons, accounts[len(accounts)-1].ID)
			}
		})
	}
}

// A disconnected account has nothing to lose.
func TestDisconnectedAccountsDoNotCount(t *testing.T) {
	v := vaulttest.New(t)
	set, accounts := acme(t, v, "shop")
	moved := connection.ConnectorFile{Name: "acme", Source: with(acmeYAML, "acme.example.com", "acme.example.org")}
	wantRefused(t, set, moved, connection.CodeConnectorBreaks, "api.base_url")
	if _, err := v.SetStatus(t.Context(), accounts[0].ID, 0, vault.StatusExpired, "test"); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, set, moved, connection.CodeConnectorBreaks, "api.base_url")
	if _, err := v.SetStatus(t.Context(), accounts[0].ID, 0, vault.StatusDisconnected, "test"); err != nil {
		t.Fatal(err)
	}
	put(t, set, moved)
}

// A connection that does not fit is a reason of its own, with accounts or without.
func TestChangeThatAConnectionDoesNotFit(t *testing.T) {
	set, _ := acme(t, vaulttest.New(t))
	e := wantRefused(t, set, connection.ConnectorFile{
		Name: "acme", Source: with(acmeYAML, "account:\n", "app: [{name: org, pattern: \".+\"}]\naccount:\n"),
	}, connection.CodeConnectorBreaks, "")
	if !strings.Contains(e.Message, "connection acme: org: connector acme needs this parameter") {
		t.Errorf("got %s", e.Message)
	}
}

func TestPutConnectorRefused(t *testing.T) {
	folder, err := connectors.Decode("own.yaml", []byte(with(acmeYAML, "name: acme", "name: own")))
	if err != nil {
		t.Fatal(err)
	}
	set := setOf(t, vaulttest.New(t), catalog(t).With(folder))
	put(t, set, connection.ConnectorFile{Source: acmeYAML})
	put(t, set, connection.ConnectorFile{Source: "schema: 1\nname: variant\nextends: acme\ntitle: Variant\n"})
	demo := "schema: 1\nname: demo\nextends: demo\ntitle: Own demo\n"
	for _, tt := range []struct {
		name string
		file connection.ConnectorFile
		code string
		line int
	}{
		{"no YAML", connection.ConnectorFile{Source: "schema: [1"}, connection.CodeInvalidConnector, 0},
		{"no name", connection.ConnectorFile{Source: "schema: 1\n"}, connection.CodeInvalidConnector, 0},
		{"a mistake", connection.ConnectorFile{Source: with(acmeYAML, "name: acme", "name: new", "mode: static", "mode: statik")}, connection.CodeInvalidConnector, 10},
		{"an unknown base", connection.ConnectorFile{Source: "schema: 1\nname: new\nextends: acne\ntitle: New\n"}, connection.CodeInvalidConnector, 3},
		{"too long", connection.ConnectorFile{Source: "# " + strings.Repeat("x", vault.MaxConnectorSource) + "\nname: new\n"}, connection.CodeInvalidConnector, 0},
		{"aliases that grow", connection.ConnectorFile{Source: "name: new\na: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"}, connection.CodeInvalidConnector, 2},
		{"http", connection.ConnectorFile{Source: with(acmeYAML, "name: acme", "name: new", "https://{account.site}.acme", "http://api.acme")}, connection.CodeInvalidConnector, 12},
		{"a link-local address", connection.ConnectorFile{Source: with(acmeYAML, "name: acme", "name: new", "{account.site}.acme.example.com", "169.254.169.254")}, connection.CodeInvalidConnector, 12},
		{"a name that is taken", connection.ConnectorFile{Source: acmeYAML}, connection.CodeConnectorExists, 0},
		{"a built-in name", connection.ConnectorFile{Source: demo}, connection.CodeConnectorBuiltin, 0},
		{"the name of a file", connection.ConnectorFile{Source: with(acmeYAML, "name: acme", "name: own"), ReplaceBuiltin: true}, connection.CodeConnectorReadOnly, 0},
		{"the name of a file, again", connection.ConnectorFile{Name: "own", Source: with(acmeYAML, "name: acme", "name: own")}, connection.CodeConnectorReadOnly, 0},
		{"one that is not there", connection.ConnectorFile{Name: "new", Source: with(acmeYAML, "name: acme", "name: new")}, connection.CodeUnknownConnector, 0},
		{"one that is built in", connection.ConnectorFile{Name: "demo", Source: demo, ReplaceBuiltin: true}, connection.CodeConnectorBuiltin, 0},
		{"another name", connection.ConnectorFile{Name: "acme", Source: with(acmeYAML, "name: acme", "name: new")}, connection.CodeInvalidConnector, 0},
		{"what breaks a variant", connection.ConnectorFile{Name: "acme", Source: with(acmeYAML, "schema: 1", "schema: 1\nextends: variant")}, connection.CodeInvalidConnector, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := set.Catalog()
			change, err := set.PutConnector(t.Context(), tt.file)
			wantCode(t, err, tt.code)
			var ce *connection.Error
			errors.As(err, &ce)
			if tt.code == connection.CodeInvalidConnector && (len(ce.Reasons) == 0 || tt.line > 0 && ce.Reasons[0].Line != tt.line) {
				t.Errorf("got %+v, want line %d", ce.Reasons, tt.line)
			}
			if set.Catalog() != before || change.Stored.Name != "" {
				t.Errorf("something has changed, or is returned: %+v", change)
			}
		})
	}
	if change := put(t, set, connection.ConnectorFile{Source: with(acmeYAML, "name: acme", "name: |-\n  block")}); change.Stored.Name != "block" {
		t.Errorf("with its name in a block, the connector is %q", change.Stored.Name)
	}
	if _, err := set.PutConnector(t.Context(), connection.ConnectorFile{Name: "acme", Source: acmeYAML, Version: 7}); !errors.Is(err, vault.ErrConflict) {
		t.Errorf("another version: got %v", err)
	}
}

func TestDryRun(t *testing.T) {
	v := vaulttest.New(t)
	set, _ := acme(t, v, "shop")
	before := set.Catalog()
	change := put(t, set, connection.ConnectorFile{Name: "acme", Source: with(acmeYAML, "title: Acme", "title: Other"), DryRun: true})
	if !slices.Equal(change.Connections, []string{"acme"}) || change.Stored.Version != 1 {
		t.Errorf("got %+v", change)
	}
	wantRefused(t, set, connection.ConnectorFile{Name: "acme", Source: with(acmeYAML, "acme.ex", "acne.ex"), DryRun: true}, connection.CodeConnectorBreaks, "api.base_url")
	put(t, set, connection.ConnectorFile{Source: with(acmeYAML, "name: acme", "name: new"), DryRun: true})
	if stored, err := v.FindConnector(t.Context(), "", "acme"); err != nil || stored.Source != acmeYAML || set.Catalog() != before {
		t.Errorf("the dry run was none: %v", err)
	}
	if _, err := v.FindConnector(t.Context(), "", "new"); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("the dry run has stored something: %v", err)
	}
}

// A stored connector may stand in place of a built-in one, and go again, if the accounts can.
func TestReplaceBuiltin(t *testing.T) {
	v := vaulttest.New(t)
	set := setOf(t, v, catalog(t), configured("demo", "demo"))
	live, err := set.ByName("demo")
	if err != nil {
		t.Fatal(err)
	}
	vaulttest.Account(t, v, live.Connection, "user_1", vaulttest.Grant("a", time.Now()))
	own := "schema: 1\nname: demo\nextends: demo\ntitle: Own demo\n"
	change := put(t, set, connection.ConnectorFile{Source: own, ReplaceBuiltin: true})
	if change.Replaces != connectors.OriginBuiltin || !change.Stored.ReplacesBuiltin || !slices.Equal(change.Connections, []string{"demo"}) {
		t.Errorf("got %+v", change)
	}
	if now, err := set.ByName("demo"); err != nil || now.Connector().Title != "Own demo" || now.App.ClientSecret.IsZero() {
		t.Fatalf("the configured connection has not gone over with its secret: %v", err)
	}
	put(t, set, connection.ConnectorFile{Name: "demo", Source: own + "api: {bases: {more: \"http://127.0.0.1:{app.port}/more\"}}\n"})
	_, err = set.RemoveConnector(t.Context(), "demo", 0)
	wantCode(t, err, connection.CodeConnectorBreaks)
	if a, err := v.FindAccount(t.Context(), live.ID, "user_1"); err != nil {
		t.Fatal(err)
	} else if _, err := v.SetStatus(t.Context(), a.ID, 0, vault.StatusDisconnected, "test"); err != nil {
		t.Fatal(err)
	}
	if _, err := set.RemoveConnector(t.Context(), "demo", 1); !errors.Is(err, vault.ErrConflict) {
		t.Errorf("another version: got %v", err)
	}
	if _, err := set.RemoveConnector(t.Context(), "demo", 2); err != nil {
		t.Fatal(err)
	}
	if now, err := set.ByName("demo"); err != nil || now.Connector().Title == "Own demo" || set.Catalog().Origin("demo") != connectors.OriginBuiltin {
		t.Errorf("the built-in one is not back: %v", err)
	}
	for name, code := range map[string]string{"demo": connection.CodeConnectorBuiltin, "no-such": connection.CodeUnknownConnector} {
		_, err = set.RemoveConnector(t.Context(), name, 0)
		wantCode(t, err, code)
	}
}

func TestRemoveConnectorInUse(t *testing.T) {
	set, _ := acme(t, vaulttest.New(t))
	put(t, set, connection.ConnectorFile{Source: "schema: 1\nname: variant\nextends: acme\ntitle: Variant\n"})
	_, err := set.RemoveConnector(t.Context(), "acme", 0)
	wantCode(t, err, connection.CodeConnectorInUse)
	if _, err := set.RemoveConnector(t.Context(), "variant", 0); err != nil {
		t.Fatal(err)
	}
	_, err = set.RemoveConnector(t.Context(), "acme", 0)
	wantCode(t, err, connection.CodeConnectorInUse)
	if err := set.Remove(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	if _, err := set.RemoveConnector(t.Context(), "acme", 0); err != nil {
		t.Fatal(err)
	}
	if _, ok := set.Catalog().Lookup("acme"); ok {
		t.Error("it is still there")
	}
}

// What a variant says comes from another file, and so does its change.
func TestChangeReachesVariants(t *testing.T) {
	v := vaulttest.New(t)
	set, _ := acme(t, v)
	put(t, set, connection.ConnectorFile{Source: "schema: 1\nname: variant\nextends: acme\ntitle: Variant\n"})
	c, err := set.Add(t.Context(), vault.Connection{Name: "other", Connector: "variant"})
	if err != nil {
		t.Fatal(err)
	}
	vaulttest.Account(t, v, c.Connection, "user_1", vault.Grant{Inputs: vault.NewSecrets(map[string]string{"site": "shop", "key": "canary-secret"})})
	e := wantRefused(t, set, connection.ConnectorFile{Name: "acme", Source: with(acmeYAML, "acme.ex", "acne.ex")}, connection.CodeConnectorBreaks, "api.base_url")
	if e.Reasons[0].Connection != "other" {
		t.Errorf("got %+v", e.Reasons)
	}
	change := put(t, set, connection.ConnectorFile{Name: "acme", Source: with(acmeYAML, "X-Key", "X-Api-Key")})
	if now, err := set.ByName("other"); err != nil || now.Connector().Inject[0].Name != "X-Api-Key" || !slices.Equal(change.Connections, []string{"acme", "other"}) {
		t.Errorf("got %+v, %v", change, err)
	}
}

// A stored connector that cannot be read leaves its name empty: what stands behind it may be another
// provider's. It can be put right while Claviger runs.
func TestBadStoredConnector(t *testing.T) {
	v := vaulttest.New(t)
	own := "schema: 1\nname: demo\nextends: demo\ntitle: Own demo\n"
	for name, text := range map[string]string{"demo": own + "later: key\n", "good": with(acmeYAML, "name: acme", "name: good")} {
		if err := v.PutConnector(t.Context(), &vault.Connector{Name: name, Source: text}); err != nil {
			t.Fatal(err)
		}
	}
	c := configured("demo", "demo")
	c.Origin = vault.OriginAPI
	if err := v.PutConnection(t.Context(), &c); err != nil {
		t.Fatal(err)
	}
	set := setOf(t, v, catalog(t))
	if _, ok := set.Catalog().Lookup("demo"); ok || set.Catalog().Origin("good") != connectors.OriginStored {
		t.Error("the bad one has not left its name, or has taken the good one along")
	}
	if bad := set.BadConnectors(); len(bad) != 1 || !strings.Contains(fmt.Sprint(bad["demo"]), "later") {
		t.Errorf("got %v", bad)
	}
	_, err := set.ByName("demo")
	wantCode(t, err, connection.CodeUnknownConnector)
	put(t, set, connection.ConnectorFile{Name: "demo", Source: own})
	if now, err := set.ByName("demo"); err != nil || now.Connector().Title != "Own demo" || len(set.BadConnectors()) != 0 {
		t.Errorf("the connection is not there again: %v", err)
	}
}

// A file of a folder owns its name, also when a stored connector had it before.
func TestFolderBeforeStored(t *testing.T) {
	v := vaulttest.New(t)
	acme(t, v, "shop")
	k, err := connectors.Decode("acme.yaml", []byte(with(acmeYAML, "title: Acme", "title: File")))
	if err != nil {
		t.Fatal(err)
	}
	set := setOf(t, v, catalog(t).With(k))
	if now, err := set.ByName("acme"); err != nil || now.Connector().Title != "File" || set.Catalog().Origin("acme") != connectors.OriginFolder {
		t.Errorf("the file is not used: %v", err)
	}
	if change, err := set.RemoveConnector(t.Context(), "acme", 0); err != nil || len(change.Connections) != 0 {
		t.Errorf("what stands behind it cannot be removed: %+v, %v", change, err)
	}
}

// Connections come and go while their connector changes, and whoever reads sees one that is whole.
func TestConnectorChangesAtOnce(t *testing.T) {
	set, _ := acme(t, vaulttest.New(t), "shop")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var readers, writers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for ctx.Err() == nil {
				c, err := set.ByName("acme")
				if err != nil {
					t.Errorf("the connection is gone: %v", err)
					return
				}
				if k, ok := set.Catalog().Lookup("acme"); !ok || k.Title == "" || c.Connector().Title == "" {
					t.Error("the connector is not whole")
				}
			}
		})
	}
	for n := range 3 {
		writers.Go(func() {
			for i := range 10 {
				_, err := set.PutConnector(t.Context(), connection.ConnectorFile{Name: "acme", Source: with(acmeYAML, "title: Acme", fmt.Sprintf("title: Acme %d %d", n, i))})
				if err != nil && !errors.Is(err, vault.ErrConflict) {
					t.Error(err)
				}
			}
		})
		writers.Go(func() {
			for range 10 {
				name := fmt.Sprintf("more_%d", n)
				if _, err := set.Add(t.Context(), vault.Connection{Name: name, Connector: "acme"}); err != nil {
					t.Error(err)
				}
				if err := set.Remove(t.Context(), name); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	cancel()
	readers.Wait()
	want, _ := set.Catalog().Lookup("acme")
	for _, c := range set.All() {
		if c.Connector() != want {
			t.Errorf("connection %s has an earlier connector", c.Name)
		}
	}
	if len(set.All()) != 1 {
		t.Errorf("got %d connections, want the one that has stayed", len(set.All()))
	}
}
