package oauth_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

const jsonType = "application/json"

func TestTokenAnswers(t *testing.T) {
	nested := func(c *connectors.Connector) {
		c.Token.Response = connectors.TokenResponse{
			Access: "authed_user.access_token", RefreshToken: "data.rt", Expires: connectors.Expires{Path: "data.life"}, Scope: "data.scopes",
			RefreshExpires: connectors.Expires{Path: "data.rt_life"}, ScopeSeparator: ",",
		}
		c.Token.Capture = map[string]string{"team": "team.id", "count": "n", "flag": "b", "gone": "x.y", "object": "team", "odd": "odd"}
	}
	tests := []struct {
		name      string
		connector *connectors.Connector
		body      string
		want      oauth.Token
	}{
		{
			name: "standard", body: `{"access_token":"a","token_type":"Bearer","expires_in":3600,"refresh_token":"r","scope":"x y x","id_token":"i.d.t"}`,
			want: oauth.Token{
				Access: vault.NewSecret("a"), Refresh: vault.NewSecret("r"), IDToken: vault.NewSecret("i.d.t"),
				Expires: now.Add(time.Hour), ExpiresFrom: oauth.ExpiresFromAnswer, Scopes: []string{"x", "y"},
			},
		},
		{name: "least", body: `{"access_token":"a"}`, want: oauth.Token{Access: vault.NewSecret("a")}},
		{
			name: "nulls", body: `{"access_token":"a","token_type":null,"expires_in":null,"refresh_token":null,"scope":null,"id_token":""}`,
			want: oauth.Token{Access: vault.NewSecret("a")},
		},
		{name: "empty refresh token", body: `{"access_token":"a","refresh_token":""}`, want: oauth.Token{Access: vault.NewSecret("a")}},
		{name: "no error inside", body: `{"access_token":"a","error":null,"error_description":""}`, want: oauth.Token{Access: vault.NewSecret("a")}},
		{
			name: "nested", connector: plain(nested),
			body: `{"authed_user":{"access_token":"a","token_type":"user"},"token_type":"mac","data":{"rt":"r","life":"90","scopes":"x,y, z,","rt_life":60},
				"team":{"id":"T1"},"n":7,"b":true,"odd":"a\nb"}`,
			want: oauth.Token{
				Access: vault.NewSecret("a"), Refresh: vault.NewSecret("r"), Scopes: []string{"x", "y", "z"},
				Expires: now.Add(90 * time.Second), ExpiresFrom: oauth.ExpiresFromAnswer, RefreshExpires: now.Add(time.Minute),
				Captured: map[string]string{"team": "T1", "count": "7", "flag": "true"},
			},
		},
		{
			name: "scopes as a list", body: `{"access_token":"a","scope":["x",7,"y"]}`,
			want: oauth.Token{Access: vault.NewSecret("a"), Scopes: []string{"x", "y"}},
		},
		{
			name: "no scope granted", body: `{"access_token":"a","scope":""}`,
			want: oauth.Token{Access: vault.NewSecret("a"), Scopes: []string{}},
		},
		{
			name: "slack", connector: builtin(t, "slack"),
			body: `{"ok":true,"access_token":"xoxb-1","token_type":"bot","scope":"channels:read,users:read","expires_in":43200,"refresh_token":"xoxe-1"}`,
			want: oauth.Token{
				Access: vault.NewSecret("xoxb-1"), Refresh: vault.NewSecret("xoxe-1"),
				Expires: now.Add(12 * time.Hour), ExpiresFrom: oauth.ExpiresFromAnswer, Scopes: []string{"channels:read", "users:read"},
			},
		},
		{
			name: "github", connector: builtin(t, "github"),
			body: `{"access_token":"ghu_1","expires_in":28800,"refresh_token":"ghr_1","refresh_token_expires_in":15897600,"scope":"","token_type":"bearer"}`,
			want: oauth.Token{
				Access: vault.NewSecret("ghu_1"), Refresh: vault.NewSecret("ghr_1"), Scopes: []string{},
				Expires: now.Add(8 * time.Hour), ExpiresFrom: oauth.ExpiresFromAnswer, RefreshExpires: now.Add(184 * 24 * time.Hour),
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := test.connector
			if c == nil {
				c = plain(nil)
			}
			got, err := exchange(t, newClient(oauth.Options{}), at(t, c, says(t, 200, jsonType, test.body)))
			if err != nil {
				t.Fatal(err)
			}
			reveal := cmp.Transformer("reveal", func(s vault.Secret) string { return s.Reveal() })
			if diff := cmp.Diff(test.want, got, reveal); diff != "" {
				t.Errorf("token (-want +got):\n%s", diff)
			}
		})
	}
}

