// Package fakeprovider is a provider to connect to: an OAuth 2.0 authorization server with login and
// consent pages, and the API of a small mailbox behind it. The demo shows it to newcomers, and tests
// use it as the other side, with faults on demand.
//
// Begin with [Start]. [Browser.Consent] is the user who agrees or declines; [Server.Grant] skips the
// browser and mints tokens at once. [Server.SetFault] and [Server.HoldToken] make the provider
// misbehave, [Server.Log] tells what it was asked, and [Server.Secrets] lists what must not leak.
//
// It is strict where good providers are: PKCE with S256 is required, codes work once, refresh tokens
// rotate, and the second use of a code or of a refresh token ends the whole grant. Nothing that
// steers it can be reached over HTTP.
package fakeprovider

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"
)

// Config says how the provider behaves. The zero value is usable.
type Config struct {
	// Addr is where to listen. Empty means 127.0.0.1 and any free port.
	Addr string
	// Name is what the provider calls itself on its pages. Empty means "Postbox".
	Name string
	// ClientID and ClientSecret are the app's credentials. An empty ID means "claviger-demo", an
	// empty secret means a random one; see [Server.ClientSecret].
	ClientID, ClientSecret string
	// ClientName is what the consent page calls the app. Empty means "Claviger demo".
	ClientName string
	// RedirectURIs are compared as whole strings. [Server.SetRedirectURIs] changes them later.
	RedirectURIs []string
	// AccessTTL and RefreshTTL are how long tokens live. Zero means one hour and one day.
	AccessTTL, RefreshTTL time.Duration
	// Scopes, if not empty, are the only ones granted; others are dropped without a word, as many
	// providers do. Empty means that all are granted.
	Scopes []string
	// OfflineOnly gives a refresh token only to a request with the scope offline_access. Otherwise
	// every grant has one.
	OfflineOnly bool
	// OmitRefreshToken answers a refresh without a new refresh token and keeps the old one valid.
	OmitRefreshToken bool
	// OmitIssuer leaves the parameter iss (RFC 9207) out of authorization responses.
	OmitIssuer bool
	// DeviceTTL is how long a device code lives, DeviceInterval how long a device has to wait between two polls,
	// in whole seconds. Zero means ten minutes and five seconds.
	DeviceTTL, DeviceInterval time.Duration
	// Users are the people with an account. Nil means [DefaultUsers].
	Users []User
	// Now is the clock all lifetimes are measured with. Nil means time.Now.
	Now func() time.Time
}

func (c Config) withDefaults() Config {
	text := func(s *string, otherwise string) {
		if *s == "" {
			*s = otherwise
		}
	}
	text(&c.Addr, "127.0.0.1:0")
	text(&c.Name, "Postbox")
	text(&c.ClientID, "claviger-demo")
	text(&c.ClientSecret, random("fps_"))
	text(&c.ClientName, "Claviger demo")
	if c.AccessTTL == 0 {
		c.AccessTTL = time.Hour
	}
	if c.RefreshTTL == 0 {
		c.RefreshTTL = 24 * time.Hour
	}
	if c.DeviceTTL == 0 {
		c.DeviceTTL = 10 * time.Minute
	}
	if c.DeviceInterval == 0 {
		c.DeviceInterval = 5 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Users == nil {
		c.Users = DefaultUsers(c.Now())
	}
	return c
}

// A Server is a running provider. All its methods are safe for concurrent use.
type Server struct {
	config Config
	url    string
	port   int

	op      *op.Provider
	client  *client
	ledger  *ledger
	mail    *mailbox
	journal *journal
	faults  *faults
	secrets *secrets
	tokens  *gate
	events  *gate

	http   *http.Server
	cancel context.CancelFunc
	served chan error

	once     sync.Once
	closeErr error
	mu       sync.Mutex
	closed   bool
	running  sync.WaitGroup
}

// Start listens and serves until ctx ends or Close is called. When it returns, the port is known and
// open. It fails if the address cannot be had, or if two users share an ID or one has none.
func Start(ctx context.Context, c Config) (*Server, error) {
	c = c.withDefaults()
	if err := checkUsers(c.Users); err != nil {
		return nil, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Addr)
	if err != nil {
		return nil, fmt.Errorf("listening for the fake provider: %w", err)
	}
	s := &Server{
		config:  c,
		client:  &client{id: c.ClientID, secret: c.ClientSecret, scopes: c.Scopes, redirectURIs: slices.Clone(c.RedirectURIs)},
		mail:    newMailbox(c.Users),
		journal: &journal{now: c.Now},
		faults:  newFaults(),
		secrets: newSecrets(c.ClientSecret),
		tokens:  new(gate),
		events:  new(gate),
		served:  make(chan error, 1),
	}
	s.url, s.port = address(listener.Addr())
	s.ledger = newLedger(c, s.secrets)
	if s.op, err = newOP(s); err != nil {
		_ = listener.Close()
		return nil, fmt.Errorf("building the fake provider: %w", err)
	}

	ctx, s.cancel = context.WithCancel(ctx)
	s.http = &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: 30 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          discardLog,
	}
	go func() { s.served <- s.http.Serve(listener) }() // ends with Close
	context.AfterFunc(ctx, func() { _ = s.Close() })
	return s, nil
}

// address turns a listener's address into a URL that a client on this machine can use.
func address(a net.Addr) (url string, port int) {
	host, p, err := net.SplitHostPort(a.String())
	if err != nil {
		return "http://" + a.String(), 0
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	port, _ = strconv.Atoi(p)
	return "http://" + net.JoinHostPort(host, p), port
}

// URL returns the provider's address and issuer, such as http://127.0.0.1:41327, without a slash at
// the end.
func (s *Server) URL() string { return s.url }

// Port returns the port the provider listens on.
func (s *Server) Port() int { return s.port }

// ClientID returns the app's client ID.
func (s *Server) ClientID() string { return s.config.ClientID }

// ClientSecret returns the app's client secret.
func (s *Server) ClientSecret() string { return s.config.ClientSecret }

// SetRedirectURIs replaces the redirect URIs the app has registered.
func (s *Server) SetRedirectURIs(uris ...string) { s.client.setRedirectURIs(uris) }

// SetOmitRefreshToken changes [Config].OmitRefreshToken for the refreshes to come.
func (s *Server) SetOmitRefreshToken(omit bool) { s.ledger.setOmitRefreshToken(omit) }

// Close cuts all connections, waits for what is being served, and releases the port. Calling it
// again returns the same.
func (s *Server) Close() error {
	s.once.Do(func() {
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		s.cancel()
		s.closeErr = s.http.Close()
		<-s.served
		s.running.Wait()
	})
	return s.closeErr
}

// enter counts a request that begins, so that Close can wait for it. It returns false once the
// server is closed.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.running.Add(1)
	return true
}
