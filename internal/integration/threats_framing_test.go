package integration

import (
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

// THREATS.md 3.3: one request in is at most one request out.
func TestThreatFraming(t *testing.T) {
	s := startThreats(t, options{})
	method := func(m string) row {
		return row{name: "F-08 " + m[:min(len(m), 12)], send: m + " /api/echo HTTP/1.1⏎ H K A ⏎", status: []int{405, 501}}
	}
	s.run(t, []row{
		{name: "F-02 two lengths", send: "POST /api/echo HTTP/1.1⏎ H K A Content-Length: 5⏎ Content-Length: 6⏎ ⏎hello", status: []int{400}},
		{name: "F-02 sign", send: "POST /api/echo HTTP/1.1⏎ H K A Content-Length: +5⏎ ⏎hello", status: []int{400}},
		{name: "F-03 blank before the colon", send: "POST /api/echo HTTP/1.1⏎ H K A Transfer-Encoding·: chunked⏎ ⏎0⏎⏎", status: []int{400}},
		{name: "F-03 unknown coding", send: "POST /api/echo HTTP/1.1⏎ H K A Transfer-Encoding: xchunked⏎ ⏎0⏎⏎", status: []int{501}},
		{name: "F-03 chunked, identity", send: "POST /api/echo HTTP/1.1⏎ H K A Transfer-Encoding: chunked, identity⏎ ⏎0⏎⏎", status: []int{400, 501}},
		{name: "F-03 vertical tab", send: "POST /api/echo HTTP/1.1⏎ H K A Transfer-Encoding: \x0bchunked⏎ ⏎0⏎⏎", status: []int{400, 501}},
		{name: "F-03 two lines", send: "POST /api/echo HTTP/1.1⏎ H K A Transfer-Encoding: chunked⏎ Transfer-Encoding: chunked⏎ ⏎0⏎⏎", status: []int{400, 501}},
		{name: "F-05 trailers", send: "POST /api/trailers HTTP/1.1⏎ H K A TE: trailers⏎ Trailer: Authorization⏎ Transfer-Encoding: chunked⏎ ⏎" +
			"2⏎hi⏎0⏎Authorization: Bearer mine⏎ ⏎", status: []int{200}, upstream: 1, check: as("alice", "Te")},
		{name: "F-07 expectation", send: "POST /api/echo HTTP/1.1⏎ H K A Expect: 200-maybe⏎ Content-Length: 0⏎ ⏎", status: []int{417}},
		method("GeT"), method("TRACE"), method("TRACK"), method("DEBUG"), method("FOO"), method(strings.Repeat("X", 5000)),
		method("PROPFIND"), method("PURGE"),
	})
	t.Run("F-01 length and chunks", func(t *testing.T) {
		s.provider.ResetLog()
		got := raw(t, s.ports.proxy, s.wire("POST /api/echo/v1/n HTTP/1.1⏎ H K A Content-Length: 6⏎ Transfer-Encoding: chunked⏎ ⏎"+
			"0⏎⏎GET /api/echo/v1/admin HTTP/1.1⏎ Host: x⏎ ⏎"))
		log := s.provider.Log()
		if len(log) > 1 || len(log) == 1 && log[0].URI != "/api/echo/v1/n" {
			t.Errorf("the provider saw %v", uris(log))
		}
		if strings.Count(got, "HTTP/1.1 2") > 1 {
			t.Errorf("two successes for one request:\n%s", got)
		}
		s.invariants(t)
	})
	t.Run("F-06 refused with a body, then another request", func(t *testing.T) {
		s.provider.ResetLog()
		body := strings.Repeat("GET /api/echo/v1/admin HTTP/1.1\r\n"+s.wire("⏎ H A ⏎")[2:], 100)
		raw(t, s.ports.proxy, s.wire("POST //v1/n HTTP/1.1⏎ H K A Content-Length: 1000000⏎ ⏎")+body)
		if log := s.provider.Log(); len(log) != 0 {
			t.Errorf("the provider saw %v", uris(log))
		}
		s.invariants(t)
	})
}

// THREATS.md 3.4: what Connection lists is never what we have put there.
func TestThreatHops(t *testing.T) {
	s := startThreats(t, options{connectors: map[string]string{"keyed": `api:
  base_url: http://127.0.0.1:{app.port}
inject:
  - {in: header, name: Authorization, template: "Bearer {token}"}
  - {in: header, name: X-Api-Key, template: "key-{token}"}`}})
	keyed := s.connectAt("keyed", "alice", "user_k").ID
	oneKey := func(t *testing.T, e fakeprovider.Entry) {
		t.Helper()
		as("alice", "X-Api-Key")(t, e)
		if got := e.Header["X-Api-Key"]; len(got) != 1 || !strings.HasPrefix(got[0], "key-fpa_") {
			t.Errorf("got %d X-Api-Key headers, want the injected one", len(got))
		}
	}
	const ws = "Upgrade: websocket⏎ Connection: Upgrade⏎ Sec-WebSocket-Version: 13⏎ Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==⏎ "
	upgrade := func(name, send string) row {
		return row{name: name, send: send, status: []int{400}, code: "upgrade_not_allowed"}
	}
	listed := func(name string) row {
		return row{
			name: "H-02 " + name, status: []int{200}, upstream: 1,
			send: "POST /api/echo HTTP/1.1⏎ H K A Connection: " + name + "⏎ Content-Type: a/b⏎ Content-Length: 2⏎ ⏎hi",
			check: func(t *testing.T, e fakeprovider.Entry) {
				as("alice", "Content-Type", "Content-Length")(t, e)
				if e.Header.Get("Content-Length") != "2" && e.Header.Get("Content-Length") != "" {
					t.Errorf("got Content-Length %q", e.Header.Get("Content-Length"))
				}
			},
		}
	}
	s.run(t, []row{
		{
			name: "H-01 Authorization", send: "GET /api/echo/v1/me HTTP/1.1⏎ H K A Connection: close, Authorization⏎ ⏎",
			status: []int{200}, upstream: 1, check: as("alice"),
		},
		{
			name: "H-02 key", send: strings.ReplaceAll("GET /api/echo/v1/me HTTP/1.1⏎ H K Connected-Account: KEYED⏎ Connection: X-Api-Key⏎ X-Api-Key: x⏎ ⏎", "KEYED", keyed),
			status: []int{200}, upstream: 1, check: oneKey,
		},
		{
			name: "H-02 key in other spellings", send: "GET /@" + keyed + "/api/echo HTTP/1.1⏎ H K x-api-key: x⏎ X_Api_Key: y⏎ X-API-KEY: z⏎ Connection: x_api_key, X-API-KEY⏎ ⏎",
			status: []int{200}, upstream: 1, check: oneKey,
		},
		listed("Host"), listed("Content-Length"), listed("Content-Type"), listed("Cookie"), listed("Transfer-Encoding"),
		{
			name: "H-03 hop-by-hop", send: "GET /api/echo HTTP/1.1⏎ H K A Proxy-Connection: keep-alive⏎ Keep-Alive: timeout=5⏎ TE: gzip⏎ ⏎",
			status: []int{200}, upstream: 1, check: as("alice"),
		},
		{
			name: "H-03 TE: trailers", send: "GET /api/echo HTTP/1.1⏎ H K A TE: trailers⏎ ⏎", status: []int{200}, upstream: 1,
			check: func(t *testing.T, e fakeprovider.Entry) {
				as("alice", "Te")(t, e)
				if e.Header.Get("Te") != "trailers" {
					t.Errorf("got TE %q", e.Header.Get("Te"))
				}
			},
		},
		upgrade("H-04 h2c", "GET /api/echo/v1/me HTTP/1.1⏎ H K A Connection: Upgrade, HTTP2-Settings⏎ Upgrade: h2c⏎ HTTP2-Settings: AAMAAABkAAQAAP__⏎ ⏎"),
		upgrade("H-05 foo", "GET /api/ws HTTP/1.1⏎ H K A Connection: Upgrade⏎ Upgrade: foo⏎ ⏎"),
		upgrade("H-05 two protocols", "GET /api/ws HTTP/1.1⏎ H K A Connection: Upgrade⏎ Upgrade: websocket, h2c⏎ ⏎"),
		upgrade("H-07 body", "GET /api/ws HTTP/1.1⏎ H K A "+ws+"Content-Length: 4⏎ ⏎abcd"),
		upgrade("H-07 chunks", "GET /api/ws HTTP/1.1⏎ H K A "+ws+"Transfer-Encoding: chunked⏎ ⏎0⏎⏎"),
		upgrade("H-07 POST", "POST /api/ws HTTP/1.1⏎ H K A "+ws+"⏎"),
		upgrade("H-07 HTTP/1.0", "GET /api/ws HTTP/1.0⏎ H K A "+ws+"⏎"),
		upgrade("H-07 two keys", "GET /api/ws HTTP/1.1⏎ H K A "+ws+"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==⏎ ⏎"),
		upgrade("H-07 version 12", "GET /api/ws HTTP/1.1⏎ H K A "+strings.Replace(ws, "13", "12", 1)+"⏎"),
		{
			name: "H-07 a good one", send: "GET /api/ws HTTP/1.1⏎ H K A " + ws + "⏎", status: []int{101}, upstream: 1,
			check: as("alice", "Connection", "Upgrade", "Sec-Websocket-Version", "Sec-Websocket-Key"),
		},
	})
}
