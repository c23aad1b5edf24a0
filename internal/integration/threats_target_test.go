package integration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

// THREATS.md 3.2: nothing in a request changes where it goes.
func TestThreatTargets(t *testing.T) {
	s := startThreats(t, options{})
	path := func(name, target string) row {
		return row{name: name, send: "GET " + target + " HTTP/1.1⏎ H K A ⏎", status: []int{400}, code: "path_not_allowed"}
	}
	form := func(name, target string) row {
		return row{name: name, send: "GET " + target + " HTTP/1.1⏎ H K A ⏎", status: []int{400}, code: "target_not_allowed"}
	}
	s.run(t, []row{
		path("S-01 two slashes", "//evil.test/v1/me"),
		path("S-01 two slashes, evil listener", "//EVIL/v1/me"),
		path("S-01 behind a tag", "/@acc_a//EVIL/v1/me"),
		form("S-02 absolute-form", "http://evil.test/v1/me"),
		form("S-02 evil listener", "http://EVIL/v1/me"),
		{name: "S-02 with its own Host", send: "GET http://EVIL/v1/me HTTP/1.1⏎ Host: EVIL⏎ K A ⏎", status: []int{400, 421}},
		{name: "S-02b user info", send: "GET http://user:pw@evil.test/ HTTP/1.1⏎ H K A ⏎", status: []int{400, 421}},
		{name: "S-02c ftp", send: "GET ftp://evil.test/ HTTP/1.1⏎ H K A ⏎", status: []int{400, 421}},
		form("S-03 absolute-form, right host", "http://P/api/echo/x"),
		{name: "S-04 tunnel", send: "CONNECT evil.test:443 HTTP/1.1⏎ Host: evil.test:443⏎ K A ⏎", status: []int{405, 421}},
		{name: "S-04 tunnel to the evil listener", send: "CONNECT EVIL HTTP/1.1⏎ H K A ⏎", status: []int{405}, code: "method_not_allowed"},
		{name: "S-04 tunnel to ourselves", send: "CONNECT P HTTP/1.1⏎ H K A ⏎", status: []int{400, 405}},
		{name: "S-05 other Host", send: "GET /v1/me HTTP/1.1⏎ Host: evil.test⏎ K A ⏎", status: []int{421}, code: "host_not_allowed"},
		{name: "S-06 two Hosts", send: "GET /v1/me HTTP/1.1⏎ H Host: evil.test⏎ K A ⏎", status: []int{400}},
		{name: "S-06 no Host", send: "GET /v1/me HTTP/1.1⏎ K A ⏎", status: []int{400}},
		path("S-07 encoded dots", "/api/echo/v1/%2e%2e/admin"),
		path("S-07 dots", "/api/echo/v1/../../admin"),
		path("S-07 half encoded", "/api/echo/v1/.%2e/admin"),
		path("S-07 dots and slash encoded", "/api/echo/v1/%2E%2E%2Fadmin"),
		path("S-07 one dot", "/api/echo/./admin"),
		path("S-07 out of the tag", "/@acc_a/../admin"),
		path("S-07 tag out of the path", "/@acc_a/api/..%2f@acc_b/me"),
		path("S-07 at the end", "/api/echo/.."),
		path("S-08 parameter", "/api/echo/v1/..;/admin"),
		path("S-08 parameter with value", "/api/echo/v1/..;a=b/admin"),
		path("S-10 encoded twice", "/api/echo/%252e%252e%252fadmin"),
		path("S-11 encoded backslash", "/api/echo/v1/%5c..%5cadmin"),
		path("S-11 backslash", `/api/echo/v1\..\admin`),
		path("S-12 NUL", "/api/echo/%00"),
		path("S-12 line break", "/api/echo/%0d%0aX-Evil:1"),
		path("S-13 fragment", "/api/echo/v1/me#/admin"),
		path("S-13 fragment and dots", "/api/echo/allowed#/../denied"),
		{name: "S-13 fragment in the query", send: "GET /api/echo?a#b HTTP/1.1⏎ H K A ⏎", status: []int{400}, code: "target_not_allowed"},
		{name: "S-17 OPTIONS *", send: "OPTIONS * HTTP/1.1⏎ H K A ⏎", status: []int{200, 400}},
		{name: "S-17 GET *", send: "GET * HTTP/1.1⏎ H K A ⏎", status: []int{400}},
		{name: "S-17 HTTP/2 preface", send: "PRI * HTTP/2.0⏎⏎SM⏎⏎", status: []int{0, 400}},
		{name: "S-17 preface with headers", send: "PRI * HTTP/1.1⏎ H K A ⏎", status: []int{400, 405}},
		{
			name: "S-21 other base", send: "GET /api/echo HTTP/1.1⏎ H K A Base-Url-Override: http://EVIL⏎ X-Upstream-URL: http://EVIL⏎ ⏎",
			status: []int{200}, upstream: 1, check: as("alice"),
		},
	})
	t.Run("S-04 the connection ends", func(t *testing.T) {
		got := raw(t, s.ports.proxy, s.wire("CONNECT EVIL HTTP/1.1⏎ H K A ⏎GET /api/me HTTP/1.1⏎ H K A ⏎"))
		if n := strings.Count(got, "HTTP/1.1 "); n != 1 {
			t.Errorf("got %d answers after a refused CONNECT:\n%s", n, got)
		}
		s.invariants(t)
	})
}

