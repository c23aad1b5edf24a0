package oauth_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// The modes without a browser: what is sent at first, and again as their refresh.
func TestObtainProviders(t *testing.T) {
	const secret = "client_secret=canary-client%2Bsecret%2F%25"
	const user = "\naccount: [{name: username, pattern: .+}, {name: password, secret: true}]"
	const exchanged = "\naccount: [{name: subject_token, secret: true}]"
	tests := []struct {
		name, yaml string
		values     []string
		scopes     []string
		public     bool
		want       string
	}{
		{
			name: "Auth0: client credentials with an audience", values: []string{"app.audience", "https://api"},
			yaml: "mode: client_credentials\ntoken: {url: BASE/token, client_auth: post, params: {audience: '{app.audience}'}}\napp: [{name: audience, pattern: .+}]",
			want: "POST /token\n\naudience=https%3A%2F%2Fapi&client_id=id&" + secret + "&grant_type=client_credentials",
		},
		{
			name: "PayPal, Zoom: client credentials with Basic, scopes and a grant of their own", scopes: []string{"a", "b"},
			yaml: "mode: client_credentials\nauthorize: {scope: {separator: ','}}\ntoken: {url: BASE/token, client_auth: basic_raw, params: {grant_type: account_credentials}}",
			want: "POST /token\nAuthorization: Basic aWQ6Y2FuYXJ5LWNsaWVudCtzZWNyZXQvJQ==\n\ngrant_type=account_credentials&scope=a%2Cb",
		},
		{
			name: "Optimizely: scopes under another name", scopes: []string{"a", "b"},
			yaml: "mode: client_credentials\nauthorize: {scope: {param: scopes}}\ntoken: {url: BASE/token, client_auth: post, body: json, omit: [grant_type]}",
			want: "POST /token\nContent-Type: application/json\n\n" + `{"client_id":"id","client_secret":"canary-client+secret/%","scopes":"a b"}`,
		},
		{
			name: "Acumatica: password", values: []string{"account.username", "ada", "account.password", password}, scopes: []string{"api"},
			yaml: "mode: password\ntoken: {url: BASE/token, client_auth: post}" + user,
			want: "POST /token\n\nclient_id=id&" + secret + "&grant_type=password&password=canary-password%26%3C%22%3E&scope=api&username=ada",
		},
		{
			name: "Dayforce: password without a client, and fields of its own", values: []string{"account.username", "ada", "account.password", password}, public: true,
			yaml: "mode: password\ntoken: {url: BASE/token, client_auth: none, field_names: {username: user, password: pass}, params: {companyId: acme}}" + user,
			want: "POST /token\n\ncompanyId=acme&grant_type=password&pass=canary-password%26%3C%22%3E&user=ada",
		},
		{
			name: "Okta: token exchange", values: []string{"account.subject_token", subject},
			yaml: "mode: token_exchange\ntoken: {url: BASE/token, client_auth: post, params: {audience: api}}" + exchanged,
			want: "POST /token\n\naudience=api&client_id=id&" + secret + "&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange" +
				"&subject_token=canary-subject&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token",
		},
		{
			name: "Entra: on behalf of", values: []string{"account.subject_token", subject},
			yaml: "mode: token_exchange\ntoken: {url: BASE/token, client_auth: post, field_names: {subject_token: assertion}, omit: [subject_token_type]," +
				" params: {grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', requested_token_use: on_behalf_of}}" + exchanged,
			want: "POST /token\n\nassertion=canary-subject&client_id=id&" + secret +
				"&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&requested_token_use=on_behalf_of",
		},
		{
			name: "a subject of another type", values: []string{"account.subject_token", subject},
			yaml: "mode: token_exchange\ntoken: {url: BASE/token, client_auth: none, params: {subject_token_type: x}}" + exchanged,
			want: "POST /token\n\nclient_id=id&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=canary-subject&subject_token_type=x",
		},
		{
			name: "MCP server: resource", yaml: "mode: client_credentials\ntoken: {url: BASE/token, client_auth: none, resource: https://mcp.example.com}",
			want: "POST /token\n\nclient_id=id&grant_type=client_credentials&resource=https%3A%2F%2Fmcp.example.com",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			base, requests := record(t, ok(`{"access_token":"a","token_type":"N_A","expires_in":60}`))
			app := declared(t, base, test.yaml, test.values...)
			app.Scopes = test.scopes
			if test.public {
				app.ClientID, app.ClientSecret = "", vault.Secret{}
			}
			client := newClient(oauth.Options{})
			first, err := client.Obtain(t.Context(), app, vault.Grant{})
			if err != nil {
				t.Fatal(err)
			}
			second, err := client.Refresh(t.Context(), app, grant)
			if err != nil {
				t.Fatal(err)
			}
			for _, token := range []oauth.Token{first, second} {
				sameToken(t, token, oauth.Token{Access: vault.NewSecret("a"), Expires: now.Add(time.Minute), ExpiresFrom: oauth.ExpiresFromAnswer})
				sameWire(t, <-requests, test.want)
			}
		})
	}
}

// A mode without a browser may have a refresh token all the same.
func TestObtainedIsRefreshed(t *testing.T) {
	base, requests := record(t, ok(`{"access_token":"a"}`))
	app := declared(t, base, "mode: client_credentials\ntoken: {url: BASE/token, client_auth: none}\nrefresh: {with: refresh_token}")
	if _, err := newClient(oauth.Options{}).Refresh(t.Context(), app, grant); err != nil {
		t.Fatal(err)
	}
	sameWire(t, <-requests, "POST /token\n\nclient_id=id&grant_type=refresh_token&refresh_token=canary-refresh")
}

