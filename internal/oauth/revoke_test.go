package oauth_test

import (
	"io"
	"log"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

func discardLog() *log.Logger { return log.New(io.Discard, "", 0) }

var grant = vault.Grant{Access: vault.NewSecret(access), Refresh: vault.NewSecret(refresh)}

func TestRevokeBytes(t *testing.T) {
	const (
		host     = "Host: HOST"
		agent    = "User-Agent: claviger"
		accept   = "Accept: application/json"
		encoding = "Accept-Encoding: identity"
		closing  = "Connection: close"
		basic    = "Authorization: Basic aWQ6Y2FuYXJ5LWNsaWVudCUyQnNlY3JldCUyRiUyNQ=="
	)
	onlyAccess := vault.Grant{Access: vault.NewSecret(access)}
	tests := []struct {
		name      string
		connector *connectors.Connector
		grant     vault.Grant
		want      string
	}{
		{
			name: "post", connector: plain(nil), grant: grant,
			want: raw("POST /revoke/id HTTP/1.1", host, agent, accept, encoding, formType, closing,
				"client_id=id&client_secret=canary-client%2Bsecret%2F%25&token=canary-refresh"),
		},
		{
			name: "public client without refresh token", grant: onlyAccess,
			connector: plain(func(c *connectors.Connector) { c.Token.ClientAuth = connectors.ClientAuthNone }),
			want: raw("POST /revoke/id HTTP/1.1", host, agent, accept, encoding, formType, closing,
				"client_id=id&token=canary-access"),
		},
		{
			name: "refresh token alone", connector: plain(nil), grant: vault.Grant{Refresh: vault.NewSecret(refresh)},
			want: raw("POST /revoke/id HTTP/1.1", host, agent, accept, encoding, formType, closing,
				"client_id=id&client_secret=canary-client%2Bsecret%2F%25&token=canary-refresh"),
		},
		{
			name: "github", connector: builtin(t, "github"), grant: grant,
			want: raw("DELETE /revoke/id HTTP/1.1", host, agent, "Accept: application/vnd.github+json", encoding, basic,
				"Content-Type: application/json", "X-Github-Api-Version: "+builtin(t, "github").Revoke.Headers["X-GitHub-Api-Version"].String(), closing, `{"access_token":"canary-access"}`),
		},
		{
			name: "google", connector: builtin(t, "gmail"), grant: grant,
			want: raw("POST /revoke/id HTTP/1.1", host, agent, accept, encoding, formType, closing, "token=canary-refresh"),
		},
		{
			name: "slack", connector: builtin(t, "slack"), grant: grant,
			want: raw("POST /revoke/id HTTP/1.1", host, agent, accept, encoding, "Authorization: Bearer canary-access", closing, ""),
		},
		{
			name: "notion", connector: builtin(t, "notion"), grant: grant,
			want: raw("POST /revoke/id HTTP/1.1", host, agent, accept, encoding, basic,
				"Content-Type: application/json", "Notion-Version: "+builtin(t, "notion").Revoke.Headers["Notion-Version"].String(), closing, `{"token":"canary-access"}`),
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			base, requests := record(t, ok(`{"ok":true}`))
			app := at(t, test.connector, base)
			app.ClientID = "id"
			revoked, err := newClient(oauth.Options{}).Revoke(t.Context(), app, test.grant)
			if err != nil || !revoked {
				t.Fatalf("got %t and %v, want true", revoked, err)
			}
			sameRequest(t, <-requests, test.want)
		})
	}
}

func TestRevokeAnswers(t *testing.T) {
	slack, standard := builtin(t, "slack"), plain(nil)
	tests := []struct {
		name      string
		connector *connectors.Connector
		status    int
		body      string
		class     oauth.Class // empty: revoked
		code      string
	}{
		{name: "empty", connector: standard, status: 200},
		{name: "no content", connector: standard, status: 204},
		{name: "html", connector: standard, status: 200, body: "<html>"},
		{name: "dead already", connector: standard, status: 400, body: `{"error":"invalid_token","error_description":"canary-description"}`},
		{name: "grant dead already", connector: standard, status: 400, body: `{"error":"invalid_grant"}`},
		{name: "client refused", connector: standard, status: 401, body: `{"error":"invalid_client"}`, class: oauth.ClassOperator, code: "invalid_client"},
		{name: "repeats the token", connector: standard, status: 400, body: `{"error":"canary-access"}`, class: oauth.ClassOperator, code: oauth.CodeProviderError},
		{name: "busy", connector: standard, status: 503, class: oauth.ClassTransient, code: "provider_status_503"},
		{name: "slack", connector: slack, status: 200, body: `{"ok":true,"revoked":true}`},
		{name: "slack refuses", connector: slack, status: 200, body: `{"ok":false,"error":"not_allowed"}`, class: oauth.ClassOperator, code: "not_allowed"},
		{name: "slack dead already", connector: slack, status: 200, body: `{"ok":false,"error":"token_revoked"}`},
		{name: "slack without a body", connector: slack, status: 200, class: oauth.ClassMalformed, code: oauth.CodeProviderError},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			app := at(t, test.connector, says(t, test.status, jsonType, test.body))
			app.ClientID = "id"
			revoked, err := newClient(oauth.Options{}).Revoke(t.Context(), app, grant)
			if test.class == "" {
				if err != nil || !revoked {
					t.Errorf("got %t and %v, want true", revoked, err)
				}
				return
			}
			if revoked {
				t.Error("got revoked beside the error")
			}
			wantError(t, oauth.Token{}, err, test.class, test.code)
		})
	}
}

