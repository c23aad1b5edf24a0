package connection_test

import (
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

func catalog(t *testing.T) *connectors.Catalog {
	t.Helper()
	c, err := connectors.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func configured(name, connector string) vault.Connection {
	c := vault.Connection{Name: name, Connector: connector, ClientID: "id", ClientSecret: vault.NewSecret("canary-secret")}
	if connector == "demo" {
		c.Params = map[string]string{"port": "8099"}
	}
	return c
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var ce *connection.Error
	if !errors.As(err, &ce) || ce.Code != code {
		t.Fatalf("got %v, want code %s", err, code)
	}
	if strings.Contains(err.Error(), "canary-secret") {
		t.Errorf("the error holds the secret: %v", err)
	}
}

func TestConfiguredConnectionKeepsItsID(t *testing.T) {
	v := vaulttest.New(t)
	first, err := connection.NewSet(t.Context(), v, catalog(t), []vault.Connection{configured("mail", "gmail")})
	if err != nil {
		t.Fatal(err)
	}
	a, err := first.ByName("mail")
	if err != nil {
		t.Fatal(err)
	}
	changed := configured("mail", "gmail")
	changed.Scopes = []string{"https://www.googleapis.com/auth/gmail.modify"}
	second, err := connection.NewSet(t.Context(), v, catalog(t), []vault.Connection{changed})
	if err != nil {
		t.Fatal(err)
	}
	b, err := second.ByID(a.ID)
	if err != nil || b.Name != "mail" || len(b.Scopes) != 1 {
		t.Fatalf("got %+v, %v; want the same connection with its new scopes", b, err)
	}
	stored, err := v.Connection(t.Context(), a.ID)
	if err != nil || !stored.ClientSecret.IsZero() {
		t.Errorf("the secret of the configuration is in the vault, or: %v", err)
	}
}

func TestConnectorOfANameWithAccountsCannotChange(t *testing.T) {
	v := vaulttest.New(t)
	set, err := connection.NewSet(t.Context(), v, catalog(t), []vault.Connection{configured("mail", "gmail"), configured("other", "demo")})
	if err != nil {
		t.Fatal(err)
	}
	mail, _ := set.ByName("mail")
	other, _ := set.ByName("other")
	vaulttest.Account(t, v, mail.Connection, "user_1", vaulttest.Grant("a", mail.CreatedAt))
	_, err = connection.NewSet(t.Context(), v, catalog(t), []vault.Connection{configured("mail", "slack")})
	wantCode(t, err, connection.CodeConnectorChanged)

	set, err = connection.NewSet(t.Context(), v, catalog(t), []vault.Connection{configured("other", "slack")})
	if err != nil {
		t.Fatalf("a name without accounts must be free for another connector: %v", err)
	}
	if now, _ := set.ByName("other"); now.ID == other.ID {
		t.Error("the ID was used again for another connector")
	}
}

// keyed is a connector with secret params, in two ways.
const keyed = `
schema: 1
name: keyed
title: Keyed
api: {base_url: "https://{app.region}.example.com"}
app:
  - {name: region, pattern: "^[a-z]+$", example: eu}
auth:
  - id: app_key
    title: Key of the app
    mode: static
    app: [{name: key, secret: true}]
    inject: [{in: header, name: X-Key, template: "{app.key}"}]
  - id: user_key
    title: Key of the user
    mode: static
    account: [{name: key, secret: true}]
    inject: [{in: header, name: X-Key, template: "{account.key}"}]
`

func withKeyed(t *testing.T) *connectors.Catalog {
	t.Helper()
	k, err := connectors.Decode("keyed.yaml", []byte(keyed))
	if err != nil {
		t.Fatal(err)
	}
	return catalog(t).With(k)
}

func configuredKeyed(way string) vault.Connection {
	c := vault.Connection{Name: "keys", Connector: "keyed", Way: way, Params: map[string]string{"region": "eu"}}
	if way != "user_key" {
		c.SecretParams = vault.NewSecrets(map[string]string{"key": "canary-secret"})
	}
	return c
}

func TestSecretParamsStayInTheConfiguration(t *testing.T) {
	v := vaulttest.New(t)
	first, err := connection.NewSet(t.Context(), v, withKeyed(t), []vault.Connection{configuredKeyed("")})
	if err != nil {
		t.Fatal(err)
	}
	live, err := first.ByName("keys")
	if err != nil || live.App.Values["app.key"] != "canary-secret" || live.App.Values["app.region"] != "eu" {
		t.Fatalf("the connection cannot be used: %v", err)
	}
	stored, err := v.Connection(t.Context(), live.ID)
	if err != nil || len(stored.SecretParams) != 0 || stored.Params["region"] != "eu" {
		t.Errorf("the vault has %d secret params, want none: %v", len(stored.SecretParams), err)
	}
	if _, err := connection.NewSet(t.Context(), v, withKeyed(t), []vault.Connection{configuredKeyed("")}); err != nil {
		t.Fatal(err)
	}
	if again, err := v.Connection(t.Context(), live.ID); err != nil || again.Version != stored.Version {
		t.Errorf("the same configuration was written again: version %d after %d, %v", again.Version, stored.Version, err)
	}
	if _, err := connection.NewSet(t.Context(), v, withKeyed(t), []vault.Connection{configuredKeyed("app_key")}); err != nil {
		t.Fatal(err)
	}
	named, err := v.Connection(t.Context(), live.ID)
	if err != nil || named.Way != "app_key" {
		t.Errorf("with its standard way named it is %q, %v; want the same connection", named.Way, err)
	}
}

// What has got into the vault in spite of that is taken out.
func TestSecretParamsLeaveTheVault(t *testing.T) {
	v := vaulttest.New(t)
	c := configuredKeyed("")
	c.Origin = vault.OriginConfig
	if err := v.PutConnection(t.Context(), &c); err != nil {
		t.Fatal(err)
	}
	if _, err := connection.NewSet(t.Context(), v, withKeyed(t), []vault.Connection{configuredKeyed("")}); err != nil {
		t.Fatal(err)
	}
	if stored, err := v.Connection(t.Context(), c.ID); err != nil || len(stored.SecretParams) != 0 {
		t.Errorf("the vault still has %d secret params, %v", len(stored.SecretParams), err)
	}
}

func TestAddedSecretParamsAreSealed(t *testing.T) {
	v := vaulttest.New(t)
	set, err := connection.NewSet(t.Context(), v, withKeyed(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := set.Add(t.Context(), configuredKeyed("app_key")); err != nil {
		t.Fatal(err)
	}
	again, err := connection.NewSet(t.Context(), v, withKeyed(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := again.ByName("keys"); err != nil || c.Way != "app_key" || c.App.Values["app.key"] != "canary-secret" {
		t.Errorf("the stored connection is not what was added: %v", err)
	}
}

func TestWayOfANameWithAccountsCannotChange(t *testing.T) {
	v := vaulttest.New(t)
	set, err := connection.NewSet(t.Context(), v, withKeyed(t), []vault.Connection{configuredKeyed("")})
	if err != nil {
		t.Fatal(err)
	}
	live, _ := set.ByName("keys")
	a := vaulttest.Account(t, v, live.Connection, "user_1", vault.Grant{})
	_, err = connection.NewSet(t.Context(), v, withKeyed(t), []vault.Connection{configuredKeyed("user_key")})
	wantCode(t, err, connection.CodeConnectorChanged)
	if !strings.Contains(err.Error(), `"user_key"`) {
		t.Errorf("got %v, want to be told which", err)
	}
	if _, err := connection.NewSet(t.Context(), v, withKeyed(t), []vault.Connection{configuredKeyed("app_key")}); err != nil {
		t.Errorf("the standard way has got its name, and that is refused: %v", err)
	}
	if err := v.DeleteAccount(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := connection.NewSet(t.Context(), v, withKeyed(t), []vault.Connection{configuredKeyed("user_key")}); err != nil {
		t.Errorf("without accounts the way must be free: %v", err)
	}
}

func TestOpenParams(t *testing.T) {
	all := withKeyed(t)
	for _, tt := range []struct {
		connector, way string
		open           []string
	}{
		{"keyed", "", []string{"region"}},
		{"keyed", "user_key", []string{"region"}},
		{"keyed", "none", nil},
		{"demo", "", []string{"port"}},
		{"none", "", nil},
	} {
		if got := slices.Sorted(maps.Keys(connection.OpenParams(all, tt.connector, tt.way))); !slices.Equal(got, tt.open) {
			t.Errorf("%s %s: got %v, want %v", tt.connector, tt.way, got, tt.open)
		}
	}
}

func TestConnectionLeftTheConfiguration(t *testing.T) {
	v := vaulttest.New(t)
	if _, err := connection.NewSet(t.Context(), v, catalog(t), []vault.Connection{configured("mail", "gmail")}); err != nil {
		t.Fatal(err)
	}
	set, err := connection.NewSet(t.Context(), v, catalog(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = set.ByName("mail")
	wantCode(t, err, connection.CodeNotFound)
	if !strings.Contains(err.Error(), "no longer in the configuration") {
		t.Errorf("got %q, want to be told that it was in the configuration", err)
	}
}

func TestAddAndRemove(t *testing.T) {
	v := vaulttest.New(t)
	set, err := connection.NewSet(t.Context(), v, catalog(t), []vault.Connection{configured("mail", "gmail")})
	if err != nil {
		t.Fatal(err)
	}
	added, err := set.Add(t.Context(), configured("stored", "demo"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = set.Add(t.Context(), configured("stored", "demo"))
	wantCode(t, err, connection.CodeExists)
	wantCode(t, set.Remove(t.Context(), "mail"), connection.CodeReadOnly)
	wantCode(t, set.Remove(t.Context(), "nothing"), connection.CodeNotFound)

	a := vaulttest.Account(t, v, added.Connection, "user_1", vaulttest.Grant("a", added.CreatedAt))
	wantCode(t, set.Remove(t.Context(), "stored"), connection.CodeHasAccounts)
	if _, err := v.SetStatus(t.Context(), a.ID, 0, vault.StatusDisconnected, "disconnected"); err != nil {
		t.Fatal(err)
	}
	if err := set.Remove(t.Context(), "stored"); err != nil {
		t.Fatalf("only disconnected accounts are left: %v", err)
	}
	if _, err := v.Account(t.Context(), a.ID); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("the record of the disconnected account is still there: %v", err)
	}
	reopened, err := connection.NewSet(t.Context(), v, catalog(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = reopened.ByName("stored")
	wantCode(t, err, connection.CodeNotFound)
}

func TestStoredConnectionSurvivesReopening(t *testing.T) {
	v := vaulttest.New(t)
	set, err := connection.NewSet(t.Context(), v, catalog(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := set.Add(t.Context(), configured("stored", "github")); err != nil {
		t.Fatal(err)
	}
	again, err := connection.NewSet(t.Context(), v, catalog(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := again.ByName("stored")
	if err != nil || !c.App.ClientSecret.Equal(vault.NewSecret("canary-secret")) {
		t.Errorf("got %v, want the connection with its secret", err)
	}
}

func TestRefusedConnections(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*vault.Connection)
		code   string
	}{
		{"unknown connector", func(c *vault.Connection) { c.Connector = "gmial" }, connection.CodeUnknownConnector},
		{"bad name", func(c *vault.Connection) { c.Name = "Mail/1" }, connection.CodeInvalidName},
		{"no client ID", func(c *vault.Connection) { c.ClientID = "" }, connection.CodeInvalidConnection},
		{"no client secret", func(c *vault.Connection) { c.ClientSecret = vault.Secret{} }, connection.CodeInvalidConnection},
		{"unknown parameter", func(c *vault.Connection) { c.Params = map[string]string{"port": "1", "host": "evil.test"} }, connection.CodeInvalidConnection},
		{"missing parameter", func(c *vault.Connection) { c.Connector, c.Params = "demo", nil }, connection.CodeInvalidConnection},
		{"parameter out of its pattern", func(c *vault.Connection) {
			c.Connector, c.Params = "demo", map[string]string{"port": "80@evil.test"}
		}, connection.CodeInvalidConnection},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := configured("mail", "gmail")
			tt.change(&c)
			_, err := connection.New(c, catalog(t))
			wantCode(t, err, tt.code)
		})
	}
}

func TestBaseFor(t *testing.T) {
	c, err := connection.New(configured("drive", "googledrive"), catalog(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		url, base string
		ok        bool
	}{
		{"https://www.googleapis.com/drive/v3/files", "", true},
		{"https://www.googleapis.com:443/drive/v3/files", "", true},
		{"https://www.googleapis.com/upload/drive/v3/files", "upload", true},
		{"https://www.googleapis.com/upload/drive/v3x", "", true},
		{"http://www.googleapis.com/drive/v3/files", "", false},
		{"https://user@www.googleapis.com/drive", "", false},
		{"https://www.googleapis.com.evil.test/", "", false},
		{"https://evil.test/drive/v3/files", "", false},
	} {
		u, err := url.Parse(tt.url)
		if err != nil {
			t.Fatal(err)
		}
		b, ok := c.BaseFor(u)
		if ok != tt.ok || ok && b.Name != tt.base {
			t.Errorf("%s: got %v, %v; want base %q, %v", tt.url, b, ok, tt.base, tt.ok)
		}
	}
}
