//go:build peers

package peers

import (
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/client"
)

// odd is one scripted answer of the token endpoint: merged into the ordinary one, or in its place.
type odd struct {
	Status int            `json:"status,omitempty"`
	Merge  map[string]any `json:"merge,omitempty"`
	Body   any            `json:"body,omitempty"`
}

type object = map[string]any

func startMock(t *testing.T, options ...string) (*provider, *claviger) {
	t.Helper()
	p := startProvider(t, "oauth2-mock-server")
	return p, startClavigerWith(t, freePort(t), strings.Join(options, ""),
		connection{name: "mock", connector: "mock", id: "mock-client", secret: "mock-client-secret", port: p.port},
		connection{name: "login", connector: "mock-password", id: "mock-client", secret: "mock-client-secret", port: p.port},
	)
}

// script sets the next answers of the token endpoint.
func (p *provider) script(answers ...odd) {
	p.t.Helper()
	var got []odd
	p.control(http.MethodPost, "answers", answers, &got)
}

// Token answers of providers that read RFC 6749 in their own ways are understood; what is no answer
// connects nothing and shows a page that says so.
func TestOddTokenAnswers(t *testing.T) {
	p, c := startMock(t)
	for _, tt := range []struct {
		name   string
		answer odd
		want   string // title of the last page
	}{
		{"expires_in as text", odd{Merge: object{"expires_in": "3600"}}, "You are connected"},
		{"expires_in with a fraction", odd{Merge: object{"expires_in": 3599.5}}, "You are connected"},
		{"expires_in null", odd{Merge: object{"expires_in": nil}}, "You are connected"},
		{"expires_in 0", odd{Merge: object{"expires_in": 0}}, "You are connected"},
		{"expires_in below 0", odd{Merge: object{"expires_in": -1}}, "You are connected"},
		{"expires_in beyond all time", odd{Merge: object{"expires_in": 1e18}}, "You are connected"},
		{"expires_in in words", odd{Merge: object{"expires_in": "soon"}}, "You are connected"},
		{"a token and nothing else", odd{Body: object{"access_token": "bare-token-of-the-mock"}}, "You are connected"},
		{"an error that is null", odd{Merge: object{"error": nil, "error_description": nil}}, "You are connected"},
		{"an error that is empty", odd{Merge: object{"error": ""}}, "You are connected"},
		{"token_type in capitals", odd{Merge: object{"token_type": "BEARER"}}, "You are connected"},
		{"no token_type", odd{Merge: object{"token_type": nil}}, "You are connected"},
		{"no refresh token", odd{Merge: object{"refresh_token": nil}}, "You are connected"},
		{"scope as a list", odd{Merge: object{"scope": []string{"openid"}}}, "You are connected"},
		{"unknown members", odd{Merge: object{"team": object{"id": 1}, "ok": true}}, "You are connected"},
		{"status 201", odd{Status: 201, Merge: object{}}, "You are connected"},
		{"a token type that cannot be sent", odd{Merge: object{"token_type": "mac"}}, "Not connected"},
		{"a line break in the token", odd{Merge: object{"access_token": "abc\r\nX-Evil: 1"}}, "Not connected"},
		{"a token that is a number", odd{Merge: object{"access_token": 12345678901}}, "Not connected"},
		{"an empty object", odd{Body: object{}}, "Not connected"},
		{"a list", odd{Body: []string{}}, "Not connected"},
		{"a text", odd{Body: "<html>hello</html>"}, "Not connected"},
		{"an error with status 200", odd{Body: object{"error": "bad_verification_code"}}, "Not connected"},
		{"invalid_grant", odd{Status: 400, Body: object{"error": "invalid_grant"}}, "Not connected"},
		{"invalid_client", odd{Status: 401, Body: object{"error": "invalid_client"}}, "Not connected"},
		{"down", odd{Status: 503, Body: object{}}, "Mock Accounts does not answer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p.script(tt.answer)
			identifier := "u-" + strings.ReplaceAll(tt.name, " ", "-")
			at := c.consent(c.link("mock", identifier), "johndoe")
			if !strings.Contains(at.Text, tt.want) {
				t.Errorf("the last page (%d) says %s, want %s", at.Status, strings.Join(strings.Fields(at.Text), " "), tt.want)
			}
			if tt.want != "You are connected" {
				c.wantNoAccount("mock", identifier)
				return
			}
			wantLife(t, tt.name, c.account("mock", identifier, "ACTIVE").TokenExpiresAt)
			c.wantUserinfo(t, "mock/"+identifier)
		})
	}
}

