package oauth_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

const consent = "authorize: {url: BASE/authorize, pkce: \"off\"}\n"

// The chains of requests that providers have: what is sent, and what comes out.
func TestStepProviders(t *testing.T) {
	const exchanged = "code=canary-code&grant_type=authorization_code&redirect_uri=https%3A%2F%2Fapp.example.com%2Fcb"
	s := vault.NewSecret
	minute := now.Add(time.Minute)
	tests := []struct {
		name, yaml string
		values     []string
		do         func(*oauth.Client, context.Context, oauth.App) (oauth.Token, error)
		answers    []string
		wants      []string
		want       oauth.Token
	}{
		{
			name: "Facebook: the short-lived token for a long-lived one", do: doExchange,
			yaml: consent + `
token: {url: BASE/token, client_auth: none}
steps:
  - when: connect
    request:
      url: BASE/exchange?v=1
      method: GET
      query: {grant_type: fb_exchange_token, client_id: "{client_id}", client_secret: "{client_secret}", fb_exchange_token: "{token}"}
    response: {}
    default_ttl: 60s
  - when: refresh
    request: {url: BASE/never}
`,
			answers: []string{ok(`{"access_token":"short","expires_in":9,"scope":"x"}`), ok(`{"access_token":"long","token_type":"bearer"}`)},
			wants: []string{
				"POST /token\n\nclient_id=id&" + exchanged,
				"GET /exchange?v=1&client_id=id&client_secret=canary-client%2Bsecret%2F%25&fb_exchange_token=short&grant_type=fb_exchange_token\n\n",
			},
			want: oauth.Token{Access: s("long"), Expires: minute, ExpiresFrom: oauth.ExpiresFromDefault, Scopes: []string{"x"}},
		},
		{
			name: "Bullhorn: a session from the token, and at each refresh", do: doRefresh,
			yaml: consent + `
token: {url: BASE/token, client_auth: none}
steps:
  - request: {url: BASE/login, query: {version: "*", access_token: "{token}"}}
    response: {access: BhRestToken}
    capture: {rest_url: restUrl}
`,
			answers: []string{ok(`{"access_token":"oauth","refresh_token":"next","expires_in":60}`), ok(`{"BhRestToken":"session","restUrl":"https://rest.example.com/1/"}`)},
			wants:   []string{"POST /token\n\nclient_id=id&grant_type=refresh_token&refresh_token=canary-refresh", "POST /login?access_token=oauth&version=%2A\n\n"},
			want:    oauth.Token{Access: s("session"), Refresh: s("next"), Captured: map[string]string{"rest_url": "https://rest.example.com/1/"}},
		},
		{
			name: "Zoho: the data centre that the callback told", do: doExchange, values: []string{"captured.accounts", "127.0.0.1"},
			yaml: consent + `
callback: {capture: {accounts: accounts-server}}
token: {url: BASE/token, client_auth: post, capture: {api: api_domain}}
steps:
  - request: {url: "BASE/{captured.accounts}/{captured.api}/orgs", method: GET, headers: {Authorization: "Zoho-oauthtoken {token}"}}
    capture: {org: org.id}
`,
			answers: []string{ok(`{"access_token":"a","api_domain":"eu"}`), ok(`{"org":{"id":17}}`)},
			wants: []string{
				"POST /token\n\nclient_id=id&client_secret=canary-client%2Bsecret%2F%25&" + exchanged,
				"GET /127.0.0.1/eu/orgs\nAuthorization: Zoho-oauthtoken a\n\n",
			},
			want: oauth.Token{Access: s("a"), Captured: map[string]string{"api": "eu", "org": "17"}},
		},
		{
			name: "Salesforce CDP: a token exchange, with slots and a new refresh token", do: doExchange,
			yaml: consent + `
token: {url: BASE/token, client_auth: none, response: {slots: {user: u.t}}}
steps:
  - request:
      url: BASE/a360
      basic: {user: "{client_id}", password: "{client_secret}"}
      form: {subject_token: "{token}", user: "{token.user}", old: "{refresh_token}"}
    response: {refresh: rt, refresh_expires: rt_in, slots: {more: m}, scope: s, id_token: i}
  - request: {url: BASE/last, form: {a: "{token}", b: "{token.user}", c: "{token.more}", d: "{refresh_token}"}}
`,
			answers: []string{
				ok(`{"access_token":"a","refresh_token":"r","u":{"t":"u"},"id_token":"x.y.z","scope":"one"}`),
				ok(`{"access_token":"b","rt":"r2","rt_in":60,"m":"m","s":"two","i":"i.d.t"}`), replies(204, "X-A: b", ""),
			},
			wants: []string{
				"POST /token\n\nclient_id=id&" + exchanged,
				"POST /a360\nAuthorization: Basic aWQ6Y2FuYXJ5LWNsaWVudCtzZWNyZXQvJQ==\n\nold=r&subject_token=a&user=u",
				"POST /last\n\na=b&b=u&c=m&d=r2",
			},
			want: oauth.Token{
				Access: s("b"), Refresh: s("r2"), RefreshExpires: minute, IDToken: s("i.d.t"), Scopes: []string{"two"},
				Slots: vault.Secrets{"user": s("u"), "more": s("m")},
			},
		},
		{
			name: "3CX, Odoo: a login in JSON", do: doObtain, values: []string{"account.username", `a"da`, "account.password", password},
			yaml: `
mode: login
account: [{name: username, pattern: .+}, {name: password, secret: true}, {name: otp, secret: true, optional: true}]
steps:
  - request:
      url: BASE/login
      json: {jsonrpc: "2.0", id: 1, ok: true, params: {user: ["{account.username}", "x"], password: "{account.password}", otp: "{account.otp}"}}
      headers: {X-Otp: "{account.otp}"}
      query: {otp: "{account.otp}"}
    response: {root: result, access: token, expires: {path: minutes, as: in_min}, success_when: {path: status, equals: AuthSuccess}}
`,
			answers: []string{ok(`{"status":"AuthSuccess","result":{"token":"a","minutes":1}}`)},
			wants: []string{"POST /login\nContent-Type: application/json\n\n" +
				`{"id":1,"jsonrpc":"2.0","ok":true,"params":{"password":"canary-password\u0026\u003c\"\u003e","user":["a\"da","x"]}}`},
			want: oauth.Token{Access: s("a"), Expires: minute, ExpiresFrom: oauth.ExpiresFromAnswer},
		},
		{
			name: "Tripletex: PUT, a date in the URL, Basic", do: doObtain, values: []string{"account.consumer", apiKey},
			yaml: `
mode: login
account: [{name: consumer, secret: true}]
steps:
  - request: {url: BASE/session, method: PUT, query: {consumerToken: "{account.consumer}", expirationDate: '{now("date")}'}, basic: {user: "{account.consumer}"}}
    response: {root: value, access: token, expires: {path: until, as: rfc3339}}
`,
			answers: []string{ok(`{"value":{"token":"a","until":"2026-03-04T05:07:07Z"}}`)},
			wants: []string{"PUT /session?consumerToken=canary-api-key-0123456789&expirationDate=2026-03-04\n" +
				"Authorization: Basic Y2FuYXJ5LWFwaS1rZXktMDEyMzQ1Njc4OTo=\n\n"},
			want: oauth.Token{Access: s("a"), Expires: minute, ExpiresFrom: oauth.ExpiresFromAnswer},
		},
		{
			name: "SAP B1: a session cookie", do: doObtain,
			yaml:    "mode: login\nsteps:\n  - request: {url: BASE/Login, json: {CompanyDB: DB}}\n    response: {format: cookie, access: B1SESSION}\n    default_ttl: 60s\n",
			answers: []string{says200("Set-Cookie: B1SESSION=a; HttpOnly", "")},
			wants:   []string{"POST /Login\nAccept: */*\nContent-Type: application/json\n\n" + `{"CompanyDB":"DB"}`},
			want:    oauth.Token{Access: s("a"), Expires: minute, ExpiresFrom: oauth.ExpiresFromDefault},
		},
		{
			name: "Sage Intacct: XML that no password breaks", do: doObtain, values: []string{"account.password", password},
			yaml: `
mode: login
account: [{name: password, secret: true}]
steps:
  - request:
      url: BASE/xml
      text: <login at="{now("unix")}"><p>{account.password}</p><h>{hex(account.password)}</h></login>
      content_type: application/xml
    response: {format: header, access: X-Session}
`,
			answers: []string{says200("X-Session: a", "<ok/>")},
			wants: []string{"POST /xml\nAccept: */*\nContent-Type: application/xml\n\n" +
				`<login at="1772600767"><p>canary-password&amp;&lt;&#34;&gt;</p><h>63616e6172792d70617373776f7264263c223e</h></login>`},
			want: oauth.Token{Access: s("a")},
		},
		{
			name: "Jamf: two steps of a login, and only the second one again", do: doRefresh,
			yaml: `
mode: login
steps:
  - when: connect
    request: {url: BASE/never}
    response: {}
  - when: refresh
    request: {url: BASE/keep-alive, headers: {Authorization: "Bearer {token}"}, form: {r: "{refresh_token}"}}
    response: {}
`,
			answers: []string{ok(`{"access_token":"b"}`)},
			wants:   []string{"POST /keep-alive\nAuthorization: Bearer canary-access\n\nr=canary-refresh"},
			want:    oauth.Token{Access: s("b")},
		},
		{
			name: "who it is, told by a step", do: doObtain,
			yaml:    "mode: login\nidentity: {from: token, id: user.id}\nsteps:\n  - request: {url: BASE/login}\n    response: {}\n  - request: {url: BASE/more}\n",
			answers: []string{ok(`{"access_token":"a","user":{"id":7}}`), ok(`{"user":{"id":8}}`)},
			wants:   []string{"POST /login\n\n", "POST /more\n\n"},
			want:    oauth.Token{Access: s("a"), Identity: vault.Identity{ID: "7"}},
		},
		{
			name: "a session that is captured, and no token", do: doObtain,
			yaml:    "mode: login\nsteps:\n  - request: {url: BASE/login}\n    response: {success_when: {path: ok, equals: true}}\n    capture: {session: sid}\n",
			answers: []string{ok(`{"ok":true,"sid":"7"}`)},
			wants:   []string{"POST /login\n\n"},
			want:    oauth.Token{Captured: map[string]string{"session": "7"}},
		},
		{
			name: "a step that says when it is a success, with a token", do: doObtain,
			yaml:    "mode: login\nsteps:\n  - request: {url: BASE/login}\n    response: {success_when: {path: ok, equals: true}}\n",
			answers: []string{ok(`{"ok":true,"access_token":"a"}`)},
			wants:   []string{"POST /login\n\n"},
			want:    oauth.Token{Access: s("a")},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			base, requests := record(t, test.answers...)
			app := declared(t, base, test.yaml, test.values...)
			token, err := test.do(newClient(oauth.Options{}), t.Context(), app)
			if err != nil {
				t.Fatal(err)
			}
			sameToken(t, token, test.want)
			if len(requests) != len(test.wants) {
				t.Fatalf("got %d requests, want %d", len(requests), len(test.wants))
			}
			for _, want := range test.wants {
				sameWire(t, <-requests, want)
			}
			for name := range app.Values {
				if name == connectors.NameToken || name == "captured.api" {
					t.Errorf("the app's values were changed: %s", name)
				}
			}
		})
	}
}

