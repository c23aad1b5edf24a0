package oauth_test

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// M-04, M-11, R-09, R-10 and the classes of everything that a provider can refuse with.
func TestRefusals(t *testing.T) {
	const noise = `,"error_description":"canary-description \u001b[31m\r\n canary-refresh","error_uri":"http://x/?canary-code"}`
	declared := plain(func(c *connectors.Connector) {
		c.Errors = connectors.Errors{
			PermanentWhen: []connectors.ErrorCase{
				{Code: "bad_refresh_token"},
				{Code: "AppUninstalled"},
				{Code: "invalid_request", Text: "Token REVOKED"},
				{Text: "user is gone"},
				{Status: 410},
				{Code: "invalid_client", Text: "user left", Status: 403},
			},
			OperatorWhen:  []connectors.ErrorCase{{Code: "app_suspended"}, {Status: 402}},
			TransientWhen: []connectors.ErrorCase{{Code: "over_quota"}, {Code: "invalid_grant", Text: "try again"}, {Status: 409}},
		}
	})
	wechat := plain(func(c *connectors.Connector) {
		c.Token.Response.SuccessWhen = &connectors.Condition{Path: "errcode", Equals: "0"}
		c.Token.Response.ErrorPath = "errcode"
		c.Errors.PermanentWhen = []connectors.ErrorCase{{Code: "42002"}}
	})
	slack := builtin(t, "slack")
	tests := []struct {
		name        string
		connector   *connectors.Connector
		status      int
		contentType string
		body        string
		class       oauth.Class
		code        string
	}{
		{name: "invalid_grant", status: 400, body: `{"error":"invalid_grant"` + noise, class: oauth.ClassPermanent, code: "invalid_grant"},
		{name: "invalid_grant with 401", status: 401, body: `{"error":"invalid_grant"}`, class: oauth.ClassPermanent, code: "invalid_grant"},
		{name: "M-04 invalid_grant with 200", status: 200, body: `{"error":"invalid_grant","access_token":"canary-access"}`, class: oauth.ClassPermanent, code: "invalid_grant"},
		{name: "connector's permanent code", connector: declared, status: 400, body: `{"error":"bad_refresh_token"` + noise, class: oauth.ClassPermanent, code: "bad_refresh_token"},
		{name: "in other case", connector: declared, status: 400, body: `{"error":"AppUninstalled"}`, class: oauth.ClassPermanent, code: "appuninstalled"},
		{name: "declared text", connector: declared, status: 400, body: `{"error":"invalid_request","error_description":"The refresh token revoked: canary-description"}`, class: oauth.ClassPermanent, code: "invalid_request"},
		{name: "other text", connector: declared, status: 400, body: `{"error":"invalid_request"` + noise, class: oauth.ClassOperator, code: "invalid_request"},
		{name: "text in the code", connector: declared, status: 400, body: `{"error":"User is gone"}`, class: oauth.ClassPermanent, code: oauth.CodeProviderError},
		{name: "text without code", connector: declared, status: 400, body: `{"error_description":"the user is gone"}`, class: oauth.ClassPermanent, code: "provider_status_400"},
		{name: "M-04 text of a 200", connector: declared, status: 200, body: `{"error":"x","error_description":"the user is gone"}`, class: oauth.ClassPermanent, code: "x"},
		{name: "text and a broken provider", connector: declared, status: 500, body: `{"error":"x","error_description":"the user is gone"}`, class: oauth.ClassTransient, code: "provider_status_500"},
		{name: "status alone", connector: declared, status: 410, contentType: "text/html", body: "canary-description", class: oauth.ClassPermanent, code: "provider_status_410"},
		{name: "a standard code says more than a status", connector: declared, status: 410, body: `{"error":"invalid_client"}`, class: oauth.ClassOperator, code: "invalid_client"},
		{name: "a text says more than a standard code", connector: declared, status: 400, body: `{"error":"invalid_grant","error_description":"Try again later"}`, class: oauth.ClassTransient, code: "invalid_grant"},
		{name: "all of the case", connector: declared, status: 403, body: `{"error":"invalid_client","error_description":"user left"}`, class: oauth.ClassPermanent, code: "invalid_client"},
		{name: "all but the status", connector: declared, status: 400, body: `{"error":"invalid_client","error_description":"user left"}`, class: oauth.ClassOperator, code: "invalid_client"},
		{name: "R-10 connector's transient code", connector: declared, status: 400, body: `{"error":"over_quota"}`, class: oauth.ClassTransient, code: "over_quota"},
		{name: "R-10 connector's transient status", connector: declared, status: 409, body: "", class: oauth.ClassTransient, code: "provider_status_409"},
		{name: "connector's operator code", connector: declared, status: 403, body: `{"error":"app_suspended"}`, class: oauth.ClassOperator, code: "app_suspended"},
		{name: "R-09 invalid_client", status: 401, body: `{"error":"invalid_client"` + noise, class: oauth.ClassOperator, code: "invalid_client"},
		{name: "R-09 unauthorized_client", status: 400, body: `{"error":"unauthorized_client"}`, class: oauth.ClassOperator, code: "unauthorized_client"},
		{name: "R-09 401 with html", status: 401, contentType: "text/html", body: "<h1>canary-refresh</h1>", class: oauth.ClassOperator, code: "provider_status_401"},
		{name: "404", status: 404, body: "", class: oauth.ClassOperator, code: "provider_status_404"},
		{name: "R-09 unknown code", status: 400, body: `{"error":"something_new"}`, class: oauth.ClassOperator, code: "something_new"},
		{name: "code with spaces", status: 400, body: `{"error":"no such thing"}`, class: oauth.ClassOperator, code: oauth.CodeProviderError},
		{name: "code repeats the refresh token", status: 400, body: `{"error":"canary-refresh"}`, class: oauth.ClassOperator, code: oauth.CodeProviderError},
		{name: "code holds the refresh token", status: 400, body: `{"error":"bad.Canary-Refresh.x"}`, class: oauth.ClassOperator, code: oauth.CodeProviderError},
		{name: "M-04 error is an object", status: 200, body: `{"error":{"message":"canary-description"}}`, class: oauth.ClassMalformed, code: oauth.CodeProviderError},
		{name: "R-10 429", status: 429, body: `{"error":"invalid_grant"}`, class: oauth.ClassTransient, code: "provider_rate_limited"},
		{name: "R-10 500", status: 500, body: `{"error":"invalid_grant"}`, class: oauth.ClassTransient, code: "provider_status_500"},
		{name: "R-10 503 with html", status: 503, contentType: "text/html", body: "<h1>canary-refresh</h1>", class: oauth.ClassTransient, code: "provider_status_503"},
		{name: "R-10 temporarily_unavailable", status: 400, body: `{"error":"temporarily_unavailable"}`, class: oauth.ClassTransient, code: "temporarily_unavailable"},
		{name: "M-04 slack dead", connector: slack, status: 200, body: `{"ok":false,"error":"invalid_refresh_token"}`, class: oauth.ClassPermanent, code: "invalid_refresh_token"},
		{name: "M-04 slack busy", connector: slack, status: 200, body: `{"ok":false,"error":"ratelimited"}`, class: oauth.ClassTransient, code: "ratelimited"},
		{name: "M-04 slack client", connector: slack, status: 200, body: `{"ok":false,"error":"bad_client_secret"}`, class: oauth.ClassOperator, code: "bad_client_secret"},
		{name: "M-04 slack without reason", connector: slack, status: 200, body: `{"ok":false}`, class: oauth.ClassMalformed, code: oauth.CodeProviderError},
		{name: "M-04 slack without ok", connector: slack, status: 200, body: `{"access_token":"canary-access"}`, class: oauth.ClassMalformed, code: oauth.CodeProviderError},
		{name: "M-04 github", connector: builtin(t, "github"), status: 200, body: `{"error":"bad_refresh_token"` + noise, class: oauth.ClassPermanent, code: "bad_refresh_token"},
		{name: "an empty code where it is declared", connector: wechat, status: 400, body: `{"errcode":"","error":"invalid_grant"}`, class: oauth.ClassPermanent, code: "invalid_grant"},
		{name: "M-04 numbers", connector: wechat, status: 200, body: `{"errcode":42002,"errmsg":"canary-description"}`, class: oauth.ClassPermanent, code: "42002"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := test.connector
			if c == nil {
				c = plain(nil)
			}
			if test.contentType == "" {
				test.contentType = jsonType
			}
			app := at(t, c, says(t, test.status, test.contentType, test.body))
			token, err := newClient(oauth.Options{}).Refresh(t.Context(), app, grant)
			own := wantError(t, token, err, test.class, test.code)
			if own.Status != test.status || own.Op != "refresh" || own.Unsent {
				t.Errorf("got %+v, want status %d of a refresh that was sent", own, test.status)
			}
		})
	}
}

