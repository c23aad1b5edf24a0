package connectors_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
)

// named has a name of every kind, in mode oauth2_code.
const named = `
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
authorize: {url: https://login.example.com/authorize}
callback: {capture: {callback: realm}}
device: {url: https://login.example.com/device}
token:
  url: https://login.example.com/token
  client_auth: private_key_jwt
  client_assertion: {alg: HS256, key: x}
  sign: {key: x, field: sign}
  capture: {token: instance}
  response: {slots: {slot: bot}}
introspect: {url: https://login.example.com/introspect}
revoke: {url: https://login.example.com/revoke}
steps:
  - request: {url: https://login.example.com/one, form: {a: "{assertion}"}}
    capture: {step: id}
  - request: {url: https://login.example.com/two}
assertion: {alg: HS256, key: x}
signer: {kind: sigv4, key: x, key_id: x, service: x, region: x}
client_cert: {cert: x, key: x}
inject: [{in: header, name: X-Key, template: "{token}"}]
api: {base_url: https://api.example.com, bases: {all: https://all.example.com}}
discover: [{path: /sites, base: all, id: id, into: found}]
`

// letters stand for the names in the tables below.
var letters = map[rune]string{
	'a': "app.a", 'A': "app.secret", 'o': "app.opt",
	'u': "account.a", 'U': "account.secret", 'p': "account.opt",
	'c': "captured.callback", 't': "captured.token", 's': "captured.step", 'f': "captured.found",
	'i': "client_id", 'I': "client_secret",
	'k': "token", 'l': "token.slot", 'r': "refresh_token", 'j': "assertion",
	'x': "app.none", 'y': "account.none", 'z': "captured.none", 'w': "token.none",
}

type (
	connector = connectors.Connector
	template  = connectors.Template
	named1    = map[string]connectors.Template
)

