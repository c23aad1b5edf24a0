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

func (c *canned) RoundTrip(r *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, r.Body)
	r.Body.Close()
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
		inYear := func(at time.Time) bool { return at.IsZero() || !at.Before(now) && !at.After(now.AddDate(1, 0, 0)) }
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
			token, err := client.Refresh(context.Background(), app, vault.NewSecret(refresh))
			var own *oauth.Error
			if err != nil {
				if !errors.As(err, &own) || !token.Access.IsZero() || !token.Refresh.IsZero() {
					t.Fatalf("got %v and %T, want an *oauth.Error alone", token, err)
				}
				noLeak(t, err)
				continue
			}
			for _, s := range []vault.Secret{token.Access, token.Refresh, token.IDToken} {
				if strings.ContainsFunc(s.Reveal(), func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"'\`, r) }) {
					t.Fatalf("got token %q", s.Reveal())
				}
			}
			if n := len(token.Access.Reveal()); n < 1 || n > 16<<10 || status < 200 || status > 299 {
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
	})
}