func doExchange(c *oauth.Client, ctx context.Context, app oauth.App) (oauth.Token, error) {
	return c.Exchange(ctx, app, oauth.Code{Code: vault.NewSecret(code), RedirectURI: redirectURI})
}

func doRefresh(c *oauth.Client, ctx context.Context, app oauth.App) (oauth.Token, error) {
	return c.Refresh(ctx, app, grant)
}

func doObtain(c *oauth.Client, ctx context.Context, app oauth.App) (oauth.Token, error) {
	return c.Obtain(ctx, app, vault.Grant{})
}

// GitHub App: each step that names the assertion has one of its own, and a mode jwt has steps as well.
func TestStepAssertion(t *testing.T) {
	base, requests := record(t, ok(`{"id":7}`), replies(201, "X-A: b", `{"token":"ghs","expires_at":"2026-03-04T06:06:07Z"}`))
	app := declared(t, base, `
mode: jwt
account: [{name: installation, pattern: "[0-9]+"}, {name: key, secret: true}]
assertion: {alg: HS256, key: "{account.key}", jti: true}
steps:
  - request: {url: BASE/app, method: GET, headers: {Authorization: "Bearer {assertion}"}}
    capture: {app: id}
  - request: {url: "BASE/app/{captured.app}/{account.installation}", headers: {Authorization: "Bearer {assertion}"}}
    response: {access: token, expires: {path: expires_at, as: rfc3339}}
`, "account.installation", "42", "account.key", apiKey)
	token, err := newClient(oauth.Options{}).Obtain(t.Context(), app, vault.Grant{})
	if err != nil {
		t.Fatal(err)
	}
	sameToken(t, token, oauth.Token{
		Access: vault.NewSecret("ghs"), Expires: now.Add(time.Hour), ExpiresFrom: oauth.ExpiresFromAnswer, Captured: map[string]string{"app": "7"},
	})
	const bearer = "Authorization: Bearer "
	first, second := wire(t, <-requests), wire(t, <-requests)
	if !strings.HasPrefix(first, "GET /app\n"+bearer) || !strings.HasPrefix(second, "POST /app/7/42\n"+bearer) {
		t.Errorf("got %q and %q", first, second)
	}
	_, one, _ := strings.Cut(first, bearer)
	_, other, _ := strings.Cut(second, bearer)
	if one == other {
		t.Error("the steps have one assertion for both")
	}
}

