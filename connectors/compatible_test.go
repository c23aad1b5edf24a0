package connectors_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/connectors"
)

// The connectors that the tests of changes begin with.
const (
	shopYAML = `
schema: 1
name: shop
title: Shop
app:
  - {name: region, pattern: "[a-z]+", example: eu, default: eu}
  - {name: partner, secret: true}
authorize: {url: "https://login.shop.example.com/authorize"}
token:
  url: https://login.shop.example.com/token
  client_auth: basic
  headers: {X-Partner: "{app.partner}"}
  capture: {org: org.id}
  response: {slots: {user: user.token}}
revoke: {url: "https://login.shop.example.com/revoke"}
inject:
  - {in: header, name: Authorization, template: "Bearer {token}"}
api:
  base_url: https://api.shop.example.com/v1
  bases: {files: "https://files.shop.example.com"}
  headers: {X-Org: "{captured.org}"}
  slots: [{name: user}]
identity: {path: /me, id: id}
`
	siteYAML = `
schema: 1
name: site
title: Site
account:
  - {name: site, pattern: "[a-z]+", example: acme}
  - {name: key, secret: true}
mode: static
inject: [{in: header, name: X-Key, template: "{account.key}"}]
api: {base_url: "https://{account.site}.site.example.com"}
`
	waysYAML = `
schema: 1
name: ways
title: Ways
auth:
  - id: oauth
    title: Sign in
    authorize: {url: "https://ways.example.com/authorize"}
    token: {url: "https://ways.example.com/token", client_auth: post}
  - id: key
    title: Key
    mode: static
    account: [{name: key, secret: true}]
    inject: [{in: header, name: X-Key, template: "{account.key}"}]
api: {base_url: "https://ways.example.com/api"}
`
	robotYAML = `
schema: 1
name: robot
title: Robot
mode: client_credentials
token: {url: "https://robot.example.com/token", client_auth: basic, capture: {host: instance}}
api:
  base_url: https://{captured.host}
  within: [robot.example.com]
`
)

