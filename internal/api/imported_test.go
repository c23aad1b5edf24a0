package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/api"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
)

// typedConnectors are connectors whose accounts have inputs; what they declare is all that the tests need.
var typedConnectors = map[string]string{
	"desk": `
account:
  - {name: subdomain, pattern: "[a-z]+", normalize: [host], suffix: .desk.test}
  - {name: api_key, secret: true}
  - {name: zone, enum: [eu, us], optional: true}
  - {name: tenant, pattern: "[a-z]+", visible_when: {input: zone, equals: us}}
mode: static
inject: [{in: header, name: X-Key, template: "{account.api_key}"}]
api: {base_url: "https://{account.subdomain}.desk.test"}
`,
	"open": `
mode: none
api: {base_url: https://api.open.test}
`,
	"robot": `
account:
  - {name: client_id, pattern: "[a-z]+"}
  - {name: client_secret, secret: true, multiline: true}
mode: client_credentials
token:
  url: https://robot.test/token
  client_auth: basic
  client: {id: "{account.client_id}", secret: "{account.client_secret}"}
api: {base_url: https://api.robot.test}
`,
	"login": `
account:
  - {name: username, pattern: ".+"}
  - {name: password, secret: true}
mode: password
token: {url: https://login.test/token, client_auth: none}
refresh: {with: refresh_token}
api: {base_url: https://api.login.test}
`,
	"swap": `
account: [{name: username, pattern: ".+"}, {name: password, secret: true}]
mode: password
token: {url: https://swap.test/token, client_auth: none}
refresh: {with: access_token}
api: {base_url: https://api.swap.test}
`,
	"chat": `
account:
  - {name: host, pattern: "[a-z.]+"}
authorize: {url: "https://{account.host}/authorize"}
callback: {capture: {realm: realmId}}
token:
  url: https://chat.test/token
  client_auth: none
  capture: {team: team.id}
  response: {slots: {bot: bot.token}}
refresh: {with: access_token}
steps:
  - request: {url: https://chat.test/session}
    capture: {session: id}
    response: {access: token, slots: {user: user.token}}
discover:
  - {base: all, path: /sites, id: id, into: site, capture: {site_name: name}}
api: {base_url: "https://{captured.site}.chat.test", bases: {all: https://api.chat.test}, within: [chat.test]}
`,
}

// withTyped is setup with a connection for each of the connectors, of the same name.
func withTyped(t *testing.T) *kit {
	t.Helper()
	files := fstest.MapFS{}
	for name, text := range typedConnectors {
		files[name+".yaml"] = &fstest.MapFile{Data: []byte("schema: 1\nname: " + name + "\ntitle: " + name + text)}
	}
	list, err := connectors.LoadDir(files, ".")
	if err != nil {
		t.Fatal(err)
	}
	return setup(t, func(o *api.Options) {
		knows(o, o.Catalog().With(list...))
		configured := []vault.Connection{}
		for name := range typedConnectors {
			configured = append(configured, vault.Connection{Name: name, Connector: name, ClientID: "claviger-demo"})
		}
		if o.Connections, err = connection.NewSet(t.Context(), o.Vault, o.Catalog(), configured); err != nil {
			t.Fatal(err)
		}
	})
}

// typedAccount is an account of the connection with that grant.
func typedAccount(connection string, g *client.ImportGrant) client.ImportAccount {
	return client.ImportAccount{Connection: connection, Identifier: "ada", Grant: g}
}

func values(pairs ...string) map[string]string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

