package api_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/api"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

func TestConnectionLife(t *testing.T) {
	k := setup(t, nil)
	want := demoConnection("work")
	want.Scopes = []string{"mail.read", "mail.send"}
	made, err := k.CreateConnection(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	if !vault.IsConnectionID(made.ID) || made.CreatedAt.IsZero() {
		t.Errorf("made %q at %v", made.ID, made.CreatedAt)
	}
	expect := client.Connection{
		ID: made.ID, Name: "work", Connector: "demo", Origin: client.OriginAPI, ClientID: "claviger-demo", HasClientSecret: true, ClientSecrets: 1,
		Scopes: want.Scopes, Params: want.Params, RedirectURI: "https://accounts.example.com/oauth/callback/work",
		CreatedAt: made.CreatedAt, UpdatedAt: made.UpdatedAt,
	}
	if diff := cmp.Diff(expect, made); diff != "" {
		t.Errorf("made (-want +got):\n%s", diff)
	}
	got, err := k.Connection(t.Context(), "work")
	if diff := cmp.Diff(made, got); diff != "" || err != nil {
		t.Errorf("read again: %v (-want +got):\n%s", err, diff)
	}
	if _, err := k.set.ByName("work"); err != nil {
		t.Errorf("it cannot be used at once: %v", err)
	}
	if err := k.DeleteConnection(t.Context(), "work"); err != nil {
		t.Fatal(err)
	}
	_, err = k.Connection(t.Context(), "work")
	refused(t, err, 404, "connection_not_found")
	refused(t, k.DeleteConnection(t.Context(), "work"), 404, "connection_not_found")
}

func TestConnectionCreatedAnswer(t *testing.T) {
	k := setup(t, nil)
	got := k.send("POST", "/claviger/connections",
		`{"name":"work","connector":"demo","client_id":"x","client_secret":"y","params":{"port":"9090"}}`)
	if got.status != 201 || got.header.Get("Location") != "/claviger/connections/work" || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("got %d %v", got.status, got.header)
	}
}

func TestConnections(t *testing.T) {
	k := setup(t, nil)
	for _, name := range []string{"a", "b", "c", "z"} {
		k.second(name)
	}
	page, err := k.Connections(t.Context(), client.PageQuery{Limit: 2})
	if err != nil || len(page.Items) != 2 || page.Next == "" {
		t.Fatalf("got %d items, next %q, %v", len(page.Items), page.Next, err)
	}
	page, err = k.Connections(t.Context(), client.PageQuery{Limit: 3, After: page.Next})
	if err != nil || len(page.Items) != 3 || page.Next != "" {
		t.Fatalf("got %d items, next %q, %v", len(page.Items), page.Next, err)
	}
	var names []string
	for c, err := range k.AllConnections(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, c.Name+"/"+c.Origin)
		if !c.HasClientSecret || c.Broken != "" {
			t.Errorf("%s: secret %v, broken %q", c.Name, c.HasClientSecret, c.Broken)
		}
	}
	if got := strings.Join(names, " "); got != "a/api b/api c/api mail/config z/api" {
		t.Errorf("got %s", got)
	}
	k.send("GET", "/claviger/connections?name=a", "").wants(t, 400, "parameter_unknown")
	k.send("GET", "/claviger/connections?limit=-1", "").wants(t, 400, "parameter_invalid")
	k.send("GET", "/claviger/connections?after=x", "").wants(t, 400, "parameter_invalid")
}

