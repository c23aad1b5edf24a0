package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/api"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
)

func keyedConnection(change func(*client.NewConnection)) client.NewConnection {
	n := client.NewConnection{
		Name: "work", Connector: "keyed", Auth: "app_key",
		Params: map[string]string{"port": "9090", "private_key": canaryPosted},
	}
	if change != nil {
		change(&n)
	}
	return n
}

func TestSecretParams(t *testing.T) {
	configured := vault.Connection{
		Name: "conf", Connector: "keyed", Way: "app_key", Params: map[string]string{"port": "9090"},
		SecretParams: vault.NewSecrets(map[string]string{"private_key": canaryConfigured}),
	}
	k := setup(t, withOwn(t, configured))
	made, err := k.CreateConnection(t.Context(), keyedConnection(nil))
	if err != nil {
		t.Fatal(err)
	}
	want := client.Connection{
		ID: made.ID, Name: "work", Connector: "keyed", Auth: "app_key", Origin: client.OriginAPI,
		Params: map[string]string{"port": "9090"}, SecretParams: []string{"private_key"},
		CreatedAt: made.CreatedAt, UpdatedAt: made.UpdatedAt,
	}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Errorf("made (-want +got):\n%s", diff)
	}
	if got, err := k.Connection(t.Context(), "work"); !cmp.Equal(got, made) || err != nil {
		t.Errorf("read again: %+v, %v", got, err)
	}
	if got, err := k.Connection(t.Context(), "conf"); err != nil || !cmp.Equal(got.SecretParams, []string{"private_key"}) || got.RedirectURI != "" {
		t.Errorf("the configured one: %+v, %v", got, err)
	}
	stored, err := k.vault.FindConnection(t.Context(), vault.DefaultProject, "work")
	if err != nil || !stored.SecretParams["private_key"].Equal(vault.NewSecret(canaryPosted)) || len(stored.Params) != 1 {
		t.Errorf("stored is %+v, %v", stored, err)
	}
	if _, err := k.CreateConnection(t.Context(), keyedConnection(func(n *client.NewConnection) {
		n.Name, n.Auth, n.Params = "standard", "", map[string]string{"port": "9090"}
	})); err != nil {
		t.Errorf("the standard way needs less, and: %v", err)
	}
	k.noCanaries("GET /connections", "GET /connections/work", "GET /connections/conf")
}

func TestSecretParamPlaceholder(t *testing.T) {
	var asked []string
	k := setup(t, func(o *api.Options) {
		withOwn(t)(o)
		o.Expand = func(p string) (string, error) {
			asked = append(asked, p)
			if p == "{env.EMPTY}" {
				return "", nil
			}
			return canaryExpanded + "\n", nil
		}
	})
	if _, err := k.CreateConnection(t.Context(), keyedConnection(func(n *client.NewConnection) {
		n.Params["private_key"] = "{file./run/key.pem}"
	})); err != nil {
		t.Fatal(err)
	}
	stored, err := k.vault.FindConnection(t.Context(), vault.DefaultProject, "work")
	if err != nil || !stored.SecretParams["private_key"].Equal(vault.NewSecret(canaryExpanded)) || len(asked) != 1 {
		t.Errorf("asked for %v; the stored secret is not the expanded one (%v)", asked, err)
	}
	_, err = k.CreateConnection(t.Context(), keyedConnection(func(n *client.NewConnection) { n.Params["private_key"] = "{env.EMPTY}" }))
	if e := refused(t, err, 400, "client_secret_empty"); !strings.Contains(e.Detail, "params.private_key") {
		t.Errorf("detail %q does not say which", e.Detail)
	}
	asked = nil
	_, err = k.CreateConnection(t.Context(), keyedConnection(func(n *client.NewConnection) { n.Params["port"] = "{env.PORT}" }))
	refused(t, err, 400, "connection_invalid")
	if len(asked) != 0 {
		t.Errorf("asked for %v: only secrets may be placeholders", asked)
	}
	k.noCanaries("GET /connections")

	without := setup(t, func(o *api.Options) { withOwn(t)(o); o.Expand = nil })
	_, err = without.CreateConnection(t.Context(), keyedConnection(func(n *client.NewConnection) { n.Params["private_key"] = "{env.KEY}" }))
	refused(t, err, 400, "field_invalid")
}