// wantLife checks when a token dies that has just come with the answer of that name. Unless told otherwise
// that is in an hour, which the token says itself, too: it is a JWT.
func wantLife(t *testing.T, name string, expires time.Time) {
	t.Helper()
	life := time.Hour
	switch name {
	case "a token and nothing else":
		if !expires.IsZero() {
			t.Errorf("the token dies at %s, which nobody has said", expires)
		}
		return
	case "expires_in 0", "expires_in below 0":
		life = 0
	case "expires_in beyond all time":
		life = 365 * 24 * time.Hour
	}
	if left := time.Until(expires); left > life || left < life-time.Minute {
		t.Errorf("the token has %s left, want %s", left, life)
	}
}

// The same at refreshes: a provider in trouble costs nobody the account, a dead grant does.
func TestOddRefreshAnswers(t *testing.T) {
	t.Parallel()
	p, c := startMock(t, lazily)
	short := odd{Merge: object{"expires_in": 1}}
	for _, tt := range []struct {
		name   string
		answer odd
		times  int // a broken answer may be a lost one, and is asked for once more
		status int
		code   string
		after  string
	}{
		{"no new refresh token", odd{Merge: object{"refresh_token": nil}}, 1, 200, "", "ACTIVE"},
		{"down", odd{Status: 503, Body: object{}}, 1, 502, "refresh_failed", "ACTIVE"},
		{"no token type", odd{Merge: object{"token_type": nil, "expires_in": "3600", "issued_at": 1}}, 1, 200, "", "ACTIVE"},
		{"a token and nothing else", odd{Body: object{"access_token": "next-bare-token-of-the-mock"}}, 1, 200, "", "ACTIVE"},
		{"grant dead with status 200", odd{Body: object{"error": "invalid_grant"}}, 1, 409, "account_expired", "EXPIRED"},
		{"garbage once", odd{Body: "<html>maintenance</html>"}, 1, 200, "", "ACTIVE"},
		{"garbage", odd{Body: "<html>maintenance</html>"}, 2, 502, "refresh_failed", "ACTIVE"},
		{"grant dead", odd{Status: 400, Body: object{"error": "invalid_grant"}}, 1, 409, "account_expired", "EXPIRED"},
		// The last one, because a refused client is refused for all accounts of the connection.
		{"client refused", odd{Status: 401, Body: object{"error": "invalid_client"}}, 1, 502, "oauth_client_rejected", "ACTIVE"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			identifier := "u-" + strings.ReplaceAll(tt.name, " ", "-")
			p.script(short)
			c.connect("mock", identifier, "johndoe")
			time.Sleep(1100 * time.Millisecond)
			p.script(slices.Repeat([]odd{tt.answer}, tt.times)...)
			got, err := c.get("/userinfo", "mock/"+identifier)
			if err != nil || got.status != tt.status || got.problem().Code != tt.code {
				t.Errorf("got %d %s, %v, want %d %q", got.status, got.body, err, tt.status, tt.code)
			}
			c.account("mock", identifier, tt.after)
		})
	}
}

// A user's name and password (RFC 6749 section 4.3) are shown again when the token is dead, until they are
// not good any more.
func TestOddPassword(t *testing.T) {
	t.Parallel()
	p, c := startMock(t, lazily)
	add := func() (client.Account, error) {
		return c.api.CreateAccount(t.Context(), client.NewAccount{
			Connection: "login", Identifier: "u-alice", Inputs: map[string]string{"username": "alice", "password": "correct horse & battery=staple"},
		})
	}
	p.script(odd{Status: 400, Body: object{"error": "invalid_grant"}})
	_, err := add()
	wantCode(t, err, "credential_refused")
	c.wantNoAccount("login", "u-alice")

	p.script(odd{Merge: object{"expires_in": 1, "refresh_token": nil}})
	if _, err := add(); err != nil {
		t.Fatal(err)
	}
	c.wantUserinfo(t, "login/u-alice")
	time.Sleep(1100 * time.Millisecond)
	p.script(odd{Merge: object{"expires_in": 1, "refresh_token": nil}})
	c.wantUserinfo(t, "login/u-alice")
	if n := p.count(func(e event) bool { return e.GrantType == "password" && e.User == "alice" }); n != 3 {
		t.Errorf("the password was shown %d times, want 3", n)
	}
	time.Sleep(1100 * time.Millisecond)
	p.script(odd{Status: 400, Body: object{"error": "invalid_grant"}})
	got, err := c.get("/userinfo", "login/u-alice")
	no := got.problem()
	if err != nil || no.Code != "account_expired" || no.ReconnectURL == "" {
		t.Errorf("got %d %s, %v, want account_expired with a link", got.status, got.body, err)
	}
	addSecrets(path.Base(no.ReconnectURL))
	if _, err := add(); err != nil {
		t.Fatal(err)
	}
	c.wantUserinfo(t, "login/u-alice")
}

func (c *claviger) wantUserinfo(t *testing.T, account string) {
	t.Helper()
	if got, err := c.get("/userinfo", account); err != nil || got.status != http.StatusOK {
		t.Errorf("GET /userinfo: %d %s, %v", got.status, got.body, err)
	}
}
