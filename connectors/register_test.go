package connectors_test

import (
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
)

// registeringYAML registers at an endpoint that the metadata names.
const registeringYAML = `
schema: 1
name: registering
title: Registering
app: [{name: tenant, pattern: "[a-z]+", example: acme}]
account: [{name: site, pattern: "[a-z]+"}]
authorize: {url: "https://{app.tenant}.login.example.com/authorize"}
token: {url: "https://token.example.com/token", client_auth: basic}
register: {with: dynamic, metadata: "METADATA"}
api:
  base_url: https://{account.site}.api.example.com
  bases: {files: "https://files.example.com:443"}
  hosts: [cdn.example.com]
`

func TestRegistrationIssuer(t *testing.T) {
	for _, tt := range []struct{ metadata, issuer string }{
		{"https://{app.tenant}.login.example.com/.well-known/openid-configuration", "https://acme.login.example.com"},
		{"https://login.example.com/{app.tenant}/.well-known/openid-configuration", "https://login.example.com/acme"},
		{"https://login.example.com/.well-known/openid-configuration/{app.tenant}", "https://login.example.com/acme"},
		{"https://login.example.com/.well-known/oauth-authorization-server", "https://login.example.com"},
		{"https://login.example.com/.well-known/oauth-authorization-server/{app.tenant}/", "https://login.example.com/acme"},
	} {
		c := decode(t, strings.Replace(registeringYAML, "METADATA", tt.metadata, 1))
		values, err := c.AppValues(map[string]string{"tenant": "acme"})
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.Registration(values)
		if err != nil || r.Issuer != tt.issuer || r.Endpoint != "" || r.Metadata != strings.Replace(tt.metadata, "{app.tenant}", "acme", 1) {
			t.Errorf("%s: got %+v, %v; want issuer %s", tt.metadata, r, err, tt.issuer)
			continue
		}
		for issuer, want := range map[string]bool{
			tt.issuer: true, tt.issuer + "/": true, "": false, tt.issuer + "//": false, tt.issuer + "/x": false, "https://evil.example.com": false,
		} {
			if r.IsIssuer(issuer) != want {
				t.Errorf("%s: IsIssuer(%q) = %t", tt.metadata, issuer, !want)
			}
		}
	}
}

func TestRegistrationAllows(t *testing.T) {
	c := decode(t, strings.Replace(registeringYAML, "METADATA", "https://meta.example.com/.well-known/openid-configuration", 1))
	values, err := c.AppValues(map[string]string{"tenant": "acme"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Registration(values)
	if err != nil {
		t.Fatal(err)
	}
	for to, want := range map[string]bool{
		"https://acme.login.example.com/register":    true,
		"https://token.example.com/register?a=b":     true,
		"https://token.example.com:443/register":     true,
		"https://files.example.com/register":         true,
		"https://meta.example.com/register":          true,
		"https://other.login.example.com/register":   false,
		"https://acme.api.example.com/register":      false, // whose it is depends on an account
		"https://cdn.example.com/register":           false, // no token is sent there
		"https://token.example.com:8443/register":    false,
		"http://token.example.com/register":          false,
		"https://u@token.example.com/register":       false,
		"https://token.example.com.evil.org/":        false,
		"https://token.example.com/../register":      false,
		"https://token.example.com/register#":        false,
		"//token.example.com/register":               false,
		"https://127.0.0.1/register":                 false,
		"http://localhost/register":                  false,
		"":                                           false,
		"https://token.example.com/reg\r\nX-Evil: 1": false,
	} {
		if err := r.Allows(to); (err == nil) != want {
			t.Errorf("Allows(%q) = %v", to, err)
		}
	}
}

// A connector that registers nothing has no registration, and one with a value that does not fit an error.
func TestRegistrationNone(t *testing.T) {
	c := decode(t, strings.Replace(registeringYAML, "METADATA", "https://{app.tenant}.example.com/.well-known/openid-configuration", 1))
	if r, err := c.Registration(connectors.Values{"app.tenant": "a/b"}); err == nil || r != nil {
		t.Errorf("got %+v, %v; want an error", r, err)
	}
	c.Register = nil
	if r, err := c.Registration(connectors.Values{}); err != nil || r != nil {
		t.Errorf("got %+v, %v; want nothing", r, err)
	}
}
