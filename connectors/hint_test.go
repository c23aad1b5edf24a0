package connectors_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
)

// hinted is a connector about which there is nothing to say.
const hinted = `schema: 1
name: acme
title: Acme
description: Things.
categories: [crm]
docs: https://acme.example/docs
tested: {how: documentation, date: "2026-11-22"}
setup: [Register the app.]
account:
  - {name: site, title: Site, description: In the address bar., example: ada, pattern: "[a-z]+"}
mode: oauth2_code
authorize:
  url: https://acme.example/authorize
  scope: {known: {read: Read things}}
token: {url: "https://acme.example/token", client_auth: basic}
revoke: {url: "https://acme.example/revoke"}
api: {base_url: "https://{account.site}.acme.example"}
verify: {path: /me}
identity: {path: /me, id: id}
`

// Each line that is taken out, or changed, gives the hint.
func TestHints(t *testing.T) {
	hints := func(text string) []string {
		t.Helper()
		c, err := connectors.Decode("acme.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, h := range c.Hints() {
			list = append(list, strings.TrimSpace(h.Path+" "+h.Message))
		}
		return list
	}
	if got := hints(hinted); len(got) > 0 {
		t.Fatalf("there are hints: %q", got)
	}
	for _, tt := range []struct{ old, replacement, want string }{
		{"description: Things.\n", "", "description is missing"},
		{"categories: [crm]\n", "", "categories are missing"},
		{"docs: https://acme.example/docs\n", "", "docs is missing"},
		{"tested: {how: documentation, date: \"2026-11-22\"}\n", "", "tested is missing"},
		{"tested: {how: documentation, date: \"2026-11-22\"}\n", "tested: unverified\n", "tested is unverified"},
		{"setup: [Register the app.]\n", "", "setup is missing"},
		{", title: Site", "", "account[0].title is missing"},
		{", description: In the address bar.", "", "account[0].description is missing"},
		{", example: ada", "", "account[0].example is missing"},
		{"  scope: {known: {read: Read things}}\n", "", "authorize.scope.known is missing"},
		{"{read: Read things}", `{read: ""}`, "authorize.scope.known.read is empty"},
		{"  scope:", "  pkce: off\n  scope:", "authorize.pkce is off"},
		{"identity:", "callback: {state: install}\nidentity:", "callback.state is install"},
		{"revoke: {url: \"https://acme.example/revoke\"}\n", "", "revoke is missing"},
		{"identity: {path: /me, id: id}\n", "", "identity is missing"},
		{"verify: {path: /me}\nidentity: {path: /me, id: id}\n", "", "verify is missing"},
	} {
		changed := strings.Replace(hinted, tt.old, tt.replacement, 1)
		if changed == hinted {
			t.Fatalf("%q is not in the file", tt.old)
		}
		got := hints(changed)
		if !slices.ContainsFunc(got, func(h string) bool { return strings.HasPrefix(h, tt.want) }) {
			t.Errorf("without %q: got %q, want %q", tt.old, got, tt.want)
		}
	}
}

func TestHintsOfWays(t *testing.T) {
	c, err := connectors.Decode("acme.yaml", []byte(`schema: 1
name: acme
title: Acme
api: {base_url: "https://acme.example"}
auth:
  - {id: key, title: Key, mode: static, account: [{name: key, secret: true}], inject: [{in: header, name: X-Key, template: "{account.key}"}]}
  - {id: open, title: Open, mode: none}
`))
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, h := range c.Hints() {
		paths = append(paths, h.Path)
	}
	want := "description categories docs tested setup auth[0].account[0].title auth[0].account[0].description auth[0].verify auth[0].identity"
	if got := strings.Join(paths, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
