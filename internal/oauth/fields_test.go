package oauth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// The rows of what providers do differently with the token request.
func TestExchangeProviders(t *testing.T) {
	const redirect = "redirect_uri=https%3A%2F%2Fapp.example.com%2Fcb"
	const secret = "client_secret=canary-client%2Bsecret%2F%25"
	const form = "grant_type=authorization_code&" + redirect
	tests := []struct {
		name, token, inputs string
		values              []string
		want                string
	}{
		{
			name: "TikTok: client_key", token: `client_auth: post, field_names: {client_id: client_key}`,
			want: "POST /token\n\nclient_key=id&" + secret + "&code=canary-code&" + form,
		},
		{
			name:  "TikTok Ads: JSON with names of its own",
			token: `client_auth: post, body: json, field_names: {client_id: app_id, client_secret: secret, code: auth_code}, omit: [redirect_uri, grant_type]`,
			want:  "POST /token\nContent-Type: application/json\n\n" + `{"app_id":"id","auth_code":"canary-code","secret":"canary-client+secret/%"}`,
		},
		{
			name: "Figma: no redirect_uri", token: `client_auth: basic, omit: [redirect_uri]`,
			want: "POST /token\nAuthorization: Basic aWQ6Y2FuYXJ5LWNsaWVudCUyQnNlY3JldCUyRiUyNQ==\n\ncode=canary-code&grant_type=authorization_code",
		},
		{
			name: "Facebook: GET", token: `client_auth: post, method: GET, body: query, omit: [grant_type]`,
			want: "GET /token?v=1&client_id=id&" + secret + "&code=canary-code&" + redirect + "\n\n",
		},
		{
			name: "WeChat: GET with appid", token: `client_auth: post, method: GET, body: query, field_names: {client_id: appid, client_secret: secret}, omit: [redirect_uri]`,
			want: "GET /token?v=1&appid=id&code=canary-code&grant_type=authorization_code&" + strings.Replace(secret, "client_", "", 1) + "\n\n",
		},
		{
			name: "Kno: POST with a query", token: `client_auth: post, body: query, response: {format: json}`,
			want: "POST /token?v=1&client_id=id&" + secret + "&code=canary-code&" + form + "\n\n",
		},
		{
			name: "Basecamp: type in place of grant_type", token: `client_auth: post, params: {grant_type: web_server}, field_names: {grant_type: type}`,
			want: "POST /token\n\nclient_id=id&" + secret + "&code=canary-code&" + redirect + "&type=web_server",
		},
		{
			name: "BambooHR: more parameters, which replace nothing", token: `client_auth: post, params: {request: token, scope: "{app.port}", gone: "{app.gone}"}`,
			inputs: `app: [{name: port, pattern: .+}, {name: gone, pattern: .+, optional: true}]`, values: []string{"app.port", "a b"},
			want: "POST /token\n\nclient_id=id&" + secret + "&code=canary-code&" + form + "&request=token&scope=a+b",
		},
		{
			name: "Stripe Apps: the secret as the user", token: `client_auth: basic, basic: {user: "{client_secret}"}`,
			want: "POST /token\nAuthorization: Basic Y2FuYXJ5LWNsaWVudCUyQnNlY3JldCUyRiUyNTo=\n\ncode=canary-code&" + form,
		},
		{
			name: "ZoomInfo: a user and a password of their own", token: `client_auth: basic_raw, basic: {user: "{account.username}", password: "{account.password}"}`,
			inputs: `account: [{name: username, pattern: .+}, {name: password, secret: true}]`, values: []string{"account.username", "a:da", "account.password", password},
			want: "POST /token\nAuthorization: Basic YTpkYTpjYW5hcnktcGFzc3dvcmQmPCI+\n\ncode=canary-code&" + form,
		},
		{
			name: "Walmart, Reddit: headers", token: `client_auth: post, omit: [client_secret], headers: {X-Partner: "{client_id}", User-Agent: "{app.agent}", X-Gone: "{app.gone}"}`,
			inputs: `app: [{name: agent, pattern: .+}, {name: gone, pattern: .+, optional: true}]`, values: []string{"app.agent", "script by ada"},
			want: "POST /token\nUser-Agent: script by ada\nX-Partner: id\n\nclient_id=id&code=canary-code&" + form,
		},
		{
			name: "Follow Up Boss: the state once more", token: `client_auth: post, echo_state: true`,
			want: "POST /token\n\nclient_id=id&" + secret + "&code=canary-code&" + form + "&state=st",
		},
		{
			name: "MCP server: resource", token: `client_auth: none, resource: "https://mcp.example.com/x"`,
			want: "POST /token\n\nclient_id=id&code=canary-code&" + form + "&resource=https%3A%2F%2Fmcp.example.com%2Fx",
		},
		{
			name:  "Withings: a signature in a field",
			token: `client_auth: post, params: {action: requesttoken, nonce: n}, sign: {key: "{client_secret}", field: signature, of: [nonce, action, client_id], separator: ","}`,
			// HMAC-SHA256 of "requesttoken,id,n".
			want: "POST /token\n\naction=requesttoken&client_id=id&" + secret + "&code=canary-code&grant_type=authorization_code&nonce=n&" + redirect + "&signature=" + signed1,
		},
		{
			name:  "Shopline: a signature in a header",
			token: `client_auth: post, omit: [client_secret, redirect_uri], field_names: {client_id: appkey}, sign: {key: "{app.key}", header: X-Sign, pairs: name=value, encoding: base64}`,
			// HMAC-SHA256 of "appkey=idcode=canary-codegrant_type=authorization_code".
			inputs: `app: [{name: key, secret: true}]`, values: []string{"app.key", apiKey},
			want: "POST /token\nX-Sign: " + signed2 + "\n\nappkey=id&code=canary-code&grant_type=authorization_code",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			base, requests := record(t, ok(`{"access_token":"a"}`))
			app := declared(t, base, `authorize: {url: BASE/authorize, pkce: "off"}`+"\ntoken: {url: 'BASE/token"+query(test.want)+"', "+test.token+"}\n"+test.inputs, test.values...)
			token, err := exchange(t, newClient(oauth.Options{}), app)
			if err != nil {
				t.Fatal(err)
			}
			sameToken(t, token, oauth.Token{Access: vault.NewSecret("a")})
			sameWire(t, <-requests, test.want)
		})
	}
}

