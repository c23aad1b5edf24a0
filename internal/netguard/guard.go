package netguard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
)

// ErrForbidden is that an address may not be dialled. It does not name the address.
var ErrForbidden = errors.New("address is not allowed")

// Control returns the Control of a [net.Dialer] that dials only what is allowed. Of a name with several
// addresses those that are allowed are tried.
func Control(allowed func(netip.Addr) bool) func(_, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || !allowed(to.Addr()) {
			return ErrForbidden
		}
		return nil
	}
}

// Guard is where providers may be. The zero value, and nil, allow the internet, and this machine for whom it is
// named by its address or as localhost. It is immutable.
type Guard struct {
	// private are the hosts that may have addresses of private networks, and domains those whose
	// subdomains may.
	private map[string]bool
	domains []string
}

// New returns a guard with the hosts that may have addresses of private networks and of this machine: a name, an
// address, or *.example.com for all below example.com.
func New(private []string) (*Guard, error) {
	g := &Guard{private: map[string]bool{}}
	for _, host := range private {
		name := canonical(host)
		domain, below := strings.CutPrefix(name, "*")
		_, err := netip.ParseAddr(name)
		switch {
		case err == nil:
			g.private[name] = true
		case below && strings.HasPrefix(domain, ".") && isName(domain[1:]):
			g.domains = append(g.domains, domain)
		case !below && isName(name):
			g.private[name] = true
		default:
			return nil, fmt.Errorf("%.100q is no host: use a name, an address or *.example.com, without scheme and port", host)
		}
	}
	return g, nil
}

// isName tells whether text is a name of DNS, with a dot in it unless it is of the local network.
func isName(text string) bool {
	if text == "" || len(text) > 253 {
		return false
	}
	for label := range strings.SplitSeq(text, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

func canonical(host string) string {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if ip, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return ip.Unmap().String()
	}
	return host
}

// allows returns which addresses a host may have.
func (g *Guard) allows(host string) func(netip.Addr) bool {
	host = canonical(host)
	if g != nil {
		if g.private[host] {
			return Ordinary
		}
		for _, domain := range g.domains {
			if strings.HasSuffix(host, domain) {
				return Ordinary
			}
		}
	}
	if ip, err := netip.ParseAddr(host); host == "localhost" || err == nil && ip.IsLoopback() {
		return Loopback
	}
	return Public
}

// guarded is the context's key of what may be dialled.
type guarded struct{}

// DialContext returns the DialContext of a transport: that of the dialer, for addresses that the host may
// have. The errors of others are [ErrForbidden]s.
func (g *Guard) DialContext(d net.Dialer) func(ctx context.Context, network, address string) (net.Conn, error) {
	d.Control = nil // ControlContext is in its place
	d.ControlContext = func(ctx context.Context, network, address string, c syscall.RawConn) error {
		allowed, ok := ctx.Value(guarded{}).(func(netip.Addr) bool)
		if !ok {
			return ErrForbidden
		}
		return Control(allowed)(network, address, c)
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		return d.DialContext(context.WithValue(ctx, guarded{}, g.allows(host)), network, address)
	}
}
