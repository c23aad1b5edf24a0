package connectors_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/connectors"
)

// base has something of every shape that a variant can change.
const base = `
schema: 1
name: base
title: Base
tested: {how: account, date: 2026-03-01}
notes: [one, two]
account: [{name: site, pattern: "[a-z]+"}]
authorize:
  url: https://login.example.com/authorize
  params: {a: "1", b: "2"}
  scope: {default: [read, write]}
token: {url: https://login.example.com/token, client_auth: basic, response: {expires: {path: until, as: at_s}}}
revoke: {url: https://login.example.com/revoke, headers: {X-A: "1"}, ok_when: {path: ok, equals: true}}
api: {base_url: "https://{account.site}.example.com"}
`

// on decodes a file that extends base.
func on(t *testing.T, text string) (*connectors.Connector, error) {
	t.Helper()
	catalog := (*connectors.Catalog)(nil).With(decode(t, base))
	return catalog.Decode("x.yaml", []byte("schema: 1\nname: x\nextends: base\n"+text))
}

func TestExtends(t *testing.T) {
	tests := []struct {
		name, text string
		want       func(*connectors.Connector)
	}{
		{"nothing but the name", "", func(*connectors.Connector) {}},
		{"scalar", "title: X", func(c *connectors.Connector) { c.Title = "X" }},
		{"scalar within", "token: {client_auth: post}", func(c *connectors.Connector) { c.Token.ClientAuth = "post" }},
		{"map", `authorize: {params: {b: "3", c: "4"}}`, func(c *connectors.Connector) {
			c.Authorize.Params = map[string]connectors.Template{"a": parse(t, "1"), "b": parse(t, "3"), "c": parse(t, "4")}
		}},
		{"list", "notes: [three]", func(c *connectors.Connector) { c.Notes = []string{"three"} }},
		{"empty list", "notes: []", func(c *connectors.Connector) { c.Notes = nil }},
		{"list within", "authorize: {scope: {default: [x]}}", func(c *connectors.Connector) {
			c.Authorize.Scope.Default = []connectors.Template{parse(t, "x")}
		}},
		{"list of mappings", `account: [{name: site, pattern: x}]`, func(c *connectors.Connector) {
			c.Account = []connectors.Input{{Name: "site", Pattern: "x"}}
		}},
		{"pointer", `revoke: {method: DELETE, headers: {X-B: "2"}, ok_when: {equals: yes}}`, func(c *connectors.Connector) {
			c.Revoke.Method, c.Revoke.OKWhen.Equals = "DELETE", "yes"
			c.Revoke.Headers = map[string]connectors.Template{"X-A": parse(t, "1"), "X-B": parse(t, "2")}
		}},
		{"pointer that was not there", "verify: {path: /me}", func(c *connectors.Connector) {
			c.Verify = &connectors.Probe{Ask: connectors.Ask{Path: parse(t, "/me")}}
		}},
		{"shorthand", "token: {response: {expires: life}}", func(c *connectors.Connector) {
			c.Token.Response.Expires = connectors.Expires{Path: "life"}
		}},
		{"what was a shorthand", "token: {response: {expires: {as: in_s}}}", func(c *connectors.Connector) {
			c.Token.Response.Expires.As = "in_s"
		}},
		{"tested", "tested: unverified", func(c *connectors.Connector) { c.Tested.How = "unverified" }},
		{"without", "without: [revoke, notes]", func(c *connectors.Connector) { c.Revoke, c.Notes = nil, nil }},
		{"without, and anew", "without: [authorize]\nauthorize: {url: https://x.example.com}", func(c *connectors.Connector) {
			c.Authorize = connectors.Authorize{URL: parse(t, "https://x.example.com")}
		}},
		{"another mode", "without: [authorize, token, revoke]\nmode: none", func(c *connectors.Connector) {
			c.Scheme = connectors.Scheme{Mode: "none"}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := on(t, tt.text)
			if err != nil {
				t.Fatal(err)
			}
			want := decode(t, base)
			want.Name, want.Tested = "x", connectors.Tested{}
			tt.want(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			checkRoundTrip(t, got)
		})
	}
}

// A variant leaves what it extends as it was: nothing that it changes is shared.
func TestExtendsSharesNothing(t *testing.T) {
	b := decode(t, base)
	before := decode(t, base)
	catalog := (*connectors.Catalog)(nil).With(b)
	text := strings.NewReplacer(
		"name: base", "name: x\nextends: base", "title: Base", "title: X", "one", "three", `"1"`, `"9"`, "read", "other", "at_s", "in_s",
		"basic", "post", "equals: true", "equals: false", "/revoke", "/end", "[a-z]+", "[0-9]+",
	).Replace(base)
	c, err := catalog.Decode("x.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, b); diff != "" {
		t.Errorf("the base has changed (-want +got):\n%s", diff)
	}
	if c.Revoke == b.Revoke || c.Revoke.OKWhen == b.Revoke.OKWhen {
		t.Error("a pointer is shared")
	}
	if got := c.Authorize.Params["a"].String(); got != "9" {
		t.Errorf("the variant has %q", got)
	}
}

func TestExtendsRefused(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"mistake of its own", "token: {client_auth: x}", `x.yaml:4: token.client_auth: "x" is not allowed; use basic, basic_raw, post, none, private_key_jwt, client_secret_jwt`},
		{"inherited value", "account: []", "x.yaml:3: api.base_url: {account.site} is not declared under account; the keys of base hold here too, but for those that `without` names"},
		{
			"inherited value beside one of the file", "account: []\napi: {hosts: [a.example.com]}",
			"x.yaml:5: api.base_url: {account.site} is not declared under account; the keys of base hold here too, but for those that `without` names",
		},
		{
			"missing beside what is inherited", "token: {client_auth: private_key_jwt}",
			"x.yaml:4: token.client_assertion: is required with client_auth private_key_jwt; the keys of base hold here too, but for those that `without` names",
		},
		{
			"several ways", "auth: [{id: a, title: A, mode: none}]",
			"x.yaml:4: auth: excludes the keys of one way beside it: put authorize, token, revoke into its entries",
		},
		{"without what is not there", "without: [auhorize]", `x.yaml:4: without[0]: "auhorize" is not allowed; use account, api, app, `},
		{"without a part", "without: [authorize.url]", `x.yaml:4: without[0]: "authorize.url" is not allowed; use account, `},
		{"without the name", "without: [name]", `x.yaml:4: without[0]: "name" is not allowed; use account, `},
		{"taken away and needed", "without: [api]", "x.yaml:3: api.base_url: is required; the keys of base hold here too, but for those that `without` names"},
		{"null", "revoke:", "x.yaml:4: revoke: must not be empty; leave the key out instead"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := on(t, tt.text)
			if err == nil || c != nil || !strings.HasPrefix(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("Decode = %v, %v; want %q", c, err, tt.want)
			}
		})
	}
	for text, want := range map[string]string{
		"extends: base":                     "x.yaml:1: extends: there is no connector \"base\"",
		"extends: 1":                        "x.yaml:1: extends: must be text; put it in quotes",
		minimal + "without: [api]":          "x.yaml:12: without: needs extends",
		"schema: 1\nextends: base\nname: x": "x.yaml:2: extends: there is no connector \"base\"",
	} {
		if _, err := connectors.Decode("x.yaml", []byte(text)); err == nil || err.Error() != want {
			t.Errorf("Decode(%q): %v, want %q", text, err, want)
		}
	}
	_, err := (*connectors.Catalog)(nil).With(decode(t, base)).Decode("x.yaml", []byte("extends: bases"))
	if want := `x.yaml:1: extends: there is no connector "bases" (did you mean base?)`; err == nil || err.Error() != want {
		t.Errorf("Decode: %v, want %q", err, want)
	}
}

