// Package oauth asks a provider's OAuth endpoints on behalf of a connection: it writes the
// authorization URL, exchanges a code, refreshes a token, asks about one and revokes a grant.
//
// Start with [New], describe the OAuth client with an [App], and call the methods of [Client].
// Nothing here stores, caches or retries: each call sends at most one request, never follows a
// redirect, reads at most 64 KiB and ends within the client's timeout. What one provider does
// differently from RFC 6749 is declared by its connector and handled in one place, the dialect.
//
// Every failure is an [*Error] with a class and a short code, except a context that the caller
// cancelled, which is returned as context.Canceled. Errors never hold what was sent or what was
// answered.
package oauth

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/vault"
)

const (
	defaultTimeout = 30 * time.Second
	dialTimeout    = 10 * time.Second
	userAgent      = "claviger"
)

// App is one OAuth client at one connector, resolved.
type App struct {
	Connector *connectors.Connector
	Endpoints *connectors.Endpoints
	ClientID  string
	// ClientSecret is empty for public clients only.
	ClientSecret vault.Secret
	// Scopes are the connection's; empty means the connector's default.
	Scopes []string
}

// RequestedScopes returns what an authorization request asks for: the scopes that the connector
// always adds, the connection's (or the connector's default), then extra; each once, in that order.
func (a App) RequestedScopes(extra []string) []string {
	if a.Connector == nil || a.Connector.Authorize.Scope.None {
		return nil
	}
	declared := a.Connector.Authorize.Scope
	chosen := a.Scopes
	if len(chosen) == 0 {
		chosen = declared.Default
	}
	var all []string
	seen := make(map[string]bool)
	for _, list := range [][]string{declared.Always, chosen, extra} {
		for _, scope := range list {
			if scope != "" && !seen[scope] {
				seen[scope] = true
				all = append(all, scope)
			}
		}
	}
	return all
}

// check tells whether the app can be used for op at all, before anything is sent.
func (a App) check(op string) error {
	if a.Connector == nil || a.Endpoints == nil || a.ClientID == "" {
		return unsent(op, ClassOperator, CodeIncomplete)
	}
	switch a.Connector.Token.ClientAuth {
	case connectors.ClientAuthNone:
	case connectors.ClientAuthBasic, connectors.ClientAuthBasicRaw, connectors.ClientAuthPost:
		if a.ClientSecret.IsZero() {
			return unsent(op, ClassOperator, CodeIncomplete)
		}
	default:
		return unsent(op, ClassOperator, CodeIncomplete)
	}
	return nil
}

// Options configure a [Client]. The zero value is ready for production.
type Options struct {
	// Transport sends the requests. Nil means a transport that takes no proxy from the
	// environment, speaks TLS 1.2 or later and uses each connection once.
	Transport http.RoundTripper
	// Now is the clock for expiry times; nil means time.Now.
	Now func() time.Time
	// Timeout bounds one call, the answer's body included; zero means 30 seconds.
	Timeout time.Duration
}

// Client calls OAuth endpoints. It is safe for concurrent use and holds no secret.
type Client struct {
	transport http.RoundTripper
	now       func() time.Time
	timeout   time.Duration
}

// New returns a client with the options' defaults filled in.
func New(o Options) *Client {
	c := &Client{transport: o.Transport, now: o.Now, timeout: o.Timeout}
	if c.transport == nil {
		c.transport = newTransport()
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.timeout <= 0 {
		c.timeout = defaultTimeout
	}
	return c
}

// newTransport returns the transport for token endpoints. A connection is used once: on a reused
// one the provider may have hung up already, and a request that was written but not answered must
// not be sent again, because a code or a rotating refresh token is spent by the first copy.
func newTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout}
	return &http.Transport{
		Proxy:                  nil, // a sidecar may have itself in HTTPS_PROXY
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    dialTimeout,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxAnswer,
	}
}
