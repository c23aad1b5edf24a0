package oauth_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// asking is a connector with an introspection endpoint.
func asking(edit func(*connectors.Connector)) *connectors.Connector {
	return plain(func(c *connectors.Connector) {
		c.Introspect = &connectors.Introspect{}
		if edit != nil {
			edit(c)
		}
	})
}

func introspect(t *testing.T, app oauth.App) (oauth.Introspection, error) {
	return newClient(oauth.Options{}).Introspect(t.Context(), app, vault.NewSecret(access))
}

func TestIntrospectBytes(t *testing.T) {
	const (
		start    = "POST /introspect HTTP/1.1"
		host     = "Host: HOST"
		agent    = "User-Agent: claviger"
		accept   = "Accept: application/json"
		encoding = "Accept-Encoding: identity"
		closing  = "Connection: close"
	)
	auth := func(how string, client connectors.ClientAuth) *connectors.Connector {
		return asking(func(c *connectors.Connector) { c.Introspect.Auth, c.Token.ClientAuth = how, client })
	}
	tests := []struct {
		name      string
		connector *connectors.Connector
		want      string
	}{
		{
			name: "client, post", connector: asking(nil),
			want: raw(start, host, agent, accept, encoding, formType, closing, "client_id=client+id&client_secret=canary-client%2Bsecret%2F%25&token=canary-access"),
		},
		{
			name: "client, basic", connector: auth("client", connectors.ClientAuthBasic),
			want: raw(start, host, agent, accept, encoding, basicAuth, formType, closing, "token=canary-access"),
		},
		{
			name: "client without secret", connector: auth("", connectors.ClientAuthNone),
			want: raw(start, host, agent, accept, encoding, formType, closing, "client_id=client+id&token=canary-access"),
		},
		{
			name: "basic", connector: auth("basic", connectors.ClientAuthPost),
			want: raw(start, host, agent, accept, encoding, basicAuth, formType, closing, "token=canary-access"),
		},
		{
			name: "bearer", connector: auth("bearer", connectors.ClientAuthPost),
			want: raw(start, host, agent, accept, encoding, "Authorization: Bearer canary-access", formType, closing, "token=canary-access"),
		},
		{
			name: "none, with parameter and header",
			connector: asking(func(c *connectors.Connector) {
				c.Introspect.Auth, c.Introspect.Param = "none", "access_token"
				c.Introspect.Headers = texts("X-Version", "7")
			}),
			want: raw(start, host, agent, accept, encoding, formType, "X-Version: 7", closing, "access_token=canary-access"),
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			base, requests := record(t, ok(`{"active":false}`))
			if _, err := introspect(t, at(t, test.connector, base)); err != nil {
				t.Fatal(err)
			}
			sameRequest(t, <-requests, test.want)
		})
	}
}

func TestIntrospectAnswers(t *testing.T) {
	exp := fmt.Sprint(now.Add(time.Hour).Unix())
	nested := asking(func(c *connectors.Connector) {
		c.Introspect.Expires, c.Introspect.Active = "data.until", "data.ok"
		c.Token.Response.ScopeSeparator = ","
	})
	tests := []struct {
		name, body string
		connector  *connectors.Connector
		want       oauth.Introspection
	}{
		{name: "active", body: `{"active":true,"exp":` + exp + `,"scope":"a b"}`, want: oauth.Introspection{Active: true, Expires: now.Add(time.Hour), Scopes: []string{"a", "b"}}},
		{name: "least", body: `{"active":true}`, want: oauth.Introspection{Active: true}},
		{name: "written as text", body: `{"active":"true","exp":"` + exp + `"}`, want: oauth.Introspection{Active: true, Expires: now.Add(time.Hour)}},
		{name: "not active", body: `{"active":false,"exp":` + exp + `,"scope":"a"}`},
		{name: "in the past", body: `{"active":true,"exp":17}`, want: oauth.Introspection{Active: true, Expires: now}},
		{name: "far away", body: `{"active":true,"exp":1e18}`, want: oauth.Introspection{Active: true, Expires: now.AddDate(1, 0, 0)}},
		{name: "no end", body: `{"active":true,"exp":0}`, want: oauth.Introspection{Active: true}},
		{
			name: "nested", connector: nested, body: `{"data":{"ok":true,"until":` + exp + `},"scope":"a,b"}`,
			want: oauth.Introspection{Active: true, Expires: now.Add(time.Hour), Scopes: []string{"a", "b"}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := test.connector
			if c == nil {
				c = asking(nil)
			}
			got, err := introspect(t, at(t, c, says(t, 200, jsonType, test.body)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("introspection (-want +got):\n%s", diff)
			}
		})
	}
}

func TestIntrospectErrors(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		class  oauth.Class
		code   string
	}{
		{"html", 200, "<html>canary-access", oauth.ClassMalformed, oauth.CodeBadTokenResponse},
		{"empty", 200, "", oauth.ClassMalformed, oauth.CodeBadTokenResponse},
		{"not said", 200, `{"exp":1}`, oauth.ClassMalformed, oauth.CodeBadTokenResponse},
		{"neither", 200, `{"active":"canary-access"}`, oauth.ClassMalformed, oauth.CodeBadTokenResponse},
		{"duplicate", 200, `{"active":true,"active":false}`, oauth.ClassMalformed, oauth.CodeBadTokenResponse},
		{"too large", 200, `{"active":true}` + strings.Repeat(" ", 64<<10), oauth.ClassMalformed, oauth.CodeAnswerTooLarge},
		{"error inside", 200, `{"error":"invalid_client"}`, oauth.ClassOperator, "invalid_client"},
		{"client refused", 401, `{"error":"invalid_client","error_description":"canary-description"}`, oauth.ClassOperator, "invalid_client"},
		{"never permanent", 400, `{"error":"invalid_grant","active":true}`, oauth.ClassOperator, "invalid_grant"},
		{"repeats the token", 400, `{"error":"canary-access"}`, oauth.ClassOperator, oauth.CodeProviderError},
		{"too large and busy", 503, strings.Repeat(" ", 64<<10+1), oauth.ClassTransient, "provider_status_503"},
		{"busy", 429, `{"active":true}`, oauth.ClassTransient, "provider_rate_limited"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := introspect(t, at(t, asking(nil), says(t, test.status, jsonType, test.body)))
			if got.Active || !got.Expires.IsZero() || got.Scopes != nil {
				t.Errorf("got %+v beside the error", got)
			}
			if own := wantError(t, oauth.Token{}, err, test.class, test.code); own.Op != "introspect" || own.Status != test.status {
				t.Errorf("got %+v, want status %d of an introspection", own, test.status)
			}
		})
	}
}

func TestIntrospectIncomplete(t *testing.T) {
	const base = "http://127.0.0.1:1999"
	incomplete := at(t, asking(nil), base)
	incomplete.ClientSecret = vault.Secret{}
	for name, app := range map[string]oauth.App{"no endpoint": at(t, plain(nil), base), "no secret": incomplete, "nothing": {}} {
		_, err := introspect(t, app)
		if own := wantError(t, oauth.Token{}, err, oauth.ClassOperator, oauth.CodeIncomplete); !own.Unsent {
			t.Errorf("%s: the error does not say that nothing was sent", name)
		}
	}
	_, err := newClient(oauth.Options{}).Introspect(t.Context(), at(t, asking(nil), base), vault.Secret{})
	wantError(t, oauth.Token{}, err, oauth.ClassOperator, oauth.CodeIncomplete)
}