func TestLoadDirExtends(t *testing.T) {
	variant := func(name, of, more string) string {
		return "schema: 1\nname: " + name + "\nextends: " + of + "\n" + more
	}
	ours := strings.ReplaceAll(base, "Base", "Ours")
	tests := []struct {
		name  string
		files map[string]string // to their text
		want  string            // name and title of the connectors, or the error
	}{
		{"variant before its base", map[string]string{"a": variant("a", "base", "title: A"), "base": base}, "a=A base=Base"},
		{
			"chain",
			map[string]string{"a": variant("a", "b", ""), "b": variant("b", "base", "title: B"), "base": base},
			"a=B b=B base=Base",
		},
		{"of the catalogue", map[string]string{"a": variant("a", "gmail", "title: A")}, "a=A"},
		{"built-in one of its own name", map[string]string{"gmail": variant("gmail", "gmail", "title: Ours")}, "gmail=Ours"},
		{"of the folder before the catalogue", map[string]string{"a": variant("a", "gmail", ""), "gmail": strings.ReplaceAll(ours, "base\n", "gmail\n")}, "a=Ours gmail=Ours"},
		{
			"of a replaced one",
			map[string]string{"a": variant("a", "gmail", ""), "gmail": variant("gmail", "gmail", "title: Ours")},
			"a=Ours gmail=Ours",
		},
		{"loop of one", map[string]string{"a": variant("a", "a", "")}, "c/a.yaml:3: extends: makes a loop: a extends a"},
		{
			"loop of two",
			map[string]string{"a": variant("a", "b", ""), "b": variant("b", "a", "")},
			"c/b.yaml:3: extends: makes a loop: a extends b extends a",
		},
		{
			"loop of three, and one that leads to it",
			map[string]string{"a": variant("a", "b", ""), "b": variant("b", "c", ""), "c": variant("c", "d", ""), "d": variant("d", "b", "")},
			"c/d.yaml:3: extends: makes a loop: b extends c extends d extends b",
		},
		{"unknown base", map[string]string{"a": variant("a", "basi", ""), "basic": base}, "c/a.yaml:3: extends: there is no connector \"basi\" (did you mean basic?)\nc/basic.yaml:3: name: is base, so the file must be called base.yaml"},
		{
			"broken base, told once",
			map[string]string{"a": variant("a", "b", ""), "b": variant("b", "base", "titel: B"), "base": base, "c": variant("c", "b", "")},
			"c/b.yaml:4: titel: unknown key (did you mean title?)",
		},
		{"base of another name", map[string]string{"a": variant("a", "b", ""), "b": base}, "c/b.yaml:3: name: is base, so the file must be called base.yaml"},
		{"no name of its own", map[string]string{"a": "schema: 1\nextends: base", "base": base}, "c/a.yaml: name: must be 1 to 63 "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			folder := fstest.MapFS{}
			for name, text := range tt.files {
				folder["c/"+name+".yaml"] = &fstest.MapFile{Data: []byte(text)}
			}
			var got []string
			all, err := builtin(t).LoadDir(folder, "c")
			for _, c := range all {
				got = append(got, c.Name+"="+c.Title)
				if c.Extends != "" || c.Without != nil {
					t.Errorf("%s still extends %s", c.Name, c.Extends)
				}
			}
			if err != nil {
				got = []string{err.Error()}
			}
			text := strings.Join(got, " ")
			if !strings.HasPrefix(text, tt.want) || err == nil && text != tt.want || strings.Count(text, "\n") != strings.Count(tt.want, "\n") {
				t.Errorf("LoadDir = %s, want %s", text, tt.want)
			}
		})
	}
}