// Accounts of connectors that need no token come with their inputs alone, or with nothing.
func TestImportInputs(t *testing.T) {
	k := withTyped(t)
	for _, tt := range []struct {
		connection, clientID string
		grant                *client.ImportGrant
		// due tells that the first request has to get a token.
		due bool
	}{
		{"desk", "claviger-demo", &client.ImportGrant{Inputs: values("subdomain", "https://acme.desk.test/x", "api_key", "canary \"key\" ü")}, false},
		{"robot", "acme", &client.ImportGrant{Inputs: values("client_id", "acme", "client_secret", "canary\nkey\n")}, true},
		{"login", "claviger-demo", &client.ImportGrant{RefreshToken: "canary-refresh", Inputs: values("username", "ada", "password", "canary key")}, true},
		{"open", "claviger-demo", &client.ImportGrant{}, false},
	} {
		t.Run(tt.connection, func(t *testing.T) {
			begin := time.Now()
			got := k.takeOne(typedAccount(tt.connection, tt.grant))
			if got.Outcome != "created" {
				t.Fatalf("got %+v", got)
			}
			g, err := k.vault.Grant(t.Context(), vault.AccountID(got.Account))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(vault.NewSecrets(tt.grant.Inputs), g.Inputs); d != "" {
				t.Errorf("inputs (-want +got):\n%s", d)
			}
			if g.ClientID != tt.clientID || !g.Access.IsZero() || g.Expires.IsZero() == tt.due || g.Expires.After(time.Now()) || g.ObtainedAt.Before(begin) {
				t.Errorf("got %+v", g)
			}
			if a, err := k.Account(t.Context(), got.Account); err != nil || a.Status != "ACTIVE" {
				t.Errorf("got %+v, %v", a, err)
			}
		})
	}
	nothing := typedAccount("open", nil)
	nothing.Identifier = "ben"
	if got := k.takeOne(nothing); got.Outcome != "created" {
		t.Errorf("without a grant: %+v", got)
	}
}

// Of what the provider has said, what the connector keeps is kept, wherever it declares it.
func TestImportCaptured(t *testing.T) {
	k := withTyped(t)
	long := strings.Repeat("x", 3<<10)
	got := k.takeOne(typedAccount("chat", &client.ImportGrant{
		AccessToken: "canary-access", Inputs: values("host", "chat.test"),
		Captured: values("realm", "1", "team", "T1", "session", "s", "site", "acme", "site_name", "Acme", "host", "x", "bot", "x"),
		Slots:    values("bot", "canary-bot", "user", "canary-user", "team", "canary-team"),
	}))
	if got.Outcome != "created" {
		t.Fatalf("got %+v", got)
	}
	g, err := k.vault.Grant(t.Context(), vault.AccountID(got.Account))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(values("realm", "1", "team", "T1", "session", "s", "site", "acme", "site_name", "Acme"), g.Captured); d != "" {
		t.Errorf("captured (-want +got):\n%s", d)
	}
	if d := cmp.Diff(vault.NewSecrets(values("bot", "canary-bot", "user", "canary-user")), g.Slots); d != "" {
		t.Errorf("slots (-want +got):\n%s", d)
	}
	odd := typedAccount("chat", &client.ImportGrant{
		AccessToken: "canary-access", Inputs: values("host", "chat.test"), Captured: values("team", "a\nb", "realm", long, "session", "s"), Slots: values("bot", ""),
	})
	odd.Identifier = "ben"
	if got = k.takeOne(odd); got.Outcome != "created" {
		t.Fatalf("got %+v", got)
	}
	g, err = k.vault.Grant(t.Context(), vault.AccountID(got.Account))
	if err != nil || fmt.Sprint(g.Captured) != "map[session:s]" || g.Slots != nil {
		t.Errorf("got %v and %v, %v", g.Captured, g.Slots, err)
	}
}

