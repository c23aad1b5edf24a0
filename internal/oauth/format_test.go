package oauth_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

const plainType = "Content-Type: text/plain"

// answered exchanges a code at a provider that answers like that.
func answered(t *testing.T, yaml, answer string) (oauth.Token, error) {
	t.Helper()
	base, _ := record(t, answer)
	return exchange(t, newClient(oauth.Options{}), declared(t, base, `authorize: {url: BASE/authorize, pkce: "off"}`+"\ntoken:\n  url: BASE/token\n  client_auth: post\n"+yaml))
}

// The rows of what providers do differently with the answer.
func TestAnswerProviders(t *testing.T) {
	a, r := vault.NewSecret("a"), vault.NewSecret("r")
	tests := []struct {
		name, yaml, header, body string
		want                     oauth.Token
	}{
		{
			name: "TikTok: all in data", yaml: "  response: {root: data, success_when: {path: message, equals: success}, expires: expires_in, refresh_expires: refresh_expires_in, scope_separator: ','}\n  capture: {open_id: open_id, log: log_id}",
			body: `{"message":"success","log_id":"7","data":{"access_token":"a","refresh_token":"r","expires_in":60,"refresh_expires_in":120,"scope":"x,y","open_id":"o"}}`,
			want: oauth.Token{
				Access: a, Refresh: r, Expires: now.Add(time.Minute), ExpiresFrom: oauth.ExpiresFromAnswer, RefreshExpires: now.Add(2 * time.Minute),
				Scopes: []string{"x", "y"}, Captured: map[string]string{"open_id": "o", "log": "7"},
			},
		},
		{
			name: "TikTok Ads: the status beside data, and another one in it", yaml: "  response: {root: data, success_when: {path: code, equals: 0}}",
			body: `{"code":1,"data":{"access_token":"a","code":0}}`, want: oauth.Token{Access: a},
		},
		{
			name: "Withings: all in body", yaml: "  response: {root: body, success_when: {path: status, equals: 0}, error_path: status}",
			body: `{"status":0,"body":{"access_token":"a","token_type":"Bearer"}}`, want: oauth.Token{Access: a},
		},
		{
			name: "Sentry: names of its own", yaml: "  response: {access: token, refresh: refreshToken, expires: {path: expiresAt, as: rfc3339}, scope: scopes}",
			body: `{"token":"a","refreshToken":"r","expiresAt":"2026-03-04T06:06:07.500Z","scopes":["x","y"]}`,
			want: oauth.Token{Access: a, Refresh: r, Expires: now.Add(time.Hour + 500*time.Millisecond), ExpiresFrom: oauth.ExpiresFromAnswer, Scopes: []string{"x", "y"}},
		},
		{
			name: "Embat: the ID token under another name", yaml: "  response: {id_token: idToken}",
			body: `{"access_token":"a","idToken":"i.d.t","id_token":7}`, want: oauth.Token{Access: a, IDToken: vault.NewSecret("i.d.t")},
		},
		{
			name: "Slack: the bot's token and the user's", yaml: "  response: {slots: {user: authed_user.access_token, none: team.token}, success_when: {path: ok, equals: true}}\n  capture: {team: team.id}",
			body: `{"ok":true,"access_token":"a","token_type":"bot","team":{"id":"T1"},"authed_user":{"access_token":"u","token_type":"user","expires_in":1}}`,
			want: oauth.Token{Access: a, Slots: vault.Secrets{"user": vault.NewSecret("u")}, Captured: map[string]string{"team": "T1"}},
		},
		{
			name: "Instagram, Strava: who it is", yaml: "identity: {from: token, id: athlete.id, name: athlete.name, email: athlete.mail, avatar: athlete.picture}",
			body: `{"access_token":"a","athlete":{"id":12345678901234567890,"name":"Ada","mail":"a\nb","picture":{}}}`,
			want: oauth.Token{Access: a, Identity: vault.Identity{ID: "12345678901234567890", Name: "Ada"}},
		},
		{
			name: "an identity without ID", yaml: "identity: {from: token, id: athlete.id, name: athlete.name}",
			body: `{"access_token":"a","athlete":{"name":"Ada"}}`, want: oauth.Token{Access: a},
		},
		{
			name: "an identity that is asked for later", yaml: "identity: {path: /me, id: athlete.id}",
			body: `{"access_token":"a","athlete":{"id":"7"}}`, want: oauth.Token{Access: a},
		},
		{name: "Procore: a token type of its own", body: `{"access_token":"a","token_type":"JWT"}`, want: oauth.Token{Access: a}},
		{name: "Apigee: a token type of its own", body: `{"access_token":"a","token_type":"BearerToken"}`, want: oauth.Token{Access: a}},
		{
			name: "GitHub: a form", yaml: "  response: {format: form}", header: "Content-Type: application/x-www-form-urlencoded",
			body: "access_token=a&scope=repo%2Cgist&token_type=bearer&expires_in=60\n",
			want: oauth.Token{Access: a, Expires: now.Add(time.Minute), ExpiresFrom: oauth.ExpiresFromAnswer, Scopes: []string{"repo,gist"}},
		},
		{
			name: "Facebook as it was: a form with expires", yaml: "  response: {format: form, expires: expires, scope_separator: ','}", header: plainType,
			body: "access_token=a&expires=60&scope=x%2Cy", want: oauth.Token{Access: a, Expires: now.Add(time.Minute), ExpiresFrom: oauth.ExpiresFromAnswer, Scopes: []string{"x", "y"}},
		},
		{
			name: "Avanan: text", yaml: "  response: {format: text}\n  default_ttl: 1h", header: plainType, body: "\n a \r\n",
			want: oauth.Token{Access: a, Expires: now.Add(time.Hour), ExpiresFrom: oauth.ExpiresFromDefault},
		},
		{
			name: "Avanan: text that is a JWT", yaml: "  response: {format: text}\n  default_ttl: 1h", header: plainType, body: jwt(`{"exp":` + fmt.Sprint(now.Add(time.Minute).Unix()) + `}`),
			want: oauth.Token{Access: vault.NewSecret(jwt(`{"exp":` + fmt.Sprint(now.Add(time.Minute).Unix()) + `}`)), Expires: now.Add(time.Minute), ExpiresFrom: oauth.ExpiresFromJWT},
		},
		{
			name: "Redfish: a header, and the rest in the body", yaml: "  response: {format: header, access: X-Auth-Token, expires: {path: Minutes, as: in_min}}\n  capture: {session: Id}",
			header: "x-auth-token:  a ", body: `{"Id":"7","Minutes":2}`,
			want: oauth.Token{Access: a, Expires: now.Add(2 * time.Minute), ExpiresFrom: oauth.ExpiresFromAnswer, Captured: map[string]string{"session": "7"}},
		},
		{
			name: "SAP B1: a cookie", yaml: "  response: {format: cookie, access: B1SESSION, expires: {path: SessionTimeout, as: in_min}}",
			header: "Set-Cookie: ROUTEID=.node1; path=/\r\nSet-Cookie: B1SESSION=a; HttpOnly; SameSite=None", body: `{"SessionTimeout":30}`,
			want: oauth.Token{Access: a, Expires: now.Add(30 * time.Minute), ExpiresFrom: oauth.ExpiresFromAnswer},
		},
		{name: "a cookie and no body", yaml: "  response: {format: cookie, access: sid}", header: "Set-Cookie: sid=a", want: oauth.Token{Access: a}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			token, err := answered(t, test.yaml, says200(or(test.header, "Content-Type: application/json"), test.body))
			if err != nil {
				t.Fatal(err)
			}
			sameToken(t, token, test.want)
		})
	}
}

