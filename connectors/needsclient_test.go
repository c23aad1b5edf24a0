package connectors_test

import "testing"

func TestNeedsClient(t *testing.T) {
	const end = "\napi: {base_url: https://api.example.com}\n"
	code := func(token string) string {
		return "authorize: {url: https://example.com/authorize}\ntoken: {url: https://example.com/token, " + token + "}"
	}
	signed := func(method string) string { return "mode: static\nsigner: {kind: oauth1, method: " + method + "}" }
	for name, test := range map[string]struct {
		yaml       string
		id, secret bool
	}{
		"basic":           {code("client_auth: basic"), true, true},
		"post":            {code("client_auth: post"), true, true},
		"public":          {code("client_auth: none"), true, false},
		"secret as user":  {code(`client_auth: basic, basic: {user: "{client_secret}"}`), true, true},
		"signed":          {signed("HMAC-SHA1"), true, true},
		"signed with RSA": {signed("RSA-SHA1"), true, false},
		"of the account": {
			"mode: client_credentials\naccount: [{name: id, pattern: '[a-z]+'}]\n" +
				"token: {url: https://example.com/token, client_auth: none, client: {id: '{account.id}'}}", false, false,
		},
		"none": {"mode: none", false, false},
	} {
		c := decode(t, "schema: 1\nname: one\ntitle: One\n"+test.yaml+end)
		if id, secret := c.NeedsClient(); id != test.id || secret != test.secret {
			t.Errorf("%s: it needs ID %t and secret %t, want %t and %t", name, id, secret, test.id, test.secret)
		}
	}
}
