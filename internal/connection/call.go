package connection

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/claviger-proxy/claviger/vault"
)

// Call is a request that a connector declares: its identity or verification request.
type Call struct {
	// Method is GET when empty, Base the default base.
	Method, Base, Path string
}

// errCall: the connector's request cannot be made.
var errCall = errors.New("the connector's request cannot be made")

// Request returns the request of a call with the credential on it. Its errors hold no secret.
func (c *Connection) Request(ctx context.Context, call Call, token vault.Secret) (*http.Request, error) {
	base, ok := c.Base(call.Base)
	if !ok {
		return nil, fmt.Errorf("%w: it has no base %q", errCall, call.Base)
	}
	u, err := url.Parse(base.URL.String() + call.Path)
	if err != nil || !sameHost(u, base.URL) || u.User != nil {
		return nil, fmt.Errorf("%w: its path leaves the base", errCall)
	}
	r, err := http.NewRequestWithContext(ctx, cmp.Or(call.Method, http.MethodGet), u.String(), nil)
	if err != nil {
		return nil, errCall
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "claviger")
	for name, value := range c.Connector().API.Headers {
		r.Header.Set(name, value)
	}
	return r, c.Inject.Apply(r, token)
}

// NewTransport returns a transport for calls: no proxy of the environment, TLS 1.2 or later, and each
// connection used once. It follows no redirect when it is used without an http.Client.
func NewTransport(dialTimeout time.Duration) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout}
	return &http.Transport{
		Proxy:               nil, // a sidecar may have itself in HTTPS_PROXY
		DialContext:         dialer.DialContext,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: dialTimeout,
		DisableKeepAlives:   true,
		ForceAttemptHTTP2:   true,
	}
}