// S-09: whatever is accepted arrives byte for byte.
func TestThreatExactTargets(t *testing.T) {
	s := startThreats(t, options{})
	for _, target := range []string{
		"/api/echo/api/v4/projects/grp%2Fname",
		"/api/echo/api/v4/projects/grp%2fname/x%2Fy",
		"/api/echo/calendars/me%40example.com/events",
		"/api/echo/calendars/me@example.com/events",
		"/api/echo/a%20b+c%2Bd",
		"/api/echo/%E2%82%AC/%e2%82%ac",
		"/api/echo/a//b///",
		"/api/echo/~!$&'()*+,;=:@-._",
		"/api/echo/%7E%21%24%41",
		"/api/echo/x;y=1/z;v=2",
		"/api/echo/files:batch",
		"/api/echo/[1]",
		"/api/echo/%25",
		"/api/echo/...",
		"/api/echo/@acc_b/me",
		"/api/echo/",
		"/api/echo",
		"/api/echo?",
		"/api/echo?a=b&c=%2F%2f&d=1+2%20&e",
		"/api/echo?q=/../x//y&u=http://evil.test/",
		"/api/echo?a;b&&=&a=1&a=2",
		"/api/echo?x=%zz",
	} {
		for _, way := range []struct{ name, prefix, header string }{
			{"header", "", "A "}, {"ID in the path", "/@acc_a", ""}, {"name in the path", "/@demo/user_a", ""},
		} {
			t.Run(way.name+target, func(t *testing.T) {
				s.provider.ResetLog()
				want := s.wire(target)
				a := exchange(t, s.ports.proxy, s.wire("GET "+way.prefix+target+" HTTP/1.1⏎ H K "+way.header+"⏎"))
				log := s.provider.Log()
				if a.StatusCode != 200 || len(log) != 1 || log[0].URI != want || log[0].User != "alice" {
					t.Fatalf("got %d, the provider saw %v, want 200 and GET %s", a.StatusCode, uris(log), want)
				}
				if host := fmt.Sprintf("127.0.0.1:%d", s.provider.Port()); log[0].Host != host {
					t.Errorf("the provider saw Host %s, want %s", log[0].Host, host)
				}
			})
		}
	}
	s.invariants(t)
}

// S-27: redirects are for the caller to follow or not.
func TestThreatRedirects(t *testing.T) {
	s := startThreats(t, options{})
	for _, code := range []int{301, 302, 303, 307, 308} {
		for _, method := range []string{"GET", "POST"} {
			for name, to := range map[string]string{
				"elsewhere":          "http://EVIL/v1/me?x=1",
				"tls":                "https://EVIL/v1/me",
				"other port":         "http://127.0.0.1:1/v1/me",
				"no scheme":          "//EVIL/v1/me",
				"user info":          "http://127.0.0.1:@port@@EVIL/",
				"own host with user": "http://a@127.0.0.1:@port@/api/me",
			} {
				t.Run(fmt.Sprintf("S-27 %d %s %s", code, method, name), func(t *testing.T) {
					to := s.fill(s.wire(to))
					s.provider.SetFault("/api/moved", fakeprovider.Fault{Status: code, Header: map[string][]string{"Location": {to}}, Body: "moved"})
					s.provider.ResetLog()
					a := s.in(t).do(method, "/api/moved", strings.NewReader("body"), "Connected-Account: "+s.alice)
					if got := a.Header.Get("Location"); a.StatusCode != code || got != to || a.body != "moved" {
						t.Errorf("got %d to %q with %q, want %d to %q", a.StatusCode, got, a.body, code, to)
					}
					if n := len(s.provider.Log()); n != 1 {
						t.Errorf("the provider saw %d requests, want 1", n)
					}
					s.evil.check(t)
				})
			}
		}
	}
	s.invariants(t)
}
