package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/api"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
)

// five are as many clients, or secrets of one, as there may be.
func five(of func(n int) string) string {
	var list []string
	for n := range 5 {
		list = append(list, of(n))
	}
	return "[" + strings.Join(list, ",") + "]"
}

// lost stores what was made with connectors, or ways of them, that are gone.
func lost(t *testing.T, v *vault.Vault) {
	t.Helper()
	earlier := []vault.OAuthClient{{ID: "e"}}
	for _, c := range []vault.Connection{{Name: "old", Connector: "gone"}, {Name: "way", Connector: "demo", Way: "gone"}} {
		c.ClientID, c.Earlier = "a", earlier
		if err := v.PutConnection(t.Context(), &c); err != nil {
			t.Fatal(err)
		}
	}
	for _, a := range []vault.App{{Connector: "gone"}, {Connector: "github", Way: "gone"}} {
		a.Client, a.Earlier = vault.OAuthClient{ID: "a"}, earlier
		if err := v.PutApp(t.Context(), &a); err != nil {
			t.Fatal(err)
		}
	}
}

// Every refusal that a route promises comes about; those with tests of their own are not here.
func TestRefusals(t *testing.T) {
	folder, err := connectors.Decode("desk.yaml", []byte(strings.Replace(acmeYAML, "name: acme", "name: desk", 1)))
	if err != nil {
		t.Fatal(err)
	}
	k := setup(t, func(o *api.Options) {
		catalog := o.Catalog().With(folder)
		lost(t, o.Vault)
		var err error
		if o.Connections, err = connection.NewSet(t.Context(), o.Vault, catalog, []vault.Connection{
			{Name: "mail", Connector: "demo", ClientID: "claviger-demo", ClientSecret: vault.NewSecret(canaryConfigured), Params: map[string]string{"port": "9090"}},
			{Name: "notes", Connector: "notion"},
		}, vault.App{Connector: "notion", Client: vault.OAuthClient{ID: "n", Secrets: []vault.Secret{vault.NewSecret(canaryConfigured)}}}); err != nil {
			t.Fatal(err)
		}
		o.Catalog = o.Connections.Catalog
		withFlow(t, &url.URL{Scheme: "https", Host: "accounts.example.com", Path: "/oauth/callback"})(o)
		o.Expand = func(p string) (string, error) {
			if p == "{env.EMPTY}" {
				return "", nil
			}
			return canaryExpanded, nil
		}
	})
	acmeAccount(t, k)
	earlier := five(func(n int) string { return fmt.Sprintf(`{"client_id":"old-%d","client_secrets":["s"]}`, n) })
	for target, body := range map[string]string{
		"/apps":        `{"connector":"github","client_id":"a","client_secrets":["s"],"earlier_clients":` + earlier + `}`,
		"/connections": `{"name":"desk","connector":"demo","client_id":"a","client_secret":"s","params":{"port":"9090"},"earlier_clients":` + earlier + `}`,
	} {
		if got := k.send("POST", "/claviger"+target, body); got.status != http.StatusCreated {
			t.Fatalf("%s: %s", target, got.text)
		}
	}
	if _, err := k.CreateConnection(t.Context(), client.NewConnection{Name: "hub", Connector: "github"}); err != nil {
		t.Fatal(err)
	}
	k.account("hub", "ada", func(_ *vault.ConnectedAccount, g *vault.Grant) { g.ClientID = "a" })
	yaml := "Content-Type: application/yaml"
	for _, tt := range []struct {
		method, target, body string
		header               string
		status               int
		code                 string
	}{
		{"POST", "/connectors", acmeYAML, yaml, 409, "connector_exists"},
		{"POST", "/connectors", strings.Replace(acmeYAML, "name: acme", "name: desk", 1), yaml, 409, "connector_read_only"},
		{"PUT", "/connectors/desk", strings.Replace(acmeYAML, "name: acme", "name: desk", 1), yaml, 409, "connector_read_only"},
		{"PUT", "/connectors/demo", strings.Replace(acmeYAML, "name: acme", "name: demo", 1), yaml, 409, "connector_built_in"},
		{"PUT", "/connectors/acme", "name: acme", yaml, 422, "connector_invalid"},
		{"DELETE", "/connectors/desk", "", "", 409, "connector_read_only"},
		{"PATCH", "/connections/none", `{"client_id":"b"}`, "", 404, "connection_not_found"},
		{"PATCH", "/connections/desk", `{"client_id":"b"}`, "", 409, "oauth_clients_full"},
		{"PATCH", "/connections/desk", `{"remove_client_secrets":[7]}`, "", 400, "oauth_client_invalid"},
		{"PATCH", "/connections/desk", `{"add_client_secrets":["{env.EMPTY}"]}`, "", 400, "client_secret_empty"},
		{"DELETE", "/connections/mail/earlier/x", "", "", 409, "connection_read_only"},
		{"POST", "/connections/mail/register", "", "", 409, "connection_read_only"},
		{"POST", "/connections/desk/register", "", "", 409, "client_registration_unsupported"},
		{"POST", "/connections/old/register", "", "", 404, "connector_not_found"},
		{"GET", "/accounts/old/ada/token", "", "", 404, "account_not_found"},
		{"PATCH", "/apps/gone", `{"client_id":"b"}`, "", 404, "connector_not_found"},
		{"DELETE", "/apps/gone/earlier/e", "", "", 404, "connector_not_found"},
		{"DELETE", "/apps/github/earlier/e?auth=gone", "", "", 400, "connection_invalid"},
		{"PATCH", "/apps/github?auth=gone", `{"client_id":"b"}`, "", 400, "connection_invalid"},
		{"POST", "/apps", `{"connector":"gmail","auth":"none","client_id":"a"}`, "", 400, "connection_invalid"},
		{"DELETE", "/connections/way/earlier/e", "", "", 400, "connection_invalid"},
		{"POST", "/connections/way/register", "", "", 400, "connection_invalid"},
		{"DELETE", "/connections/old/earlier/e", "", "", 404, "connector_not_found"},
		{"PUT", "/accounts/old/ada", "", "", 404, "connector_not_found"},
		{"PATCH", "/connections/old", `{"client_id":"b"}`, "", 404, "connector_not_found"},
		{"POST", "/links", `{"connection":"old","identifier":"ada"}`, "", 404, "connector_not_found"},
		{"POST", "/accounts", `{"connection":"old","identifier":"ada"}`, "", 404, "connector_not_found"},
		{"POST", "/apps", `{"connector":"gmail","client_id":"","client_secrets":["s"]}`, "", 400, "app_invalid"},
		{"POST", "/apps", `{"connector":"gmail","client_id":"a","client_secrets":["{env.EMPTY}"]}`, "", 400, "client_secret_empty"},
		{"PATCH", "/apps/gmail", `{"client_id":"b"}`, "", 404, "app_not_found"},
		{"PATCH", "/apps/github", `{"client_id":"b"}`, "", 409, "oauth_clients_full"},
		{"PATCH", "/apps/github", `{"add_client_secrets":["{env.EMPTY}"]}`, "", 400, "client_secret_empty"},
		{"DELETE", "/apps/github/earlier/x", "", "", 404, "oauth_client_not_found"},
		{"DELETE", "/apps/notion/earlier/x", "", "", 409, "app_read_only"},
	} {
		var header []string
		if tt.header != "" {
			header = append(header, tt.header)
		}
		t.Run(tt.method+tt.target+" "+tt.code, func(t *testing.T) {
			k.send(tt.method, "/claviger"+tt.target, tt.body, header...).wants(t, tt.status, tt.code)
		})
	}
	k.quiet()
}