// A step's error says which step it is, and keeps what the token call gave.
func TestStepErrors(t *testing.T) {
	const yaml = consent + `
token: {url: BASE/token, client_auth: none}
errors: {permanent_when: [session_gone]}
account: [{name: password, secret: true}]
steps:
  - request: {url: BASE/one}
    capture: {session: sid}
  - request: {url: "BASE/two", form: {session: "{captured.session}", password: "{account.password}"}}
    response: {success_when: {path: status, equals: good}, error_path: why, access: t}
`
	const first = `{"access_token":"canary-access","refresh_token":"next","expires_in":60}`
	tests := []struct {
		name    string
		answers []string
		step    int
		class   oauth.Class
		code    string
		status  int
	}{
		{"no step at all", []string{replies(400, "X-A: b", `{"error":"invalid_grant"}`)}, 0, oauth.ClassPermanent, "invalid_grant", 400},
		{"refused", []string{ok(first), replies(401, "X-A: b", "canary-access")}, 1, oauth.ClassOperator, "provider_status_401", 401},
		{"an error inside", []string{ok(first), ok(`{"error":"invalid_grant"}`)}, 1, oauth.ClassPermanent, "invalid_grant", 200},
		{"nothing to capture from", []string{ok(first), ok("canary-access")}, 1, oauth.ClassMalformed, oauth.CodeBadTokenResponse, 200},
		{"redirected", []string{ok(first), replies(302, "Location: http://127.0.0.1:1/canary-access", "")}, 1, oauth.ClassMalformed, oauth.CodeRedirectRefused, 302},
		{"too large", []string{ok(first), ok(strings.Repeat(" ", 64<<10+1))}, 1, oauth.ClassMalformed, oauth.CodeAnswerTooLarge, 200},
		{"not captured", []string{ok(first), ok(`{"sid":null}`)}, 2, oauth.ClassOperator, oauth.CodeNoValue, 0},
		{"declared as permanent", []string{ok(first), ok(`{"sid":"canary-session"}`), ok(`{"why":"session_gone"}`)}, 2, oauth.ClassPermanent, "session_gone", 200},
		{"repeats what was captured", []string{ok(first), ok(`{"sid":"canary-session"}`), ok(`{"why":"canary-session"}`)}, 2, oauth.ClassOperator, oauth.CodeProviderError, 200},
		{"repeats the token", []string{ok(first), ok(`{"sid":"canary-session"}`), ok(`{"why":"canary-access"}`)}, 2, oauth.ClassOperator, oauth.CodeProviderError, 200},
		{"no token", []string{ok(first), ok(`{"sid":"canary-session"}`), ok(`{"status":"good"}`)}, 2, oauth.ClassMalformed, oauth.CodeBadTokenResponse, 200},
		{"busy", []string{ok(first), ok(`{"sid":"canary-session"}`), replies(503, "Retry-After: 7", "")}, 2, oauth.ClassTransient, "provider_status_503", 503},
		{"broken off", []string{ok(first), "canary-access"}, 1, oauth.ClassTransient, oauth.CodeAnswerLost, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			base, _ := record(t, test.answers...)
			app := declared(t, base, yaml, "account.password", "canary-password")
			token, err := newClient(oauth.Options{}).Refresh(t.Context(), app, grant)
			own := wantError(t, token, err, test.class, test.code)
			if own.Step != test.step || own.Status != test.status || own.Unsent || own.Op != "refresh" {
				t.Errorf("got %+v, want step %d with status %d of what was sent", own, test.step, test.status)
			}
			if named := strings.HasPrefix(err.Error(), "refresh step "); named != (test.step > 0) {
				t.Errorf("got %q", err)
			}
			next, expires := own.Rotated()
			if test.step > 0 && (next.Reveal() != "next" || !expires.IsZero()) || test.step == 0 && !next.IsZero() {
				t.Errorf("got refresh token %q until %s", next.Reveal(), expires)
			}
			if lost, is := own.Lost(); is != (test.step > 0) || is && lost.Access.IsZero() {
				t.Errorf("a token is lost: %v", is)
			}
			if test.status == 503 && own.RetryAfter != 7*time.Second {
				t.Errorf("got %s to wait", own.RetryAfter)
			}
		})
	}
}