// nameTests are the places of templates, each with the letters of the names that may stand there.
var nameTests = []struct {
	path, allowed string
	text          string // with NAME in it; empty means that alone
	set           func(*connector, template)
}{
	{"authorize.url", "au", "https://x.example.com/NAME", func(c *connector, t template) { c.Authorize.URL = t }},
	{"authorize.issuer", "au", "https://x.example.com/NAME", func(c *connector, t template) { c.Authorize.Issuer = t }},
	{"authorize.redirect_uri", "a", "", func(c *connector, t template) { c.Authorize.RedirectURI = t }},
	{"authorize.params.n", "auop", "", func(c *connector, t template) { c.Authorize.Params = named1{"n": t} }},
	{"authorize.reconsent_params.n", "auop", "", func(c *connector, t template) { c.Authorize.ReconsentParams = named1{"n": t} }},
	{"authorize.scope.always[0]", "au", "", func(c *connector, t template) { c.Authorize.Scope.Always = []template{t} }},
	{"authorize.scope.default[0]", "au", "", func(c *connector, t template) { c.Authorize.Scope.Default = []template{t} }},
	{"device.url", "au", "https://x.example.com/NAME", func(c *connector, t template) { c.Device.URL = t }},
	{"device.params.n", "auop", "", func(c *connector, t template) { c.Device.Params = named1{"n": t} }},
	{"token.url", "auc", "https://x.example.com/NAME", func(c *connector, t template) { c.Token.URL = t }},
	{"token.client.id", "au", "", func(c *connector, t template) { c.Token.Client = &connectors.Client{ID: t} }},
	{"token.client.secret", "auAU", "", func(c *connector, t template) {
		c.Token.Client = &connectors.Client{ID: c.Authorize.URL, Secret: t}
	}},
	{"token.basic.user", "aucAUiI", "", func(c *connector, t template) { basic(c).User = t }},
	{"token.basic.password", "aucAUiI", "", func(c *connector, t template) { basic(c).Password = t }},
	{"token.client_assertion.key", "aucAUiI", "", func(c *connector, t template) { c.Token.ClientAssertion.Key = t }},
	{"token.client_assertion.header.n", "aucAUiIop", "", func(c *connector, t template) { c.Token.ClientAssertion.Header = named1{"n": t} }},
	{"token.client_assertion.claims.n", "aucAUiIop", "", func(c *connector, t template) { c.Token.ClientAssertion.Claims = named1{"n": t} }},
	{"token.params.n", "aucAUiIop", "", func(c *connector, t template) { c.Token.Params = named1{"n": t} }},
	{"token.resource", "auc", "", func(c *connector, t template) { c.Token.Resource = t }},
	{"token.headers.N", "aucAUiIop", "", func(c *connector, t template) { c.Token.Headers = named1{"N": t} }},
	{"token.sign.key", "aucAUiI", "", func(c *connector, t template) { c.Token.Sign.Key = t }},
	{"assertion.key", "auctAUiI", "", func(c *connector, t template) { c.Assertion.Key = t }},
	{"assertion.claims.n", "auctAUiIop", "", func(c *connector, t template) { c.Assertion.Claims = named1{"n": t} }},
	{"client_cert.cert", "aucAUiI", "", func(c *connector, t template) { c.ClientCert.Cert = t }},
	{"client_cert.key", "aucAUiI", "", func(c *connector, t template) { c.ClientCert.Key = t }},
	{"refresh.url", "auctsf", "https://x.example.com/NAME", func(c *connector, t template) { c.Refresh.URL = t }},
	{"refresh.params.n", "auctsfAUiIklrop", "", func(c *connector, t template) { c.Refresh.Params = named1{"n": t} }},
	{"refresh.headers.N", "auctsfAUiIklrop", "", func(c *connector, t template) { c.Refresh.Headers = named1{"N": t} }},
	{"introspect.url", "auctsf", "https://x.example.com/NAME", func(c *connector, t template) { c.Introspect.URL = t }},
	{"introspect.headers.N", "auctsfiop", "", func(c *connector, t template) { c.Introspect.Headers = named1{"N": t} }},
	{"revoke.url", "auctsfi", "https://x.example.com/NAME", func(c *connector, t template) { c.Revoke.URL = t }},
	{"revoke.params.n", "auctsfAUiIklrop", "", func(c *connector, t template) { c.Revoke.Params = named1{"n": t} }},
	{"revoke.headers.N", "auctsfAUiIklrop", "", func(c *connector, t template) { c.Revoke.Headers = named1{"N": t} }},
	{"steps[0].request.url", "auct", "https://x.example.com/NAME", func(c *connector, t template) { c.Steps[0].Request.URL = t }},
	{"steps[1].request.url", "aucts", "https://x.example.com/NAME", func(c *connector, t template) { c.Steps[1].Request.URL = t }},
	{"steps[1].request.headers.N", "auctsAUiIklrjop", "", func(c *connector, t template) { c.Steps[1].Request.Headers = named1{"N": t} }},
	{"steps[1].request.query.n", "auctsAUiIklrjop", "", func(c *connector, t template) { c.Steps[1].Request.Query = named1{"n": t} }},
	{"steps[1].request.basic.user", "auctsAUiIklrj", "", func(c *connector, t template) {
		c.Steps[1].Request.Basic = &connectors.Basic{User: t}
	}},
	{"steps[1].request.form.n", "auctsAUiIklrjop", "", func(c *connector, t template) { c.Steps[1].Request.Form = named1{"n": t} }},
	{"steps[1].request.text", "auctsAUiIklrj", "", func(c *connector, t template) {
		c.Steps[1].Request.Text, c.Steps[1].Request.ContentType = t, "text/xml"
	}},
	{"signer.key", "auctsAUiIkl", "", func(c *connector, t template) { c.Signer.Key = t }},
	{"signer.key_id", "auctsAUikl", "", func(c *connector, t template) { c.Signer.KeyID = t }},
	{"signer.service", "auctsAUikl", "", func(c *connector, t template) { c.Signer.Service = t }},
	{"signer.region", "auctsAUikl", "", func(c *connector, t template) { c.Signer.Region = t }},
	{"signer.session", "auctsAUiklop", "", func(c *connector, t template) { c.Signer.Session = t }},
	{"inject[0].template", "auctsfAUiklop", "", func(c *connector, t template) { c.Inject[0].Template = t }},
	{"inject[0].template", "auctsfAUiklop", "", func(c *connector, t template) {
		c.Inject = []connectors.Injection{{In: "query", Name: "n", Template: t}}
	}},
	{"inject[0].template", "auctsfAUiklop", "", func(c *connector, t template) {
		c.Inject = []connectors.Injection{{In: "body", Name: "n", Template: t}}
	}},
	{"inject[0].template", "auctsAUikl", "", func(c *connector, t template) {
		c.Inject = []connectors.Injection{{In: "path", Template: t}}
	}},
	{"inject[0].basic.password", "auctsAUiklop", "", func(c *connector, t template) {
		c.Inject = []connectors.Injection{{In: "basic", Basic: &connectors.Basic{Password: t}}}
	}},
	{"api.base_url", "auctsf", "https://x.example.com/NAME", func(c *connector, t template) { c.API.BaseURL = t }},
	{"api.bases.b", "auctsf", "https://x.example.com/NAME", func(c *connector, t template) { c.API.Bases["b"] = t }},
	{"verify.headers.N", "auctsfiop", "", func(c *connector, t template) { c.Verify = probe(t) }},
	{"api.headers.N", "auctsfiop", "", func(c *connector, t template) { c.API.Headers = named1{"N": t} }},
}