// What the connector does not take is refused by its name. No value is in the answer or in the log.
func TestImportInputsRefused(t *testing.T) {
	k := withTyped(t)
	token := func(g client.ImportGrant) *client.ImportGrant {
		g.AccessToken = "tok"
		return &g
	}
	only := func(pairs ...string) *client.ImportGrant { return &client.ImportGrant{Inputs: values(pairs...)} }
	for _, tt := range []struct {
		name, connection string
		grant            *client.ImportGrant
		says             string
	}{
		{"nothing", "desk", nil, "it lacks the input subdomain, which connector desk needs"},
		{"no key", "desk", only("subdomain", "acme"), "it lacks the input api_key, which connector desk needs"},
		{"empty key", "desk", only("subdomain", "acme", "api_key", ""), "it lacks the input api_key"},
		{"pattern", "desk", only("subdomain", "canary.x", "api_key", "k"), "its input subdomain is not what connector desk takes: text that matches [a-z]+"},
		{"enum", "desk", only("subdomain", "acme", "api_key", "k", "zone", "canary"), "its input zone is not what connector desk takes: one of eu, us"},
		{"not asked for", "desk", only("subdomain", "acme", "api_key", "k", "zone", "eu", "tenant", "canary"), "it has the input tenant, which connector desk takes only when zone is us"},
		{"asked for", "desk", only("subdomain", "acme", "api_key", "k", "zone", "us"), "it lacks the input tenant, which connector desk needs"},
		{"line break", "desk", only("subdomain", "acme", "api_key", "canary\nx"), "its input api_key is not what connector desk takes: at most 16 KiB of text without control"},
		{"long", "desk", only("subdomain", "acme", "api_key", strings.Repeat("canary", 4000)), "its input api_key is not what connector desk takes"},
		{"unknown", "desk", only("subdomain", "acme", "api_key", "k", "token", "canary"), `it has the input "token", and connector desk has: subdomain, api_key, zone, tenant`},
		{"unknown, odd", "desk", only("subdomain", "acme", "api_key", "k", "\x1b[31m", "canary"), `it has the input "\x1b[31m", and`},
		{"none known", "open", only("api_key", "canary"), `it has the input "api_key", and connector open has none`},
		{"code without token", "chat", only("host", "chat.test"), "neither an access_token nor a refresh_token"},
		{"login without refresh token", "login", only("username", "ada", "password", "canary"), "neither an access_token nor a refresh_token"},
		{"swap without access token", "swap", only("username", "ada", "password", "canary"), "neither an access_token nor a refresh_token"},
		{"no input", "chat", token(client.ImportGrant{}), "it lacks the input host"},
		{"URL", "chat", token(client.ImportGrant{Inputs: values("host", "canary")}), "its inputs and captured values make no URLs"},
		{"captured URL", "chat", token(client.ImportGrant{Inputs: values("host", "chat.test"), Captured: values("site", "canary/@x")}), "its inputs and captured values make no URLs"},
		{"slot", "chat", token(client.ImportGrant{Inputs: values("host", "chat.test"), Slots: values("bot", "canary\r\nX-Evil: 1")}), "one of its tokens cannot be sent"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, dry := range []bool{true, false} {
				got := k.take(client.Import{Accounts: []client.ImportAccount{typedAccount(tt.connection, tt.grant)}, DryRun: dry})
				if got.Outcome != "refused" || !strings.Contains(got.Problem, tt.says) || strings.Contains(got.Problem, "canary") {
					t.Errorf("got %+v, want %q", got, tt.says)
				}
			}
		})
	}
	if n, err := k.vault.CountAccounts(t.Context()); err != nil || len(n) > 0 && n[vault.StatusActive] > 0 {
		t.Errorf("accounts %v, %v", n, err)
	}
	if strings.Contains(k.log.String(), "canary-") || strings.Contains(k.log.String(), "Evil") {
		t.Error("the log has a value")
	}
}

// Inputs go in and never come out.
func TestImportInputsLeak(t *testing.T) {
	k := withTyped(t)
	good := typedAccount("desk", &client.ImportGrant{Inputs: values("subdomain", "canaryhost", "api_key", "canary-key")})
	bad := typedAccount("chat", &client.ImportGrant{Inputs: values("host", "canary-host"), Slots: values("bot", "canary-bot")})
	body, err := json.Marshal(client.Import{Accounts: []client.ImportAccount{good, bad}})
	if err != nil {
		t.Fatal(err)
	}
	got := k.send("POST", "/claviger/accounts/import", string(body))
	if got.status != 200 || !strings.Contains(got.text, "created") || !strings.Contains(got.text, "refused") {
		t.Fatalf("got %s", got.text)
	}
	for _, path := range []string{"/claviger/accounts", "/claviger/connections", "/claviger/events"} {
		more := k.send("GET", path, "")
		if more.status != 200 {
			t.Errorf("%s: %s", path, more.text)
		}
		got.text += more.text
	}
	if strings.Contains(got.text, "canary") || strings.Contains(k.log.String(), "canary") {
		t.Errorf("an input is in %s, or in the log", got.text)
	}
}