// What the first step lacks is told before anything is sent.
func TestStepNeedsValues(t *testing.T) {
	for _, request := range []string{
		`{url: "BASE/{account.site}"}`, `{url: BASE/x, query: {a: "{account.site}"}}`, `{url: BASE/x, headers: {X-A: "{account.site}"}}`,
		`{url: BASE/x, form: {a: "{account.site}"}}`, `{url: BASE/x, json: {a: ["{account.site}"]}}`, `{url: BASE/x, text: "{account.site}", content_type: text/plain}`,
		`{url: BASE/x, basic: {user: "{account.site}"}}`, `{url: BASE/x, basic: {password: "{account.site}"}}`, `{url: BASE/x, headers: {X-A: "{client_secret}"}}`,
		`{url: BASE/x, json: {a: "{client_id}"}}`,
	} {
		t.Run(request, func(t *testing.T) {
			base, requests := record(t, ok(`{"access_token":"a"}`))
			app := declared(t, base, "mode: login\naccount: [{name: site, pattern: .+}]\nsteps: [{request: "+request+", response: {}}]", "account.none", "x")
			app.ClientSecret = vault.Secret{}
			app.ClientID = "\xff"
			token, err := newClient(oauth.Options{}).Obtain(t.Context(), app, vault.Grant{})
			if own := wantError(t, token, err, oauth.ClassOperator, oauth.CodeNoValue); !own.Unsent || own.Step != 1 || len(requests) != 0 {
				t.Errorf("got %+v and %d requests, want none", own, len(requests))
			}
		})
	}
}

