package integration

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/internal/fakeprovider"
	"github.com/claviger-proxy/claviger/vault"
)

// What a request may say of its account, and what it is told when that does not do.
func TestAccountNotFound(t *testing.T) {
	s := start(t, options{})
	s.get("/api/me").want(t, 400, "account_tag_missing")
	id := s.connect("alice", "user_1").ID
	s.get("/api/me").want(t, 400, "account_tag_missing")
	s.get("/@/api/me").want(t, 400, "account_tag_invalid")
	s.get("/@demo").want(t, 400, "account_tag_invalid")
	s.get("/@demo/").want(t, 400, "account_tag_invalid")
	s.get("/api/me", "Connected-Account: demo/nobody").want(t, 404, "account_not_found")
	s.get("/@demo/nobody/api/me").want(t, 404, "account_not_found")
	s.get("/@nowhere/user_1/api/me").want(t, 404, "connection_not_found")
	s.get("/api/me", "Connected-Account: "+string(vault.NewAccountID())).want(t, 404, "account_not_found")
	s.get("/api/me", "Connected-Account: "+id[:len(id)-1]).want(t, 400, "account_tag_invalid")
	s.get("/api/me", "Connected-Account: "+id+"0").want(t, 400, "account_tag_invalid")
	s.get("/api/me", "Connected-Account: "+id, "Connected-Base: upload").want(t, 400, "base_unknown")

	other := s.connect("bob", "user_2").ID
	a := s.get("/api/me")
	a.want(t, 409, "account_ambiguous")
	found := map[string]string{}
	for _, c := range a.document().Candidates {
		found[c.Account] = c.Connection + "/" + c.Identifier
	}
	if len(found) != 2 || found[id] != "demo/user_1" || found[other] != "demo/user_2" {
		t.Errorf("got candidates %v", found)
	}
	if n := s.provider.Requests("/api/me"); n != 2 { // those of the two consents
		t.Errorf("the provider saw %d requests", n)
	}
}

// reconnects follows the link of a problem, and expects the same account to work again.
func (s *sidecar) reconnects(a answer, user, id string) {
	s.t.Helper()
	link := a.document().ReconnectURL
	if !strings.HasPrefix(link, s.callback()[:strings.LastIndex(s.callback(), "/")]) {
		s.t.Fatalf("got reconnect_url %q, want one of the callback's site", link)
	}
	s.consent(link, user)
	s.get("/api/me", "Connected-Account: "+id).wantOK(s.t)
	if got := s.account("demo", "user_1"); got.ID != id || got.Status != "ACTIVE" {
		s.t.Errorf("the account is %s %s after the second consent, want %s ACTIVE", got.ID, got.Status, id)
	}
}

// a grant that the provider has ended expires the account, which keeps its ID.
func TestAccountExpired(t *testing.T) {
	s := start(t, options{})
	id := s.connect("alice", "user_1").ID
	s.provider.RevokeUser("alice")
	a := s.get("/api/me", "Connected-Account: "+id)
	if a.StatusCode != 401 || a.Header.Get("Claviger-Error") != "" {
		t.Errorf("got %d %q, want the provider's own 401 to the request that found out", a.StatusCode, a.Header.Get("Claviger-Error"))
	}
	s.provider.ResetLog()
	for range 3 {
		a = s.get("/api/me", "Connected-Account: "+id)
		a.want(t, 409, "account_expired")
	}
	if n := len(s.provider.Log()); n != 0 {
		t.Errorf("the provider saw %d requests for a dead grant", n)
	}
	s.reconnects(a, "alice", id)
}

// An access token that has died by the clock and cannot be refreshed is told before anything is sent.
func TestAccountExpiredByClock(t *testing.T) {
	s := start(t, options{provider: fakeprovider.Config{AccessTTL: time.Second}})
	id := s.connect("alice", "user_1").ID
	s.provider.RevokeUser("alice")
	var a answer
	await(t, "the account is expired", func() bool {
		a = s.get("/api/me", "Connected-Account: "+id)
		return a.StatusCode == 409
	})
	a.want(t, 409, "account_expired")
	if d := a.document(); d.Reason != "invalid_grant" {
		t.Errorf("got reason %q, want invalid_grant", d.Reason)
	}
	s.reconnects(a, "alice", id)
}