func TestSuccessWhenWins(t *testing.T) {
	c := plain(func(c *connectors.Connector) {
		c.Token.Response.SuccessWhen = &connectors.Condition{Path: "code", Equals: "0"}
		c.Token.Response.ErrorPath = "code"
		c.Token.Response.Access = "data.token"
	})
	app := at(t, c, says(t, 200, jsonType, `{"code":0,"data":{"token":"a"}}`))
	if token, err := exchange(t, newClient(oauth.Options{}), app); err != nil || token.Access.Reveal() != "a" {
		t.Errorf("got %v", err)
	}
}

// Success may be that something is there, or is not. What is no document is none.
func TestSuccessWhenThere(t *testing.T) {
	yes, no := true, false
	for _, tt := range []struct {
		name, body string
		when       connectors.Condition
		fine       bool
	}{
		{"there", `{"access_token":"a","user":{}}`, connectors.Condition{Path: "user", Present: &yes}, true},
		{"null", `{"access_token":"a","user":null}`, connectors.Condition{Path: "user", Present: &yes}, false},
		{"no error", `{"access_token":"a"}`, connectors.Condition{Path: "problem", Present: &no}, true},
		{"an error", `{"access_token":"a","problem":{"id":1}}`, connectors.Condition{Path: "problem", Present: &no}, false},
		{"no document", `access_token`, connectors.Condition{Path: "problem", Present: &no}, false},
		{"another status", `{"access_token":"a","status":"done"}`, connectors.Condition{Path: "status", NotEquals: "failed"}, true},
		{"the status", `{"access_token":"a","status":"failed"}`, connectors.Condition{Path: "status", NotEquals: "failed"}, false},
		{"one of them", `{"access_token":"a","status":2}`, connectors.Condition{Path: "status", In: []string{"1", "2"}}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := plain(func(c *connectors.Connector) { c.Token.Response.SuccessWhen = &tt.when })
			app := at(t, c, says(t, 200, jsonType, tt.body))
			if _, err := exchange(t, newClient(oauth.Options{}), app); (err == nil) != tt.fine {
				t.Errorf("exchange: %v", err)
			}
			c = plain(func(c *connectors.Connector) { c.Revoke.OKWhen = &tt.when })
			app = at(t, c, says(t, 200, jsonType, tt.body))
			app.ClientID = "id"
			if revoked, err := newClient(oauth.Options{}).Revoke(t.Context(), app, grant); revoked != tt.fine || (err == nil) != tt.fine {
				t.Errorf("revoke: %t, %v", revoked, err)
			}
		})
	}
}

