package connectors_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
)

// namedSAML has what named has, as far as a SAML assertion could name it.
const namedSAML = `
schema: 1
name: named
title: Named
app:
  - {name: a, pattern: .*}
  - {name: secret, secret: true}
  - {name: opt, pattern: .*, optional: true}
account:
  - {name: a, pattern: .*}
  - {name: secret, secret: true}
  - {name: opt, pattern: .*, optional: true}
mode: saml_bearer
token:
  url: https://login.example.com/token
  client_auth: post
  capture: {token: instance}
  response: {slots: {slot: bot}}
assertion: {alg: HS256, key: x}
saml: {key: x, cert: x, issuer: x, subject: x, audience: x}
api: {base_url: https://api.example.com}
`

// Everybody who sees an assertion can read it, so no secret is part of it.
func TestNamesInSAML(t *testing.T) {
	for _, tt := range []struct {
		path, allowed string
		set           func(*connectors.SAML, template)
	}{
		{"saml.key", "auAUiI", func(s *connectors.SAML, t template) { s.Key = t }},
		{"saml.cert", "auAUiI", func(s *connectors.SAML, t template) { s.Cert = t }},
		{"saml.issuer", "aui", func(s *connectors.SAML, t template) { s.Issuer = t }},
		{"saml.subject", "aui", func(s *connectors.SAML, t template) { s.Subject = t }},
		{"saml.audience", "aui", func(s *connectors.SAML, t template) { s.Audience = t }},
		{"saml.recipient", "aui", func(s *connectors.SAML, t template) { s.Recipient = t }},
		{"saml.attributes.n", "auiop", func(s *connectors.SAML, t template) { s.Attributes = named1{"n": t} }},
	} {
		t.Run(tt.path, func(t *testing.T) {
			for letter, name := range letters {
				c := decode(t, namedSAML)
				tt.set(c.SAML, parse(t, "{"+name+"}"))
				checkName(t, c.Validate(), tt.path, name, strings.ContainsRune(tt.allowed, letter))
			}
		})
	}
}

// What an assertion says may change for accounts that are there. What has to come with consent may not.
func TestShapeOfSAML(t *testing.T) {
	file := string(good(t)["saml-bearer.yaml"])
	old, _ := decode(t, file).Shape("")
	if !slices.Contains(old.Secrets, "app.key") || old.Refresh != connectors.RefreshWithGrant {
		t.Errorf("got %+v", old)
	}
	for _, change := range [][2]string{
		{"issuer.example.com", "other.example.com"}, {"www.example.com", "ww2.example.com"}, {"10m", "5m"}, {"odata", "oauth/token"}, {"authentication: none", "authentication: X509"},
	} {
		if got := strings.Replace(file, change[0], change[1], 1); got == file {
			t.Errorf("there is no %s", change[0])
		} else if now, _ := decode(t, got).Shape(""); len(connectors.Breaks(old, now)) > 0 {
			t.Errorf("%s in place of %s is refused: %v", change[1], change[0], connectors.Breaks(old, now))
		}
	}
	for _, change := range [][2]string{
		{"url: https://api.example.com", "url: https://api.intruder.example"}, {"mode: saml_bearer", "mode: client_credentials"}, {"secret: true, multiline: true", "pattern: '.*'"},
	} {
		text := strings.Replace(file, change[0], change[1], 1)
		if change[0] == "mode: saml_bearer" {
			from, to := strings.Index(text, "saml:\n"), strings.Index(text, "token:\n")
			text = text[:from] + text[to:]
		}
		if now, _ := decode(t, text).Shape(""); len(connectors.Breaks(old, now)) == 0 {
			t.Errorf("%s in place of %s is not refused", change[1], change[0])
		}
	}
	c := decode(t, file)
	c.SAML.Subject = parse(t, "{captured.other}")
	if now, _ := c.Shape(""); !slices.Contains(connectors.MoreUses(old, now), "captured.other") {
		t.Errorf("it does not show that a captured value is needed: %v", now.Uses)
	}
}
