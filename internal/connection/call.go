package connection

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/claviger-proxy/claviger/internal/inject"
	"github.com/claviger-proxy/claviger/vault"
)

// Call is a request that a connector declares: its identity or verification request.
type Call struct {
	// Method is GET when empty, Base the default base.
	Method, Base, Path string
}

// errCall: the connector's request cannot be made.
var errCall = errors.New("the connector's request cannot be made")

// Request returns the request of a call with the token on it, and those of the slots. Its errors hold no
// secret.
func (c *Connection) Request(ctx context.Context, call Call, token vault.Secret, slots vault.Secrets) (*http.Request, error) {
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
	prepared, err := c.Inject.Prepare(c.Values(token, slots))
	if err != nil {
		return nil, err
	}
	prepared.Apply(r)
	body, err := c.body(r, prepared)
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{"Accept": "application/json", "User-Agent": "claviger"} {
		if r.Header.Get(name) == "" { // the connector has none of its own
			r.Header.Set(name, value)
		}
	}
	if c.Signer != nil {
		if err := c.Sign(r, token, slots, body); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// body puts the credential into the request's body, where it goes there, and returns the body.
func (c *Connection) body(r *http.Request, prepared inject.Prepared) ([]byte, error) {
	if !c.Inject.NeedsBody() {
		return nil, nil
	}
	r.Header.Set("Content-Type", "application/json")
	body, err := prepared.Body("", r.Header, nil)
	if err != nil {
		return nil, err
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return body, nil
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
