package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/client"
)

func serve(t *testing.T, h http.HandlerFunc) *client.Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := client.New(client.Options{Base: s.URL + "/", Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNew(t *testing.T) {
	for _, base := range []string{
		"", "localhost:2019", "ftp://localhost", "http://", "http://x?y=1", "http://x#y", "unix/", "unix/|0600", "::",
	} {
		if c, err := client.New(client.Options{Base: base}); err == nil || c != nil {
			t.Errorf("base %q: got %v, %v; want an error and nothing else", base, c, err)
		}
	}
	if _, err := client.New(client.Options{Base: "unix//run/x.sock", HTTP: http.DefaultClient}); err == nil {
		t.Error("a socket and an HTTP client together are accepted")
	}
}

func TestUnixSocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "admin.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	s := &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "127.0.0.1" || r.Header.Get("Origin") != "" {
			t.Errorf("host %q, origin %q", r.Host, r.Header.Get("Origin"))
		}
		fmt.Fprintf(w, `{"version":%q}`, r.URL.Path)
	})}}
	s.Start()
	t.Cleanup(s.Close)
	for base, prefix := range map[string]string{"unix/" + socket: "", "unix/" + socket + "|0600": "/api"} {
		c, err := client.New(client.Options{Base: base, Prefix: prefix})
		if err != nil {
			t.Fatal(err)
		}
		want := "/claviger/status"
		if prefix != "" {
			want = prefix + "/status"
		}
		if got, err := c.Status(t.Context()); err != nil || got.Version != want {
			t.Errorf("got %q, %v, want %q", got.Version, err, want)
		}
	}
}

func TestError(t *testing.T) {
	tests := []struct {
		name, body string
		status     int
		code, text string
	}{
		{"problem", `{"code":"account_expired","detail":"it has ended","status":409,"title":"Conflict"}`, 409, "account_expired", "it has ended"},
		{"no detail", `{"code":"x","title":"Conflict"}`, 409, "x", "Conflict"},
		{"other status", `{"code":"x","status":200}`, 503, "x", "Service Unavailable"},
		{"page", `<html>secret words</html>`, 502, "", "Bad Gateway"},
		{"other JSON", `{"error":"secret words"}`, 404, "", "Not Found"},
		{"redirect", ``, 302, "", "Found"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(tt.status)
				fmt.Fprint(w, tt.body)
			})
			a, err := c.Account(t.Context(), "ca_x")
			var e *client.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want an *Error", err)
			}
			if e.Status != tt.status || e.Code != tt.code || e.Error() != tt.text || a.ID != "" {
				t.Errorf("got %+v (%v) with %+v", e, e, a)
			}
			if _, err := c.Ready(t.Context()); err == nil {
				t.Error("Ready takes it for an answer")
			}
		})
	}
}

func TestAnswerUnreadable(t *testing.T) {
	for name, body := range map[string]string{"text": "ok", "cut off": `{"version":"1`, "other type": `{"version":"1","connections":"x"}`} {
		t.Run(name, func(t *testing.T) {
			c := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) })
			if s, err := c.Status(t.Context()); err == nil || s.Version != "" {
				t.Errorf("got %+v, %v", s, err)
			}
		})
	}
}

func TestPaths(t *testing.T) {
	var got string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Method + " " + r.RequestURI
		fmt.Fprint(w, `{}`)
	})
	ctx := t.Context()
	for want, call := range map[string]func() error{
		"GET /claviger/accounts/mail/a%20b%2Fc":        func() error { _, err := c.FindAccount(ctx, "mail", "a b/c"); return err },
		"POST /claviger/accounts/ca_x/disconnect":      func() error { _, err := c.Disconnect(ctx, "ca_x"); return err },
		"POST /claviger/accounts/mail/a+b/disconnect":  func() error { _, err := c.DisconnectNamed(ctx, "mail", "a+b"); return err },
		"DELETE /claviger/connections/mail":            func() error { return c.DeleteConnection(ctx, "mail") },
		"GET /claviger/connections?after=x%3D&limit=7": func() error { _, err := c.Connections(ctx, client.PageQuery{Limit: 7, After: "x="}); return err },
		"GET /claviger/accounts?identifier=a%2Bb&status=EXPIRED": func() error {
			_, err := c.Accounts(ctx, client.AccountQuery{Identifier: "a+b", Status: client.StatusExpired})
			return err
		},
	} {
		if err := call(); err != nil || got != want {
			t.Errorf("got %s (%v), want %s", got, err, want)
		}
	}
}

func TestProbes(t *testing.T) {
	status, answer := http.StatusOK, `{"status":"ok"}`
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/claviger/live" && r.URL.Path != "/claviger/ready" {
			t.Errorf("asked %s", r.URL)
		}
		w.WriteHeader(status)
		fmt.Fprint(w, answer)
	})
	if err := c.Live(t.Context()); err != nil {
		t.Error(err)
	}
	if got, err := c.Ready(t.Context()); err != nil || got.Status != "ok" || got.Checks != nil {
		t.Errorf("got %+v, %v", got, err)
	}
	status, answer = http.StatusServiceUnavailable, `{"status":"failing","checks":[{"name":"vault","ok":false,"detail":"d","next":"n"}]}`
	if got, err := c.Ready(t.Context()); err != nil || got.Status != "failing" || !slices.Equal(got.Checks, []client.Check{{Name: "vault", Detail: "d", Next: "n"}}) {
		t.Errorf("got %+v, %v", got, err)
	}
	var e *client.Error
	if err := c.Live(t.Context()); !errors.As(err, &e) || e.Status != status {
		t.Errorf("got %v", err)
	}
}

func TestAll(t *testing.T) {
	pages := map[string]string{
		"":  `{"items":[{"id":"1"},{"id":"2"}],"next":"b"}`,
		"b": `{"items":[],"next":"c"}`,
		"c": `{"items":[{"id":"3"}],"next":"d"}`,
	}
	calls := 0
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		calls++
		if got := r.URL.Query().Get("limit"); got != "200" {
			t.Errorf("limit is %q", got)
		}
		page, ok := pages[r.URL.Query().Get("after")]
		if !ok {
			w.WriteHeader(http.StatusServiceUnavailable)
			page = `{"code":"vault_unavailable"}`
		}
		fmt.Fprint(w, page)
	})
	var got []string
	for a, err := range c.AllAccounts(t.Context(), client.AccountQuery{}) {
		if err != nil {
			var e *client.Error
			if !errors.As(err, &e) {
				t.Fatal(err)
			}
			got = append(got, e.Code)
			continue
		}
		got = append(got, a.ID)
	}
	if s := strings.Join(got, " "); s != "1 2 3 vault_unavailable" || calls != 4 {
		t.Errorf("got %s in %d calls", s, calls)
	}
	calls = 0
	for range c.AllConnections(t.Context()) {
		break
	}
	if calls != 1 {
		t.Errorf("%d pages were asked for after a break, want 1", calls)
	}
}

func TestCanceled(t *testing.T) {
	c := serve(t, func(http.ResponseWriter, *http.Request) {})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Live(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
