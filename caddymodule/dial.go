package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/claviger-proxy/claviger/internal/netguard"
)

// guardDials makes the transport connect to what the guard allows only, with the options that concern
// dialling.
func (t *Transport) guardDials(guard *netguard.Guard) error {
	if t.ProxyProtocol != "" {
		return errors.New("proxy_protocol is for servers of one's own; providers do not read it")
	}
	if t.Transport.DialTLSContext != nil {
		return errors.New("tls_server_name must be a name without placeholders: others connect past the check of the provider's address")
	}
	if slices.Contains(t.Versions, "3") {
		return errors.New("versions 3 is not supported: HTTP/3 connects past the check of the provider's address")
	}
	dialer := net.Dialer{
		Timeout: time.Duration(t.DialTimeout), FallbackDelay: time.Duration(t.FallbackDelay), KeepAlive: time.Duration(t.KeepAlive.ProbeInterval),
		KeepAliveConfig: net.KeepAliveConfig{Enable: t.KeepAlive.ProbeInterval > 0, Interval: time.Duration(t.KeepAlive.ProbeInterval)},
	}
	if t.LocalAddress != "" {
		from, err := net.ResolveTCPAddr("tcp", net.JoinHostPort(t.LocalAddress, "0"))
		if err != nil {
			return fmt.Errorf("local_address %q is no address of this machine", t.LocalAddress)
		}
		dialer.LocalAddr = from
	}
	if t.Resolver != nil {
		resolver, err := resolverOf(t.Resolver, dialer.Timeout)
		if err != nil {
			return err
		}
		dialer.Resolver = resolver
	}
	dial := guard.DialContext(dialer)
	t.Transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if info, ok := reverseproxy.GetDialInfo(ctx); ok { // the base's host and port
			address = info.Address
		}
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, &dialError{err}
		}
		return timed(conn, time.Duration(t.ReadTimeout), time.Duration(t.WriteTimeout)), nil
	}
	return nil
}

// dialError is that there is no connection, so that nothing was sent.
type dialError struct{ err error }

func (e *dialError) Error() string { return e.err.Error() }

func (e *dialError) Unwrap() error { return e.err }

// noProxy is the configuration of a transport without a proxy.
const noProxy = `{"from":"none"}`

// direct tells, before Provision forgets it, whether the transport is configured to use no proxy.
func (t *Transport) direct() bool {
	var proxy struct{ From string }
	return t.ForwardProxyURL == "" && json.Unmarshal(t.NetworkProxyRaw, &proxy) == nil && proxy.From == "none"
}

// resolverOf asks one of the configured servers.
func resolverOf(r *reverseproxy.UpstreamResolver, timeout time.Duration) (*net.Resolver, error) {
	var servers []string
	for _, text := range r.Addresses {
		address, err := caddy.ParseNetworkAddressWithDefaults(text, "udp", 53)
		if err != nil || address.PortRangeSize() != 1 {
			return nil, fmt.Errorf("resolver %q is no address", text)
		}
		servers = append(servers, address.JoinHostPort(0))
	}
	if len(servers) == 0 {
		return nil, errors.New("resolvers has no address")
	}
	dialer := net.Dialer{Timeout: timeout}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, servers[rand.IntN(len(servers))]) //nolint:gosec // any of them will do
	}}, nil
}

// timed bounds each read and each write of a connection; zero is no bound.
func timed(conn net.Conn, read, write time.Duration) net.Conn {
	if read <= 0 && write <= 0 {
		return conn
	}
	return &timedConn{Conn: conn, read: read, write: write}
}

type timedConn struct {
	net.Conn
	read, write time.Duration
}

func (c *timedConn) Read(b []byte) (int, error) {
	if c.read > 0 {
		if err := c.SetReadDeadline(time.Now().Add(c.read)); err != nil {
			return 0, err
		}
	}
	return c.Conn.Read(b)
}

func (c *timedConn) Write(b []byte) (int, error) {
	if c.write > 0 {
		if err := c.SetWriteDeadline(time.Now().Add(c.write)); err != nil {
			return 0, err
		}
	}
	return c.Conn.Write(b)
}
