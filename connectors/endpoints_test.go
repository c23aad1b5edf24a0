package connectors_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// endpoints fills the URLs with what an operator gives.
func endpoints(c *connectors.Connector, params map[string]string) (*connectors.Endpoints, error) {
	values, err := c.AppValues(params)
	if err != nil {
		return nil, err
	}
	return c.Endpoints(values)
}

func checkEndpoints(t *testing.T, got *connectors.Endpoints, want connectors.Endpoints, bases map[string]string) {
	t.Helper()
	ignore := []cmp.Option{
		cmpopts.IgnoreUnexported(connectors.Endpoints{}),
		cmpopts.IgnoreFields(connectors.Endpoints{}, "Bases"),
	}
	if diff := cmp.Diff(want, *got, ignore...); diff != "" {
		t.Errorf("endpoints (-want +got):\n%s", diff)
	}
	gotBases := map[string]string{}
	for name, u := range got.Bases {
		gotBases[name] = u.String()
	}
	if diff := cmp.Diff(bases, gotBases); diff != "" {
		t.Errorf("bases (-want +got):\n%s", diff)
	}
}

// shop is a connector with an input in every place of a URL where one may stand.
const shop = `
schema: 1
name: shop
title: Shop
app:
  - name: shop
    pattern: .*
    example: acme
  - name: domain
    pattern: .*
    default: shop.test
  - name: port
    pattern: .*
    default: "443"
  - name: version
    pattern: .*
    default: v1
authorize:
  url: https://{app.shop}.myshop.test/authorize
token:
  url: https://{app.domain}:{app.port}/token?v={app.version}
  client_auth: post
refresh:
  url: https://{app.shop}-login.myshop.test/refresh/
api:
  base_url: https://api-{app.shop}.myshop.test:443/{app.version}/
  bases:
    files: https://files.myshop.test:8443/
  hosts: [cdn.myshop.test, "other.myshop.test:443"]
`

func decode(t *testing.T, text string) *connectors.Connector {
	t.Helper()
	c, err := connectors.Decode("shop.yaml", []byte(text))
	if err != nil {
		t.Fatalf("Decode: %v", err)
	}
	return c
}

func TestEndpoints(t *testing.T) {
	got, err := endpoints(decode(t, shop), map[string]string{"shop": "acme", "version": "v2.1", "domain": ""})
	if err != nil {
		t.Fatalf("Endpoints: %v", err)
	}
	checkEndpoints(t, got, connectors.Endpoints{
		Authorize: "https://acme.myshop.test/authorize",
		Token:     "https://shop.test:443/token?v=v2.1",
		Refresh:   "https://acme-login.myshop.test/refresh/",
		Hosts: map[string]bool{
			"api-acme.myshop.test":   true,
			"files.myshop.test:8443": true,
			"cdn.myshop.test":        true,
			"other.myshop.test":      true,
		},
	}, map[string]string{
		"":      "https://api-acme.myshop.test/v2.1",
		"files": "https://files.myshop.test:8443",
	})
	if revoke, err := got.RevokeURL("x"); revoke != "" || err != nil {
		t.Errorf("RevokeURL = %q, %v; want none", revoke, err)
	}
}