func TestAccountDisconnected(t *testing.T) {
	s := start(t, options{})
	id := s.connect("alice", "user_1").ID
	d, err := s.api().Disconnect(t.Context(), id)
	if err != nil || !d.Revoked || s.provider.LiveGrants("alice") != 0 {
		t.Errorf("got %+v, %v and %d live grants", d, err, s.provider.LiveGrants("alice"))
	}
	s.provider.ResetLog()
	a := s.get("/api/me", "Connected-Account: demo/user_1")
	a.want(t, 409, "account_disconnected")
	if n := len(s.provider.Log()); n != 0 {
		t.Errorf("the provider saw %d requests", n)
	}
	s.reconnects(a, "alice", id)
}

// elsewhere is a connection whose API is at another port than its OAuth server.
func elsewhere(base string) options {
	return options{
		connectors: map[string]string{"elsewhere": "api:\n  base_url: " + base},
		proxy:      "transport {\n\tresponse_header_timeout 300ms\n}",
	}
}

// A provider that does not answer is told apart by how it does not.
func TestProviderFails(t *testing.T) {
	garbage := func(text string) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() { // ends with the listener
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				conn.Read(make([]byte, 4096))
				io.WriteString(conn, text)
				conn.Close()
			}
		}()
		return "http://" + l.Addr().String()
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	defer slow.Close()
	selfSigned := httptest.NewTLSServer(http.NotFoundHandler())
	defer selfSigned.Close()
	for _, c := range []struct {
		name, base string
		status     int
		code       string
	}{
		{"refused", fmt.Sprintf("http://127.0.0.1:%d", freePort(t)), 502, "provider_unreachable"},
		{"no such host", "https://no-such-host.invalid", 502, "provider_unreachable"},
		{"TLS to a plain server", "https://localhost:" + plain.URL[strings.LastIndex(plain.URL, ":")+1:], 502, "provider_tls"},
		{"unknown certificate", "https://localhost:" + selfSigned.URL[strings.LastIndex(selfSigned.URL, ":")+1:], 502, "provider_tls"},
		{"slow", slow.URL, 504, "provider_timeout"},
		{"no HTTP", garbage("SSH-2.0-OpenSSH_9.9\r\n"), 502, "provider_bad_answer"},
		{"closed", garbage(""), 502, "provider_bad_answer"},
		{"F-13 two lengths", garbage("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc"), 502, "provider_bad_answer"},
		{"H-06 upgrade without being asked", garbage("HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\nConnection: Upgrade\r\n\r\n"), 502, "provider_bad_answer"},
		{"line break in a header", garbage("HTTP/1.1 200 OK\r\nX-A: \x00\r\n\r\n"), 502, "provider_bad_answer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, elsewhere(c.base))
			s.connectAt("elsewhere", "alice", "user_1")
			for _, method := range []string{"GET", "POST"} {
				a := s.do(method, "/x?secret=1", strings.NewReader("body"), "Connected-Account: elsewhere/user_1")
				a.want(t, c.status, c.code)
				if strings.Contains(a.body, strings.SplitN(c.base, "//", 2)[1]) || strings.Contains(a.body, "secret") {
					t.Errorf("the problem tells an address: %s", a.body)
				}
			}
			s.connect("alice", "user_1")
			s.get("/api/me", "Connected-Account: demo/user_1").wantOK(t)
		})
	}
}

// The provider's own errors pass as they are, and do not look like ours.
func TestProviderErrorsPass(t *testing.T) {
	s := start(t, options{})
	s.connect("alice", "user_1")
	for _, code := range []int{400, 402, 403, 404, 405, 409, 410, 413, 415, 418, 421, 422, 429, 451, 500, 501, 502, 503, 504, 599} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			body := fmt.Sprintf(`{"type":"about:blank","code":"account_expired","status":%d}`, code)
			s.provider.SetFault("/api/x", fakeprovider.Fault{
				Status: code, Body: body, ContentType: "application/problem+json",
				Header: http.Header{"Claviger-Error": {"account_expired"}, "Retry-After": {"7"}, "X-Request-Id": {"r1"}},
			})
			a := s.in(t).get("/api/x", "Connected-Account: demo/user_1")
			if a.StatusCode != code || a.body != body || a.Header["Claviger-Error"] != nil ||
				a.Header.Get("Retry-After") != "7" || a.Header.Get("X-Request-Id") != "r1" {
				t.Errorf("got %d %v %s", a.StatusCode, a.Header, a.body)
			}
		})
	}
	if a := s.account("demo", "user_1"); a.Status != "ACTIVE" {
		t.Errorf("the account is %s, want ACTIVE", a.Status)
	}
}