func TestNothingToRevoke(t *testing.T) {
	const base = "http://127.0.0.1:1999"
	none := at(t, plain(func(c *connectors.Connector) { c.Revoke = nil }), base)
	bearer := at(t, plain(func(c *connectors.Connector) { c.Revoke.Auth = "bearer" }), base)
	plainly := at(t, plain(nil), base)
	named := at(t, plain(func(c *connectors.Connector) {
		c.Revoke.Headers = map[string]connectors.Template{"X-Token": text("{token}")}
	}), base)
	both := at(t, plain(func(c *connectors.Connector) {
		c.Revoke.Params = map[string]connectors.Template{"second": text("{token.second}")}
	}), base)
	bearer.ClientID, plainly.ClientID, named.ClientID, both.ClientID = "id", "id", "id", "id"
	for _, test := range []struct {
		app   oauth.App
		grant vault.Grant
	}{
		{none, grant},
		{bearer, vault.Grant{}},
		{plainly, vault.Grant{}},
		{bearer, vault.Grant{Refresh: vault.NewSecret(refresh)}},
		{named, vault.Grant{Refresh: vault.NewSecret(refresh)}},
		{both, grant},
	} {
		if revoked, err := newClient(oauth.Options{}).Revoke(t.Context(), test.app, test.grant); revoked || err != nil {
			t.Errorf("got %t and %v, want false", revoked, err)
		}
	}
}

// Templates in headers, the names that the client has at the token endpoint, and connectors without one.
func TestRevokeProviders(t *testing.T) {
	tests := []struct{ name, yaml, want string }{
		{
			"TikTok: client_key", consent + "token: {url: BASE/token, client_auth: post, body: json, field_names: {client_id: client_key}}\nrevoke: {url: BASE/revoke}",
			"POST /revoke\n\nclient_key=id&client_secret=canary-client%2Bsecret%2F%25&token=canary-refresh",
		},
		{
			"SellerCloud: headers from values", consent + "token: {url: BASE/token, client_auth: none}\nrevoke: {url: BASE/revoke, auth: none, headers: {X-Site: '{account.site}', X-App: '{client_id}', X-Gone: '{account.gone}'}}",
			"POST /revoke\nX-App: id\nX-Site: acme\n\ntoken=canary-refresh",
		},
		{
			"Stripe Apps: the halves of Basic", consent + "token: {url: BASE/token, client_auth: basic, basic: {user: '{client_secret}'}}\nrevoke: {url: BASE/revoke}",
			"POST /revoke\nAuthorization: Basic Y2FuYXJ5LWNsaWVudCUyQnNlY3JldCUyRiUyNTo=\n\ntoken=canary-refresh",
		},
		{
			"a login, ended with its session", "mode: login\nsteps: [{request: {url: BASE/login}, response: {}}]\nrevoke: {url: BASE/session, method: DELETE, auth: bearer, body: none}",
			"DELETE /session\nAuthorization: Bearer canary-access\n\n",
		},
		{
			"a login, ended with a field", "mode: login\nsteps: [{request: {url: BASE/login}, response: {}}]\nrevoke: {url: BASE/logout, param: session, body: json}",
			"POST /logout\nContent-Type: application/json\n\n" + `{"session":"canary-refresh"}`,
		},
		{
			"Square: a header and fields of its own", consent + "token: {url: BASE/token, client_auth: post}\nrevoke: {url: BASE/revoke, auth: none, token: access, body: json, param: access_token, params: {client_id: '{client_id}', site: '{account.site}', gone: '{account.gone}'}, headers: {Authorization: 'Client {client_secret}'}}",
			"POST /revoke\nAuthorization: Client canary-client+secret/%\nContent-Type: application/json\n\n" + `{"access_token":"canary-access","client_id":"id","site":"acme"}`,
		},
		{
			"all in the URL", consent + "token: {url: BASE/token, client_auth: none}\nrevoke: {url: 'BASE/revoke?v=1', method: GET, auth: none, body: query, params: {access: '{token}'}}",
			"GET /revoke?v=1&access=canary-access&token=canary-refresh\n\n",
		},
		{
			"Shopify: a header alone", consent + "token: {url: BASE/token, client_auth: none}\nrevoke: {url: BASE/current, method: DELETE, auth: none, body: none, headers: {X-Token: '{token}'}}",
			"DELETE /current\nX-Token: canary-access\n\n",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			base, requests := record(t, replies(204, "X-A: b", ""))
			app := declared(t, base, test.yaml+"\naccount: [{name: site, pattern: .+}, {name: gone, pattern: .+, optional: true}]", "account.site", "acme")
			revoked, err := newClient(oauth.Options{}).Revoke(t.Context(), app, grant)
			if err != nil || !revoked {
				t.Fatalf("got %t and %v, want true", revoked, err)
			}
			sameWire(t, <-requests, test.want)
			delete(app.Values, "account.site")
			if strings.Contains(test.yaml, "{account.site}") {
				_, err := newClient(oauth.Options{}).Revoke(t.Context(), app, grant)
				wantError(t, oauth.Token{}, err, oauth.ClassOperator, oauth.CodeNoValue)
			}
		})
	}
}
