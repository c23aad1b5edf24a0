package connectors_test

import (
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
)

// open are inputs of an account, of which some may be any host.
const open = `
app:
  - {name: host, pattern: .*}
  - {name: secret, secret: true}
account:
  - {name: any, pattern: "[a-z0-9.:/-]+"}
  - {name: url, pattern: "https://.*"}
  - {name: one, enum: [a.example.com, b.example.com]}
  - {name: ours, pattern: "[a-z0-9-]+[.]example[.]com"}
  - {name: site, pattern: "[a-z0-9-]+"}
  - {name: id, pattern: "[a-z0-9]+"}
  - {name: secret, secret: true}
`

// Whoever chooses a host must not get a secret that is not theirs.
func TestOperatorsSecrets(t *testing.T) {
	tests := []struct {
		name, old, new string
		refused        string // the path of the URL
	}{
		{"token", "https://login.example.com/token", "https://{account.any}/token", "token.url"},
		{"token, a URL", "https://login.example.com/token", "https://{host(account.url)}/token", "token.url"},
		{"token, with a port", "https://login.example.com/token", "https://{account.any}:8443/token", "token.url"},
		{"token at a host of the operator", "https://login.example.com/token", "https://{app.host}/token", ""},
		{"token at one of several hosts", "https://login.example.com/token", "https://{account.one}/token", ""},
		{"token at a host of the provider", "https://login.example.com/token", "https://{account.ours}/token", ""},
		{"token below the provider", "https://login.example.com/token", "https://{account.site}.example.com/token", ""},
		{"host in the path", "https://login.example.com/token", "https://login.example.com/{account.any}", ""},
		{"consent", "https://login.example.com/authorize", "https://{account.any}/authorize", ""},
		{"API", "https://api.example.com", "https://{account.any}", ""},
		{"refresh", "api:", "refresh: {url: 'https://{account.any}/'}\napi:", "refresh.url"},
		{"device", "api:", "device: {url: 'https://{account.any}/'}\napi:", "device.url"},
		{"revoke", "api:", "revoke: {url: 'https://{account.any}/'}\napi:", "revoke.url"},
		{"revoke with a field of the operator", "api:", "revoke: {url: 'https://{account.any}/', auth: none, params: {s: '{app.secret}'}}\napi:", "revoke.url"},
		{"revoke with a header of the operator", "api:", "revoke: {url: 'https://{account.any}/', auth: none, headers: {X: '{client_secret}'}}\napi:", "revoke.url"},
		{"revoke with the token", "api:", "revoke: {url: 'https://{account.any}/', auth: bearer}\napi:", ""},
		{"introspect", "api:", "introspect: {url: 'https://{account.any}/', auth: basic}\napi:", "introspect.url"},
		{"introspect without a client", "api:", "introspect: {url: 'https://{account.any}/', auth: none}\napi:", ""},
		{"step", "api:", "steps: [{request: {url: 'https://{account.any}/'}}]\napi:", ""},
		{"step with the client", "api:", "steps: [{request: {url: 'https://{account.any}/', basic: {user: '{client_secret}'}}}]\napi:", "steps[0].request.url"},
		{"step with a digest", "api:", "steps: [{request: {url: 'https://{account.any}/', json: {a: ['{hex(md5(app.secret))}']}}}]\napi:", "steps[0].request.url"},
		{"step with the account's secret", "api:", "steps: [{request: {url: 'https://{account.any}/', form: {a: '{account.secret}'}}}]\napi:", ""},
		{"public client", "client_auth: basic", "client_auth: none\nrefresh: {url: 'https://{account.any}/'}", ""},
		{"public client with a key", "client_auth: basic", "client_auth: none\n  params: {key: '{app.secret}'}\nrefresh: {url: 'https://{account.any}/'}", "refresh.url"},
		{"client of the account", "client_auth: basic", "client_auth: basic\n  client: {id: '{account.id}', secret: '{account.secret}'}\nrefresh: {url: 'https://{account.any}/'}", ""},
		{"halves of the account", "client_auth: basic", "client_auth: basic\n  basic: {user: '{account.secret}'}\nrefresh: {url: 'https://{account.any}/'}", ""},
		{"halves of the operator", "client_auth: basic", "client_auth: basic\n  basic: {user: '{client_secret}'}\nrefresh: {url: 'https://{account.any}/'}", "refresh.url"},
		{"signed client", "client_auth: basic", "client_auth: private_key_jwt\n  client_assertion: {alg: ES256, key: '{app.secret}'}\nrefresh: {url: 'https://{account.any}/'}", ""},
		{"secret as a JWT", "client_auth: basic", "client_auth: client_secret_jwt\n  client_assertion: {alg: ES256, key: '{app.secret}'}\nrefresh: {url: 'https://{account.any}/'}", "refresh.url"},
		{"signed client that says a secret", "client_auth: basic", "client_auth: private_key_jwt\n  client_assertion: {alg: ES256, key: '{app.secret}', claims: {s: '{client_secret}'}}\nrefresh: {url: 'https://{account.any}/'}", "refresh.url"},
		{"step with a JWT", "api:", "assertion: {alg: HS256, key: '{app.secret}'}\nsteps: [{request: {url: 'https://{account.any}/', form: {a: '{assertion}'}}}]\napi:", ""},
		{"step with a JWT that says a secret", "api:", "assertion: {alg: HS256, key: x, header: {s: '{app.secret}'}}\nsteps: [{request: {url: 'https://{account.any}/', form: {a: '{assertion}'}}}]\napi:", "steps[0].request.url"},
		{"no secret in the body", "client_auth: basic", "client_auth: post\n  omit: [client_secret]\nrefresh: {url: 'https://{account.any}/'}", ""},
		{"API with a key of the operator", "base_url: https://api.example.com", "base_url: https://{account.any}\ninject: [{in: query, name: k, template: '{app.secret}'}]", "api.base_url"},
		{"other base with a key of the operator", "base_url: https://api.example.com", "base_url: https://api.example.com\n  bases: {b: 'https://{account.any}'}\ninject: [{in: query, name: k, template: '{app.secret}'}]", "api.bases.b"},
		{"API with a key of the account", "base_url: https://api.example.com", "base_url: https://{account.any}\ninject: [{in: query, name: k, template: '{account.secret}'}]", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(minimal, tt.old) {
				t.Fatalf("the connector has no %q", tt.old)
			}
			_, err := connectors.Decode("x.yaml", []byte(strings.Replace(minimal, tt.old, tt.new, 1)+open))
			if tt.refused == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), ": "+tt.refused+": {account.") || !strings.Contains(err.Error(), "which is the operator's") {
				t.Errorf("Decode: %v, want that %s is refused", err, tt.refused)
			}
		})
	}
	oauth1 := strings.NewReplacer("https://login.example.com/oauth/request_token", "https://{account.any}/", "HMAC-SHA256", "PLAINTEXT").Replace(string(good(t)["oauth1.yaml"]))
	if _, err := connectors.Decode("x.yaml", []byte(oauth1+open)); err == nil || !strings.Contains(err.Error(), "authorize.request_url: {account.any} may be any host") {
		t.Errorf("Decode of OAuth 1.0a with PLAINTEXT: %v", err)
	}
	for file, change := range map[string][]string{
		"jwt.yaml":        {"base_url: https://api.example.com", "base_url: 'https://{account.any}'", "claims: {", "claims: {s: '{app.secret}', "},
		"jwt-bearer.yaml": {"url: https://login.example.com/token", "url: 'https://{account.any}/token'", "claims: {", "claims: {s: '{app.secret}', "},
	} {
		inputs := open[strings.Index(open, "  - {name: any"):]
		text := strings.NewReplacer(change...).Replace(string(good(t)[file]))
		text = strings.Replace(text, "account:\n", "app:\n  - {name: secret, secret: true}\naccount:\n"+strings.Split(inputs, "\n")[0]+"\n", 1)
		if _, err := connectors.Decode("x.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), "{account.any} may be any host") {
			t.Errorf("Decode of %s with a secret in a claim: %v", file, err)
		}
	}
	const static = "schema: 1\nname: x\ntitle: X\nmode: static\napi: {base_url: https://api.example.com, bases: {b: 'https://{account.any}'}}\n"
	for signer, refused := range map[string]bool{
		"kind: oauth1, method: PLAINTEXT":                                                                                               true,
		"kind: oauth1, method: PLAINTEXT, key_id: '{account.id}', key: '{app.secret}'":                                                  true,
		"kind: oauth1, method: PLAINTEXT, key_id: '{account.id}', key: '{account.secret}'":                                              false,
		"kind: oauth1, key_id: '{account.id}', key: '{app.secret}'":                                                                     false,
		"kind: oauth1, key_id: '{app.secret}', key: '{app.secret}'":                                                                     true,
		"kind: oauth1, key_id: '{account.id}', key: '{app.secret}', token: '{app.secret}', token_secret: '{account.secret}'":            true,
		"kind: oauth1, key_id: '{account.id}', key: '{app.secret}', token: '{account.secret}', token_secret: '{app.secret}'":            false,
		"kind: oauth1, method: RSA-SHA1, key: '{app.secret}', token: '{app.secret}', token_secret: '{account.secret}'":                  true,
		"kind: sigv4, key: '{app.secret}', key_id: '{account.id}', service: s, region: r":                                               false,
		"kind: sigv4, key: '{app.secret}', key_id: '{app.secret}', service: s, region: r":                                               true,
		"kind: sigv4, key: '{app.secret}', key_id: '{account.id}', service: s, region: r, session: '{app.secret}'":                      true,
		"kind: wsse, key: '{app.secret}', key_id: '{app.secret}'":                                                                       true,
		"kind: hmac, key: '{app.secret}', key_id: '{app.secret}', parts: [path], header: X-Signature, template: '{key_id}:{signature}'": true,
	} {
		_, err := connectors.Decode("x.yaml", []byte(static+"signer: {"+signer+"}"+open))
		if refused != (err != nil && strings.Contains(err.Error(), "api.bases.b: {account.any} may be any host")) || !refused && err != nil {
			t.Errorf("Decode with a signer, %s: %v", signer, err)
		}
	}
}