// how long the provider asks to wait is kept, whatever it says that with.
func TestRetryAfter(t *testing.T) {
	tests := []struct {
		name, value string
		want        time.Duration
	}{
		{"absent", "", 0},
		{"seconds", "17", 17 * time.Second},
		{"date", now.Add(time.Minute).Format(http.TimeFormat), time.Minute},
		{"past date", now.Add(-time.Minute).Format(http.TimeFormat), 0},
		{"negative", "-5", 0},
		{"too long", "86400", 10 * time.Minute},
		{"far date", now.AddDate(1, 0, 0).Format(http.TimeFormat), 10 * time.Minute},
		{"huge", "99999999999999999999", 10 * time.Minute},
		{"junk", "soon", 0},
	}
	c := plain(func(c *connectors.Connector) {
		c.Errors.TransientWhen = []connectors.ErrorCase{{Code: "over_quota"}}
	})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for status, code := range map[int]string{503: "provider_status_503", 429: "provider_rate_limited", 400: "over_quota"} {
				base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Retry-After", test.value)
					w.WriteHeader(status)
					_, _ = io.WriteString(w, `{"error":"over_quota"}`)
				})
				token, err := newClient(oauth.Options{}).Refresh(t.Context(), at(t, c, base), grant)
				own := wantError(t, token, err, oauth.ClassTransient, code)
				if own.RetryAfter != test.want {
					t.Errorf("status %d: got %s, want %s", status, own.RetryAfter, test.want)
				}
			}
		})
	}
}

