package oauth_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// canned is a transport that gives one answer.
type canned struct {
	status int
	body   string
}

// cannedHeader is canned with a header.
type cannedHeader struct {
	canned
	header http.Header
}

func (c *cannedHeader) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.canned.RoundTrip(r)
	resp.Header = c.header
	return resp, err
}

func (c *canned) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
	return &http.Response{
		StatusCode: c.status, Header: http.Header{"Retry-After": {c.body}},
		Body: io.NopCloser(strings.NewReader(c.body)), Request: r,
	}, nil
}

// FuzzTokenResponse checks that any answer gives either a token that can be sent, or an error that
// shows none of what was sent and comes alone.
func FuzzTokenResponse(f *testing.F) {
	for _, seed := range []string{
		`{"access_token":"a","token_type":"bearer","expires_in":3600,"refresh_token":"r","scope":"x y"}`,
		`{"ok":true,"access_token":"a","authed_user":{"access_token":"b"}}`,
		`{"ok":false,"error":"canary-refresh"}`,
		`{"error":"invalid_grant","error_description":"canary-refresh"}`,
		`{"access_token":"x\r\ny","expires_in":1e999}`,
		`{"a":[{"b":[1,null,true]}],"a":2}`,
		`{"access_token":"` + jwt(`{"exp":1772604367}`) + `"}`, `{"access_token":"` + jwt(`{"exp":-1e999}`) + `","refresh_token":"r"}`,
		`{"access_token":"a.e30.b"}`, `{"active":true,"exp":1772604367,"scope":"x"}`, `{"active":"false"}`,
		`{"error":"invalid_request","error_description":"the token is REVOKED"}`,
		"\ufeff{}", "<html>", "", "access_token=a", `{"access_token":"a","expires_in":"-1"}`,
	} {
		f.Add(200, seed)
		f.Add(400, seed)
	}
	apps := []oauth.App{}
	for _, c := range []string{"slack", "github", "notion", "gmail"} {
		apps = append(apps, at(f, builtin(f, c), "http://127.0.0.1:1999"))
	}
	apps = append(apps, at(f, asking(func(c *connectors.Connector) {
		c.Errors.PermanentWhen = []connectors.ErrorCase{{Code: "invalid_request", Text: "revoked"}}
		c.Refresh.TTL = connectors.Duration(time.Hour)
	}), "http://127.0.0.1:1999"))
	f.Fuzz(func(t *testing.T, status int, body string) {
		client := newClient(oauth.Options{Transport: &canned{status, body}})
		for _, app := range apps {
			if app.Connector.Introspect != nil {
				got, err := client.Introspect(context.Background(), app, vault.NewSecret(refresh))
				if err != nil {
					noLeak(t, err)
				}
				if !inYear(got.Expires) || !got.Active && !got.Expires.IsZero() || err != nil && got.Active {
					t.Fatalf("got %+v, %v", got, err)
				}
			}
			token, err := client.Refresh(context.Background(), app, grant)
			checkOutcome(t, status, token, err)
		}
	})
}

func inYear(at time.Time) bool {
	return at.IsZero() || !at.Before(now) && !at.After(now.AddDate(1, 0, 0))
}

// checkOutcome checks that there is a token that can be sent, or an error that shows nothing and comes alone.
func checkOutcome(t *testing.T, status int, token oauth.Token, err error) {
	t.Helper()
	var own *oauth.Error
	if err != nil {
		if !errors.As(err, &own) || !token.Access.IsZero() || !token.Refresh.IsZero() || token.Slots != nil || token.Captured != nil {
			t.Fatalf("got %v and %T, want an *oauth.Error alone", token, err)
		}
		noLeak(t, err)
		return
	}
	secrets := []vault.Secret{token.Access, token.Refresh, token.IDToken}
	for _, slot := range token.Slots {
		if slot.IsZero() {
			t.Fatal("got an empty slot")
		}
		secrets = append(secrets, slot)
	}
	for _, s := range secrets {
		if strings.ContainsFunc(s.Reveal(), func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"'\`, r) }) {
			t.Fatalf("got token %q", s.Reveal())
		}
	}
	if n := token.Access.Len(); n < 1 || n > 16<<10 || status < 200 || status > 299 {
		t.Fatalf("got a token of %d bytes from an answer with status %d", n, status)
	}
	known := token.ExpiresFrom != oauth.ExpiresUnknown && token.ExpiresFrom != oauth.ExpiresNever
	if !inYear(token.Expires) || known == token.Expires.IsZero() {
		t.Fatalf("got expiry %s from %q", token.Expires, token.ExpiresFrom)
	}
	if !token.RefreshExpires.IsZero() && token.Refresh.IsZero() {
		t.Fatal("got the life of no refresh token")
	}
}

// FuzzTokenForms is FuzzTokenResponse for answers that are not JSON alone, and for steps.
func FuzzTokenForms(f *testing.F) {
	for _, seed := range []struct{ header, value, body string }{
		{"Content-Type", "text/plain", "access_token=a&expires_in=60&refresh_token=r&scope=x"},
		{"", "", "error=invalid_grant&access_token=a"},
		{"", "", "error=canary-refresh&error_description=canary-refresh"},
		{"", "", "access_token=a&access_token=b"},
		{"", "", "access_token=%0d%0aX-Evil:1"},
		{"Set-Cookie", "sid=a; HttpOnly", `{"minutes":30}`},
		{"Set-Cookie", `sid="a b"`, ""},
		{"Set-Cookie", "sid=; Max-Age=0", "<html>"},
		{"X-Token", "a", `{"until":"2026-03-04T06:06:07Z","id":"7"}`},
		{"X-Token", "Bearer a", ""},
		{"X-Token", "\xff", `{"until":"9999-12-31T23:59:59Z"}`},
		{"", "", " a \n"},
		{"", "", "<html>"},
		{"Content-Encoding", "gzip", "a"},
		{"", "", `{"data":{"access_token":"a","at":1772604367000},"code":"0"}`},
		{"", "", `{"code":"canary-refresh","data":[]}`},
		{"", "", `{"data":{"data":{}}}`},
		{"", "", `{"access_token":"a","u":{"t":"b","token_type":"mac"}}`},
	} {
		f.Add(200, seed.header, seed.value, seed.body)
		f.Add(400, seed.header, seed.value, seed.body)
	}
	apps := []oauth.App{}
	for _, response := range []string{
		"{format: form, expires: expires, refresh_expires: {path: expires, as: in_min}}", "{format: text}",
		"{format: header, access: X-Token, expires: {path: until, as: rfc3339}}", "{format: cookie, access: sid, expires: {path: minutes, as: in_min}}",
		"{root: data, success_when: {path: code, equals: 0}, error_path: code, expires: {path: at, as: at_ms}, slots: {user: u.t}}",
		"{slots: {user: u.t}, expires: {path: u.x, as: at_s}}",
	} {
		const base = "http://127.0.0.1:1999"
		apps = append(apps, declared(f, base, "mode: login\nsteps: [{request: {url: BASE/x}, response: "+response+", capture: {id: id}, default_ttl: 1h}]"))
		apps = append(apps, declared(f, base, consent+"token: {url: BASE/token, client_auth: post, capture: {id: id}, response: "+response+"}"))
	}
	f.Fuzz(func(t *testing.T, status int, header, value, body string) {
		h := http.Header{}
		if header != "" {
			h.Set(header, value)
		}
		client := newClient(oauth.Options{Transport: &cannedHeader{canned{status, body}, h}})
		for _, app := range apps {
			token, err := client.Refresh(context.Background(), app, grant)
			checkOutcome(t, status, token, err)
		}
	})
}