// probe is a request with that header.
func probe(header template) *connectors.Probe {
	path, _ := connectors.ParseTemplate("/me")
	return &connectors.Probe{Ask: connectors.Ask{Path: path, Headers: named1{"N": header}}}
}

// basic is the client's HTTP Basic, in place of its assertion.
func basic(c *connector) *connectors.Basic {
	c.Token.ClientAuth, c.Token.ClientAssertion = connectors.ClientAuthBasic, nil
	c.Token.Basic = &connectors.Basic{User: c.Authorize.URL}
	return c.Token.Basic
}

// Every kind of name in every place, alone and within functions.
func TestNames(t *testing.T) {
	for _, tt := range nameTests {
		t.Run(tt.path, func(t *testing.T) {
			c := decode(t, named)
			for letter, name := range letters {
				for _, form := range []string{"{NAME}", `{b64(NAME)}`, `{hex(md5("x", NAME))}`} {
					text := strings.ReplaceAll(form, "NAME", name)
					if tt.text != "" {
						text = strings.ReplaceAll(tt.text, "NAME", text)
					}
					tt.set(c, parse(t, text))
					checkName(t, c.Validate(), tt.path, name, strings.ContainsRune(tt.allowed, letter))
				}
			}
		})
	}
}

// checkName checks that a name is allowed, or that there is one error, at the path and about the name.
func checkName(t *testing.T, err error, path, name string, allowed bool) {
	t.Helper()
	if allowed {
		if err != nil {
			t.Errorf("{%s} in %s: %v", name, path, err)
		}
		return
	}
	if e := new(connectors.Error); !errors.As(err, &e) || e.Path != path || !strings.HasPrefix(e.Message, "{"+name+"} ") || strings.Contains(err.Error(), "\n") {
		t.Errorf("{%s} in %s: %v; want one error there", name, path, err)
	}
}