// M-03, M-05, M-06, M-08, M-12: what is no token answer is refused whole.
func TestMalformedAnswers(t *testing.T) {
	const good = `{"access_token":"canary-access","token_type":"bearer"}`
	token := func(value string) string { return `{"token_type":"bearer","access_token":` + value + `}` }
	tests := []struct {
		name, contentType, body string
		status                  int
		code                    string
	}{
		{name: "M-03 html", contentType: "text/html", body: "<html>canary-description</html>"},
		{name: "M-03 empty", contentType: jsonType},
		{name: "M-03 no content", status: 204},
		{name: "M-03 cut", contentType: jsonType, body: good[:len(good)-1]},
		{name: "M-03 trailing junk", contentType: jsonType, body: good + "x"},
		{name: "M-03 two documents", contentType: jsonType, body: good + good},
		{name: "M-03 byte order mark", contentType: jsonType, body: "\ufeff" + good},
		{name: "M-03 utf-16", contentType: jsonType + "; charset=utf-16", body: "\xff\xfe{\x00}\x00"},
		{name: "M-03 not utf-8", contentType: jsonType, body: `{"access_token":"a","x":"` + "\xff" + `"}`},
		{name: "M-03 form", contentType: "application/x-www-form-urlencoded", body: "access_token=canary-access&token_type=bearer"},
		{name: "M-03 form as text", contentType: "text/plain", body: "access_token=canary-access"},
		{name: "M-03 list", contentType: jsonType, body: "[" + good + "]"},
		{name: "M-03 string", contentType: jsonType, body: `"canary-access"`},
		{name: "M-03 no token", contentType: jsonType, body: `{"token_type":"bearer"}`},
		{name: "M-05 line break", contentType: jsonType, body: token(`"x\r\nX-Evil: 1"`)},
		{name: "M-05 nul", contentType: jsonType, body: token(`"x\u0000"`)},
		{name: "M-05 space", contentType: jsonType, body: token(`"x y"`)},
		{name: "M-05 quote", contentType: jsonType, body: token(`"x\"y"`)},
		{name: "M-05 backslash", contentType: jsonType, body: token(`"x\\y"`)},
		{name: "M-05 single quote", contentType: jsonType, body: token(`"x'y"`)},
		{name: "M-05 not ascii", contentType: jsonType, body: token(`"töken"`)},
		{name: "M-05 empty token", contentType: jsonType, body: token(`""`)},
		{name: "M-05 null token", contentType: jsonType, body: token(`null`)},
		{name: "M-05 number", contentType: jsonType, body: token(`17`)},
		{name: "M-05 object", contentType: jsonType, body: token(`{"a":"b"}`)},
		{name: "M-05 long token", contentType: jsonType, body: token(`"` + strings.Repeat("x", 16<<10+1) + `"`)},
		{name: "M-12 long jwt", contentType: jsonType, body: token(`"` + strings.Repeat(".", 60_000) + `"`)},
		{name: "M-12 very long jwt", contentType: jsonType, body: token(`"` + strings.Repeat(".", 1_000_000) + `"`), code: oauth.CodeAnswerTooLarge},
		{name: "M-05 bad refresh token", contentType: jsonType, body: `{"access_token":"a","refresh_token":"x\ny"}`},
		{name: "M-05 refresh token is a number", contentType: jsonType, body: `{"access_token":"a","refresh_token":1}`},
		{name: "M-06 mac", contentType: jsonType, body: `{"access_token":"a","token_type":"mac"}`},
		{name: "M-06 dpop", contentType: jsonType, body: `{"access_token":"a","token_type":"DPoP"}`},
		{name: "M-06 type is a number", contentType: jsonType, body: `{"access_token":"a","token_type":1}`},
		{name: "M-07 nan", contentType: jsonType, body: `{"access_token":"a","expires_in":NaN}`},
		{name: "M-08 duplicate", contentType: jsonType, body: `{"access_token":"a","access_token":"b"}`},
		{name: "M-08 escaped duplicate", contentType: jsonType, body: `{"access_token":"a","\u0061ccess_token":"b"}`},
		{name: "M-08 nested duplicate", contentType: jsonType, body: `{"access_token":"a","x":[{"y":1,"y":2}]}`},
		{name: "M-08 deep", contentType: jsonType, body: `{"access_token":"a","x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`},
		{name: "M-08 very deep", contentType: jsonType, body: `{"access_token":"a","x":` + strings.Repeat("[", 32_000) + strings.Repeat("]", 32_000) + `}`},
		{name: "M-08 very deep and cut", contentType: jsonType, body: strings.Repeat(`[`, 60_000)},
		{name: "M-08 depth of 100000", contentType: jsonType, body: `{"access_token":"a","x":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`, code: oauth.CodeAnswerTooLarge},
		{name: "M-08 a million members", contentType: jsonType, body: `{"access_token":"a"` + strings.Repeat(`,"k":1`, 1_000_000) + `}`, code: oauth.CodeAnswerTooLarge},
		{name: "M-03 wrong case", contentType: jsonType, body: `{"Access_Token":"a"}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.status == 0 {
				test.status = 200
			}
			if test.code == "" {
				test.code = oauth.CodeBadTokenResponse
			}
			app := at(t, plain(nil), says(t, test.status, test.contentType, test.body))
			token, err := exchange(t, newClient(oauth.Options{}), app)
			if own := wantError(t, token, err, oauth.ClassMalformed, test.code); own.Status != test.status || own.Unsent {
				t.Errorf("got status %d and unsent %t, want %d and false", own.Status, own.Unsent, test.status)
			}
		})
	}
}

// A provider that labels its JSON as text, and the types that may be sent as they are.
func TestAcceptedAnswers(t *testing.T) {
	for _, contentType := range []string{"text/plain", "text/javascript; charset=UTF-8", "application/json;charset=utf-8"} {
		app := at(t, plain(nil), says(t, 200, contentType, `{"access_token":"a"}`))
		if _, err := exchange(t, newClient(oauth.Options{}), app); err != nil {
			t.Errorf("%s: %v", contentType, err)
		}
	}
	for _, tokenType := range []string{"bearer", "BEARER", "Bearer", "bot", ""} { // M-06
		app := at(t, plain(nil), says(t, 201, jsonType, `{"access_token":"a","token_type":"`+tokenType+`"}`))
		if _, err := exchange(t, newClient(oauth.Options{}), app); err != nil {
			t.Errorf("type %q: %v", tokenType, err)
		}
	}
	longest := strings.Repeat("x", 16<<10)
	app := at(t, plain(nil), says(t, 200, jsonType, `{"access_token":"`+longest+`"}`))
	if token, err := exchange(t, newClient(oauth.Options{}), app); err != nil || token.Access.Reveal() != longest {
		t.Errorf("the longest token: %v", err)
	}
}
