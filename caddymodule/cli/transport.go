package cli

import (
	"context"
	"net"
	"net/http"
)

// transportTo dials a unix socket, or what the URL says when socket is empty. It takes no proxy
// from the environment: that may be Claviger itself.
func transportTo(socket string) *http.Transport {
	t := &http.Transport{DisableCompression: true}
	if socket != "" {
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}
	}
	return t
}
