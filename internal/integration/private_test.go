package integration

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/claviger-proxy/claviger/client"
)

// nameserver answers every question for an IPv4 address with the next of its addresses, and with the last one
// from then on.
func nameserver(t *testing.T, addresses ...string) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		b := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(b[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			m.Response, m.Additionals = true, nil
			if q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
					Body:   &dnsmessage.AResource{A: netip.MustParseAddr(addresses[0]).As4()},
				}}
				addresses = addresses[min(1, len(addresses)-1):]
			}
			if answer, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(answer, from)
			}
		}
	}()
	return conn.LocalAddr().String()
}

// counting is a listener on loopback that hangs up, and counts.
func counting(t *testing.T) (port string, dialled *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	dialled = new(atomic.Int32)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			dialled.Add(1)
			conn.Close()
		}
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port, dialled
}

// S-22, S-24, A-05: a provider's name that leads into this machine or its network leads nowhere, unless the
// operator has named it. What is dialled is what was checked, also when the name leads elsewhere a moment later.
func TestPrivateHosts(t *testing.T) {
	for _, tt := range []struct {
		name, private, code string
		addresses           []string
		dialled             bool
	}{
		{name: "loopback", addresses: []string{"127.0.0.1"}, code: "provider_address_refused"},
		{name: "metadata", addresses: []string{"169.254.169.254"}, code: "provider_address_refused"},
		{name: "metadata, named", private: "private_hosts api.pinned.test", addresses: []string{"169.254.169.254"}, code: "provider_address_refused"},
		{name: "another is named", private: "private_hosts other.test *.api.pinned.test", addresses: []string{"127.0.0.1"}, code: "provider_address_refused"},
		{name: "named", private: "private_hosts api.pinned.test", addresses: []string{"127.0.0.1"}, code: "provider_bad_answer", dialled: true},
		{name: "named with all of a domain", private: "private_hosts *.pinned.test", addresses: []string{"127.0.0.1"}, code: "provider_bad_answer", dialled: true},
		{name: "rebound", addresses: []string{"10.255.255.1", "127.0.0.1"}, code: "provider_address_refused"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			port, dialled := counting(t)
			s := prepare(t, options{
				proxy:    fmt.Sprintf("transport {\n resolvers %s\n }", nameserver(t, tt.addresses...)),
				claviger: tt.private + "\nconnection pinned {\n }",
				// So that there is a folder of connectors.
				connectors: map[string]string{"other": "api:\n  base_url: http://127.0.0.1:{app.port}"},
			})
			s.write("connectors/pinned.yaml", fmt.Sprintf("schema: 1\nname: pinned\ntitle: Pinned\nmode: static\n"+
				"account: [{name: key, secret: true}]\ninject: [{in: header, name: X-Key, template: \"{account.key}\"}]\n"+
				"api: {base_url: \"https://api.pinned.test:%s\"}\n", port))
			s.load(s.caddyfile())
			if _, err := s.api().CreateAccount(t.Context(), client.NewAccount{
				Connection: "pinned", Identifier: "ada", Inputs: map[string]string{"key": "PINNED-KEY"},
			}); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				a := s.get("/v1/me", "Connected-Account: pinned/ada")
				if a.StatusCode != 502 || a.Header.Get("Claviger-Error") != tt.code || strings.Contains(a.body, "PINNED-KEY") || strings.Contains(a.body, tt.addresses[0]) {
					t.Errorf("got %d %s: %s", a.StatusCode, a.Header.Get("Claviger-Error"), a.body)
				}
			}
			if (dialled.Load() > 0) != tt.dialled {
				t.Errorf("it was dialled %d times", dialled.Load())
			}
		})
	}
}

func TestPrivateHostsRefused(t *testing.T) {
	refused := func(line, why string, o options) {
		t.Helper()
		if err := load(prepare(t, o).caddyfile()); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: got %v, want %q", line, err, why)
		}
	}
	for line, why := range map[string]string{
		"versions 3": "versions 3 is not supported", "proxy_protocol v1": "proxy_protocol is for servers of one's own",
		"tls_server_name {http.reverse_proxy.upstream.host}": "tls_server_name must be a name without placeholders",
		"resolvers 127.0.0.1:1-9":                            "resolver", "local_address nowhere.example": "nowhere.example",
	} {
		refused(line, why, options{proxy: "transport {\n " + line + "\n }"})
	}
	for _, name := range []string{"", "10.0.0.0/8", "https://git.example.com", "git.example.com:443", "*"} {
		line := "private_hosts " + name
		refused(line, "private_hosts", options{claviger: line})
	}
}
