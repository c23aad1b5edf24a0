package cli

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"time"
)

// url is how a client addresses the listener.
func (l listener) url() string {
	if l.address.IsUnixNetwork() {
		return "unix/" + l.address.Host
	}
	scheme := "http://"
	if l.tls {
		scheme = "https://"
	}
	return scheme + l.address.JoinHostPort(0)
}

// plane is where requests for connected accounts go.
type plane struct {
	base   string
	host   string // for the Host header; empty means the base's
	socket string
}

// dataPlane asks the running server at which address it serves connected accounts.
func (s *server) dataPlane(ctx context.Context) (plane, error) {
	servers, err := s.httpServers(ctx)
	if err != nil {
		return plane{}, err
	}
	found := listeners(servers, proxyHandler)
	if len(found) == 0 {
		return plane{}, failed("proxy_not_configured", "the running server has no site with claviger_proxy",
			"add one to its configuration, or name the address with --proxy")
	}
	l := found[0]
	if l.address.IsUnixNetwork() {
		return plane{base: "http://localhost", host: l.host, socket: l.address.Host}, nil
	}
	return plane{base: l.url(), host: l.host}, nil
}

// givenPlane is an address from the command line.
func givenPlane(address string) (plane, error) {
	e, err := newEndpoint(address)
	if err != nil {
		return plane{}, failed("proxy_invalid", failureOf(err).Detail+" of a proxy", "write host:port, a URL, or unix//path")
	}
	if e.socket != "" {
		return plane{base: "http://localhost", socket: e.socket}, nil
	}
	return plane{base: e.base}, nil
}

// httpServers reads the HTTP app's servers from the running configuration.
func (s *server) httpServers(ctx context.Context) (map[string]httpServer, error) {
	base := s.endpoint.base
	if s.endpoint.socket != "" {
		base = "http://127.0.0.1" // the name that Caddy accepts on a socket
	}
	target, err := url.JoinPath(base, "/config/apps/http/servers")
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, err
	}
	res, err := s.endpoint.httpClient(10 * time.Second).Do(r)
	if err != nil {
		return nil, s.failure(err)
	}
	defer res.Body.Close()
	var servers map[string]httpServer
	if res.StatusCode != http.StatusOK || json.NewDecoder(io.LimitReader(res.Body, 32<<20)).Decode(&servers) != nil {
		return nil, failed("proxy_unknown", "the running configuration cannot be read at "+s.endpoint.address,
			"name the proxy's address with --proxy")
	}
	return servers, nil
}
