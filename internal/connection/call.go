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
	"slices"
	"strings"
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
	now := time.Now()
	r, err := http.NewRequestWithContext(ctx, cmp.Or(ask.Method, http.MethodGet), u.String(), nil)
	if err != nil {
		return nil, errCall
	}
	var content []byte
	if ask.JSON != nil {
		if content, err = ask.JSON.Without(c.leftOut(c.App.Values)).JSON(c.App.Values, now); err != nil {
			return nil, fmt.Errorf("%w: its body: %w", errCall, err)
		}
		if content, err = withMembers(content, page.Members); err != nil {
			return nil, err
		}
	}
	if page.URL != nil { // the provider may have repeated what stood in the query of the request before
		c.Inject.Strip(r)
	}
	values := c.Values(token, slots)
	if err := c.askHeaders(r.Header, ask, values, now); err != nil {
		return nil, err
	}
	prepared, err := c.Inject.Prepare(values)
	if err != nil {
		return nil, err
	}
	prepared.Apply(r)
	body, err := c.body(r, prepared, content, ask.ContentType)
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

// leftOut tells whether a template names an input without a value that may have none.
func (c *Connection) leftOut(values connectors.Values) func(connectors.Template) bool {
	lacks := map[string]bool{}
	for prefix, list := range map[string][]connectors.Input{"app.": c.Connector().App, "account.": c.Connector().Account} {
		for _, in := range list {
			lacks[prefix+in.Name] = in.MayLack() && values[prefix+in.Name] == ""
		}
	}
	return func(t connectors.Template) bool {
		return slices.ContainsFunc(t.Names(), func(name string) bool { return lacks[name] })
	}
}

// askHeaders sets the headers of the request alone, but for those that are left out.
func (c *Connection) askHeaders(h http.Header, ask connectors.Ask, values connectors.Values, now time.Time) error {
	left := c.leftOut(values)
	for name, t := range ask.Headers {
		if left(t) {
			continue
		}
		text, err := t.ExpandAt(values, now)
		if err != nil {
			return fmt.Errorf("%w: header %s: %w", errCall, name, err)
		}
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
			return fmt.Errorf("%w: header %s: the value has characters that cannot be sent", errCall, name)
		}
		h.Set(name, text)
	}
	return nil
}

// body gives the request its body, with the credential in it where it goes there, and returns the body.
func (c *Connection) body(r *http.Request, prepared inject.Prepared, content []byte, kind string) ([]byte, error) {
	if content == nil && !c.Inject.NeedsBody() {
		return nil, nil
	}
	r.Header.Set("Content-Type", cmp.Or(kind, "application/json"))
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
