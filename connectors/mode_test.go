package connectors_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
)

// modes are the files of testdata/good with one mode each, and the keys that they must have.
var modes = map[string]string{
	"code.yaml": "authorize.url token.url", "client-credentials.yaml": "token.url", "password.yaml": "token.url account.username account.password",
	"device.yaml": "device token.url", "jwt-bearer.yaml": "assertion token.url", "token-exchange.yaml": "token.url account.subject_token",
	"jwt.yaml": "assertion", "oauth1.yaml": "authorize.url authorize.request_url token.url signer", "login.yaml": "steps",
	"saml-bearer.yaml": "saml token.url",
	"key.yaml":         "inject", "none.yaml": "",
}

// without are what takes a key out of a connector.
var without = map[string]func(*connectors.Connector){
	"authorize.url":         func(c *connectors.Connector) { c.Authorize.URL = connectors.Template{} },
	"authorize.request_url": func(c *connectors.Connector) { c.Authorize.RequestURL = connectors.Template{} },
	"token.url":             func(c *connectors.Connector) { c.Token.URL = connectors.Template{} },
	"device":                func(c *connectors.Connector) { c.Device = nil },
	"assertion":             func(c *connectors.Connector) { c.Assertion = nil },
	"saml":                  func(c *connectors.Connector) { c.SAML = nil },
	"signer":                func(c *connectors.Connector) { c.Signer = nil },
	"steps":                 func(c *connectors.Connector) { c.Steps = nil },
	"inject":                func(c *connectors.Connector) { c.Inject = nil },
	"account.username":      func(c *connectors.Connector) { c.Account[0].Name = "other" },
	"account.password":      func(c *connectors.Connector) { c.Account[1].Name = "other" },
	"account.subject_token": func(c *connectors.Connector) { c.Account[0].Name = "other" },
}

func TestModeNeeds(t *testing.T) {
	for file, keys := range modes {
		for key, take := range without {
			c := decode(t, string(good(t)[file]))
			needed := slices.Contains(strings.Fields(keys), key)
			if strings.HasPrefix(key, "account.") && !needed {
				continue
			}
			take(c)
			mode, err := string(modeOf(c)), c.Validate()
			got := said(err, key, "is required with mode "+mode) || said(err, "mode", mode+" needs "+key)
			if input, ok := strings.CutPrefix(key, "account."); ok {
				got = said(err, "account", "must have an input "+input+" with mode "+mode)
			}
			if got != needed {
				t.Errorf("%s without %s: it is said %t that it is required, want %t", file, key, got, needed)
			}
		}
	}
}

func modeOf(c *connectors.Connector) connectors.Mode {
	if c.Mode == "" {
		return connectors.ModeCode
	}
	return c.Mode
}

// said tells whether one of the errors has the path and begins with the message.
func said(err error, path, message string) bool {
	for _, e := range all(err) {
		if e.Path == path && strings.HasPrefix(e.Message, message) {
			return true
		}
	}
	return false
}

// all returns the errors that are joined.
func all(err error) (errs []*connectors.Error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			errs = append(errs, all(one)...)
		}
		return errs
	}
	if e := new(connectors.Error); errors.As(err, &e) {
		errs = append(errs, e)
	}
	return errs
}

// uses are the keys that not every mode has a use for, with the first letters of the modes that have:
// code, client credentials (C), password, device, jwt bearer (B), saml bearer (S), token exchange, jwt, oauth1, login, static, none.
var uses = map[string]string{
	"authorize": "co", "callback": "co", "install": "c", "device": "cd", "token": "cCpdBSto", "refresh": "cCpdBStjl", "introspect": "cCpdBStl", "revoke": "cCpdBStl", "register": "cd",
	"steps": "cCpdBStjol", "assertion": "cCpdBStjl", "saml": "S", "signer": "cCpdBStjols", "client_cert": "cCpdBStjols", "inject": "cCpdBStjols",
}

var modeLetters = map[string]string{
	"code.yaml": "c", "client-credentials.yaml": "C", "password.yaml": "p", "device.yaml": "d", "jwt-bearer.yaml": "B", "saml-bearer.yaml": "S", "token-exchange.yaml": "t",
	"jwt.yaml": "j", "oauth1.yaml": "o", "login.yaml": "l", "key.yaml": "s", "none.yaml": "n",
}

