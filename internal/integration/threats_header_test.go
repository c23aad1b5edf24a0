package integration

import (
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

// THREATS.md 3.5 and 3.11: what callers and web pages send along.
func TestThreatHeaders(t *testing.T) {
	s := startThreats(t, options{})
	gone := func(name, lines string) row {
		return row{
			name: name, send: "POST /api/echo/v1/me HTTP/1.1⏎ H K A " + lines + "Content-Length: 0⏎ ⏎",
			status: []int{200}, upstream: 1, check: as("alice", "Content-Length"),
		}
	}
	s.run(t, []row{
		gone("C-01 twice", "Authorization: Bearer mine⏎ authorization: Basic eA==⏎ "),
		gone("C-01 other spellings", "aUTHORIZATION: Bearer mine⏎ Authorization:⏎ "),
		gone("C-01 listed and sent", "Authorization: Bearer mine⏎ Connection: authorization, AUTHORIZATION⏎ "),
		gone("C-03 cookie", "Cookie: session=1⏎ Cookie: b=2⏎ "),
		gone("C-04 X-HTTP-Method-Override", "X-HTTP-Method-Override: DELETE⏎ "),
		gone("C-04 X-Method-Override", "X-Method-Override: DELETE⏎ X-HTTP-Method: DELETE⏎ "),
		gone("C-05 forwarded", "X-Forwarded-For: 1.2.3.4⏎ X-Forwarded-Host: evil.test⏎ X-Forwarded-Proto: https⏎ "+
			"X-Forwarded-Port: 1⏎ Forwarded: for=1.2.3.4⏎ X-Real-IP: 1.2.3.4⏎ "),
		gone("C-05 other URL", "X-Original-URL: /admin⏎ X-Rewrite-URL: /admin⏎ X_Forwarded_For: 1⏎ "),
		gone("C-05 via", "Via: 1.1 x⏎ "),
		gone("C-07 referer", "Referer: http://127.0.0.1/secret⏎ Sec-Fetch-Site: none⏎ Sec-Fetch-Mode: cors⏎ "),
		gone("C-10 tracing", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01⏎ tracestate: a=b⏎ baggage: user=1⏎ "),
		{
			name: "C-02 access_token", send: "GET /api/echo/v1/me?access_token=mine&a=1 HTTP/1.1⏎ H K A ⏎", status: []int{200}, upstream: 1,
			check: func(t *testing.T, e fakeprovider.Entry) {
				as("alice")(t, e)
				if e.URI != "/api/echo/v1/me?a=1" {
					t.Errorf("the provider saw %s", e.URI)
				}
			},
		},
		{name: "A-01 rebinding", send: "GET /v1/me HTTP/1.1⏎ Host: rebind.evil.test:8787⏎ K A ⏎", status: []int{421}, code: "host_not_allowed"},
		{name: "A-01 name with a loopback label", send: "GET /v1/me HTTP/1.1⏎ Host: 127.0.0.1.evil.test⏎ K A ⏎", status: []int{421}, code: "host_not_allowed"},
		{name: "A-02 Origin: null", send: "GET /v1/me HTTP/1.1⏎ H K A Origin: null⏎ ⏎", status: []int{403}, code: "browser_not_allowed"},
		{name: "A-02 other origin", send: "GET /v1/me HTTP/1.1⏎ H K A Origin: https://evil.test⏎ ⏎", status: []int{403}, code: "browser_not_allowed"},
		{name: "A-02 cross-site", send: "GET /v1/me HTTP/1.1⏎ H K A Sec-Fetch-Site: cross-site⏎ ⏎", status: []int{403}, code: "browser_not_allowed"},
		{
			name: "A-02 preflight", send: "OPTIONS /v1/me HTTP/1.1⏎ H K Origin: https://evil.test⏎ Access-Control-Request-Method: GET⏎ ⏎",
			status: []int{403}, code: "browser_not_allowed",
		},
		{name: "A-12 WebSocket of a page", send: "GET /@acc_a/api/ws HTTP/1.1⏎ H Upgrade: websocket⏎ Connection: Upgrade⏎ Sec-WebSocket-Version: 13⏎ " +
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==⏎ Origin: https://evil.test⏎ ⏎", status: []int{403}, code: "browser_not_allowed"},
	})
	t.Run("C-03 answer", func(t *testing.T) {
		s.provider.SetFault("/api/cookie", fakeprovider.Fault{Body: "{}", Header: map[string][]string{
			"Set-Cookie": {"session=1", "b=2"}, "Alt-Svc": {`h3=":443"`},
		}})
		a := s.in(t).get("/api/cookie", "Connected-Account: "+s.alice)
		a.wantOK(t)
		if a.Header["Set-Cookie"] != nil || a.Header["Alt-Svc"] != nil {
			t.Errorf("got Set-Cookie %q and Alt-Svc %q", a.Header["Set-Cookie"], a.Header["Alt-Svc"])
		}
	})
}

// at the management API.
func TestThreatAdmin(t *testing.T) {
	s := startThreats(t, options{})
	for _, r := range []struct {
		name, send string
		status     []int
	}{
		{"A-01 rebinding", "GET /claviger/accounts HTTP/1.1⏎ Host: rebind.evil.test⏎ ⏎", []int{403, 421}},
		{"A-02 Origin", "GET /claviger/accounts HTTP/1.1⏎ Host: ADMIN⏎ Origin: https://evil.test⏎ ⏎", []int{403}},
		{"A-02 null", "GET /claviger/accounts HTTP/1.1⏎ Host: ADMIN⏎ Origin: null⏎ ⏎", []int{400, 403}},
		{"A-02 page's script", "GET /claviger/accounts HTTP/1.1⏎ Host: ADMIN⏎ Sec-Fetch-Site: cross-site⏎ Sec-Fetch-Mode: cors⏎ ⏎", []int{403}},
		{"A-02 page's image", "GET /claviger/accounts HTTP/1.1⏎ Host: ADMIN⏎ Sec-Fetch-Site: cross-site⏎ Sec-Fetch-Mode: no-cors⏎ ⏎", []int{400, 403}},
		{"A-02 page's form", "POST /claviger/links HTTP/1.1⏎ Host: ADMIN⏎ Sec-Fetch-Site: cross-site⏎ Content-Type: application/json⏎ Content-Length: 2⏎ ⏎{}", []int{403}},
		{"A-03 form", "POST /claviger/links HTTP/1.1⏎ Host: ADMIN⏎ Content-Type: text/plain⏎ Content-Length: 2⏎ ⏎{}", []int{403, 415}},
		{"A-03 no GET changes anything", "GET /claviger/accounts/acc_a/disconnect HTTP/1.1⏎ Host: ADMIN⏎ ⏎", []int{400, 404, 405}},
		{"good", "GET /claviger/accounts HTTP/1.1⏎ Host: ADMIN⏎ ⏎", []int{200}},
	} {
		t.Run(r.name, func(t *testing.T) {
			text := strings.ReplaceAll(s.wire(r.send), "ADMIN", strings.TrimPrefix(s.admin(), "http://"))
			a := exchange(t, s.ports.admin, text)
			if !oneOf(a.StatusCode, r.status...) {
				t.Errorf("got %d, want one of %v\n%s", a.StatusCode, r.status, a.body)
			}
			if h := a.Header.Get("Access-Control-Allow-Origin"); h != "" {
				t.Errorf("a page of %s may read the answer", h)
			}
		})
	}
	t.Run("A-04 the data plane serves no admin route", func(t *testing.T) {
		s.provider.ResetLog()
		a := s.in(t).get("/claviger/accounts", "Connected-Account: "+s.alice)
		if a.StatusCode != 404 || s.provider.Requests("/claviger/accounts") != 1 {
			t.Errorf("got %d, the provider saw %v; want the provider's 404", a.StatusCode, uris(s.provider.Log()))
		}
	})
	s.invariants(t)
}

// L-19 and L-20: our own errors tell nothing, and the provider's pass as they are.
func TestThreatErrors(t *testing.T) {
	s := startThreats(t, options{})
	t.Run("L-19 cut connection", func(t *testing.T) {
		s.provider.SetFault("/api/cut", fakeprovider.Fault{Destroy: true})
		s.provider.ResetLog()
		a := s.in(t).get("/api/cut?secret=1", "Connected-Account: "+s.alice)
		a.want(t, 502, "provider_bad_answer")
		for _, word := range []string{"127.0.0.1", "secret", "/api/cut", "EOF", "http"} {
			if strings.Contains(strings.ReplaceAll(a.body, a.document().Type, ""), word) {
				t.Errorf("the error says %q: %s", word, a.body)
			}
		}
		s.invariants(t)
	})
	t.Run("L-19 caller goes away", func(t *testing.T) {
		s.provider.SetFault("/api/hang", fakeprovider.Fault{Hang: true})
		conn := dialRaw(t, s.ports.proxy)
		conn.Write([]byte(s.wire("GET /api/hang HTTP/1.1⏎ H A ⏎")))
		await(t, "the request is at the provider", func() bool { return s.provider.Requests("/api/hang") == 1 })
		conn.Close()
		s.invariants(t)
	})
	t.Run("L-20 provider's 401", func(t *testing.T) {
		s.provider.SetFault("/api/no", fakeprovider.Fault{Status: 401, Body: `{"no":1}`, Header: map[string][]string{
			"Www-Authenticate": {`Bearer realm="x"`}, "Claviger-Error": {"forged"},
		}})
		a := s.in(t).get("/api/no", "Connected-Account: "+s.alice)
		if a.StatusCode != 401 || a.body != `{"no":1}` || a.Header.Get("Www-Authenticate") != `Bearer realm="x"` || a.Header["Claviger-Error"] != nil {
			t.Errorf("got %d %v %s, want the provider's own answer", a.StatusCode, a.Header, a.body)
		}
		s.invariants(t)
	})
}
