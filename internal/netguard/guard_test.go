package netguard

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// S-22: what a name may not lead to.
func TestAddresses(t *testing.T) {
	for _, tt := range []struct {
		ip               string
		public, ordinary bool
	}{
		{"8.8.8.8", true, true},
		{"2606:4700::1111", true, true},
		{"64:ff9b::808:808", true, true},
		{"2002:808:808::1", true, true},
		{"::ffff:8.8.8.8", true, true},

		{"127.0.0.1", false, true},
		{"127.8.9.10", false, true},
		{"::1", false, true},
		{"::ffff:127.0.0.1", false, true},
		{"64:ff9b::7f00:1", false, true},
		{"2002:7f00:1::", false, true},
		{"10.1.2.3", false, true},
		{"172.16.0.1", false, true},
		{"192.168.1.1", false, true},
		{"100.64.0.1", false, true},
		{"198.18.0.1", false, true},
		{"240.0.0.1", false, true},
		{"fd12::1", false, true},
		{"2001:db8::1", false, true},
		{"192.88.99.1", false, true},
		{"2001:2::1", false, true},
		{"2001:10::1", false, true},
		{"fec0::1", false, true},

		{"2001:0:1::1", false, false},
		{"64:ff9b:1:7f00:0:100:808:808", false, false},
		{"64:ff9b:1::808:808", false, false},
		{"::7f00:1", false, false},
		{"::ffff:0:7f00:1", false, false},
		{"0.0.0.0", false, false},
		{"::", false, false},
		{"169.254.169.254", false, false},
		{"::ffff:169.254.169.254", false, false},
		{"64:ff9b::a9fe:a9fe", false, false},
		{"2002:a9fe:a9fe::", false, false},
		{"fe80::1%eth0", false, false},
		{"fd00:ec2::254", false, false},
		{"fd20:ce::254", false, false},
		{"100.100.100.200", false, false},
		{"192.0.0.192", false, false},
		{"168.63.129.16", false, false},
		{"224.0.0.1", false, false},
		{"ff02::1", false, false},
	} {
		ip := netip.MustParseAddr(tt.ip)
		if Public(ip) != tt.public || Ordinary(ip) != tt.ordinary {
			t.Errorf("%s: public %v, ordinary %v", tt.ip, Public(ip), Ordinary(ip))
		}
	}
	if Public(netip.Addr{}) {
		t.Error("no address is public")
	}
}

func TestNewRefuses(t *testing.T) {
	for _, host := range []string{"", "*", "*.", ".", "a..b", "http://a.example", "a.example:443", "a/b", "a b", "10.0.0.0/8", "*a.example", "a.*.example", strings.Repeat("a", 64)} {
		if _, err := New([]string{host}); err == nil {
			t.Errorf("%q is taken", host)
		}
	}
}

// names is a resolver whose names have the addresses given.
func names(t *testing.T, hosts map[string][]string) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	go func() {
		b := make([]byte, 512)
		for {
			n, from, err := server.ReadFrom(b)
			if err != nil {
				return
			}
			if answer := resolve(hosts, b[:n]); answer != nil {
				_, _ = server.WriteTo(answer, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

func resolve(hosts map[string][]string, question []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(question) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	m.Response, m.Additionals = true, nil
	for _, text := range hosts[strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))] {
		ip := netip.MustParseAddr(text)
		head := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}
		switch {
		case ip.Is4() && q.Type == dnsmessage.TypeA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: ip.As4()}})
		case ip.Is6() && q.Type == dnsmessage.TypeAAAA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: ip.As16()}})
		}
	}
	answer, err := m.Pack()
	if err != nil {
		return nil
	}
	return answer
}

// S-22, S-24, S-25: what is dialled is decided by the address, after it was resolved.
func TestDialContext(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	guard, err := New([]string{"Git.Corp.Example", "*.lan.example", "0:0:0:0:0:0:0:2", "meta.example"})
	if err != nil {
		t.Fatal(err)
	}
	dialer := net.Dialer{Resolver: names(t, map[string][]string{
		"rebound.example":   {"127.0.0.1"},
		"mapped.example":    {"::ffff:127.0.0.1"},
		"git.corp.example":  {"127.0.0.1"},
		"a.lan.example":     {"127.0.0.1"},
		"lan.example":       {"127.0.0.1"},
		"meta.example":      {"169.254.169.254"},
		"two.lan.example":   {"169.254.169.254", "127.0.0.1"},
		"xgit.corp.example": {"127.0.0.1"},
	})}
	dial := guard.DialContext(dialer)
	for host, want := range map[string]bool{
		"127.0.0.1": true, "localhost": true, "git.corp.example": true, "GIT.corp.example.": true, "a.lan.example": true, "two.lan.example": true,
		"rebound.example": false, "mapped.example": false, "lan.example": false, "meta.example": false, "xgit.corp.example": false,
		"169.254.169.254": false, "0.0.0.0": false, "10.255.255.1": false, "[::ffff:10.0.0.1]": false, "[fe80::1%lo]": false,
	} {
		conn, err := dial(t.Context(), "tcp", host+":"+port)
		switch {
		case err == nil:
			conn.Close()
			if !want {
				t.Errorf("%s is dialled", host)
			}
		case want:
			t.Errorf("%s is not dialled: %v", host, err)
		case !errors.Is(err, ErrForbidden):
			t.Errorf("%s: got %v, want that it is forbidden", host, err)
		}
	}
	var none *Guard
	if _, err := none.DialContext(dialer)(t.Context(), "tcp", "git.corp.example:"+port); !errors.Is(err, ErrForbidden) {
		t.Errorf("without private hosts: got %v", err)
	}
}

func FuzzNew(f *testing.F) {
	for _, host := range []string{"a.example", "*.a.example", "::1", "10.0.0.1", "[::1]", "a..", "*"} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		g, err := New([]string{host})
		if err != nil {
			return
		}
		if g.allows("other.host.example.org")(netip.MustParseAddr("10.0.0.1")) && canonical(host) != "other.host.example.org" &&
			!strings.HasPrefix(host, "*.") {
			t.Errorf("%q lets another host in", host)
		}
	})
}
