package connectors_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/connectors"
)

// force has hosts that the provider tells: a whole URL, a host, a part of one, and a port.
const force = `
schema: 1
name: force
title: Force
account:
  - {name: site, pattern: .*}
authorize: {url: "https://{account.site}.force.test/authorize"}
callback: {capture: {realm: realm}}
token:
  url: https://login.force.test/token
  client_auth: post
  capture: {url: instance_url, host: host, part: part, port: port}
refresh: {url: "https://{captured.host}/refresh"}
introspect: {url: "https://{captured.part}.api.force.test/introspect"}
revoke: {url: "https://{captured.host}:{captured.port}/revoke/{client_id}"}
steps:
  - request: {url: "https://{captured.host}/step/{captured.realm}"}
api:
  base_url: https://{host(captured.url)}/v1
  bases:
    fixed: https://api.force.test
    realm: https://api.force.test/{captured.realm}
  within: [force.test, force.example]
`

func TestCapturedHosts(t *testing.T) {
	tests := []struct{ name, host, want string }{
		{"below", "na1.force.test", "na1.force.test"},
		{"the domain itself", "force.test", "force.test"},
		{"the other domain", "a.b.force.example", "a.b.force.example"},
		{"punycode below", "xn--bcher-kva.force.test", "xn--bcher-kva.force.test"},
		{"another suffix", "evilforce.test", ""},
		{"suffix in front", "force.test.evil.test", ""},
		{"suffix with dash", "x-force.test", ""},
		{"parent", "test", ""},
		{"other", "evil.test", ""},
		{"other in punycode", "xn--frce-5qa.test", ""},
		{"punycode of the suffix", "na1.xn--force-test-.test", ""},
		{"upper case", "NA1.FORCE.TEST", ""},
		{"trailing dot", "na1.force.test.", ""},
		{"leading dot", ".force.test", ""},
		{"empty label", "a..force.test", ""},
		{"underscore", "a_b.force.test", ""},
		{"port", "na1.force.test:8443", ""},
		{"port of https", "na1.force.test:443", ""},
		{"user", "na1.force.test@evil.test", ""},
		{"user within", "evil.test@na1.force.test", ""},
		{"path", "evil.test/.force.test", ""},
		{"path behind", "na1.force.test/x", ""},
		{"query", "evil.test?.force.test", ""},
		{"fragment", "evil.test#.force.test", ""},
		{"backslash", `evil.test\.force.test`, ""},
		{"encoded", "evil.test%2f.force.test", ""},
		{"wildcard", "*.force.test", ""},
		{"twin", "na1.f\u043erce.test", ""},
		{"Kelvin", "\u212a.force.test", ""},
		{"wide full stop", "na1\u3002force.test", ""},
		{"loopback", "127.0.0.1", ""},
		{"loopback name", "localhost", ""},
		{"address", "93.184.216.34", ""},
		{"IPv6", "[::1]", ""},
		{"decimal", "2130706433", ""},
		{"space", "na1.force.test ", ""},
		{"line break", "na1.force.test\nx", ""},
		{"nul", "evil.test\x00.force.test", ""},
		{"braces", "{account.site}.force.test", ""},
		{"long", strings.Repeat("a", 64) + ".force.test", ""},
	}
	c := decode(t, force)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, err := c.Endpoints(connectors.Values{"account.site": "acme", "captured.host": tt.host})
			got := ""
			if err == nil {
				got = strings.TrimSuffix(strings.TrimPrefix(e.Refresh, "https://"), "/refresh")
			}
			if got != tt.want || (err == nil) != (tt.want != "") || err != nil && (e != nil || !strings.HasPrefix(err.Error(), "refresh.url: ")) {
				t.Errorf("Endpoints: %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

// The function host takes the host out of a URL, as DNS reads it.
func TestCapturedURLs(t *testing.T) {
	for value, want := range map[string]string{
		"https://na1.force.test":                 "na1.force.test",
		"https://na1.force.test/":                "na1.force.test",
		"https://NA1.Force.Test:443/services?x":  "na1.force.test",
		"http://na1.force.test":                  "na1.force.test",
		"na1.force.test":                         "na1.force.test",
		"https://na1.force.test:8443":            "",
		"https://evil.test/na1.force.test":       "",
		"https://evil.test#na1.force.test":       "",
		"https://na1.force.test@evil.test":       "",
		"https://evil.test@na1.force.test":       "",
		"https://evil.test\\@na1.force.test":     "",
		"https://\u212a1.force.test":             "",
		"javascript:alert(1)//na1.force.test":    "",
		"https://evilforce.test":                 "",
		"https://[::ffff:127.0.0.1]":             "",
		"//na1.force.test":                       "na1.force.test",
		"https://na1.force.test https://e.test/": "",
	} {
		e, err := decode(t, force).Endpoints(connectors.Values{"account.site": "acme", "captured.url": value})
		got := ""
		if err == nil {
			got = e.Bases[""].Host
		}
		if got != want || (err == nil) != (want != "") {
			t.Errorf("the base for %q is at %q, %v; want %q", value, got, err, want)
		}
		if err != nil && strings.Contains(err.Error(), value) && strings.ContainsAny(value, "/") {
			t.Errorf("the error shows the value: %v", err)
		}
	}
}

func TestEndpointsOfAccount(t *testing.T) {
	c := decode(t, force)
	known := connectors.Values{"account.site": "acme"}
	e, err := c.Endpoints(known)
	if err != nil {
		t.Fatal(err)
	}
	// What is not captured yet is not there yet.
	checkEndpoints(t, e, connectors.Endpoints{
		Authorize: "https://acme.force.test/authorize", Token: "https://login.force.test/token",
		Hosts: map[string]bool{"api.force.test": true},
	}, map[string]string{"fixed": "https://api.force.test"})
	if got, err := e.RevokeURL("id"); err == nil || got != "" {
		t.Errorf("RevokeURL = %q, %v; want an error", got, err)
	}
	all := maps.Clone(known)
	maps.Copy(all, connectors.Values{
		"captured.url": "https://na1.force.test/x", "captured.host": "na2.force.test", "captured.part": "na3", "captured.port": "8443", "captured.realm": "r-1",
	})
	if e, err = c.Endpoints(all); err != nil {
		t.Fatal(err)
	}
	checkEndpoints(t, e, connectors.Endpoints{
		Authorize: "https://acme.force.test/authorize", Token: "https://login.force.test/token", Refresh: "https://na2.force.test/refresh",
		Introspect: "https://na3.api.force.test/introspect",
		Hosts:      map[string]bool{"api.force.test": true, "na1.force.test": true},
	}, map[string]string{"": "https://na1.force.test/v1", "fixed": "https://api.force.test", "realm": "https://api.force.test/r-1"})
	if got, err := e.RevokeURL("id"); err != nil || got != "https://na2.force.test:8443/revoke/id" {
		t.Errorf("RevokeURL = %q, %v", got, err)
	}
	for name, value := range map[string]string{
		"account.site": "a.b", "captured.part": "a.b", "captured.port": "22", "captured.realm": "../x", "captured.host": "evil.test",
	} {
		values := maps.Clone(all)
		values[name] = value
		if e, err := c.Endpoints(values); err == nil || e != nil {
			t.Errorf("Endpoints with %s %q: no error", name, value)
		}
	}
	if e, err := c.Endpoints(nil); err == nil || e != nil || !strings.HasPrefix(err.Error(), "authorize.url: no value for {account.site}") {
		t.Errorf("Endpoints without the account's value = %v, %v", e, err)
	}
}

// A step's URL is bound like all others.
func TestFill(t *testing.T) {
	c := decode(t, force)
	e, err := c.Endpoints(connectors.Values{"account.site": "acme"})
	if err != nil {
		t.Fatal(err)
	}
	step := c.Steps[0].Request.URL
	u, err := e.Fill(step, connectors.Values{"captured.host": "na1.force.test", "captured.realm": "r1"})
	if err != nil || u.String() != "https://na1.force.test/step/r1" {
		t.Errorf("Fill = %v, %v", u, err)
	}
	for _, values := range []connectors.Values{
		{"captured.host": "evil.test", "captured.realm": "r1"}, {"captured.host": "na1.force.test", "captured.realm": "a/b"}, {"captured.host": "na1.force.test"}, nil,
	} {
		if u, err := e.Fill(step, values); err == nil || u != nil {
			t.Errorf("Fill(%v) = %v, %v; want an error", values, u, err)
		}
	}
}

func TestPerAccount(t *testing.T) {
	for _, tt := range []struct {
		old, new string
		want     bool
	}{
		{"", "", false},
		{"https://login.example.com/authorize", `"https://{account.a}.login.example.com/authorize"`, true},
		{"https://login.example.com/token", `"https://login.example.com/token/{account.a}"`, true},
		{"https://api.example.com", `"https://{app.a}.api.example.com"`, false},
		{"https://api.example.com", `"https://api.example.com/{b64url(account.a)}"`, true},
		{"https://api.example.com", `"https://api.example.com/{captured.c}"`, true},
		{"https://api.example.com", "https://api.example.com\n  bases: {b: 'https://b.example.com/{account.a}'}", true},
		{"https://api.example.com", "https://api.example.com\n  headers: {X-A: '{account.a}'}", false},
		{"api:", "refresh: {url: 'https://login.example.com/{account.a}'}\napi:", true},
		{"api:", "device: {url: 'https://login.example.com/{account.a}'}\napi:", true},
		{"api:", "introspect: {url: 'https://login.example.com/{account.a}'}\napi:", true},
		{"api:", "revoke: {url: 'https://login.example.com/{account.a}'}\napi:", true},
		{"api:", "steps: [{request: {url: 'https://login.example.com/{account.a}'}}]\napi:", true},
		{"url: https://login.example.com/authorize", "url: https://login.example.com/authorize\n  issuer: https://login.example.com/{account.a}", true},
	} {
		text := minimal + "app: [{name: a, pattern: .*}]\naccount: [{name: a, pattern: .*}]\ncallback: {capture: {c: c}}\n"
		if tt.old != "" {
			text = strings.Replace(text, tt.old, tt.new, 1)
		}
		c, err := connectors.Decode("x.yaml", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", tt.new, err)
		} else if got := c.PerAccount(); got != tt.want {
			t.Errorf("PerAccount with %s = %t", tt.new, got)
		}
	}
}

// Two fillings of one connector do not know each other.
func TestEndpointsAreApart(t *testing.T) {
	c := decode(t, force)
	a, errA := c.Endpoints(connectors.Values{"account.site": "a", "captured.url": "https://a.force.test"})
	b, errB := c.Endpoints(connectors.Values{"account.site": "b", "captured.url": "https://b.force.test"})
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	if diff := cmp.Diff(map[string]bool{"a.force.test": true, "api.force.test": true}, a.Hosts); diff != "" {
		t.Errorf("hosts of the first (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]bool{"b.force.test": true, "api.force.test": true}, b.Hosts); diff != "" {
		t.Errorf("hosts of the second (-want +got):\n%s", diff)
	}
}

// A base may be told whole. Its host lies within the domains, and its path has one spelling.
func TestToldBase(t *testing.T) {
	c := decode(t, strings.Replace(minimal, "https://api.example.com", "https://{host(captured.url)}/{path(captured.url)}\n  within: [force.test]", 1)+
		"callback: {capture: {url: u}}\n")
	for value, want := range map[string]string{
		"https://rest9.force.test/rest-services/e1_x~.y/":       "https://rest9.force.test/rest-services/e1_x~.y",
		"https://REST9.force.test:443/a":                        "https://rest9.force.test/a",
		"https://rest9.force.test/a?q=1#f":                      "https://rest9.force.test/a",
		"https://rest9.force.test":                              "https://rest9.force.test",
		"https://rest9.force.test/":                             "https://rest9.force.test",
		"https://rest9.evil.test/a":                             "",
		"https://rest9.force.test/a/../b":                       "",
		"https://rest9.force.test/a/%2e%2e/b":                   "",
		"https://rest9.force.test/a/./b":                        "",
		"https://rest9.force.test/a//b":                         "",
		"https://rest9.force.test/a%2fb":                        "",
		"https://rest9.force.test/a%5cb":                        "",
		"https://rest9.force.test/a;b":                          "",
		"https://rest9.force.test/@ca_1/b":                      "",
		"https://rest9.force.test/a b":                          "",
		"https://u@rest9.force.test/a":                          "",
		"https://rest9.force.test/" + strings.Repeat("a/", 300): "",
		"rest9.force.test/a":                                    "",
	} {
		e, err := c.Endpoints(connectors.Values{"captured.url": value})
		got := ""
		if err == nil {
			got = e.Bases[""].String()
		}
		if got != want || (err == nil) != (want != "") {
			t.Errorf("the base for %q is %q, %v; want %q", value, got, err, want)
		}
		if err != nil && strings.HasPrefix(value, "https:") && strings.Contains(err.Error(), "/a") {
			t.Errorf("the error shows the value: %v", err)
		}
	}
	between := decode(t, strings.Replace(minimal, "https://api.example.com", "https://api.example.com/{path(captured.url)}/v1", 1)+"callback: {capture: {url: u}}\n")
	for value, fine := range map[string]bool{"https://a.test/b": true, "https://a.test/": false} {
		if _, err := between.Endpoints(connectors.Values{"captured.url": value}); (err == nil) != fine {
			t.Errorf("between others %q gives %v", value, err)
		}
	}
}