// A captured host leads no request out of the provider's domains.
func TestStepStaysWithin(t *testing.T) {
	base, requests := record(t, ok(`{"access_token":"a","instance":"evil.example.org"}`))
	app := declared(t, base, consent+`
token: {url: BASE/token, client_auth: none, capture: {instance: instance}}
steps: [{request: {url: "https://{captured.instance}/x"}}]
api: {base_url: BASE, within: [example.com]}
`)
	token, err := doExchange(newClient(oauth.Options{}), t.Context(), app)
	if own := wantError(t, token, err, oauth.ClassOperator, oauth.CodeNoValue); own.Unsent || own.Step != 1 || len(requests) != 1 {
		t.Errorf("got %+v and %d requests, want the token call alone", own, len(requests))
	}
}

// All requests of a call share its time.
func TestStepsEndInTime(t *testing.T) {
	first, _ := record(t, ok(`{"access_token":"a","refresh_token":"next"}`))
	slow := hangs(t)
	app := declared(t, first, consent+"token: {url: BASE/token, client_auth: none}\nsteps: [{request: {url: "+slow+"}}]")
	start := time.Now()
	token, err := newClient(oauth.Options{Timeout: 200 * time.Millisecond}).Refresh(t.Context(), app, grant)
	own := wantError(t, token, err, oauth.ClassTransient, oauth.CodeTimeout)
	if next, _ := own.Rotated(); next.Reveal() != "next" || own.Step != 1 || time.Since(start) > 5*time.Second {
		t.Errorf("got %+v after %s", own, time.Since(start))
	}
}

func TestRotatedOfOtherErrors(t *testing.T) {
	if s, at := new(oauth.Error).Rotated(); !s.IsZero() || !at.IsZero() {
		t.Error("got a refresh token of nothing")
	}
	if _, is := new(oauth.Error).Lost(); is {
		t.Error("a token of nothing is lost")
	}
	if diff := cmp.Diff("obtain step 3: the provider cannot be asked now (x, status 500)",
		(&oauth.Error{Op: "obtain", Step: 3, Class: oauth.ClassTransient, Code: "x", Status: 500}).Error()); diff != "" {
		t.Error(diff)
	}
}
