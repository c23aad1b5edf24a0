package webhook

import (
	"errors"
	"net/http"
	"net/netip"
	"testing"

	"github.com/claviger-proxy/claviger/internal/netguard"
)

// Where plain HTTP and HTTPS may go.
func TestAddresses(t *testing.T) {
	for _, tt := range []struct {
		ip            string
		plain, secure bool
	}{
		{"127.0.0.1", true, true},
		{"127.255.0.9", true, true},
		{"::1", true, true},
		{"::ffff:127.0.0.1", true, true},
		{"192.0.2.1", false, true},
		{"2001:db8::1", false, true},
		{"10.0.0.1", false, true},
		{"172.16.0.1", false, true},
		{"192.168.0.1", false, true},
		{"fd00::1", false, true},
		{"::ffff:10.0.0.1", false, true},
		{"64:ff9b::10.0.0.1", false, true},
		{"64:ff9b::127.0.0.1", false, true},
		{"0.0.0.0", false, false},
		{"::", false, false},
		{"::ffff:0.0.0.0", false, false},
		{"64:ff9b::0.0.0.0", false, false},
		{"169.254.169.254", false, false},
		{"169.254.0.1", false, false},
		{"::ffff:169.254.169.254", false, false},
		{"64:ff9b::169.254.169.254", false, false},
		{"64:ff9b:1::169.254.169.254", false, false},
		{"fe80::1", false, false},
		{"fe80::1%eth0", false, false},
		{"febf::1", false, false},
		{"224.0.0.1", false, false},
		{"239.255.255.250", false, false},
		{"::ffff:224.0.0.1", false, false},
		{"64:ff9b::224.0.0.1", false, false},
		{"ff02::1", false, false},
		{"fd00:ec2::254", false, false},
		{"fd00:ec2::254%eth0", false, false},
		{"fd20:ce::254", false, false},
	} {
		for _, by := range []struct {
			scheme  string
			allowed func(netip.Addr) bool
			want    bool
		}{{"http", plainTo, tt.plain}, {"https", netguard.Ordinary, tt.secure}} {
			ip := netip.MustParseAddr(tt.ip)
			dial := netguard.Control(by.allowed)
			err := dial("tcp", netip.AddrPortFrom(ip, 443).String(), nil)
			if (err == nil) != by.want || err != nil && !errors.Is(err, netguard.ErrForbidden) {
				t.Errorf("%s to %s: got error %v, want it allowed: %v", by.scheme, tt.ip, err, by.want)
			}
		}
	}
}

// What is not an address is not dialled.
func TestNoAddress(t *testing.T) {
	if err := netguard.Control(func(netip.Addr) bool { return true })("unix", "/run/app.sock", nil); !errors.Is(err, netguard.ErrForbidden) {
		t.Errorf("got error %v, want %v", err, netguard.ErrForbidden)
	}
}

// Each scheme has its own rule.
func TestTransports(t *testing.T) {
	by := newTransports()
	for url, forbidden := range map[string]bool{
		"http://192.0.2.1/": true, "http://127.0.0.1:1/": false, "https://127.0.0.1:1/": false, "https://169.254.169.254/": true,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := by.RoundTrip(req)
		if err == nil {
			resp.Body.Close()
		}
		if err == nil || errors.Is(err, netguard.ErrForbidden) != forbidden {
			t.Errorf("%s: got error %v, want it forbidden: %t", url, err, forbidden)
		}
	}
}
