package api_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/api"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
)

// The connectors of these tests, beside the built-in ones.
var ownConnectors = map[string]string{
	// keyed is one with keys, in two ways.
	"keyed": `
schema: 1
name: keyed
title: Keyed API
description: Things behind keys.
categories: [crm, things]
docs: https://keyed.example.com/docs
tested: {how: documentation, date: "2026-05-04"}
notes: [Keys are shown once.]
setup: [Open the console., Make a key.]
app:
  - name: port
    title: Port
    example: "9090"
    pattern: "[0-9]{2,5}"
account:
  - name: site
    title: Site
    description: The name of your site.
    help: https://keyed.example.com/help
    example: acme
    pattern: "[a-z]+"
    normalize: [host]
    suffix: .example.com
  - {name: zone, enum: [eu, us], default: eu}
  - {name: note, pattern: ".*", optional: true, prefix: "n-"}
auth:
  - id: user_key
    title: Key of the user
    mode: static
    account: [{name: key, title: API key, secret: true}]
    inject:
      - {in: header, name: X-Key, template: "{account.key}"}
      - {in: basic, basic: {user: "{account.site}", password: "{account.key}"}}
    api: {base_url: "http://127.0.0.1:{app.port}/{account.site}"}
  - id: app_key
    title: Key of the app
    mode: jwt_bearer
    app: [{name: private_key, secret: true, multiline: true}]
    assertion: {alg: HS256, key: "{app.private_key}"}
    authorize: {scope: {default: ["{app.port}/read"], known: {read: Read things.}}}
    token: {url: "http://127.0.0.1:{app.port}/token", client_auth: none, omit: [client_id], response: {slots: {old: old_token}}}
    inject: [{in: header, name: X-Token, template: "{token}"}, {in: header, name: X-Old, template: "{token.old}", slot: old}]
    steps:
      - {request: {url: "http://127.0.0.1:{app.port}/one", form: {t: "{token}"}}, response: {access: t}}
      - {request: {url: "http://127.0.0.1:{app.port}/two", form: {t: "{token}"}}, response: {access: t}}
    introspect: {url: "http://127.0.0.1:{app.port}/introspect", auth: none}
    api:
      base_url: "http://127.0.0.1:{app.port}"
      bases: {up: "http://127.0.0.1:{app.port}/up"}
      slots: [{name: old, paths: [/old]}]
api: {base_url: "http://127.0.0.1:{app.port}"}
verify: {path: /me}
identity: {path: /me, id: id}
`,
	"signed": `
schema: 1
name: signed
title: Signed
mode: static
account: [{name: id, pattern: "[A-Z]+"}, {name: key, secret: true}]
signer: {kind: sigv4, key_id: "{account.id}", key: "{account.key}", service: s3, region: eu}
client_cert: {cert: "{account.key}", key: "{account.key}"}
api: {base_url: https://signed.example.com}
`,
	"gadget": `
schema: 1
name: gadget
title: Gadget
device: {url: https://gadget.example.com/device}
authorize: {url: https://gadget.example.com/authorize}
token: {url: https://gadget.example.com/token, client_auth: none}
refresh: {none: true}
api: {base_url: https://api.gadget.example.com}
`,
	"shop": `
schema: 1
name: shop
title: Shop
account: [{name: shop, pattern: "[a-z]+", example: acme}, {name: pin, secret: true, optional: true}]
authorize: {url: "https://{account.shop}.shop.example.com/authorize"}
token: {url: "https://{account.shop}.shop.example.com/token", client_auth: none}
api: {base_url: "https://{account.shop}.shop.example.com"}
`,
}