// The patterns of shop let everything pass, so what is refused here is refused by its place in the
// URL. This is S-19 of the threat table, and S-23 for the domain.
func TestEndpointsRefused(t *testing.T) {
	tests := []struct {
		name   string
		params map[string]string
		want   string
	}{
		{"S-19 slash", map[string]string{"shop": "evil.test/"}, "authorize.url"},
		{"S-19 fragment", map[string]string{"shop": "a#"}, "authorize.url"},
		{"S-19 user", map[string]string{"shop": "a@evil"}, "authorize.url"},
		{"S-19 other host", map[string]string{"shop": "127.0.0.1:80/"}, "authorize.url"},
		{"S-19 dots", map[string]string{"shop": ".."}, "authorize.url"},
		{"S-19 two labels", map[string]string{"shop": "x.y"}, "authorize.url"},
		{"S-19 too long", map[string]string{"shop": strings.Repeat("a", 300)}, "authorize.url"},
		{"S-19 64 characters", map[string]string{"shop": strings.Repeat("a", 64)}, "authorize.url"},
		{"S-19 query", map[string]string{"shop": "a?"}, "authorize.url"},
		{"S-19 encoded", map[string]string{"shop": "a%2f"}, "authorize.url"},
		{"S-19 backslash", map[string]string{"shop": `a\`}, "authorize.url"},
		{"S-19 upper case", map[string]string{"shop": "Acme"}, "authorize.url"},
		{"S-19 leading dash", map[string]string{"shop": "-a"}, "authorize.url"},
		{"S-19 braces", map[string]string{"shop": "{app.domain}"}, "authorize.url"},
		{"S-19 non-ASCII", map[string]string{"shop": "аcme"}, "authorize.url"},
		{"S-19 line break", map[string]string{"shop": "a\r\nb"}, "shop: value"},
		{"missing", nil, "connector shop needs this parameter; for example acme"},
		{"unknown", map[string]string{"shop": "a", "shpo": "b"}, "shpo: unknown parameter; connector shop has: shop, domain, port, version"},
		{"S-18 domain is an address", map[string]string{"shop": "a", "domain": "93.184.216.34"}, "token.url"},
		{"S-18 domain with user", map[string]string{"shop": "a", "domain": "u@evil.test"}, "token.url"},
		{"S-18 domain is a wildcard", map[string]string{"shop": "a", "domain": "*.test"}, "token.url"},
		{"S-23 decimal", map[string]string{"shop": "a", "domain": "2130706433"}, "token.url"},
		{"S-23 short", map[string]string{"shop": "a", "domain": "127.1"}, "token.url"},
		{"S-26 trailing dot", map[string]string{"shop": "a", "domain": "good.test."}, "token.url"},
		{"domain with path", map[string]string{"shop": "a", "domain": "good.test/x"}, "token.url"},
		{"port of ssh", map[string]string{"shop": "a", "port": "22"}, "token.url"},
		{"port too high", map[string]string{"shop": "a", "port": "70000"}, "token.url"},
		{"port is no number", map[string]string{"shop": "a", "port": "80/x"}, "token.url"},
		{"path leaves its segment", map[string]string{"shop": "a", "version": "v1/../admin"}, "api.base_url"},
		{"path is dots", map[string]string{"shop": "a", "version": ".."}, "api.base_url"},
		{"query gets a parameter", map[string]string{"shop": "a", "version": "1&x=y"}, "token.url"},
	}
	c := decode(t, shop)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := endpoints(c, tt.params)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Endpoints(%q) = %v, want an error with %q", tt.params, err, tt.want)
			}
			if got != nil {
				t.Errorf("Endpoints(%q) = %+v beside an error, want nil", tt.params, got)
			}
			if e := new(connectors.Error); err != nil && !errors.As(err, &e) {
				t.Errorf("Endpoints(%q): error is a %T, want *connectors.Error", tt.params, err)
			}
		})
	}
}

func TestEndpointsPattern(t *testing.T) {
	for _, port := range []string{"", "1", "123456", "90x", "9090\n", "80", " 9090"} {
		if got, err := endpoints(lookup(t, "demo"), map[string]string{"port": port}); err == nil {
			t.Errorf("Endpoints(port %q) = %+v, want an error", port, got)
		}
	}
	_, err := endpoints(lookup(t, "gmail"), map[string]string{"port": "1"})
	if want := "port: unknown parameter; connector gmail has none"; err == nil || err.Error() != want {
		t.Errorf("Endpoints = %v, want %q", err, want)
	}
}

func TestRevokeURLRefused(t *testing.T) {
	e, err := lookup(t, "github").Endpoints(nil)
	if err != nil {
		t.Fatalf("Endpoints: %v", err)
	}
	for _, id := range []string{"", "a/b", "..", "a?b", "a#b", "a b", "%2e", "é"} {
		if got, err := e.RevokeURL(id); err == nil || got != "" {
			t.Errorf("RevokeURL(%q) = %q, %v; want an error", id, got, err)
		}
	}
}