// A limit that the connector declares is neither the end of a grant nor a refusal of the client, and says how long
// it lasts.
func TestRateLimited(t *testing.T) {
	c := plain(func(c *connectors.Connector) {
		c.Errors.PermanentWhen = []connectors.ErrorCase{{Code: "forbidden"}}
		c.Rate = connectors.Rate{
			Statuses: []int{403, 500, 200},
			Windows:  []connectors.Window{{Remaining: "X-Left", Reset: "X-Reset", As: "at_s"}},
			Body:     []connectors.LimitText{{Path: "error", Pattern: "^slow: ([0-9]+)$"}},
		}
	})
	reset := func(after time.Duration) string { return strconv.FormatInt(now.Add(after).Unix(), 10) }
	for _, test := range []struct {
		name        string
		status      int
		left, reset string
		body        string
		class       oauth.Class
		code        string
		want        time.Duration
	}{
		{"nothing left", 403, "0", reset(time.Minute), `{"error":"forbidden"}`, oauth.ClassTransient, oauth.CodeRateLimited, time.Minute},
		{"nothing left for long", 403, "0", reset(time.Hour), `{"error":"invalid_client"}`, oauth.ClassTransient, oauth.CodeRateLimited, 10 * time.Minute},
		{"something left", 403, "1", reset(time.Minute), `{"error":"forbidden"}`, oauth.ClassPermanent, "forbidden", 0},
		{"in a text", 200, "1", reset(time.Minute), `{"error":"slow: 30"}`, oauth.ClassTransient, oauth.CodeRateLimited, 30 * time.Second},
		{"another status", 400, "0", reset(time.Minute), `{"error":"invalid_grant"}`, oauth.ClassPermanent, "invalid_grant", 0},
		{"in trouble", 500, "1", reset(time.Minute), ``, oauth.ClassTransient, "provider_status_500", 0},
		{"no trouble", 500, "0", reset(time.Minute), ``, oauth.ClassTransient, oauth.CodeRateLimited, time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", jsonType)
				w.Header().Set("X-Left", test.left)
				w.Header().Set("X-Reset", test.reset)
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			})
			token, err := newClient(oauth.Options{}).Refresh(t.Context(), at(t, c, base), grant)
			own := wantError(t, token, err, test.class, test.code)
			if (own.RetryAfter - test.want).Abs() > time.Second {
				t.Errorf("got %s, want %s", own.RetryAfter, test.want)
			}
		})
	}
}