func TestSecretParamRefused(t *testing.T) {
	k := setup(t, withOwn(t))
	for _, tt := range []struct {
		name   string
		change func(*client.NewConnection)
		code   string
		says   string
	}{
		{"missing", func(n *client.NewConnection) { delete(n.Params, "private_key") }, "connection_invalid", "private_key"},
		{"empty", func(n *client.NewConnection) { n.Params["private_key"] = "" }, "connection_invalid", "private_key"},
		{"under another name", func(n *client.NewConnection) { n.Params["privat_key"] = canaryPosted }, "connection_invalid", "privat_key"},
		{"control character", func(n *client.NewConnection) { n.Params["private_key"] += "\x00" }, "connection_invalid", "private_key"},
		{"pasted with a space", func(n *client.NewConnection) { n.Params["private_key"] += " " }, "field_invalid", "params.private_key"},
		{"way", func(n *client.NewConnection) { n.Auth = "oauth" }, "connection_invalid", "user_key, app_key"},
		{"in a way that has none", func(n *client.NewConnection) { n.Auth = "user_key" }, "connection_invalid", "private_key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := k.CreateConnection(t.Context(), keyedConnection(tt.change))
			e := refused(t, err, 400, tt.code)
			if !strings.Contains(e.Detail, tt.says) {
				t.Errorf("detail %q does not say %q", e.Detail, tt.says)
			}
			if strings.Contains(fmt.Sprintf("%+v", e), "canary") {
				t.Errorf("the error shows the secret: %+v", e)
			}
		})
	}
	if _, err := k.CreateConnection(t.Context(), keyedConnection(func(n *client.NewConnection) { n.Params["private_key"] += "\n" })); err != nil {
		t.Errorf("a key ends with a line break, and: %v", err)
	}
	k.noCanaries("GET /connections")
}

// A param that was stored before its input became secret is not shown any more.
func TestParamBecomesSecret(t *testing.T) {
	k := setup(t, func(o *api.Options) {
		old := vault.Connection{
			Name: "old", Connector: "keyed", Way: "app_key", Origin: vault.OriginAPI,
			Params: map[string]string{"port": "9090", "private_key": canaryPosted},
		}
		if err := o.Vault.PutConnection(t.Context(), &old); err != nil {
			t.Fatal(err)
		}
		withOwn(t)(o)
	})
	c, err := k.Connection(t.Context(), "old")
	if err != nil || c.Broken != "" || !cmp.Equal(c.SecretParams, []string{"private_key"}) || !cmp.Equal(c.Params, map[string]string{"port": "9090"}) {
		t.Errorf("got %+v, %v", c, err)
	}
	k.noCanaries("GET /connections", "GET /connections/old")
}

func TestImportedSecretParams(t *testing.T) {
	k := setup(t, withOwn(t))
	done, err := k.Import(t.Context(), client.Import{Connections: []client.NewConnection{keyedConnection(nil)}})
	if err != nil || len(done.Connections) != 1 || done.Connections[0].Outcome != client.ImportCreated {
		t.Fatalf("got %+v, %v", done, err)
	}
	stored, err := k.vault.FindConnection(t.Context(), vault.DefaultProject, "work")
	if err != nil || stored.Way != "app_key" || !stored.SecretParams["private_key"].Equal(vault.NewSecret(canaryPosted)) {
		t.Errorf("stored is %+v, %v", stored, err)
	}
	k.noCanaries("GET /connections/work")
}

// Tokens of a client that each account has of its own are not held against the connection's.
func TestImportedOwnClient(t *testing.T) {
	k := withTyped(t)
	for _, name := range []string{"robot", "login"} {
		done, err := k.Import(t.Context(), client.Import{Accounts: []client.ImportAccount{typedAccount(name, &client.ImportGrant{
			AccessToken: "EXAMPLE", ClientID: "other", Inputs: values("client_id", "other", "client_secret", canaryImported),
		})}})
		if err != nil || len(done.Accounts) != 1 {
			t.Fatalf("got %+v, %v", done, err)
		}
		got := done.Accounts[0]
		if name == "robot" && got.Outcome != client.ImportCreated || name == "login" && !strings.Contains(got.Problem, "OAuth client") {
			t.Errorf("%s: %+v", name, got)
		}
	}
	k.noCanaries("GET /accounts")
}