// Made with openssl dgst -sha256 -hmac.
const (
	signed1 = "dcfb86d91c8056ddd4db4a6c10f35899ca43aac461ebc8fb1a7e0dc0ee8815c2"
	signed2 = "6t4C/jK+bsgwSHJcuUGWek9g3WHVPfx3qA0ooGQIJ9w="
)

// query gives endpoints one where the fields go there too.
func query(want string) string {
	if strings.Contains(want, "?v=1&") {
		return "?v=1"
	}
	return ""
}

// Apple: the client secret is a JWT. Okta: so is the assertion that authenticates the client.
func TestClientJWT(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	private := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	const assertion = `client_assertion: {alg: ES256, key: "{app.key}", claims: {iss: "{app.team}", sub: "{client_id}", aud: https://id.example.com}}`
	const inputs = "\napp: [{name: key, secret: true, multiline: true}, {name: team, pattern: .+}]"
	for auth, field := range map[string]string{"client_secret_jwt": "client_secret", "private_key_jwt": "client_assertion"} {
		t.Run(auth, func(t *testing.T) {
			base, requests := record(t, ok(`{"access_token":"a"}`))
			yaml := `authorize: {url: BASE/authorize, pkce: "off"}` + "\ntoken: {url: BASE/token, client_auth: " + auth + ", " + assertion + "}\nrevoke: {url: BASE/revoke}" + inputs
			app := declared(t, base, yaml, "app.key", private, "app.team", "T1")
			app.ClientSecret = vault.Secret{}
			client := newClient(oauth.Options{})
			if _, err := exchange(t, client, app); err != nil {
				t.Fatal(err)
			}
			if _, err := client.Revoke(t.Context(), app, grant); err != nil {
				t.Fatal(err)
			}
			for _, rest := range []url.Values{
				{"client_id": {"id"}, "code": {code}, "grant_type": {"authorization_code"}, "redirect_uri": {redirectURI}},
				{"client_id": {"id"}, "token": {refresh}},
			} {
				_, body, _ := strings.Cut(wire(t, <-requests), "\n\n")
				fields, err := url.ParseQuery(body)
				if err != nil {
					t.Fatal(err)
				}
				got := claimsOf(t, fields.Get(field), jose.ES256, key.Public())
				want := map[string]any{
					"iss": "T1", "sub": "id", "aud": "https://id.example.com",
					"iat": float64(now.Unix()), "exp": float64(now.Unix() + 300),
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("claims (-want +got):\n%s", diff)
				}
				fields.Del(field)
				if auth == "private_key_jwt" {
					rest.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
				}
				if diff := cmp.Diff(rest, fields); diff != "" {
					t.Errorf("fields (-want +got):\n%s", diff)
				}
			}
			app.Values["app.key"] = apiKey
			token, err := exchange(t, client, app)
			if own := wantError(t, token, err, oauth.ClassOperator, oauth.CodeBadKey); !own.Unsent {
				t.Error("the error does not say that nothing was sent")
			}
		})
	}
}