func TestModeUses(t *testing.T) {
	full := decode(t, string(good(t)["code.yaml"]))
	key := parse(t, "x")
	give := map[string]func(*connectors.Connector){
		"authorize":  func(c *connectors.Connector) { c.Authorize.Params = full.Authorize.Params },
		"callback":   func(c *connectors.Connector) { c.Callback = full.Callback },
		"install":    func(c *connectors.Connector) { c.Install = full.Install },
		"device":     func(c *connectors.Connector) { c.Device = full.Device },
		"token":      func(c *connectors.Connector) { c.Token.EchoState = true },
		"refresh":    func(c *connectors.Connector) { c.Refresh = connectors.Refresh{Margin: full.Refresh.Margin} },
		"introspect": func(c *connectors.Connector) { c.Introspect = full.Introspect },
		"revoke":     func(c *connectors.Connector) { c.Revoke = full.Revoke },
		"register":   func(c *connectors.Connector) { c.Register = full.Register },
		"steps":      func(c *connectors.Connector) { c.Steps = append(c.Steps, full.Steps...) },
		"assertion":  func(c *connectors.Connector) { c.Assertion = &connectors.JWT{Alg: "HS256", Key: key} },
		"saml": func(c *connectors.Connector) {
			c.SAML = &connectors.SAML{Key: key, Cert: key, Issuer: key, Subject: key, Audience: key}
		},
		"signer":      func(c *connectors.Connector) { c.Signer = &connectors.Signer{Kind: "wsse", Key: key, KeyID: key} },
		"client_cert": func(c *connectors.Connector) { c.ClientCert = &connectors.ClientCert{Cert: key, Key: key} },
		"inject":      func(c *connectors.Connector) { c.Inject = append(c.Inject, full.Inject[2]) },
	}
	for file, letter := range modeLetters {
		for key, modes := range uses {
			c := decode(t, string(good(t)[file]))
			give[key](c)
			useful := strings.Contains(modes, letter)
			if got := said(c.Validate(), key, "has no use with mode "+string(modeOf(c))); got == useful {
				t.Errorf("%s with %s: it is said %t that it has no use", file, key, got)
			}
		}
	}
}

func TestModeRefused(t *testing.T) {
	tests := []struct{ file, old, new, want string }{
		{"none.yaml", "mode: none", "mode: oauth2", `x.yaml:5: mode: "oauth2" is not allowed; use oauth2_code, client_credentials, password, device, jwt_bearer, saml_bearer, token_exchange, jwt, oauth1, login, static, none`},
		{"none.yaml", "mode: none", "mode: static", "x.yaml:5: mode: static needs inject, signer or client_cert: there is no token to send"},
		{"none.yaml", "mode: none", "mode: none\nauthorize: {scope: {default: [a]}}", "x.yaml:6: authorize: has no use with mode none"},
		{"device.yaml", "authorize: {", "authorize: {pkce: required, ", "x.yaml:5: authorize: has no use with mode device, but for scope"},
		{"oauth1.yaml", "mode: oauth1", "mode: oauth2_code", "x.yaml:6: authorize.request_url: has no use with mode oauth2_code"},
		{"oauth1.yaml", "authorize:\n", "authorize:\n  pkce: off\n", "x.yaml:6: authorize.pkce: has no use with mode oauth1"},
		{"oauth1.yaml", "authorize:\n", "authorize:\n  params: {oauth_token: x}\n", "x.yaml:6: authorize.params.oauth_token: is set by the engine"},
		{"oauth1.yaml", "authorize:\n", "callback: {code_param: verifier}\nauthorize:\n", "x.yaml:5: callback.code_param: has no use with mode oauth1"},
		{"oauth1.yaml", "token:\n", "token:\n  response: {slots: {secret: s}}\n", "x.yaml:9: token.response: has no use with mode oauth1"},
		{
			"oauth1.yaml", "api: {", "steps: [{request: {url: https://login.example.com}, response: {slots: {secret: s}}}]\napi: {slots: [{name: secret}], ",
			"x.yaml:12: api.slots[0].name: secret is the secret half of the signer's token, and never sent",
		},
		{"oauth1.yaml", "signer: {", "inject: [{in: header, name: X-Secret, template: '{token.secret}'}]\nsigner: {", "x.yaml:10: inject[0].template: {token.secret} is not declared"},
		{
			"oauth1.yaml", "realm: example}", "realm: '{captured.realm}'}\ncallback: {capture: {realm: r}}",
			"x.yaml:10: signer.realm: {captured.realm} has no value yet: it comes from callback.capture",
		},
		{"oauth1.yaml", "kind: oauth1, method: HMAC-SHA256, realm: example", "kind: wsse, key: x, key_id: x", "x.yaml:10: signer.kind: must be oauth1 with mode oauth1"},
	}
	for _, tt := range tests {
		t.Run(tt.new, func(t *testing.T) {
			_, err := connectors.Decode("x.yaml", []byte(strings.Replace(string(good(t)[tt.file]), tt.old, tt.new, 1)))
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("Decode: %v, want %q", err, tt.want)
			}
		})
	}
}

// What is sent without inject: a bearer token, or nothing where there is none.
func TestInjectionsByMode(t *testing.T) {
	for file, want := range map[string]int{
		"password.yaml": 1, "installation.yaml": 1, "oauth1.yaml": 0, "sigv4.yaml": 0, "certificate.yaml": 0, "none.yaml": 0, "key.yaml": 1,
	} {
		if got := decode(t, string(good(t)[file])).Injections(); len(got) != want {
			t.Errorf("%s: %d injections, want %d", file, len(got), want)
		}
	}
}

func TestConsents(t *testing.T) {
	for mode, want := range map[connectors.Mode]bool{
		"": true, connectors.ModeCode: true, connectors.ModeOAuth1: true, connectors.ModeDevice: false, connectors.ModeStatic: false,
	} {
		if got := mode.Consents(); got != want {
			t.Errorf("Consents of %q = %t", mode, got)
		}
	}
}