// What cannot work is refused before anything is sent.
func TestIncomplete(t *testing.T) {
	tests := []struct {
		name string
		edit func(*oauth.App)
	}{
		{"no connector", func(a *oauth.App) { a.Connector = nil }},
		{"no endpoints", func(a *oauth.App) { a.Endpoints = nil }},
		{"no token endpoint", func(a *oauth.App) { a.Endpoints.Token, a.Endpoints.Refresh = "", "" }},
		{"bad token endpoint", func(a *oauth.App) { a.Endpoints.Token, a.Endpoints.Refresh = "http://[", "http://[" }},
		{"no client ID", func(a *oauth.App) { a.ClientID = "" }},
		{"no secret", func(a *oauth.App) { a.ClientSecret = vault.Secret{} }},
		{"no client authentication", func(a *oauth.App) { a.Connector.Token.ClientAuth = "" }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			app := at(t, plain(nil), serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the provider was asked") }))
			test.edit(&app)
			token, err := exchange(t, newClient(oauth.Options{}), app)
			first := wantError(t, token, err, oauth.ClassOperator, oauth.CodeIncomplete)
			token, err = newClient(oauth.Options{}).Refresh(t.Context(), app, grant)
			second := wantError(t, token, err, oauth.ClassOperator, oauth.CodeIncomplete)
			if !first.Unsent || !second.Unsent {
				t.Error("the errors do not say that nothing was sent")
			}
		})
	}
	app := at(t, plain(nil), "http://127.0.0.1:1999")
	token, err := newClient(oauth.Options{}).Refresh(t.Context(), app, vault.Grant{})
	wantError(t, token, err, oauth.ClassPermanent, oauth.CodeNoRefreshToken)
	whole := oauth.Code{Code: vault.NewSecret(code), Verifier: vault.NewSecret(verifier), State: vault.NewSecret("st"), RedirectURI: redirectURI}
	app.Connector.Token.EchoState = true
	for _, edit := range []func(*oauth.Code){
		func(c *oauth.Code) { c.Code = vault.Secret{} }, func(c *oauth.Code) { c.Verifier = vault.Secret{} }, func(c *oauth.Code) { c.State = vault.Secret{} },
	} {
		lacking := whole
		edit(&lacking)
		token, err = newClient(oauth.Options{}).Exchange(t.Context(), app, lacking)
		wantError(t, token, err, oauth.ClassOperator, oauth.CodeIncomplete)
	}
}

// M-11: what a provider adds for people is not in the error, and the error is one plain line.
func TestDescriptionsStayOut(t *testing.T) {
	const rest = ` canary-description`
	for name, description := range map[string]string{
		"ansi":     `\u001b[2J\u001b]0;owned\u0007` + rest,
		"newlines": `\r\nlevel=error msg=\"forged\"\n` + rest,
		"bidi":     `\u202e` + rest,
		"long":     strings.Repeat("x", 60<<10) + rest,
		"1 MB":     strings.Repeat("x", 1<<20) + rest,
	} {
		t.Run("M-11 "+name, func(t *testing.T) {
			want, class := "invalid_grant", oauth.ClassPermanent
			if name == "1 MB" { // it is not read that far
				want, class = "provider_status_400", oauth.ClassOperator
			}
			c := plain(func(c *connectors.Connector) {
				c.Errors.PermanentWhen = []connectors.ErrorCase{{Code: "invalid_grant", Text: "canary"}}
			})
			app := at(t, c, says(t, 400, jsonType, `{"error":"invalid_grant","error_description":"`+description+`"}`))
			token, err := newClient(oauth.Options{}).Refresh(t.Context(), app, grant)
			wantError(t, token, err, class, want)
			if n := len(err.Error()); n > 200 {
				t.Errorf("the error has %d characters", n)
			}
			app = at(t, plain(nil), says(t, 400, jsonType, `{"error":"`+description+`"}`))
			token, err = newClient(oauth.Options{}).Refresh(t.Context(), app, grant)
			if name != "1 MB" {
				want = oauth.CodeProviderError
			}
			wantError(t, token, err, oauth.ClassOperator, want)
		})
	}
}

// A code that repeats the credential of the Authorization header is not passed on either.
func TestCodeRepeatsCredential(t *testing.T) {
	const encoded = "YWJjOmNhbmFyeTEy" // abc:canary12
	app := at(t, plain(func(c *connectors.Connector) { c.Token.ClientAuth = connectors.ClientAuthBasic }), says(t, 400, jsonType, `{"error":"`+encoded+`"}`))
	app.ClientID, app.ClientSecret = "abc", vault.NewSecret("canary12")
	token, err := newClient(oauth.Options{}).Refresh(t.Context(), app, grant)
	wantError(t, token, err, oauth.ClassOperator, oauth.CodeProviderError)
}