// changed is the shape of a file after replacements: pairs of what stood there and what stands there now.
func changed(t *testing.T, text, way string, pairs ...string) connectors.Shape {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("the file has no %q", pairs[i])
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	c, err := connectors.Decode("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	s, ok := c.Shape(way)
	if !ok {
		t.Fatalf("there is no way %q", way)
	}
	return s
}

func TestBreaks(t *testing.T) {
	const api, token = "https://api.shop.example.com/v1", "https://login.shop.example.com/token"
	for _, tt := range []struct {
		name, file, way string
		pairs           []string
		// want is the path of the one reason; empty means that accounts go on.
		want string
	}{
		{"nothing", shopYAML, "", nil, ""},
		{"words", shopYAML, "", []string{"title: Shop", "title: The shop\nnotes: [New.]\ndocs: https://shop.example.com"}, ""},
		{"rate limits", shopYAML, "", []string{"/authorize\"}", "/authorize\"}\nrate: {statuses: [403], windows: [{remaining: X-Left}], max_wait: 2h}"}, ""},
		{"scopes and errors", shopYAML, "", []string{"/authorize\"}", "/authorize\", scope: {default: [read]}}\nerrors: {permanent_when: [gone]}"}, ""},
		{"how lists go on", shopYAML, "", []string{"identity:", "paginate: link\nidentity:"}, ""},
		{"an optional input", shopYAML, "", []string{"app:\n", "app:\n  - {name: extra, pattern: \".*\", optional: true}\n"}, ""},
		{"how the client authenticates", shopYAML, "", []string{"client_auth: basic", "client_auth: post"}, ""},
		{"another header for the token", shopYAML, "", []string{"name: Authorization, template: \"Bearer {token}\"", "name: X-Token, template: \"{token}\""}, ""},
		{"where users consent", shopYAML, "", []string{"https://login.shop.example.com/authorize", "https://consent.other.example.org/authorize"}, ""},

		{"an install page", shopYAML, "", []string{"/authorize\"}", "/install\"}\ncallback: {state: install}\ninstall: {inbound: true, pass: [shop]}"}, ""},

		{"another path", shopYAML, "", []string{api, "https://api.shop.example.com/v2"}, ""},
		{"another host of the same domain", shopYAML, "", []string{api, "https://eu.example.com:8443/v1"}, ""},
		{"a base more", shopYAML, "", []string{"bases: {", "bases: {uploads: \"https://up.example.com\", "}, ""},
		{"a client that is registered", shopYAML, "", []string{"revoke:", "register: {with: dynamic, url: \"https://login.shop.example.com/register\"}\nrevoke:"}, ""},
		{"a client that is registered elsewhere", shopYAML, "", []string{"revoke:", "register: {with: dynamic, url: \"https://login.example.org/register\"}\nrevoke:"}, "register.url"},
		{"an endpoint more", shopYAML, "", []string{"revoke:", "introspect: {url: \"https://login.shop.example.com/introspect\"}\nrevoke:"}, ""},
		{"another domain for the API", shopYAML, "", []string{api, "https://api.shop.example.org"}, "api.base_url"},
		{"another domain with the same end", shopYAML, "", []string{api, "https://evilexample.com"}, "api.base_url"},
		{"another domain for tokens", shopYAML, "", []string{token, "https://tokens.example.net"}, "token.url"},
		{"another domain for refreshes", shopYAML, "", []string{"revoke:", "refresh: {url: \"https://example.net/refresh\"}\nrevoke:"}, "refresh.url"},
		{"another domain for the end", shopYAML, "", []string{"https://login.shop.example.com/revoke", "https://example.net/revoke"}, "revoke.url"},
		{"another domain for a look", shopYAML, "", []string{"revoke:", "introspect: {url: \"https://example.net/i\"}\nrevoke:"}, "introspect.url"},
		{"another domain for a step", shopYAML, "", []string{"revoke:", "steps: [{request: {url: \"https://example.net/i\"}}]\nrevoke:"}, "steps[0].request.url"},
		{"another domain for a base", shopYAML, "", []string{"bases: {", "bases: {uploads: \"https://up.example.net\", "}, "api.bases.uploads"},
		{"this machine", shopYAML, "", []string{api, "http://127.0.0.1:9090"}, "api.base_url"},
		{"a host that is chosen", shopYAML, "", []string{api, "https://{app.region}.shop.example.com"}, "api.base_url"},
		{"one's own site for a fixed host", siteYAML, "", []string{"{account.site}.site", "www.site"}, "api.base_url"},
		{"one's own site for another's", siteYAML, "", []string{"{account.site}.site", "{account.site}.cite"}, "api.base_url"},
		{"a part of one's own site taken off", siteYAML, "", []string{"example: acme}", "example: acme, suffix: e}"}, "account.site"},
		{"a part of something else taken off", shopYAML, "", []string{"default: eu}", "default: eu, suffix: u}"}, ""},
		{"another path of one's own site", siteYAML, "", []string{"site.example.com", "site.example.com/{account.site}"}, ""},
		{"domains of what is told", robotYAML, "", []string{"within: [robot.example.com]", "within: [robot.example.com, robots.example.com]"}, ""},
		{"other domains of what is told", robotYAML, "", []string{"within: [robot.example.com]", "within: [robot.example.com, example.org]"}, "api.within[1]"},

		{"a base less", shopYAML, "", []string{"  bases: {files: \"https://files.shop.example.com\"}\n", ""}, "api.bases.files"},
		{"a slot less", shopYAML, "", []string{"  slots: [{name: user}]\n", ""}, "api.slots"},
		{"a slot more", shopYAML, "", []string{"[{name: user}]", "[{name: user}, {name: token}]"}, ""},

		{"who the account is, asked elsewhere", shopYAML, "", []string{"path: /me", "path: /v2/me, name: name"}, ""},
		{"another identity", shopYAML, "", []string{"id: id}", "id: login}"}, "identity.id"},
		{"identity from the ID token", shopYAML, "", []string{"{path: /me, id: id}", "{from: id_token, id: id}"}, "identity.id"},
		{"no identity", shopYAML, "", []string{"identity: {path: /me, id: id}", ""}, "identity"},
		{"an identity at last", siteYAML, "", []string{"mode: static", "identity: {path: /me, id: id}\nmode: static"}, ""},

		{"no refresh", shopYAML, "", []string{"revoke:", "refresh: {none: true}\nrevoke:"}, "refresh.none"},
		{"refresh with the access token", shopYAML, "", []string{"revoke:", "refresh: {with: access_token}\nrevoke:"}, ""},
		{"refresh with what accounts have not", robotYAML, "", []string{"api:\n", "refresh: {with: refresh_token}\napi:\n"}, "refresh.with"},

		{"another mode", siteYAML, "", []string{"mode: static", "mode: login\nsteps: [{request: {url: \"https://{account.site}.site.example.com/in\"}, response: {access: t}}]"}, "mode"},
		{"a way more", waysYAML, "", []string{"api:", "  - {id: other, title: Other, mode: none}\napi:"}, ""},
		{"another standard way", waysYAML, "", []string{"auth:\n", "auth:\n  - {id: open, title: Open, authorize: {url: \"https://ways.example.com/a\"}, token: {url: \"https://ways.example.com/t\", client_auth: post}}\n"}, "auth"},
		{"another standard way for those that name theirs", waysYAML, "key", []string{"auth:\n", "auth:\n  - {id: none, title: Open, mode: none}\n"}, ""},
		{"another mode of a way that is not used", waysYAML, "", []string{"mode: static", "mode: none", "    account: [{name: key, secret: true}]\n    inject: [{in: header, name: X-Key, template: \"{account.key}\"}]\n", ""}, ""},

		{"a secret that is none", shopYAML, "", []string{"{name: partner, secret: true}", "{name: partner, pattern: \".+\", example: x}"}, "app.partner.secret"},
		{"what was open becomes secret", siteYAML, "", []string{"{account.site}.site", "{account.site}.site", "example: acme}", "example: acme}\n  - {name: more, secret: true, optional: true}"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			errs := connectors.Breaks(changed(t, tt.file, tt.way), changed(t, tt.file, tt.way, tt.pairs...))
			var got []string
			for _, e := range errs {
				got = append(got, e.Path)
				if e.Message == "" {
					t.Errorf("no reason is given for %s", e.Path)
				}
			}
			var want []string
			if tt.want != "" {
				want = []string{tt.want}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("reasons (-want +got):\n%s%v", d, errs)
			}
		})
	}
}

// Domains under which anybody has a name of his own are as many sites.
func TestBreaksPublicSuffix(t *testing.T) {
	for _, tt := range []struct {
		from, to string
		breaks   bool
	}{
		{"api.acme.co.uk", "www.acme.co.uk", false},
		{"acme.co.uk", "other.co.uk", true},
		{"acme.github.io", "other.github.io", true},
		{"acme.github.io", "github.io", true},
		{"acme.example.com", "example.com", false},
		{"git.team-a.svc.cluster.local", "git.evil.svc.cluster.local", true},
		{"git.corp.internal", "ci.corp.internal", true},
	} {
		old := changed(t, siteYAML, "", "https://{account.site}.site.example.com", "https://"+tt.from)
		now := changed(t, siteYAML, "", "https://{account.site}.site.example.com", "https://"+tt.to)
		if got := len(connectors.Breaks(old, now)) > 0; got != tt.breaks {
			t.Errorf("from %s to %s: breaks is %t, want %t", tt.from, tt.to, got, tt.breaks)
		}
	}
}

// What requests and refreshes need of an account that a user must come back for otherwise.
func TestMoreUses(t *testing.T) {
	for _, tt := range []struct {
		name  string
		pairs []string
		want  []string
	}{
		{"a capture that nothing uses", []string{"capture: {", "capture: {team: team.id, "}, nil},
		{"a capture in a header", []string{"capture: {", "capture: {team: team.id, ", "headers: {X-Org", "headers: {X-Team: \"{captured.team}\", X-Org"}, []string{"captured.team"}},
		{"a capture in a parameter of the code's exchange", []string{"token:\n", "callback: {capture: {realm: realm}}\ntoken:\n  params: {realm: \"{captured.realm}\"}\n"}, nil},
		{"a capture in a parameter of refreshes", []string{"token:\n", "callback: {capture: {realm: realm}}\nrefresh: {params: {realm: \"{captured.realm}\"}}\ntoken:\n"}, []string{"captured.realm"}},
		{"a capture that a refresh brings itself", []string{"capture: {", "capture: {team: team.id, ", "revoke:", "refresh: {params: {t: \"{captured.team}\"}}\nrevoke:"}, nil},
		{"a slot for those that pick it", []string{"inject:\n", "inject:\n  - {in: header, name: X-User, template: \"{token.user}\", slot: user}\n"}, nil},
		{"a slot for all requests", []string{"inject:\n", "inject:\n  - {in: header, name: X-User, template: \"{token.user}\"}\n"}, []string{"token.user"}},
		{"a slot that the end of a grant names", []string{"login.shop.example.com/revoke\"", "login.shop.example.com/revoke\", params: {user: \"{token.user}\"}"}, nil},
		{"a capture that the end of a grant names", []string{"capture: {", "capture: {team: team.id, ", "login.shop.example.com/revoke\"", "login.shop.example.com/revoke\", params: {team: \"{captured.team}\"}"}, []string{"captured.team"}},
		{"what is found and goes onto all requests", []string{"inject:\n", "discover: [{path: /sites, id: id, into: site}]\ninject:\n  - {in: header, name: X-Site, template: \"{captured.site}\"}\n"}, []string{"captured.site"}},
		{"a told path of a base", []string{"capture: {", "capture: {url: url, ", "api.shop.example.com/v1", "api.shop.example.com/{path(captured.url)}"}, []string{"captured.url"}},
		{"a slot for some paths", []string{"[{name: user}]", "[{name: user, paths: [/search]}]"}, []string{"token.user"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := connectors.MoreUses(changed(t, shopYAML, ""), changed(t, shopYAML, "", tt.pairs...))
			if d := cmp.Diff(tt.want, got); d != "" && len(tt.want)+len(got) > 0 {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// The digest is another one when values may not fit any more, and only then.
func TestShapeTakes(t *testing.T) {
	old := changed(t, siteYAML, "").Takes
	for pair, same := range map[[2]string]bool{
		{"title: Site", "title: Sites"}:                              true,
		{"example: acme", "example: acme, title: Name"}:              true,
		{"name: X-Key", "name: X-Api-Key"}:                           true,
		{"[a-z]+", "[a-z0-9]+"}:                                      false,
		{".site.example.com", ".site.example.com/v2"}:                false,
		{"example: acme", "example: acme, default: acme"}:            false,
		{"mode:", "app: [{name: x, pattern: x, default: x}]\nmode:"}: false,
	} {
		if got := changed(t, siteYAML, "", pair[0], pair[1]).Takes == old; got != same {
			t.Errorf("%s for %s: same is %t, want %t", pair[1], pair[0], got, same)
		}
	}
}

// A shape is the same after it was written and read, and for every built-in connector there is one, with
// which the connector breaks nothing.
func TestShapeOfBuiltin(t *testing.T) {
	catalog, err := connectors.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range catalog.All() {
		ids := []string{""}
		for _, w := range c.Ways {
			ids = append(ids, w.ID)
		}
		for _, id := range ids {
			s, ok := c.Shape(id)
			if !ok || len(s.Hosts) == 0 || s.Takes == "" {
				t.Fatalf("%s %q: got %+v, %t", c.Name, id, s, ok)
			}
			for path, host := range s.Hosts {
				if host == "" || strings.ContainsAny(host, "/\x00") {
					t.Errorf("%s %q: host of %s is %q", c.Name, id, path, host)
				}
			}
			text, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			var again connectors.Shape
			if err := json.Unmarshal(text, &again); err != nil {
				t.Fatal(err)
			}
			if errs := connectors.Breaks(again, s); len(errs) > 0 || again.Takes != s.Takes || !slices.Equal(again.Uses, s.Uses) {
				t.Errorf("%s %q breaks itself: %v", c.Name, id, errs)
			}
		}
		if _, ok := c.Shape("no-such-way"); ok {
			t.Errorf("%s has a way of any name", c.Name)
		}
	}
}