// What the connector's templates lack is told before anything is sent.
func TestTokenCallNeedsValues(t *testing.T) {
	tests := []struct{ name, token string }{
		{"parameter", `client_auth: post, params: {x: "{app.missing}"}`},
		{"header", `client_auth: post, headers: {X-A: "{app.missing}"}`},
		{"header with a line break", `client_auth: post, headers: {X-A: "{app.broken}"}`},
		{"resource", `client_auth: post, resource: "https://x/{app.plain}"`},
		{"user", `client_auth: basic, basic: {user: "{app.missing}"}`},
		{"password", `client_auth: basic, basic: {user: "x", password: "{app.missing}"}`},
		{"key of the signature", `client_auth: post, sign: {key: "{app.missing}", field: sig}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			base, requests := record(t, ok("{}"))
			app := declared(t, base, `authorize: {url: BASE/authorize, pkce: "off"}`+"\ntoken: {url: BASE/token, "+test.token+"}\n"+
				`app: [{name: missing, secret: true}, {name: broken, secret: true}, {name: plain, pattern: .+}]`, "app.broken", apiKey+"\r\nX-B: 1")
			token, err := exchange(t, newClient(oauth.Options{}), app)
			if own := wantError(t, token, err, oauth.ClassOperator, oauth.CodeNoValue); !own.Unsent || len(requests) != 0 {
				t.Errorf("got %+v and %d requests, want none", own, len(requests))
			}
		})
	}
}

// Which connectors need an ID and a secret of the client, and which do not.
func TestClientIsNeeded(t *testing.T) {
	const code = `authorize: {url: BASE/authorize, pkce: "off"}` + "\ntoken: {url: BASE/token, "
	tests := []struct {
		name, yaml string
		id, secret bool // are needed
	}{
		{"post", code + "client_auth: post}", true, true},
		{"basic", code + "client_auth: basic}", true, true},
		{"basic_raw", code + "client_auth: basic_raw}", true, true},
		{"basic with halves of its own", code + "client_auth: basic, basic: {user: x}}", false, false},
		{"post without ID", code + "client_auth: post, omit: [client_id]}", false, true},
		{"post without secret", code + "client_auth: post, omit: [client_secret]}", true, false},
		{"none", code + "client_auth: none}", true, false},
		{"none without ID", code + "client_auth: none, omit: [client_id]}", false, false},
		{"a grant that stands for itself", "mode: client_credentials\ntoken: {url: BASE/token, client_auth: none, params: {key: x}}", false, false},
		{"client credentials", "mode: client_credentials\ntoken: {url: BASE/token, client_auth: post}", true, true},
		{"login", "mode: login\nsteps: [{request: {url: BASE/login}, response: {}}]", false, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			base, _ := record(t, ok(`{"access_token":"a"}`))
			for missing, needed := range map[string]bool{"id": test.id, "secret": test.secret} {
				app := declared(t, base, test.yaml)
				if missing == "id" {
					app.ClientID = ""
				} else {
					app.ClientSecret = vault.Secret{}
				}
				client := newClient(oauth.Options{})
				var token oauth.Token
				var err error
				if app.Connector.Mode == "" {
					token, err = exchange(t, client, app)
				} else {
					token, err = client.Obtain(t.Context(), app, vault.Grant{})
				}
				if !needed && err != nil {
					t.Errorf("without %s: %v", missing, err)
				}
				if needed {
					wantError(t, token, err, oauth.ClassOperator, oauth.CodeIncomplete)
				}
			}
		})
	}
}
