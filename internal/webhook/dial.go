package webhook

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// errForbidden: nothing is sent to that address, which it does not have in it.
var errForbidden = errors.New("address is not allowed")

// metadata is where clouds tell machines their credentials, beside the link-local addresses.
var metadata = []netip.Prefix{
	netip.MustParsePrefix("fd00:ec2::/32"),    // Amazon: also time, names and the identity of pods
	netip.MustParsePrefix("fd20:ce::254/128"), // Google
}

// nat64 has an IPv4 address in the last four bytes (RFC 6052 and 8215).
var nat64 = []netip.Prefix{netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48")}

// transports send requests, each scheme by its own, as they may go to different addresses. What counts
// is the address that is dialled: a name may have another one than a moment ago.
type transports struct{ plain, secure *http.Transport }

func newTransports() transports {
	return transports{plain: newTransport(plainTo), secure: newTransport(secureTo)}
}

// RoundTrip implements [http.RoundTripper].
func (t transports) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme == "http" {
		return t.plain.RoundTrip(r)
	}
	return t.secure.RoundTrip(r)
}

// CloseIdleConnections closes what is kept for the next request.
func (t transports) CloseIdleConnections() {
	t.plain.CloseIdleConnections()
	t.secure.CloseIdleConnections()
}

func newTransport(allowed func(netip.Addr) bool) *http.Transport {
	dialer := net.Dialer{Timeout: 10 * time.Second, Control: guard(allowed)}
	return &http.Transport{
		DialContext:         dialer.DialContext,
		TLSHandshakeTimeout: 10 * time.Second, ForceAttemptHTTP2: true,
		MaxIdleConns: 100, MaxIdleConnsPerHost: perWebhook, IdleConnTimeout: 90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10, DisableCompression: true,
	}
}

// guard returns the Control of a [net.Dialer] that dials only what is allowed.
func guard(allowed func(netip.Addr) bool) func(_, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || !allowed(to.Addr().Unmap().WithZone("")) {
			return errForbidden
		}
		return nil
	}
}

// plainTo tells whether plain HTTP may go to an address: it must not leave the machine, whatever
// localhost is said to be.
func plainTo(ip netip.Addr) bool { return ip.IsLoopback() }

// secureTo tells whether HTTPS may go to an address. Private ones may be the app's.
func secureTo(ip netip.Addr) bool {
	if in(nat64, ip) {
		b := ip.As16()
		ip = netip.AddrFrom4([4]byte(b[12:]))
	}
	return !ip.IsUnspecified() && !ip.IsLinkLocalUnicast() && !ip.IsMulticast() && !in(metadata, ip)
}

func in(list []netip.Prefix, ip netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(ip) })
}
