package oauth_test

import (
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// The rows of what providers do differently with the refresh.
func TestRefreshProviders(t *testing.T) {
	const secret = "client_secret=canary-client%2Bsecret%2F%25"
	const basic = "Authorization: Basic aWQ6Y2FuYXJ5LWNsaWVudCUyQnNlY3JldCUyRiUyNQ=="
	whole := vault.Grant{
		Access: vault.NewSecret(access), Refresh: vault.NewSecret(refresh), RedirectURI: redirectURI,
		Scopes: []string{"x", "y"}, Slots: vault.Secrets{"user": vault.NewSecret("canary-session")},
	}
	tests := []struct {
		name, token, refresh, more string
		grant                      *vault.Grant
		want                       string
	}{
		{
			name: "RFC 6749", token: "client_auth: post, params: {only: exchange}, headers: {X-Version: '7'}",
			want: "POST /token\nX-Version: 7\n\nclient_id=id&" + secret + "&grant_type=refresh_token&refresh_token=canary-refresh",
		},
		{
			name: "Figma: another URL, and no grant_type", token: "client_auth: basic, omit: [redirect_uri]",
			refresh: "url: BASE/refresh, omit: [grant_type]", want: "POST /refresh\n" + basic + "\n\nrefresh_token=canary-refresh",
		},
		{
			name: "Clover: JSON, and neither grant_type nor secret", token: "client_auth: post, body: json",
			refresh: "url: BASE/refresh, omit: [grant_type, client_secret]",
			want:    "POST /refresh\nContent-Type: application/json\n\n" + `{"client_id":"id","refresh_token":"canary-refresh"}`,
		},
		{
			name: "TikTok: the names of the token call", token: "client_auth: post, field_names: {client_id: client_key}, omit: [redirect_uri]",
			want: "POST /token\n\nclient_key=id&" + secret + "&grant_type=refresh_token&refresh_token=canary-refresh",
		},
		{
			name: "names of its own", token: "client_auth: post, field_names: {client_id: client_key}, omit: [client_secret]", refresh: "field_names: {refresh_token: token}",
			want: "POST /token\n\nclient_id=id&" + secret + "&grant_type=refresh_token&token=canary-refresh",
		},
		{
			name: "Instagram: GET with the access token, and no client", token: "client_auth: post",
			refresh: `url: BASE/refresh_access_token, with: access_token, method: GET, omit: [client_id, client_secret], params: {grant_type: ig_refresh_token, access_token: "{token}"}`,
			want:    "GET /refresh_access_token?access_token=canary-access&grant_type=ig_refresh_token\n\n",
		},
		{
			name: "Facebook: the access token is exchanged", token: "client_auth: post, method: GET, body: query", grant: &vault.Grant{Access: whole.Access},
			refresh: `with: access_token, params: {grant_type: fb_exchange_token, fb_exchange_token: "{token}"}`,
			want:    "GET /token?client_id=id&" + secret + "&fb_exchange_token=canary-access&grant_type=fb_exchange_token\n\n",
		},
		{
			name: "QQ: GET for the code, POST for the refresh", token: "client_auth: post, method: GET, body: query", refresh: "method: POST",
			want: "POST /token?client_id=id&" + secret + "&grant_type=refresh_token&refresh_token=canary-refresh\n\n",
		},
		{
			name: "Zendesk: asks for a life", token: "client_auth: post, body: json", refresh: "params: {expires_in: '1800'}",
			want: "POST /token\nContent-Type: application/json\n\n" + `{"client_id":"id","client_secret":"canary-client+secret/%","expires_in":"1800","grant_type":"refresh_token","refresh_token":"canary-refresh"}`,
		},
		{
			name: "Basecamp: type", token: "client_auth: none", refresh: "params: {grant_type: refresh}, field_names: {grant_type: type}",
			want: "POST /token\n\nclient_id=id&refresh_token=canary-refresh&type=refresh",
		},
		{
			name: "GitLab, Intercom: the redirect URI", token: "client_auth: none", refresh: "redirect_uri: true",
			want: "POST /token\n\nclient_id=id&grant_type=refresh_token&redirect_uri=https%3A%2F%2Fapp.example.com%2Fcb&refresh_token=canary-refresh",
		},
		{
			name: "Entra: the scopes that were asked for", token: "client_auth: none", refresh: "scope: requested", more: "scope: {always: [offline_access], default: [mail]}",
			want: "POST /token\n\nclient_id=id&grant_type=refresh_token&refresh_token=canary-refresh&scope=offline_access+mail",
		},
		{
			name: "the scopes that were granted", token: "client_auth: none", refresh: "scope: granted", more: `scope: {separator: ","}`,
			want: "POST /token\n\nclient_id=id&grant_type=refresh_token&refresh_token=canary-refresh&scope=x%2Cy",
		},
		{
			name: "scopes that nobody knows", token: "client_auth: none", refresh: "scope: granted", grant: &grant,
			want: "POST /token\n\nclient_id=id&grant_type=refresh_token&refresh_token=canary-refresh",
		},
		{
			name: "MCP server: resource", token: "client_auth: none, resource: https://mcp.example.com",
			want: "POST /token\n\nclient_id=id&grant_type=refresh_token&refresh_token=canary-refresh&resource=https%3A%2F%2Fmcp.example.com",
		},
		{
			name: "Bing: headers of both, and the tokens in them", token: "client_auth: basic, headers: {X-Version: '7', X-Both: a}",
			refresh: `headers: {Authorization: "Bearer {token}", x-both: "{refresh_token}"}`,
			want:    "POST /token\nAuthorization: Bearer canary-access\nX-Both: canary-refresh\nX-Version: 7\n\ngrant_type=refresh_token&refresh_token=canary-refresh",
		},
		{
			name: "Slack: a slot in a parameter", token: "client_auth: none, response: {slots: {user: u.t}}", refresh: `params: {user: "{token.user}"}`,
			want: "POST /token\n\nclient_id=id&grant_type=refresh_token&refresh_token=canary-refresh&user=canary-session",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			base, requests := record(t, ok(`{"access_token":"a","expires_in":60}`))
			yaml := `authorize: {url: BASE/authorize, pkce: "off"`
			if test.more != "" {
				yaml += ", " + test.more
			}
			app := declared(t, base, yaml+"}\ntoken: {url: BASE/token, "+test.token+"}\nrefresh: {"+test.refresh+"}")
			if test.grant == nil {
				test.grant = &whole
			}
			token, err := newClient(oauth.Options{}).Refresh(t.Context(), app, *test.grant)
			if err != nil {
				t.Fatal(err)
			}
			sameToken(t, token, oauth.Token{Access: vault.NewSecret("a"), Expires: now.Add(time.Minute), ExpiresFrom: oauth.ExpiresFromAnswer})
			sameWire(t, <-requests, test.want)
		})
	}
}

