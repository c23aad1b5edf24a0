package connection_test

import (
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

func decoded(t *testing.T, text string) *connectors.Connector {
	t.Helper()
	k, err := connectors.Decode("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// connected stores an account at the connection, by whatever set has it.
func connected(t *testing.T, v *vault.Vault, set *connection.Set, name string) vault.ConnectedAccount {
	t.Helper()
	c, err := set.ByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return vaulttest.Account(t, v, c.Connection, "user_1", vault.Grant{Inputs: vault.NewSecrets(map[string]string{"site": "shop", "key": "canary-secret"})})
}

func disconnect(t *testing.T, v *vault.Vault, a vault.ConnectedAccount) {
	t.Helper()
	if _, err := v.SetStatus(t.Context(), a.ID, 0, vault.StatusDisconnected, "test"); err != nil {
		t.Fatal(err)
	}
}

// A file of a folder that would break accounts refuses the configuration, whoever wrote the connection.
func TestGuardOfFolders(t *testing.T) {
	for _, origin := range []vault.Origin{vault.OriginConfig, vault.OriginAPI} {
		t.Run(string(origin), func(t *testing.T) {
			v := vaulttest.New(t)
			var configured []vault.Connection
			if origin == vault.OriginConfig {
				configured = append(configured, vault.Connection{Name: "acme", Connector: "acme"})
			}
			set := setOf(t, v, catalog(t).With(decoded(t, acmeYAML)), configured...)
			if origin == vault.OriginAPI {
				if _, err := set.Add(t.Context(), vault.Connection{Name: "acme", Connector: "acme"}); err != nil {
					t.Fatal(err)
				}
			}
			a := connected(t, v, set, "acme")
			was, err := v.FindConnection(t.Context(), "", "acme")
			if err != nil {
				t.Fatal(err)
			}
			moved := catalog(t).With(decoded(t, with(acmeYAML, "acme.ex", "acne.ex")))
			for range 2 { // the refusal must not make it good
				_, err = connection.NewSet(t.Context(), v, moved, configured)
				wantCode(t, err, connection.CodeConnectorChanged)
				for _, part := range []string{"connection acme", "api.base_url", "acne.example.com", "put the earlier file back"} {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("the error has no %q: %v", part, err)
					}
				}
			}
			if is, err := v.FindConnection(t.Context(), "", "acme"); err != nil || is.Version != was.Version {
				t.Errorf("the configuration that was refused has left version %d after %d, %v", is.Version, was.Version, err)
			}
			setOf(t, v, catalog(t).With(decoded(t, with(acmeYAML, "X-Key", "X-Api-Key"))), configured...)
			disconnect(t, v, a)
			if now, err := setOf(t, v, moved, configured...).ByName("acme"); err != nil || !strings.Contains(now.Connector().API.BaseURL.String(), "acne") {
				t.Errorf("without accounts it must be free: %v", err)
			}
		})
	}
}

// A connector that the program brings along makes only the connections concerned unusable.
func TestGuardOfUpgrades(t *testing.T) {
	v := vaulttest.New(t)
	builtin := func(pairs ...string) *connectors.Catalog { // as far as the set can tell
		return catalog(t).WithStored(decoded(t, with(acmeYAML, pairs...)))
	}
	configured := []vault.Connection{
		{Name: "acme", Connector: "acme"}, {Name: "empty", Connector: "acme"}, configured("mail", "gmail"),
	}
	first := setOf(t, v, builtin(), configured...)
	a := connected(t, v, first, "acme")
	stored, err := first.Add(t.Context(), vault.Connection{Name: "stored", Connector: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	b := connected(t, v, first, "stored")
	for range 2 {
		set := setOf(t, v, builtin("acme.ex", "acne.ex"), configured...)
		for _, name := range []string{"acme", "stored"} {
			_, err := set.ByName(name)
			wantCode(t, err, connection.CodeConnectorChanged)
			if !strings.Contains(err.Error(), "disconnect these accounts and reload") || set.Broken()[name] == nil {
				t.Errorf("%s: got %v", name, err)
			}
		}
		if _, err := set.ByID(stored.ID); err == nil {
			t.Error("the connection is found by its ID")
		}
		for _, name := range []string{"empty", "mail"} {
			if _, err := set.ByName(name); err != nil {
				t.Errorf("connection %s is broken too: %v", name, err)
			}
		}
		// Nothing else brings it back.
		_, err := set.Change(t.Context(), "stored", func(c *vault.Connection) error { c.Scopes = nil; return nil })
		wantCode(t, err, connection.CodeConnectorChanged)
	}
	disconnect(t, v, a)
	disconnect(t, v, b)
	set := setOf(t, v, builtin("acme.ex", "acne.ex"), configured...)
	for _, name := range []string{"acme", "stored"} {
		if _, err := set.ByName(name); err != nil {
			t.Errorf("connection %s does not come back: %v", name, err)
		}
	}
}

// A stored file may bring back what the program has taken, and only that.
func TestGuardIsLiftedByAFile(t *testing.T) {
	v := vaulttest.New(t)
	first := setOf(t, v, catalog(t).WithStored(decoded(t, acmeYAML)))
	if _, err := first.Add(t.Context(), vault.Connection{Name: "stored", Connector: "acme"}); err != nil {
		t.Fatal(err)
	}
	connected(t, v, first, "stored")
	set := setOf(t, v, catalog(t).WithStored(decoded(t, with(acmeYAML, "acme.ex", "acne.ex"))))
	put(t, set, connection.ConnectorFile{Source: with(acmeYAML, "acme.ex", "again.ex"), ReplaceBuiltin: true})
	_, err := set.ByName("stored")
	wantCode(t, err, connection.CodeConnectorBreaks)
	change := put(t, set, connection.ConnectorFile{Name: "acme", Source: acmeYAML})
	if _, err := set.ByName("stored"); err != nil || len(change.Connections) != 1 {
		t.Errorf("with the connector of before: %+v, %v", change, err)
	}
}

// A standard way that is another one is noticed, and naming the earlier one helps.
func TestGuardOfWays(t *testing.T) {
	v := vaulttest.New(t)
	turned := strings.Replace(keyed, "  - id: app_key", "  - id: other\n    title: Other\n    mode: static\n    app: [{name: key, secret: true}]\n"+
		"    inject: [{in: header, name: X-Other, template: \"{app.key}\"}]\n  - id: app_key", 1)
	set := setOf(t, v, withKeyed(t), configuredKeyed(""))
	connected(t, v, set, "keys")
	other := catalog(t).With(decoded(t, turned))
	c := configuredKeyed("")
	_, err := connection.NewSet(t.Context(), v, other, []vault.Connection{c})
	wantCode(t, err, connection.CodeConnectorChanged)
	if !strings.Contains(err.Error(), "auth: the standard way was app_key and would be other") {
		t.Errorf("got %v", err)
	}
	if now, err := setOf(t, v, other, configuredKeyed("app_key")).ByName("keys"); err != nil || now.Way != "app_key" {
		t.Errorf("with its way named: %v", err)
	}
}

// What an earlier or later program has recorded in another form says nothing, and is recorded anew.
func TestShapesOfOtherPrograms(t *testing.T) {
	moved := with(acmeYAML, "acme.ex", "acne.ex")
	for name, shape := range map[string]string{
		"none": "", "another format": `{"format":0,"mode":"login","hosts":{"api.base_url":"x.example.org"},"defaults":{"account.zone":"us"},"takes":""}`, "no shape": `[7]`,
	} {
		t.Run(name, func(t *testing.T) {
			v := vaulttest.New(t)
			set := setOf(t, v, catalog(t).With(decoded(t, acmeYAML)), vault.Connection{Name: "acme", Connector: "acme"})
			connected(t, v, set, "acme")
			c, err := v.FindConnection(t.Context(), "", "acme")
			if err != nil {
				t.Fatal(err)
			}
			good := string(c.Shape)
			c.Shape = []byte(shape)
			if err := v.PutConnection(t.Context(), &c); err != nil {
				t.Fatal(err)
			}
			setOf(t, v, catalog(t).With(decoded(t, moved)), vault.Connection{Name: "acme", Connector: "acme"})
			if c, err = v.FindConnection(t.Context(), "", "acme"); err != nil || string(c.Shape) == good || !strings.Contains(string(c.Shape), "acne") {
				t.Errorf("got %s, %v", c.Shape, err)
			}
		})
	}
}

// The grants of accounts that have nothing of their own are not opened for a change of what all share.
func TestGuardOpensNoGrantInVain(t *testing.T) {
	v := vaulttest.New(t)
	shared := with(acmeYAML, "{account.site}.", "", "/{account.zone}", "", "account:\n", "app:\n", "{account.key}", "{app.key}")
	configured := vault.Connection{
		Name: "acme", Connector: "acme", Params: map[string]string{"site": "shop"}, SecretParams: vault.NewSecrets(map[string]string{"key": "k"}),
	}
	connected(t, v, setOf(t, v, catalog(t).With(decoded(t, shared)), configured), "acme") // with inputs that do not fit
	moved := with(shared, "acme.example.com", "acme.example.com/v2", "[a-z]+", "[a-z]{2,9}")
	now, err := setOf(t, v, catalog(t).With(decoded(t, moved)), configured).ByName("acme")
	if err != nil || now.Connector().API.BaseURL.String() != "https://acme.example.com/v2" {
		t.Errorf("got %v", err)
	}
}

// Who can put the connector right depends on where it comes from.
func TestGuardSaysWhatToDo(t *testing.T) {
	change := func(t *testing.T, v *vault.Vault, set *connection.Set, connector string) {
		c := vault.Connection{Name: "one", Connector: connector}
		if _, err := set.Add(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		connected(t, v, set, "one")
	}
	for name, tt := range map[string]struct {
		prepare func(t *testing.T, v *vault.Vault) *connectors.Catalog
		has     string
	}{
		"stored": {func(t *testing.T, v *vault.Vault) *connectors.Catalog {
			set := setOf(t, v, catalog(t))
			stored := put(t, set, connection.ConnectorFile{Source: acmeYAML}).Stored
			change(t, v, set, "acme")
			stored.Source = with(acmeYAML, "acme.ex", "acne.ex")
			if err := v.PutConnector(t.Context(), &stored); err != nil {
				t.Fatal(err)
			}
			return catalog(t)
		}, "put its earlier file back: `claviger connectors add FILE --replace`"},
		"built in": {func(t *testing.T, v *vault.Vault) *connectors.Catalog {
			set := setOf(t, v, catalog(t))
			addApp(t, set, appOf("github", client("id", "1")))
			change(t, v, set, "github")
			c, err := v.FindConnection(t.Context(), "", "one")
			if err != nil {
				t.Fatal(err)
			}
			c.Shape = []byte(strings.ReplaceAll(string(c.Shape), "github.com", "github.example"))
			if err := v.PutConnection(t.Context(), &c); err != nil {
				t.Fatal(err)
			}
			return catalog(t)
		}, "go back to the earlier program"},
		"a folder, without a client": {func(t *testing.T, v *vault.Vault) *connectors.Catalog {
			set := setOf(t, v, catalog(t).With(decoded(t, provYAML)))
			addApp(t, set, appOf("prov", client("id", "1")))
			change(t, v, set, "prov")
			if err := set.RemoveApp(t.Context(), "prov", "", true); err != nil {
				t.Fatal(err)
			}
			return catalog(t).With(decoded(t, moved))
		}, "put the earlier file back, or"},
	} {
		t.Run(name, func(t *testing.T) {
			v := vaulttest.New(t)
			set := setOf(t, v, tt.prepare(t, v))
			if name == "a folder, without a client" {
				addApp(t, set, appOf("prov", client("id", "1")))
			}
			_, err := set.ByName("one")
			wantCode(t, err, connection.CodeConnectorChanged)
			if !strings.Contains(err.Error(), tt.has) || strings.Contains(err.Error(), "of this program") != (name == "built in") {
				t.Errorf("got %v, want %q", err, tt.has)
			}
		})
	}
}