// withOwn gives the API the connectors of these tests and no others, and the connections.
func withOwn(t *testing.T, configured ...vault.Connection) func(*api.Options) {
	return func(o *api.Options) {
		var catalog *connectors.Catalog
		for name, text := range ownConnectors {
			k, err := connectors.Decode(name+".yaml", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			catalog = catalog.With(k)
		}
		knows(o, catalog)
		var err error
		if o.Connections, err = connection.NewSet(t.Context(), o.Vault, catalog, configured); err != nil {
			t.Fatal(err)
		}
		withFlow(t, &url.URL{Scheme: "https", Host: "accounts.example.com", Path: "/oauth/callback"})(o)
	}
}

func TestConnectors(t *testing.T) {
	k := setup(t, nil)
	last := ""
	for c, err := range k.AllConnectors(t.Context(), client.ConnectorQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		if c.Title == "" || c.Name <= last || c.Mode == "" || c.Tested.How == "" {
			t.Errorf("after %q comes %+v", last, c)
		}
		if _, err := k.Connector(t.Context(), c.Name, ""); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
		last = c.Name
	}
	if last == "" {
		t.Error("there are none")
	}
	d, err := k.Connector(t.Context(), "demo", "")
	if err != nil {
		t.Fatal(err)
	}
	if d.AuthorizeURL != "http://127.0.0.1:{app.port}/authorize" || d.TokenURL == "" || d.RevokeURL == "" ||
		d.ClientAuth != "basic" || d.PKCE != "required" || len(d.Scopes.Default) == 0 || !d.Refresh.Supported || d.Refresh.Rotates != "sometimes" ||
		d.BaseURL == "" || len(d.Inputs) != 1 || !d.Inputs[0].Required || !d.Identifies || d.Mode != client.ModeCode ||
		!d.NeedsClientID || !d.NeedsClientSecret || !d.NeedsUser ||
		d.RedirectURI != "https://accounts.example.com/oauth/callback/{connection}" {
		t.Errorf("got %+v", d)
	}
	if want := []client.Injection{{In: "header", Name: "Authorization", Template: "Bearer {token}"}}; !cmp.Equal(d.Inject, want) {
		t.Errorf("inject is %+v, want %+v", d.Inject, want)
	}
	_, err = k.Connector(t.Context(), "demmo", "")
	if e := refused(t, err, 404, "connector_not_found"); !strings.Contains(e.Next, "demo") {
		t.Errorf("next is %q, want a suggestion", e.Next)
	}
	_, err = k.Connector(t.Context(), "demo", "oauth")
	if e := refused(t, err, 400, "parameter_invalid"); !strings.Contains(e.Detail, "one way only") {
		t.Errorf("detail is %q", e.Detail)
	}
}

func TestConnectorWays(t *testing.T) {
	k := setup(t, withOwn(t))
	summary := client.ConnectorSummary{
		Name: "keyed", Origin: "folder", Title: "Keyed API", Description: "Things behind keys.", Categories: []string{"crm", "things"},
		Docs: "https://keyed.example.com/docs", Notes: []string{"Keys are shown once."},
		Tested: client.Tested{How: "documentation", Date: "2026-05-04"}, Mode: client.ModeStatic,
		Ways: []client.Way{{ID: "user_key", Title: "Key of the user", Mode: client.ModeStatic}, {ID: "app_key", Title: "Key of the app", Mode: client.ModeJWTBearer}},
	}
	port := client.Input{Name: "port", Title: "Port", Example: "9090", Pattern: "[0-9]{2,5}", Required: true}
	account := []client.Input{
		{
			Name: "site", Title: "Site", Description: "The name of your site.", Help: "https://keyed.example.com/help", Example: "acme",
			Pattern: "[a-z]+", Normalize: []string{"host"}, Suffix: ".example.com", Required: true,
		},
		{Name: "zone", Enum: []string{"eu", "us"}, Default: "eu"},
		{Name: "note", Pattern: ".*", Prefix: "n-"},
	}
	setupSteps := []string{"Open the console.", "Make a key."}
	user := client.Connector{
		ConnectorSummary: summary, Auth: "user_key", Setup: setupSteps,
		Inputs: []client.Input{port}, AccountInputs: append(account[:3:3], client.Input{Name: "key", Title: "API key", Secret: true, Required: true}),
		BaseURL: "http://127.0.0.1:{app.port}/{account.site}", Verifies: true, Identifies: true,
		Inject: []client.Injection{
			{In: "header", Name: "X-Key", Template: "{account.key}"},
			{In: "basic", User: "{account.site}", Password: "{account.key}"},
		},
	}
	app := client.Connector{
		ConnectorSummary: summary, Auth: "app_key", Setup: setupSteps,
		Inputs: []client.Input{port, {Name: "private_key", Secret: true, Multiline: true, Required: true}}, AccountInputs: account,
		TokenURL: "http://127.0.0.1:{app.port}/token", ClientAuth: "none", IntrospectURL: "http://127.0.0.1:{app.port}/introspect",
		StepURLs: []string{"http://127.0.0.1:{app.port}/one", "http://127.0.0.1:{app.port}/two"},
		Scopes:   client.Scopes{Default: []string{"{app.port}/read"}, Known: map[string]string{"read": "Read things."}},
		Refresh:  client.Refresh{Supported: true}, BaseURL: "http://127.0.0.1:{app.port}",
		Bases: map[string]string{"up": "http://127.0.0.1:{app.port}/up"}, Verifies: true, Identifies: true,
		Slots:  []string{"old"},
		Inject: []client.Injection{{In: "header", Name: "X-Token", Template: "{token}"}, {In: "header", Name: "X-Old", Template: "{token.old}", Slot: "old"}},
	}
	app.Mode = client.ModeJWTBearer
	for auth, want := range map[string]client.Connector{"": user, "user_key": user, "app_key": app} {
		got, err := k.Connector(t.Context(), "keyed", auth)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("auth %q: %v (-want +got):\n%s", auth, err, diff)
		}
	}
	_, err := k.Connector(t.Context(), "keyed", "oauth")
	if e := refused(t, err, 400, "parameter_invalid"); !strings.Contains(e.Detail, "user_key, app_key") {
		t.Errorf("detail is %q, want the ways", e.Detail)
	}
	for c, err := range k.AllConnectors(t.Context(), client.ConnectorQuery{Search: "keyed"}) {
		if diff := cmp.Diff(summary, c); diff != "" || err != nil {
			t.Errorf("in the list: %v (-want +got):\n%s", err, diff)
		}
	}
}