// noCanaries looks for secrets in the answers to the requests, and in the log.
func (k *kit) noCanaries(requests ...string) {
	k.t.Helper()
	seen := k.log.String()
	for _, r := range requests {
		method, path, _ := strings.Cut(r, " ")
		got := k.send(method, "/claviger"+path, "")
		if got.status != 200 {
			k.t.Errorf("%s: %d", r, got.status)
		}
		seen += got.text
	}
	if strings.Contains(seen, "canary") {
		k.t.Errorf("a secret is in an answer or the log: %s", seen)
	}
}

// What assertions cannot be signed with is refused when it is given, and told of when it is there all the same.
func TestKeyError(t *testing.T) {
	const signed = "schema: 1\nname: pem\ntitle: Pem\nmode: jwt\napp: [{name: key, secret: true, multiline: true}]\n" +
		"assertion: {alg: RS256, key: \"{app.key}\"}\napi: {base_url: \"https://api.example.com\"}\n"
	pem, err := connectors.Decode("pem.yaml", []byte(signed))
	if err != nil {
		t.Fatal(err)
	}
	written := vault.Connection{Name: "conf", Connector: "pem", SecretParams: vault.NewSecrets(map[string]string{"key": canaryConfigured})}
	k := setup(t, func(o *api.Options) {
		set, err := connection.NewSet(t.Context(), o.Vault, o.Connections.Catalog().With(pem), []vault.Connection{written})
		if err != nil {
			t.Fatal(err)
		}
		o.Connections, o.Catalog = set, set.Catalog
	})
	_, err = k.CreateConnection(t.Context(), client.NewConnection{Name: "work", Connector: "pem", Params: map[string]string{"key": canaryPosted}})
	const why = "assertion.key: is no PEM: it must begin with -----BEGIN; correct key"
	if e := refused(t, err, 400, "connection_invalid"); !strings.Contains(e.Detail, why) {
		t.Errorf("got %q, want %q", e.Detail, why)
	}
	got, err := k.Connection(t.Context(), "conf")
	if err != nil || got.KeyError != why || got.Broken != "" {
		t.Errorf("got %+v, %v", got, err)
	}
	k.noCanaries("GET /connections", "GET /connections/conf")
}

// A key comes to its end, or gets known to others: the connection goes on with another one, and so do its accounts.
func TestSecretParamChanged(t *testing.T) {
	k := setup(t, func(o *api.Options) {
		withOwn(t)(o)
		o.Expand = func(string) (string, error) { return canaryExpanded, nil }
	})
	if _, err := k.CreateConnection(t.Context(), keyedConnection(nil)); err != nil {
		t.Fatal(err)
	}
	wantSecret := func(want string) {
		t.Helper()
		stored, err := k.vault.FindConnection(t.Context(), vault.DefaultProject, "work")
		if err != nil || !stored.SecretParams["private_key"].Equal(vault.NewSecret(want)) || stored.Params["port"] != "9090" {
			t.Errorf("stored is %+v, %v", stored, err)
		}
	}
	change := func(params map[string]string) error {
		got, err := k.ChangeConnection(t.Context(), "work", client.ConnectionChange{SecretParams: params})
		if err == nil && !cmp.Equal(got.SecretParams, []string{"private_key"}) {
			t.Errorf("got %+v", got)
		}
		return err
	}
	if err := change(map[string]string{"private_key": canaryPosted + "-2"}); err != nil {
		t.Fatal(err)
	}
	wantSecret(canaryPosted + "-2")
	refused(t, change(map[string]string{"private_key": ""}), 400, "connection_invalid")
	refused(t, change(map[string]string{"privat_key": canaryPosted}), 400, "connection_invalid")
	if e := refused(t, change(map[string]string{"port": "1"}), 400, "field_invalid"); !strings.Contains(e.Detail, "port, which is no secret param") {
		t.Errorf("got %q", e.Detail)
	}
	if e := refused(t, change(map[string]string{"private_key": canaryPosted + " "}), 400, "field_invalid"); !strings.Contains(e.Detail, "secret_params.private_key") {
		t.Errorf("got %q", e.Detail)
	}
	wantSecret(canaryPosted + "-2")
	if err := change(map[string]string{"private_key": "{file./run/key.pem}"}); err != nil {
		t.Fatal(err)
	}
	wantSecret(canaryExpanded)
	live, err := k.Connection(t.Context(), "work")
	if err != nil || live.Broken != "" || live.KeyError != "" {
		t.Errorf("got %+v, %v", live, err)
	}
	k.noCanaries("GET /connections", "GET /connections/work")
}
