package connection_test

import (
	"errors"
	"net/url"
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