func TestConnectorSigns(t *testing.T) {
	k := setup(t, withOwn(t))
	c, err := k.Connector(t.Context(), "signed", "")
	if err != nil || c.Signer != "sigv4" || !c.ClientCertificate || len(c.Inject) != 0 || c.Inject == nil || c.Refresh.Supported || c.PKCE != "" || c.RedirectURI != "" {
		t.Errorf("got %+v, %v", c, err)
	}
	if c.Tested.How != "unverified" {
		t.Errorf("nobody says how it was tested, and it is %q", c.Tested.How)
	}
	g, err := k.Connector(t.Context(), "gadget", "")
	if err != nil || !g.Device || g.DeviceURL != "https://gadget.example.com/device" || g.Refresh.Supported || !g.NeedsClientID || g.NeedsClientSecret || g.RedirectURI == "" {
		t.Errorf("got %+v, %v", g, err)
	}
}

func TestConnectorFilters(t *testing.T) {
	k := setup(t, withOwn(t))
	for _, tt := range []struct {
		name string
		q    client.ConnectorQuery
		want string
	}{
		{"name", client.ConnectorQuery{Search: "keyed"}, "keyed"},
		{"title in upper case", client.ConnectorQuery{Search: "KEYED api"}, "keyed"},
		{"description", client.ConnectorQuery{Search: "behind"}, "keyed"},
		{"category as a word", client.ConnectorQuery{Search: "crm behind"}, "keyed"},
		{"words apart", client.ConnectorQuery{Search: "  things keyed "}, "keyed"},
		{"one word missing", client.ConnectorQuery{Search: "keyed gadget"}, ""},
		{"category", client.ConnectorQuery{Category: "things"}, "keyed"},
		{"part of a category", client.ConnectorQuery{Category: "thing"}, ""},
		{"mode", client.ConnectorQuery{Mode: "static", Category: "things"}, "keyed"},
		{"mode of another way", client.ConnectorQuery{Mode: "jwt_bearer"}, "keyed"},
		{"mode that is not named", client.ConnectorQuery{Mode: "oauth2_code", Search: "gadget"}, "gadget"},
		{"two", client.ConnectorQuery{Mode: "static", Search: "signed"}, "signed"},
		{"two that exclude each other", client.ConnectorQuery{Mode: "static", Search: "gadget"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var names []string
			for c, err := range k.AllConnectors(t.Context(), tt.q) {
				if err != nil {
					t.Fatal(err)
				}
				names = append(names, c.Name)
			}
			if got := strings.Join(names, " "); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	k.send("GET", "/claviger/connectors?mode=oauth", "").wants(t, 400, "parameter_invalid")
	k.send("GET", "/claviger/connectors?query=x", "").wants(t, 400, "parameter_unknown")
	if got := k.send("GET", "/claviger/connectors?q=nothing-like-it", ""); got.text != `{"items":[]}`+"\n" {
		t.Errorf("nothing found is %s", got.text)
	}
}

func TestConnectorPages(t *testing.T) {
	many := []*connectors.Connector{}
	for i := range 120 {
		name := "many-" + string(rune('a'+i/26)) + string(rune('a'+i%26))
		many = append(many, &connectors.Connector{Name: name, Title: name, Categories: []string{"many"}})
	}
	k := setup(t, func(o *api.Options) { knows(o, o.Catalog().With(many...)) })
	first, err := k.Connectors(t.Context(), client.ConnectorQuery{Category: "many"})
	if err != nil || len(first.Items) != 50 || first.Next == "" {
		t.Fatalf("the first page has %d, next %q, %v", len(first.Items), first.Next, err)
	}
	seen, pages := map[string]bool{}, 0
	q := client.ConnectorQuery{Category: "many", PageQuery: client.PageQuery{Limit: 40}}
	for {
		page, err := k.Connectors(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page.Items {
			seen[c.Name] = true
		}
		if pages++; page.Next == "" {
			break
		}
		q.After = page.Next
	}
	if len(seen) != len(many) || pages != 3 {
		t.Errorf("%d connectors on %d pages, want %d on 3", len(seen), pages, len(many))
	}
	for _, bad := range []string{"limit=0", "limit=201", "after=A%20b", "after=a&after=b"} {
		k.send("GET", "/claviger/connectors?"+bad, "").wants(t, 400, "parameter_invalid")
	}
}