func TestRefreshNeeds(t *testing.T) {
	const head = `authorize: {url: BASE/authorize, scope: {always: ["{app.missing}"]}}` + "\napp: [{name: missing, pattern: .+}]\ntoken: {url: BASE/token, client_auth: none}\n"
	tests := []struct {
		name, yaml string
		grant      vault.Grant
		class      oauth.Class
		code       string
	}{
		{"refresh token", head + "refresh: {}", vault.Grant{Access: vault.NewSecret(access)}, oauth.ClassPermanent, oauth.CodeNoRefreshToken},
		{"access token", head + "refresh: {with: access_token}", vault.Grant{Refresh: vault.NewSecret(refresh)}, oauth.ClassPermanent, oauth.CodeNoRefreshToken},
		{"redirect URI", head + "refresh: {redirect_uri: true}", grant, oauth.ClassOperator, oauth.CodeNoValue},
		{"value of a parameter", head + `refresh: {params: {x: "{app.missing}"}}`, grant, oauth.ClassOperator, oauth.CodeNoValue},
		{"value of a scope", head + "refresh: {scope: requested}", grant, oauth.ClassOperator, oauth.CodeNoValue},
		{"mode that can be asked again", "mode: none", grant, oauth.ClassOperator, oauth.CodeNoGrant},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			base, requests := record(t, ok(`{"access_token":"a"}`))
			token, err := newClient(oauth.Options{}).Refresh(t.Context(), declared(t, base, test.yaml), test.grant)
			own := wantError(t, token, err, test.class, test.code)
			if !own.Unsent || own.Op != "refresh" || len(requests) != 0 {
				t.Errorf("got %+v and %d requests, want none", own, len(requests))
			}
		})
	}
}