func or(s, standard string) string {
	if s == "" {
		return standard
	}
	return s
}

// What is not a token in the declared form is refused whole, and a refusal is one in every form.
func TestAnswersInOtherForms(t *testing.T) {
	const form, text, header, cookie = "  response: {format: form}", "  response: {format: text}", "  response: {format: header, access: X-Token}", "  response: {format: cookie, access: sid}"
	const root = "  response: {root: data, success_when: {path: code, equals: 0}, error_path: code}"
	malformed, bad := oauth.ClassMalformed, oauth.CodeBadTokenResponse
	tests := []struct {
		name, yaml string
		status     int
		header     string
		body       string
		class      oauth.Class
		code       string
	}{
		{"JSON: labelled as compressed", "", 200, "Content-Encoding: gzip", `{"access_token":"canary-access"}`, malformed, bad},
		{"JSON in place of a form", form, 200, "", `{"access_token":"canary-access"}`, malformed, bad},
		{"form: a name twice", form, 200, "", "access_token=a&access_token=b", malformed, bad},
		{"form: broken escapes", form, 200, "", "access_token=%zz", malformed, bad},
		{"form: html", form, 200, "", "<html>canary-description", malformed, bad},
		{"form: empty", form, 200, "", "", malformed, bad},
		{"form: a line break in the token", form, 200, "", "access_token=a%0d%0aX-Evil:+1", malformed, bad},
		{"form: mac", form, 200, "", "access_token=a&token_type=mac", malformed, bad},
		{"form: not UTF-8", form, 200, "", "access_token=a&x=\xff", malformed, bad},
		{"GitHub: a refusal with 200", form, 200, "", "error=bad_verification_code&error_description=canary-description", oauth.ClassOperator, "bad_verification_code"},
		{"GitHub: a dead grant with 200", form, 200, "", "error=invalid_grant&access_token=canary-access", oauth.ClassPermanent, "invalid_grant"},
		{"form: a refusal in a form", form, 400, "", "error=invalid_grant", oauth.ClassPermanent, "invalid_grant"},
		{"Facebook: a refusal in JSON", form, 400, "", `{"error":"invalid_grant"}`, oauth.ClassPermanent, "invalid_grant"},
		{"form: repeats the code", form, 200, "", "error=canary-code", oauth.ClassOperator, oauth.CodeProviderError},
		{"text: two words", text, 200, "", "canary description", malformed, bad},
		{"text: html", text, 200, "", "<html>canary-description</html>\n<p>", malformed, bad},
		{"text: empty", text, 200, "", " \n", malformed, bad},
		{"text: too long", text, 200, "", strings.Repeat("x", 16<<10+1), malformed, bad},
		{"text: a refusal with 200", text, 200, "", `{"error":"invalid_grant"}`, oauth.ClassPermanent, "invalid_grant"},
		{"text: a JSON object", text, 200, "", `{"token":1}`, malformed, bad},
		{"text: compressed", text, 200, "Content-Encoding: gzip", "a", malformed, bad},
		{"text: a refusal", text, 401, "", "canary-access", oauth.ClassOperator, "provider_status_401"},
		{"header: none", header, 200, "X-Other: a", "{}", malformed, bad},
		{"header: empty", header, 200, "X-Token: ", "{}", malformed, bad},
		{"header: two of them", header, 200, "X-Token: a\r\nX-Token: b", "{}", malformed, bad},
		{"header: with a space", header, 200, "X-Token: Bearer canary-access", "{}", malformed, bad},
		{"header: a refusal with 200", header, 200, "X-Token: a", `{"error":"invalid_grant"}`, oauth.ClassPermanent, "invalid_grant"},
		{"header: with a refusal", header, 403, "X-Token: a", "", oauth.ClassOperator, "provider_status_403"},
		{"header: too large a body", header, 200, "X-Token: a", strings.Repeat("x", 64<<10+1), malformed, oauth.CodeAnswerTooLarge},
		{"cookie: another one", cookie, 200, "Set-Cookie: SID=a", "", malformed, bad},
		{"cookie: deleted", cookie, 200, "Set-Cookie: sid=; Max-Age=0", "", malformed, bad},
		{"cookie: two of them", cookie, 200, "Set-Cookie: sid=a\r\nSet-Cookie: sid=b", "", malformed, bad},
		{"cookie: with a space", cookie, 200, `Set-Cookie: sid="a b"`, "", malformed, bad},
		{"root: the code beside it", root, 200, "", `{"code":"invalid_grant","data":{}}`, oauth.ClassPermanent, "invalid_grant"},
		{"root: the code in it", root, 200, "", `{"data":{"code":"invalid_grant"}}`, oauth.ClassPermanent, "invalid_grant"},
		{"root: the standard error beside it", root, 400, "", `{"error":"invalid_grant"}`, oauth.ClassPermanent, "invalid_grant"},
		{"root: the token beside it", root, 200, "", `{"code":0,"access_token":"canary-access"}`, malformed, bad},
		{"root: no object", root, 200, "", `{"code":0,"data":["canary-access"]}`, malformed, bad},
		{"root: mac in it", root, 200, "", `{"code":0,"data":{"access_token":"a","token_type":"mac"}}`, malformed, bad},
		{"slot: a line break", "  response: {slots: {user: u.t}}", 200, "", `{"access_token":"a","u":{"t":"x\ny"}}`, malformed, bad},
		{"slot: a number", "  response: {slots: {user: u.t}}", 200, "", `{"access_token":"a","u":{"t":1}}`, malformed, bad},
		{"slot: mac", "  response: {slots: {user: u.t}}", 200, "", `{"access_token":"a","u":{"t":"x","token_type":"mac"}}`, malformed, bad},
		{"slot: but no token", "  response: {slots: {user: u.t}}", 200, "", `{"u":{"t":"x"}}`, malformed, bad},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			token, err := answered(t, test.yaml, replies(test.status, or(test.header, plainType), test.body))
			if own := wantError(t, token, err, test.class, test.code); own.Status != test.status {
				t.Errorf("got status %d, want %d", own.Status, test.status)
			}
		})
	}
}