// Google's service accounts: the signed assertion is exchanged. App Store Connect's is the token.
func TestAssertions(t *testing.T) {
	const yaml = "account: [{name: key, secret: true}, {name: user, pattern: .+}]\nassertion: {alg: HS256, key: '{account.key}', lifetime: 20m, claims: {iss: '{client_id}', sub: '{account.user}'}}\n"
	claims := map[string]any{"iss": "id", "sub": "ada", "iat": float64(now.Unix()), "exp": float64(now.Unix() + 1200)}
	check := func(t *testing.T, token string) {
		t.Helper()
		if diff := cmp.Diff(claims, claimsOf(t, token, jose.HS256, []byte(apiKey+strings.Repeat("x", 64)))); diff != "" {
			t.Errorf("claims (-want +got):\n%s", diff)
		}
	}
	values := []string{"account.key", apiKey + strings.Repeat("x", 64), "account.user", "ada"}
	t.Run("Google: exchanged", func(t *testing.T) {
		base, requests := record(t, ok(`{"access_token":"a","expires_in":60}`))
		app := declared(t, base, "mode: jwt_bearer\nauthorize: {scope: {none: true}}\ntoken: {url: BASE/token, client_auth: none, omit: [client_id]}\n"+yaml, values...)
		client := newClient(oauth.Options{})
		for _, get := range []func() (oauth.Token, error){
			func() (oauth.Token, error) { return client.Obtain(t.Context(), app, vault.Grant{}) },
			func() (oauth.Token, error) { return client.Refresh(t.Context(), app, grant) },
		} {
			token, err := get()
			if err != nil {
				t.Fatal(err)
			}
			sameToken(t, token, oauth.Token{Access: vault.NewSecret("a"), Expires: now.Add(time.Minute), ExpiresFrom: oauth.ExpiresFromAnswer})
			_, body, _ := strings.Cut(wire(t, <-requests), "POST /token\n\n")
			fields, err := url.ParseQuery(body)
			if err != nil || len(fields) != 2 || fields.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
				t.Fatalf("got %q", body)
			}
			check(t, fields.Get("assertion"))
		}
	})
	t.Run("App Store Connect: the token", func(t *testing.T) {
		base, requests := record(t, ok("{}"))
		app := declared(t, base, "mode: jwt\n"+yaml, values...)
		token, err := newClient(oauth.Options{}).Obtain(t.Context(), app, vault.Grant{})
		if err != nil {
			t.Fatal(err)
		}
		check(t, token.Access.Reveal())
		sameToken(t, token, oauth.Token{Access: token.Access, Expires: now.Add(20 * time.Minute), ExpiresFrom: oauth.ExpiresFromJWT})
		if len(requests) != 0 {
			t.Error("the provider was asked")
		}
	})
	t.Run("no key", func(t *testing.T) {
		for _, mode := range []string{"mode: jwt\n", "mode: jwt_bearer\ntoken: {url: BASE/token, client_auth: none}\n"} {
			token, err := newClient(oauth.Options{}).Obtain(t.Context(), declared(t, "http://127.0.0.1:1999", mode+yaml, "account.user", "ada"), vault.Grant{})
			if own := wantError(t, token, err, oauth.ClassOperator, oauth.CodeBadKey); !own.Unsent || own.Op != "obtain" {
				t.Errorf("got %+v", own)
			}
		}
	})
}

func TestNothingToObtain(t *testing.T) {
	const call = "\ntoken: {url: BASE/token, client_auth: post}"
	const user = "\naccount: [{name: username, pattern: .+}, {name: password, secret: true}]"
	tests := []struct {
		name, yaml string
		class      oauth.Class
		code       string
	}{
		{"code", "authorize: {url: BASE/authorize}" + call, oauth.ClassOperator, oauth.CodeNoGrant},
		{"device", "mode: device\ndevice: {url: BASE/device}" + call, oauth.ClassOperator, oauth.CodeNoGrant},
		{"oauth1", "mode: oauth1\nauthorize: {url: BASE/authorize, request_url: BASE/request}\ntoken: {url: BASE/token}\nsigner: {kind: oauth1}", oauth.ClassOperator, oauth.CodeNoGrant},
		{"static", "mode: static\naccount: [{name: key, secret: true}]\ninject: [{in: header, name: X-Key, template: '{account.key}'}]", oauth.ClassOperator, oauth.CodeNoGrant},
		{"none", "mode: none", oauth.ClassOperator, oauth.CodeNoGrant},
		{"password without a user", "mode: password" + call + user, oauth.ClassOperator, oauth.CodeNoValue},
		{"a user without a password", "mode: password" + call + user, oauth.ClassOperator, oauth.CodeNoValue},
		{"exchange without a subject", "mode: token_exchange" + call + "\naccount: [{name: subject_token, secret: true}]", oauth.ClassOperator, oauth.CodeNoValue},
		{"a scope without a value", "mode: client_credentials\nauthorize: {scope: {always: ['{account.org}']}}" + call + "\naccount: [{name: org, pattern: .+}]", oauth.ClassOperator, oauth.CodeNoValue},
		{"login without a step for it", "mode: login\nsteps: [{when: refresh, request: {url: BASE/x}, response: {}}]", oauth.ClassPermanent, oauth.CodeNoRefreshToken},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			base, requests := record(t, ok(`{"access_token":"a"}`))
			var values []string
			switch test.name {
			case "password without a user":
				values = []string{"account.password", password}
			case "a user without a password":
				values = []string{"account.username", "ada"}
			}
			token, err := newClient(oauth.Options{}).Obtain(t.Context(), declared(t, base, test.yaml, values...), grant)
			own := wantError(t, token, err, test.class, test.code)
			if !own.Unsent || own.Op != "obtain" || len(requests) != 0 {
				t.Errorf("got %+v and %d requests, want none", own, len(requests))
			}
		})
	}
}