// The places of a JSON body, which only a file can make. What a list has in it is not left out.
func TestNamesInJSON(t *testing.T) {
	for json, allowed := range map[string]string{
		`{n: "NAME"}`:        "auctsAUiIklrjop",
		`{n: {m: "NAME"}}`:   "auctsAUiIklrjop",
		`{n: ["NAME"]}`:      "auctsAUiIklrj",
		`{n: [{m: "NAME"}]}`: "auctsAUiIklrjop",
		`"NAME"`:             "auctsAUiIklrj",
	} {
		for letter, name := range letters {
			text := strings.Replace(named, "/two}", "/two, json: "+strings.ReplaceAll(json, "NAME", "{"+name+"}")+"}", 1)
			_, err := connectors.Decode("x.yaml", []byte(text))
			if strings.ContainsRune(allowed, letter) != (err == nil) {
				t.Errorf("{%s} in %s: %v", name, json, err)
			}
			if err != nil && (!strings.HasPrefix(err.Error(), "x.yaml:28: steps[1].request.json") || strings.Contains(err.Error(), "\n")) {
				t.Errorf("{%s} in %s: %v", name, json, err)
			}
		}
	}
}

// A secret is never allowed in a URL, nor in what is set on every request for all to see.
func TestSecretsStayOut(t *testing.T) {
	for _, tt := range nameTests {
		open := strings.HasSuffix(tt.path, "url") || strings.Contains(tt.path, "base") && !strings.Contains(tt.path, "basic") ||
			strings.HasPrefix(tt.path, "api.") || strings.HasPrefix(tt.path, "authorize.") || strings.HasPrefix(tt.path, "device.")
		if open && strings.ContainsAny(tt.allowed, "AUIklrj") {
			t.Errorf("%s may have %s", tt.path, tt.allowed)
		}
	}
}

// The other modes: what gives a name its value there, and when.
func TestNamesByMode(t *testing.T) {
	tests := []struct{ file, old, new, want string }{
		{"login.yaml", "proof: '{hex", "proof: '{token}{hex", "steps[1].request.form.proof: {token} has no value yet: it comes from steps[1]"},
		{"login.yaml", "capture: {nonce: nonce}", "response: {}", "steps[1].request.form.proof: {captured.nonce} is not declared under capture"},
		{"login.yaml", "    response: {format: cookie, access: SESSION}\n", "", "inject[0].template: {token} has no value: there is neither a token call nor a step with a response"},
		{"login.yaml", `"{account.user}", proof`, `"{assertion}", proof`, "steps[1].request.form.user: {assertion} needs the key assertion"},
		{"key.yaml", "{account.key}", "{token}", "inject[0].basic.password: {token} has no value: there is neither a token call nor a step with a response"},
		{"key.yaml", "{account.user}/token", "{refresh_token}", "inject[0].basic.user: {refresh_token} must not be used here; use {app.NAME}, {account.NAME}, {captured.NAME}, {client_id}, {token}, {token.NAME}"},
		{"jwt.yaml", "aud: /admin/", `aud: "{token}"`, "assertion.claims.aud: {token} must not be used here"},
		{"oauth1.yaml", "/request_token", "/{account.x}", "authorize.request_url: {account.x} is not declared under account"},
		{"oauth1.yaml", "/request_token", "/{client_id}", "authorize.request_url: {client_id} must not be used here; use {app.NAME}, {account.NAME}, {captured.NAME}"},
		{"oauth1.yaml", "realm: example", `realm: "{refresh_token}"`, "signer.realm: {refresh_token} must not be used here"},
		{"installation.yaml", "    response: {access: token, expires: {path: expires_at, as: rfc3339}}\n", "", "x.yaml:12: steps: must have a response, which says where the token is, or inject must say what else is sent"},
	}
	for _, tt := range tests {
		t.Run(tt.file+" "+tt.new, func(t *testing.T) {
			text := string(good(t)[tt.file])
			if !strings.Contains(text, tt.old) {
				t.Fatalf("%s has no %q", tt.file, tt.old)
			}
			_, err := connectors.Decode("x.yaml", []byte(strings.Replace(text, tt.old, tt.new, 1)))
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("Decode: %v, want %q", err, tt.want)
			}
		})
	}
}
