package connectors_test

import (
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
)

// A value stays in its segment, or in its parameter.
func TestExpandPath(t *testing.T) {
	values := connectors.Values{"account.a": "x y@z", "account.q": "a&b=c#d?e", "captured.c": "7", "account.dots": "..", "account.slash": "a/b", "account.line": "a\nb"}
	for _, tt := range []struct{ path, want string }{
		{"/me", "/me"},
		{"/v1/{account.a}/plans", "/v1/x%20y@z/plans"},
		{"/v1/u-{captured.c}.json?name={account.a}&q={account.q}", "/v1/u-7.json?name=x+y%40z&q=a%26b%3Dc%23d%3Fe"},
		{"/{account.q}", "/a&b=c%23d%3Fe"},
	} {
		if got, err := parse(t, tt.path).ExpandPath(values, noon); err != nil || got != tt.want {
			t.Errorf("%s: got %q, %v; want %q", tt.path, got, err, tt.want)
		}
	}
	for _, path := range []string{"me", "", "/{account.dots}/x", "/{account.slash}", "/{account.line}", "/{account.nothing}", "/a/../b", "/a b", "/a#b", "//evil.example/x"} {
		got, err := parse(t, path).ExpandPath(values, noon)
		if err == nil || got != "" && !strings.HasPrefix(got, "/") {
			t.Errorf("%s: got %q, want an error", path, got)
		}
		for _, value := range []string{"a/b", "a\nb"} {
			if err != nil && strings.Contains(err.Error(), value) {
				t.Errorf("%s: the error shows the value: %v", path, err)
			}
		}
	}
}

func TestIndex(t *testing.T) {
	for name, want := range map[string]int{"0": 0, "7": 7, "12": 12, "": -1, "01": -1, "-1": -1, "+1": -1, "x": -1, "99999999999999999999": -1} {
		if got, ok := connectors.Index(name); ok != (want >= 0) || ok && got != want {
			t.Errorf("Index(%q) = %d, %v", name, got, ok)
		}
	}
}

// Items of lists are told apart by their index.
func TestHoldsInLists(t *testing.T) {
	for _, tt := range []struct {
		body, path string
		want       bool
	}{
		{`{"errors":[{"code":"bad"}]}`, "errors.0.code", true},
		{`[{"code":"good"},{"code":"bad"}]`, "1.code", true},
		{`[{"code":"bad"}]`, "1.code", false},
		{`[{"code":"bad"}]`, "x.code", false},
		{`{"0":{"code":"bad"}}`, "0.code", true},
		{`[[["bad"]]]`, "0.0.0", true},
		{` [ {"code":"bad"} ]`, "0.code", true},
		{`[`, "0.code", false},
	} {
		if got := (&connectors.Condition{Path: tt.path, Equals: "bad"}).Holds([]byte(tt.body)); got != tt.want {
			t.Errorf("%s in %s: got %v", tt.path, tt.body, got)
		}
	}
}

// A user's host is never this machine; the operator's may be, and so may a part of one.
func TestAccountHostIsNotThisMachine(t *testing.T) {
	const file = `schema: 1
name: self
title: Self
mode: static
app: [{name: near, pattern: .+}]
account: [{name: host, pattern: .+}, {name: key, secret: true}]
inject: [{in: header, name: X-Key, template: "{account.key}"}]
api: {base_url: "https://{account.host}/x", bases: {near: "https://{app.near}"}}
`
	c := decode(t, file)
	for host, fine := range map[string]bool{"git.example.com": true, "localhost": false, "127.0.0.1": false, "127.9.9.9": false, "[::1]": false} {
		_, err := c.Endpoints(connectors.Values{"account.host": host, "app.near": "localhost"})
		if (err == nil) != fine {
			t.Errorf("%s: got %v", host, err)
		}
	}
}
