package oauth_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// The canaries: none of them may show in an error.
const (
	clientSecret = "canary-client+secret/%"
	code         = "canary-code"
	verifier     = "canary-verifier-0123456789012345678901234567"
	refresh      = "canary-refresh"
	access       = "canary-access"
	description  = "canary-description"
	password     = "canary-password&<\">"
	apiKey       = "canary-api-key-0123456789"
	subject      = "canary-subject"
	deviceCode   = "canary-device-code"
	session      = "canary-session"
)

const redirectURI = "https://app.example.com/cb"

var canaries = []string{clientSecret, code, verifier, refresh, access, description, password, "canary-password", apiKey, subject, deviceCode, session}

var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func newClient(o oauth.Options) *oauth.Client {
	o.Now = func() time.Time { return now }
	return oauth.New(o)
}

func text(s string) connectors.Template {
	t, err := connectors.ParseTemplate(s)
	if err != nil {
		panic(err)
	}
	return t
}

// texts are templates by name: a name and its template after the other.
func texts(pairs ...string) map[string]connectors.Template {
	list := map[string]connectors.Template{}
	for i := 0; i < len(pairs); i += 2 {
		list[pairs[i]] = text(pairs[i+1])
	}
	return list
}

// plain is a connector that does all as RFC 6749 says, with the changes of edit.
func plain(edit func(*connectors.Connector)) *connectors.Connector {
	c := &connectors.Connector{
		Name: "plain",
		Scheme: connectors.Scheme{
			Token:  connectors.TokenCall{ClientAuth: connectors.ClientAuthPost},
			Revoke: &connectors.Revoke{},
		},
	}
	if edit != nil {
		edit(c)
	}
	return c
}

// builtin is a connector of the catalogue.
func builtin(t testing.TB, name string) *connectors.Connector {
	t.Helper()
	catalogue, err := connectors.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	c, ok := catalogue.Lookup(name)
	if !ok {
		t.Fatalf("no connector %s", name)
	}
	return c
}

// at returns an app of the connector whose endpoints are at base.
func at(t testing.TB, c *connectors.Connector, base string) oauth.App {
	t.Helper()
	moved := *c
	template := func(path string) connectors.Template {
		parsed, err := connectors.ParseTemplate(base + path)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	moved.Authorize.URL = template("/authorize")
	moved.Token.URL = template("/token")
	moved.API.BaseURL = template("")
	if c.Introspect != nil {
		introspect := *c.Introspect
		introspect.URL = template("/introspect")
		moved.Introspect = &introspect
	}
	if c.Revoke != nil {
		revoke := *c.Revoke
		revoke.URL = template("/revoke/{client_id}")
		moved.Revoke = &revoke
	}
	endpoints, err := moved.Endpoints(nil)
	if err != nil {
		t.Fatal(err)
	}
	return oauth.App{
		Connector: &moved, Endpoints: endpoints,
		ClientID: "client id", ClientSecret: vault.NewSecret(clientSecret),
	}
}

// serve starts a provider.
func serve(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

// says is a provider that always gives the same answer.
func says(t testing.TB, status int, contentType, body string) string {
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		if contentType != "" {
			w.Header().Set("Content-Type", contentType)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

func exchange(t testing.TB, c *oauth.Client, app oauth.App) (oauth.Token, error) {
	return c.Exchange(t.Context(), app, oauth.Code{
		Code: vault.NewSecret(code), Verifier: vault.NewSecret(verifier), RedirectURI: redirectURI, State: vault.NewSecret("st"),
	})
}

// record starts a listener that answers the first request with the first of the answers, and so on; the
// last one is repeated. It returns the bytes of the requests with the address written as HOST.
func record(t testing.TB, answers ...string) (base string, requests <-chan string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	host := listener.Addr().String()
	seen := make(chan string, 16)
	go func() { // ends when the listener is closed
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if text, err := readRaw(conn); err == nil {
				seen <- strings.ReplaceAll(text, host, "HOST")
				_, _ = io.WriteString(conn, answers[0])
				answers = answers[min(1, len(answers)-1):]
			}
			conn.Close()
		}
	}()
	return "http://" + host, seen
}

func readRaw(conn net.Conn) (string, error) {
	var raw strings.Builder
	r := bufio.NewReader(io.TeeReader(conn, &raw))
	req, err := http.ReadRequest(r)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(io.Discard, req.Body)
	return raw.String(), err
}

func ok(body string) string { return says200("Content-Type: application/json", body) }

// says200 is an answer with one header more.
func says200(header, body string) string { return replies(200, header, body) }

func replies(status int, header, body string) string {
	return fmt.Sprintf("HTTP/1.1 %d Said\r\n%s\r\nContent-Length: %d\r\n\r\n%s", status, header, len(body), body)
}

// wantError checks the error, that the other result is zero, and that nothing leaks.
func wantError(t *testing.T, token oauth.Token, err error, class oauth.Class, code string) *oauth.Error {
	t.Helper()
	var own *oauth.Error
	if !errors.As(err, &own) {
		t.Fatalf("got error %v, want an *oauth.Error", err)
	}
	if own.Class != class || own.Code != code {
		t.Errorf("got class %s and code %s, want %s and %s", own.Class, own.Code, class, code)
	}
	if !token.Access.IsZero() || !token.Refresh.IsZero() || !token.IDToken.IsZero() || token.Captured != nil || token.Scopes != nil ||
		token.Slots != nil || token.Identity != (vault.Identity{}) || !token.Expires.IsZero() || token.ExpiresFrom != "" {
		t.Errorf("got a token beside the error %v", err)
	}
	noLeak(t, err)
	return own
}

// noLeak checks that no canary is in any printed form of the error.
func noLeak(t *testing.T, err error) {
	t.Helper()
	written, jsonErr := json.Marshal(err)
	if jsonErr != nil {
		t.Fatal(jsonErr)
	}
	forms := []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err), string(written)}
	for e := err; e != nil; e = errors.Unwrap(e) {
		forms = append(forms, fmt.Sprintf("%T %+v %#v", e, e, e))
	}
	for _, form := range forms {
		for _, canary := range canaries {
			if strings.Contains(form, canary) || strings.Contains(form, "http://") {
				t.Errorf("the error shows %q: %s", canary, form)
			}
		}
		if strings.ContainsAny(form, "\n\x1b") {
			t.Errorf("the error is more than one plain line: %q", form)
		}
	}
}