// What accounts depend on is not changed under them.
func TestRefusalsForAccounts(t *testing.T) {
	k := setup(t, live)
	steps := func(rows ...[4]string) { // method, target, body and what is wanted: a status or a code
		t.Helper()
		for _, row := range rows {
			var header []string
			if strings.HasPrefix(row[2], "schema: ") {
				header = append(header, "Content-Type: application/yaml")
			}
			got := k.send(row[0], "/claviger"+row[1], row[2], header...)
			if want := row[3]; fmt.Sprint(got.status) != want && got.problem.Code != want {
				t.Errorf("%s %s: got %d %s, want %s", row[0], row[1], got.status, got.text, want)
			}
		}
	}
	account := func(connection, clientID string) {
		t.Helper()
		k.account(connection, "ada", func(_ *vault.ConnectedAccount, g *vault.Grant) { g.ClientID = clientID })
	}
	steps([4]string{"POST", "/apps", `{"connector":"github","client_id":"a","client_secrets":["s"]}`, "201"},
		[4]string{"POST", "/connections", `{"name":"hub","connector":"github"}`, "201"})
	account("hub", "a")
	steps([4]string{"PATCH", "/apps/github", `{"client_id":"b","client_secrets":["s"]}`, "200"},
		[4]string{"DELETE", "/apps/github/earlier/a", "", "oauth_client_in_use"},
		[4]string{"PATCH", "/connections/hub", `{"client_id":"own","client_secrets":["s"]}`, "200"},
		[4]string{"DELETE", "/apps/github", "", "oauth_client_in_use"},
		[4]string{"PATCH", "/connections/hub", `{"client_id":""}`, "200"},
		[4]string{"DELETE", "/apps/github?force=true", "", "204"},
		[4]string{"POST", "/links", `{"connection":"hub","identifier":"bob"}`, "connection_invalid"},
		[4]string{"POST", "/accounts", `{"connection":"hub","identifier":"bob"}`, "connection_invalid"},
		[4]string{"PUT", "/accounts/hub/bob", "", "connection_invalid"})

	steps([4]string{"POST", "/apps", `{"connector":"demo","client_id":"a","client_secrets":["s"],"params":{"port":"9090"}}`, "201"},
		[4]string{"POST", "/connections", `{"name":"post","connector":"demo"}`, "201"})
	account("post", "a")
	steps([4]string{"PATCH", "/apps/demo", `{"params":{"port":"9091"}}`, "connector_breaks_accounts"})

	// gitlab is moved to another host, and back, while a connection has a secret for the one of the moment.
	const moved = `schema: 1
name: gitlab
title: Moved
authorize: {url: "https://api.acme.example.com/authorize"}
token: {url: "https://api.acme.example.com/token", client_auth: post}
api: {base_url: "https://api.acme.example.com"}
`
	const lab = `{"name":"lab","connector":"gitlab","client_id":"a","client_secret":"s"}`
	steps([4]string{"POST", "/connections", lab, "201"},
		[4]string{"POST", "/connectors?replace_builtin=true", moved, "connector_breaks_accounts"},
		[4]string{"DELETE", "/connections/lab", "", "204"},
		[4]string{"POST", "/connectors?replace_builtin=true", moved, "201"},
		[4]string{"POST", "/connections", lab, "201"},
		[4]string{"DELETE", "/connectors/gitlab", "", "connector_breaks_accounts"})
}

// An account that has no credential says so in the same way, whatever it is wanted for.
func TestUnusableAccounts(t *testing.T) {
	k := setup(t, nil)
	n := demoConnection("open")
	n.ExposeTokens = true
	if _, err := k.CreateConnection(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	for status, code := range map[vault.Status]string{
		vault.StatusExpired: "account_expired", vault.StatusDisconnected: "account_disconnected",
		vault.StatusPendingAuth: "consent_required", vault.StatusPendingVerification: "account_pending_verification",
	} {
		t.Run(code, func(t *testing.T) {
			user := strings.ToLower(string(status))
			a := k.account("open", user, nil)
			if _, err := k.vault.SetStatus(t.Context(), a.ID, 0, status, "x"); err != nil {
				t.Fatal(err)
			}
			for _, account := range []string{string(a.ID), "open/" + user} {
				k.send("GET", "/claviger/accounts/"+account+"/token", "").wants(t, 409, code)
				k.send("POST", "/claviger/accounts/"+account+"/refresh", "").wants(t, 409, code)
			}
		})
	}
}
