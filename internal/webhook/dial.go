package webhook

import (
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/claviger-proxy/claviger/internal/netguard"
)

// transports send requests, each scheme by its own, as they may go to different addresses. What counts
// is the address that is dialled: a name may have another one than a moment ago.
type transports struct{ plain, secure *http.Transport }

func newTransports() transports {
	return transports{plain: newTransport(plainTo), secure: newTransport(netguard.Ordinary)}
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
	dialer := net.Dialer{Timeout: 10 * time.Second, Control: netguard.Control(allowed)}
	return &http.Transport{
		DialContext:         dialer.DialContext,
		TLSHandshakeTimeout: 10 * time.Second, ForceAttemptHTTP2: true,
		MaxIdleConns: 100, MaxIdleConnsPerHost: perWebhook, IdleConnTimeout: 90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10, DisableCompression: true,
	}
}

// plainTo tells whether plain HTTP may go to an address: it must not leave the machine, whatever
// localhost is said to be. HTTPS may go to private ones, which may be the app's.
func plainTo(ip netip.Addr) bool { return netguard.Loopback(ip) }
