// Package oauth asks a provider's OAuth endpoints on behalf of a connection: it writes the
// authorization URL, exchanges a code, refreshes a token, gets one without a browser or for a device, asks
// about one and revokes a grant. With OAuth 1.0a, [Client.RequestTemporary] is the begin of it. [Client.Register] is
// what comes before all of it, where the provider lets clients register themselves.
//
// Start with [New], describe the OAuth client with an [App], and call the methods of [Client].
// Nothing here stores, caches or retries: a method sends one request at most, and one more for each of the
// connector's steps. No request is sent twice, but for one that the provider has refused because of the
// client's secret alone, when the client has another one; see [App].FurtherSecrets. No redirect is followed,
// at most 64 KiB of an answer are read, and a method ends within the client's timeout. What one provider does differently from RFC 6749 is
// declared by its connector and handled in one place, the dialect.
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

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/netguard"
	"github.com/claviger-proxy/claviger/vault"
)

const (
	defaultTimeout = 30 * time.Second
	dialTimeout    = 10 * time.Second
	userAgent      = "claviger"
)

// App is one OAuth client at one connector, resolved for one account where the connector's URLs or
// templates name values of the account.
type App struct {
	Connector *connectors.Connector
	Endpoints *connectors.Endpoints
	// Values are those of the connection and of the account that templates may name: app.NAME,
	// account.NAME and captured.NAME.
	Values connectors.Values
	// ClientID is empty where the connector sends none.
	ClientID string
	// ClientSecret is empty for public clients, and where the connector sends none.
	ClientSecret vault.Secret
	// FurtherSecrets are other secrets of the same client. Where it authenticates with its secret itself,
	// ClientSecret is sent, and the next when the provider refuses it, which is then sent from the beginning. What is signed is signed with ClientSecret.
	FurtherSecrets []vault.Secret
	// Scopes are the connection's; empty means the connector's default.
	Scopes []string
}

// Options configure a [Client]. The zero value is ready for production.
type Options struct {
	// Transport sends the requests. Nil means a transport that takes no proxy from the
	// environment, speaks TLS 1.2 or later and uses each connection once. Connectors with a client
	// certificate need an *http.Transport.
	Transport http.RoundTripper
	// Guard says where the transport that nil stands for may connect to.
	Guard *netguard.Guard
	// Now is the clock for expiry times; nil means time.Now.
	Now func() time.Time
	// Timeout bounds one call of a method, the answers' bodies included; zero means 30 seconds.
	Timeout time.Duration
	// Log is told of client secrets that are refused, by their position; nil means nobody is.
	Log *zap.Logger
}

// Client calls OAuth endpoints. It is safe for concurrent use, and holds no secret but those of clients that
// have several.
type Client struct {
	transport http.RoundTripper
	now       func() time.Time
	timeout   time.Duration
	log       *zap.Logger
	inUse     inUse
}

// New returns a client with the options' defaults filled in.
func New(o Options) *Client {
	c := &Client{transport: o.Transport, now: o.Now, timeout: o.Timeout, log: o.Log}
	if c.transport == nil {
		c.transport = newTransport(o.Guard)
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.timeout <= 0 {
		c.timeout = defaultTimeout
	}
	if c.log == nil {
		c.log = zap.NewNop()
	}
	return c
}

// newTransport returns the transport for token endpoints. A connection is used once: on a reused
// one the provider may have hung up already, and a request that was written but not answered must
// not be sent again, because a code or a rotating refresh token is spent by the first copy.
func newTransport(guard *netguard.Guard) *http.Transport {
	return &http.Transport{
		Proxy:                  nil, // a sidecar may have itself in HTTPS_PROXY
		DialContext:            guard.DialContext(net.Dialer{Timeout: dialTimeout}),
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    dialTimeout,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxAnswer,
	}
}

// transportFor returns the transport for one call: the client's own, or a copy of it that presents the
// connector's certificate.
func (c *Client) transportFor(f filler) (http.RoundTripper, error) {
	how := f.connector.ClientCert
	if how == nil {
		return c.transport, nil
	}
	cert, err := f.text(how.Cert)
	if err != nil {
		return nil, err
	}
	key, err := f.text(how.Key)
	if err != nil {
		return nil, err
	}
	base, ok := c.transport.(*http.Transport)
	if !ok {
		return nil, unsent(f.op, ClassOperator, CodeBadKey)
	}
	own, err := Presenting(base, cert, key)
	if err != nil {
		return nil, unsent(f.op, ClassOperator, CodeBadKey)
	}
	own.DisableKeepAlives = true // nobody uses it again
	return own, nil
}