// What a provider calls an expiry, and how it writes it.
func TestExpiryForms(t *testing.T) {
	at := now.Add(time.Hour)
	tests := []struct {
		as, value    string
		want, second time.Duration // of the access token and the refresh token; -1: none
	}{
		{"in_s", `3600`, time.Hour, time.Hour},
		{"in_ms", `90500`, 90500 * time.Millisecond, 90500 * time.Millisecond},
		{"in_ms", `"90500"`, 90500 * time.Millisecond, 90500 * time.Millisecond},
		{"in_min", `90`, 90 * time.Minute, 90 * time.Minute},
		{"in_min", `1e300`, 365 * 24 * time.Hour, 3650 * 24 * time.Hour},
		{"in_min", `0`, 0, -1},
		{"in_ms", `-1`, 0, -1},
		{"at_s", fmt.Sprint(at.Unix()), time.Hour, time.Hour},
		{"at_s", `"` + fmt.Sprint(at.Unix()) + `"`, time.Hour, time.Hour},
		{"at_s", `17`, 0, 0},
		{"at_s", `0`, -1, -1},
		{"at_s", `-1`, -1, -1},
		{"at_ms", fmt.Sprint(at.UnixMilli() + 250), time.Hour + 250*time.Millisecond, time.Hour + 250*time.Millisecond},
		{"at_ms", `1e999`, 365 * 24 * time.Hour, 3650 * 24 * time.Hour},
		{"at_ms", `0`, -1, -1},
		{"rfc3339", `"` + at.Format(time.RFC3339) + `"`, time.Hour, time.Hour},
		{"rfc3339", `"` + at.In(time.FixedZone("", 7200)).Format(time.RFC3339) + `"`, time.Hour, time.Hour},
		{"rfc3339", `"2020-01-01T00:00:00Z"`, 0, 0},
		{"rfc3339", `"9999-12-31T23:59:59Z"`, 365 * 24 * time.Hour, 3650 * 24 * time.Hour},
		{"rfc3339", `"0001-01-01T00:00:00Z"`, -1, -1},
		{"rfc3339", `"tomorrow"`, -1, -1},
		{"rfc3339", fmt.Sprint(at.Unix()), -1, -1},
		{"at_s", `"` + at.Format(time.RFC3339) + `"`, -1, -1},
	}
	for _, test := range tests {
		t.Run(test.as+" "+test.value, func(t *testing.T) {
			yaml := fmt.Sprintf("  response: {expires: {path: d.end, as: %s}, refresh_expires: {path: d.end, as: %s}}", test.as, test.as)
			token, err := answered(t, yaml, ok(`{"access_token":"a","refresh_token":"r","d":{"end":`+test.value+`}}`))
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range []struct {
				got  time.Time
				want time.Duration
			}{{token.Expires, test.want}, {token.RefreshExpires, test.second}} {
				var want time.Time
				if one.want >= 0 {
					want = now.Add(one.want)
				}
				if d := one.got.Sub(want); d < -time.Millisecond || d > time.Millisecond {
					t.Errorf("got %s, want %s", one.got, want)
				}
			}
			if known := token.ExpiresFrom == oauth.ExpiresFromAnswer; known == token.Expires.IsZero() {
				t.Errorf("got %s from %q", token.Expires, token.ExpiresFrom)
			}
		})
	}
}
