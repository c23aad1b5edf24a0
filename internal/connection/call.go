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

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/inject"
	"github.com/claviger-proxy/claviger/internal/netguard"
	"github.com/claviger-proxy/claviger/internal/paging"
	"github.com/claviger-proxy/claviger/vault"
)

// errCall: the connector's request cannot be made.
var errCall = errors.New("the connector's request cannot be made")

// Request returns a request of the connector's own with the token on it, and those of the slots. Its errors
// hold no secret.
func (c *Connection) Request(ctx context.Context, ask connectors.Ask, token vault.Secret, slots vault.Secrets) (*http.Request, error) {
	u, err := c.PageURL(ask, paging.Request{})
	if err != nil {
		return nil, err
	}
	return c.RequestPage(ctx, ask, paging.Request{}, u, token, slots)
}

// RequestPage is Request for a page of a list, at its [Connection.PageURL].
func (c *Connection) RequestPage(ctx context.Context, ask connectors.Ask, page paging.Request, u *url.URL, token vault.Secret, slots vault.Secrets) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, cmp.Or(ask.Method, http.MethodGet), u.String(), nil)
	if err != nil {
		return nil, errCall
	}
	var content []byte
	if ask.JSON != nil {
		if content, err = ask.JSON.JSON(c.App.Values, time.Now()); err != nil {
			return nil, fmt.Errorf("%w: its body: %w", errCall, err)
		}
		if content, err = withMembers(content, page.Members); err != nil {
			return nil, err
		}
	}
	if page.URL != nil { // the provider may have repeated what stood in the query of the request before
		c.Inject.Strip(r)
	}
	prepared, err := c.Inject.Prepare(c.Values(token, slots))
	if err != nil {
		return nil, err
	}
	prepared.Apply(r)
	body, err := c.body(r, prepared, content)
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

// body gives the request its body, with the credential in it where it goes there, and returns the body.
func (c *Connection) body(r *http.Request, prepared inject.Prepared, content []byte) ([]byte, error) {
	if content == nil && !c.Inject.NeedsBody() {
		return nil, nil
	}
	r.Header.Set("Content-Type", "application/json")
	if c.Inject.NeedsBody() {
		var err error
		if content, err = prepared.Body("", r.Header, content); err != nil {
			return nil, err
		}
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(content)), int64(len(content))
	return content, nil
}

// NewTransport returns a transport for calls: no proxy of the environment, TLS 1.2 or later, and each
// connection used once. It follows no redirect when it is used without an http.Client.
func NewTransport(dialTimeout time.Duration, guard *netguard.Guard) *http.Transport {
	return &http.Transport{
		Proxy:               nil, // a sidecar may have itself in HTTPS_PROXY
		DialContext:         guard.DialContext(net.Dialer{Timeout: dialTimeout}),
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: dialTimeout,
		DisableKeepAlives:   true,
		ForceAttemptHTTP2:   true,
	}
}