func TestConnectionBroken(t *testing.T) {
	v := vaulttest.New(t)
	gone := vault.Connection{Name: "gone", Connector: "withdrawn", Origin: vault.OriginAPI, ClientID: "x", ClientSecret: vault.NewSecret(canaryPosted)}
	old := vault.Connection{Name: "old", Connector: "demo", Origin: vault.OriginConfig, ClientID: "x", Params: map[string]string{"port": "9090"}}
	for _, c := range []*vault.Connection{&gone, &old} {
		if err := v.PutConnection(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	a := vaulttest.Account(t, v, old, "ada", vaulttest.Grant("canary", gone.CreatedAt))
	k := setupAt(t, v, 9090, nil)
	late := vault.Connection{Name: "late", Connector: "demo", Origin: vault.OriginAPI, ClientID: "x", Params: map[string]string{"port": "9090"}}
	if err := v.PutConnection(t.Context(), &late); err != nil {
		t.Fatal(err)
	}
	for name, says := range map[string]string{
		"gone": "no connector", "old": "no longer in the configuration", "late": "not loaded",
	} {
		c, err := k.Connection(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(c.Broken, says) {
			t.Errorf("%s: broken %q, want %q", name, c.Broken, says)
		}
	}
	if got, err := k.FindAccount(t.Context(), "old", "ada"); err != nil || got.ID != string(a.ID) || got.Connection != "old" {
		t.Errorf("an account of a broken connection: %+v, %v", got, err)
	}
	if s, err := k.Status(t.Context()); err != nil || s.Connections != 1 || s.BrokenConnections != 2 {
		t.Errorf("status counts %d and %d broken, %v", s.Connections, s.BrokenConnections, err)
	}
	if err := k.DeleteConnection(t.Context(), "gone"); err != nil {
		t.Errorf("a broken connection cannot be deleted: %v", err)
	}
	refused(t, k.DeleteConnection(t.Context(), "old"), 409, "connection_has_accounts")
}

func TestConnectionRefused(t *testing.T) {
	k := setup(t, func(o *api.Options) {
		o.Expand = func(p string) (string, error) {
			switch p {
			case "{env.EMPTY}":
				return " \n", nil
			case "{file./missing}":
				return "", errors.New("open /missing: no such file")
			}
			return canaryExpanded + "\n", nil
		}
	})
	k.second("taken")
	tests := []struct {
		name   string
		change func(*client.NewConnection)
		status int
		code   string
		says   string
	}{
		{"taken name", func(c *client.NewConnection) { c.Name = "taken" }, 409, "connection_exists", "taken"},
		{"configured name", func(c *client.NewConnection) { c.Name = "mail" }, 409, "connection_exists", "mail"},
		{"name", func(c *client.NewConnection) { c.Name = "Work Mail" }, 400, "connection_name_invalid", "lower-case"},
		{"connector", func(c *client.NewConnection) { c.Connector = "demmo" }, 404, "connector_not_found", "did you mean demo"},
		{"no client ID", func(c *client.NewConnection) { c.ClientID = "" }, 400, "connection_invalid", "client_id"},
		{"no secret", func(c *client.NewConnection) { c.ClientSecret = "" }, 400, "connection_invalid", "client_secret"},
		{"missing param", func(c *client.NewConnection) { c.Params = nil }, 400, "connection_invalid", "port"},
		{"two params", func(c *client.NewConnection) { c.Params = map[string]string{"host": "x"} }, 400, "connection_invalid", "host"},
		{"unknown param", func(c *client.NewConnection) { c.Params["host"] = "x" }, 400, "connection_invalid", "host"},
		{"scopes in one", func(c *client.NewConnection) { c.Scopes = []string{"a b"} }, 400, "field_invalid", "one scope per entry"},
		{"empty scope", func(c *client.NewConnection) { c.Scopes = []string{""} }, 400, "field_invalid", "scopes"},
		{"pasted newline", func(c *client.NewConnection) { c.ClientSecret += "\n" }, 400, "field_invalid", "white space"},
		{"empty variable", func(c *client.NewConnection) { c.ClientSecret = "{env.EMPTY}" }, 400, "client_secret_empty", "stands for nothing"},
		{"missing file", func(c *client.NewConnection) { c.ClientSecret = "{file./missing}" }, 400, "client_secret_empty", "stands for nothing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := demoConnection("work")
			tt.change(&n)
			made, err := k.CreateConnection(t.Context(), n)
			e := refused(t, err, tt.status, tt.code)
			if !strings.Contains(e.Detail, tt.says) {
				t.Errorf("detail %q does not say %q", e.Detail, tt.says)
			}
			if strings.Contains(e.Detail, "\n") {
				t.Errorf("detail has several lines: %q", e.Detail)
			}
			if made.ID != "" {
				t.Errorf("with an error, got %+v", made)
			}
			if strings.Contains(fmt.Sprintf("%+v", e), "canary") {
				t.Errorf("the error shows the secret: %+v", e)
			}
		})
	}
	t.Run("read only", func(t *testing.T) {
		refused(t, k.DeleteConnection(t.Context(), "mail"), 409, "connection_read_only")
	})
	t.Run("has accounts", func(t *testing.T) {
		k.account("taken", "ada", nil)
		refused(t, k.DeleteConnection(t.Context(), "taken"), 409, "connection_has_accounts")
	})
}

func TestClientSecretPlaceholder(t *testing.T) {
	var asked string
	k := setup(t, func(o *api.Options) {
		o.Expand = func(p string) (string, error) { asked = p; return canaryExpanded + "\n", nil }
	})
	n := demoConnection("work")
	n.ClientSecret = "{file./run/secrets/github}"
	if _, err := k.CreateConnection(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	c, err := k.set.ByName("work")
	if err != nil {
		t.Fatal(err)
	}
	if asked != n.ClientSecret || !c.ClientSecret.Equal(vault.NewSecret(canaryExpanded)) {
		t.Errorf("asked for %q; the stored secret is not the expanded one without its newline", asked)
	}

	without := setup(t, func(o *api.Options) { o.Expand = nil })
	_, err = without.CreateConnection(t.Context(), n)
	refused(t, err, 400, "field_invalid")
	n.ClientSecret = "{not.a.placeholder}"
	if _, err := without.CreateConnection(t.Context(), n); err != nil {
		t.Errorf("braces alone are no placeholder: %v", err)
	}
}

// The app's page for installs is a connection's own, and only where somebody could come to it.
func TestConnectionInstallURL(t *testing.T) {
	k := setup(t, nil)
	n := client.NewConnection{
		Name: "shop", Connector: "shopify", ClientID: "id", ClientSecret: canaryPosted, InstallURL: "https://app.example.com/installs?from=shopify",
	}
	made, err := k.CreateConnection(t.Context(), n)
	if err != nil || made.InstallURL != n.InstallURL {
		t.Errorf("made %+v, %v", made, err)
	}
	if got, err := k.Connection(t.Context(), "shop"); err != nil || got.InstallURL != n.InstallURL {
		t.Errorf("read again: %+v, %v", got, err)
	}
	n.Name, n.InstallURL = "other", "http://app.example.com/installs"
	_, err = k.CreateConnection(t.Context(), n)
	refused(t, err, 400, "connection_invalid")
	n.Connector, n.InstallURL = "github", "https://app.example.com/installs"
	_, err = k.CreateConnection(t.Context(), n)
	refused(t, err, 400, "connection_invalid")
}
