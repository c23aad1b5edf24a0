package connectors_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/connectors"
)

func TestWay(t *testing.T) {
	c := decode(t, string(good(t)["ways.yaml"]))
	for _, id := range []string{"", "oauth"} {
		w, ok := c.Way(id)
		if !ok || len(w.Ways) != 0 || w.Authorize.URL.IsZero() || len(w.App) != 1 || len(w.Account) != 0 {
			t.Fatalf("Way(%q) = %+v, %v; want the first one", id, w, ok)
		}
		if w.API.BaseURL.String() != c.API.BaseURL.String() || w.Verify != c.Verify || w.Identity != nil || len(w.Discover) != 1 {
			t.Errorf("Way(%q) has not the connector's API, verify and identity, and its own discover: %+v", id, w)
		}
	}
	w, ok := c.Way("key")
	if !ok || w.Mode != connectors.ModeStatic || !w.Authorize.URL.IsZero() {
		t.Fatalf("Way(key) = %+v, %v", w, ok)
	}
	var names []string
	for _, in := range append(w.App, w.Account...) {
		names = append(names, in.Name)
	}
	if diff := cmp.Diff([]string{"region", "partner", "site", "key"}, names); diff != "" {
		t.Errorf("inputs of Way(key) (-want +got):\n%s", diff)
	}
	if w.API.BaseURL.String() != "https://{account.site}.example.com" || len(w.API.Bases) != 0 || w.Verify.Path.String() != "/ping" || w.Identity.ID != "id" || w.Discover != nil {
		t.Errorf("Way(key) has not its own API, verify and identity: %+v", w)
	}
	if w, ok := c.Way("other"); ok || w != nil {
		t.Errorf("Way(other) = %v, %v", w, ok)
	}
	if len(c.App) != 1 || len(c.Ways) != 2 || c.Verify.Path.String() != "/me" {
		t.Error("Way has changed the connector")
	}
	one := decode(t, minimal)
	if w, ok := one.Way(""); !ok || w != one {
		t.Errorf("the only way is %v, %v", w, ok)
	}
	if w, ok := one.Way("oauth"); ok || w != nil {
		t.Errorf("Way(oauth) of a connector without ways is %v, %v", w, ok)
	}
}

func TestWaysRefused(t *testing.T) {
	tests := []struct{ name, old, new, want string }{
		{"ID twice", "id: key", "id: oauth", "x.yaml:14: auth[1].id: oauth is there twice"},
		{"bad ID", "id: key", "id: Key", "x.yaml:14: auth[1].id: must be lower-case letters, digits, '-' and '_'"},
		{"no ID", "- id: key\n    ", "- ", "x.yaml:14: auth[1].id: must be lower-case letters, digits, '-' and '_'"},
		{"no title", "    title: API key\n", "", "x.yaml:14: auth[1].title: is required"},
		{"key beside", "verify: {path: /me}", "verify: {path: /me}\nrefresh: {none: true}\nmode: none", "x.yaml:7: auth: excludes the keys of one way beside it: put mode, refresh into its entries"},
		{"own key", "client_auth: post", "client_auth: auto", `x.yaml:11: auth[0].token.client_auth: "auto" is not allowed; use `},
		{"own input", `pattern: "[a-z0-9-]+"`, "pattern: '('", "x.yaml:19: auth[1].account[0].pattern: must be an RE2 expression"},
		{"own input that is there already", "      - {name: partner", "      - {name: region, secret: true}\n      - {name: partner", "x.yaml:17: auth[1].app[0].name: region is declared twice"},
		{"own input of another way", "{app.region}.example.com/authorize", "{account.site}.example.com/authorize", "x.yaml:10: auth[0].authorize.url: {account.site} is not declared under account"},
		{"own API", "https://{account.site}.example", "https://*.example", `x.yaml:25: auth[1].api.base_url: host "*.example.com" must be`},
		{"own verify", "path: /ping", "path: ping", "x.yaml:26: auth[1].verify.path: must begin with '/'"},
		{"own identity", "path: /me, id: id", "path: /me", "x.yaml:27: auth[1].identity.id: is required"},
		{"own discover", "base: all", "base: other", "x.yaml:13: auth[0].discover[0].base: other is not declared under api.bases"},
		{"own mode", "mode: static", "mode: password", "auth[1].account: must have an input username with mode password"},
		{"shared input, told once", "enum: [eu, us]", "pattern: '('", "x.yaml:6: app[0].pattern: must be an RE2 expression"},
		{"shared verify", "verify: {path: /me}", "verify: {path: me}", "x.yaml:31: verify.path: must begin with '/', with auth oauth"},
		{"shared API of one way", "https://api.{app.region}.example.com/{captured.site}", "https://api.{app.region}.example.com/{account.site}", "x.yaml:29: api.base_url: {account.site} is not declared under account, with auth oauth"},
		{"shared errors, told once", "verify: {path: /me}", "verify: {path: /me}\nerrors: {operator_when: [{}]}", "x.yaml:32: errors.operator_when[0]: must have a code, a text or a status"},
		{"example of one way", "site, pattern", "site, example: a.b, pattern: .*, help: 'https://x.example.com', title", "x.yaml:25: auth[1].api.base_url: is not good with the defaults and examples"},
	}
	text := string(good(t)["ways.yaml"])
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(text, tt.old) {
				t.Fatalf("the file has no %q", tt.old)
			}
			_, err := connectors.Decode("x.yaml", []byte(strings.Replace(text, tt.old, tt.new, 1)))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("Decode: %v, want %q", err, tt.want)
			}
			if tt.name != "own mode" && strings.Contains(err.Error(), "\n") {
				t.Errorf("Decode: several errors: %v", err)
			}
		})
	}
}
