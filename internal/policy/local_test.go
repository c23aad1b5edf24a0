package policy_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/claviger-proxy/claviger/internal/policy"
)

// on returns a request that came in on the local address.
func on(local net.Addr) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/v1/me", nil)
	if local == nil {
		return r
	}
	return r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, local))
}

func TestCheckHost(t *testing.T) {
	tcp := &net.TCPAddr{IP: net.IPv4(10, 1, 2, 3), Port: 8090}
	udp := &net.UDPAddr{IP: net.ParseIP("2001:db8::7"), Port: 443}
	unix := &net.UnixAddr{Name: "/run/claviger.sock", Net: "unix"}
	tests := []struct {
		name  string // row of the threat list
		local net.Addr
		host  string
		want  string
	}{
		{"localhost", tcp, "localhost", ""},
		{"localhost with port", tcp, "localhost:8090", ""},
		{"upper case", tcp, "LocalHost:8090", ""},
		{"final dot", tcp, "localhost.:8090", ""},
		{"IPv4", tcp, "127.0.0.1:8090", ""},
		{"IPv4 of the loopback net", tcp, "127.9.9.9", ""},
		{"IPv6", tcp, "[::1]:8090", ""},
		{"IPv6 without port", tcp, "[::1]", ""},
		{"IPv4 in IPv6", tcp, "[::ffff:127.0.0.1]", ""},
		{"connection's own", tcp, "10.1.2.3:8090", ""},
		{"connection's own, in IPv6", tcp, "[::ffff:10.1.2.3]", ""},
		{"connection's own over HTTP/3", udp, "[2001:db8::7]", ""},
		{"no local address known", nil, "127.0.0.1", ""},
		{"unix, any", unix, "whatever.test", ""},
		{"unix, none", unix, "", ""},
		{"allowed", tcp, "Claviger.Internal.:8090", ""},

		{"A-01 S-05", tcp, "evil.test", policy.CodeHost},
		{"A-01 with port", tcp, "rebind.evil.test:8090", policy.CodeHost},
		{"A-01 look-alike", tcp, "localhost.evil.test", policy.CodeHost},
		{"A-01 address as label", tcp, "127.0.0.1.evil.test", policy.CodeHost},
		{"A-01 subdomain", tcp, "x.localhost", policy.CodeHost},
		{"other address of the machine", tcp, "10.1.2.4:8090", policy.CodeHost},
		{"unspecified", tcp, "0.0.0.0:8090", policy.CodeHost},
		{"short form", tcp, "127.1", policy.CodeHost},
		{"number", tcp, "2130706433", policy.CodeHost},
		{"none", tcp, "", policy.CodeHost},
		{"port alone", tcp, ":8090", policy.CodeHost},
		{"S-06 user", tcp, "a@localhost", policy.CodeHost},
		{"S-06 user in the port", tcp, "localhost:x@evil.test", policy.CodeHost},
		{"S-06 path", tcp, "localhost/x", policy.CodeHost},
		{"bracket left open", tcp, "[::1", policy.CodeHost},
		{"text after the bracket", tcp, "[::1]evil.test", policy.CodeHost},
		{"IPv6 without brackets", tcp, "::1", policy.CodeHost},
		{"name in brackets", tcp, "[localhost]", policy.CodeHost},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := on(tt.local)
			r.Host = tt.host
			allowed := func(name string) bool { return name == "claviger.internal" }
			wantCode(t, policy.CheckHost(r, allowed), tt.want)
		})
	}
}

func TestCheckCaller(t *testing.T) {
	tcp := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8090}
	unix := &net.UnixAddr{Name: "/run/claviger.sock", Net: "unix"}
	tests := []struct {
		name   string
		local  net.Addr
		remote string
		want   string
	}{
		{"IPv4", tcp, "127.0.0.1:4711", ""},
		{"IPv4 of the loopback net", tcp, "127.8.7.6:4711", ""},
		{"IPv6", tcp, "[::1]:4711", ""},
		{"IPv6 with zone", tcp, "[::1%lo]:4711", ""},
		{"IPv4 in IPv6", tcp, "[::ffff:127.0.0.1]:4711", ""},
		{"unix", unix, "@", ""},
		{"unix, unnamed", unix, "", ""},
		{"other machine", tcp, "192.0.2.1:4711", policy.CodeCaller},
		{"other machine, IPv6", tcp, "[2001:db8::1]:4711", policy.CodeCaller},
		{"other machine in IPv6", tcp, "[::ffff:192.0.2.1]:4711", policy.CodeCaller},
		{"link-local", tcp, "[fe80::1%eth0]:4711", policy.CodeCaller},
		{"unspecified", tcp, "0.0.0.0:4711", policy.CodeCaller},
		{"no port", tcp, "127.0.0.1", policy.CodeCaller},
		{"@ over TCP", tcp, "@", policy.CodeCaller},
		{"empty over TCP", tcp, "", policy.CodeCaller},
		{"@ from nowhere", nil, "@", policy.CodeCaller},
		{"name", tcp, "localhost:4711", policy.CodeCaller},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := on(tt.local)
			r.RemoteAddr = tt.remote
			wantCode(t, policy.CheckCaller(r), tt.want)
		})
	}
}

func TestUnixListener(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(judge))
	server.Listener.Close()
	server.Listener = l
	server.Start()
	t.Cleanup(server.Close)
	if status, code := raw(t, l.Addr(), "GET /v1/me HTTP/1.1\r\nHost: anything.test\r\n\r\n"); status != 204 {
		t.Errorf("got %d %q, want 204", status, code)
	}
}
