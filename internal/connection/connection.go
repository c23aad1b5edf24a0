// Package connection turns stored and configured connections into ready ones: the connector
// looked up, its templates filled, the injection compiled. [Set] is where the broker, the consent
// flow and the API find them.
package connection

import (
	"fmt"
	"net"
	"net/url"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/inject"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// Connection is a connection that is ready for use. It is immutable.
type Connection struct {
	vault.Connection
	// App is the OAuth client at the connector.
	App oauth.App
	// Inject puts a credential on a request.
	Inject *inject.Plan
	bases  map[string]*Base
}

// Base is one base URL of a connection's API.
type Base struct {
	// Name is empty for the default base.
	Name string
	URL  *url.URL
	// Dial is the host and port to connect to.
	Dial string
}

// Connector returns the connection's connector.
func (c *Connection) Connector() *connectors.Connector { return c.App.Connector }

// Base returns the base with that name; the empty name is the default base.
func (c *Connection) Base(name string) (*Base, bool) {
	b, ok := c.bases[name]
	return b, ok
}

// BaseFor returns the base that a URL of the provider lies under, preferring the longest path.
func (c *Connection) BaseFor(u *url.URL) (*Base, bool) {
	var best *Base
	for _, b := range c.bases {
		if b.holds(u) && (best == nil || len(b.URL.Path) > len(best.URL.Path) ||
			len(b.URL.Path) == len(best.URL.Path) && b.Name == "") {
			best = b
		}
	}
	return best, best != nil
}

func (b *Base) holds(u *url.URL) bool {
	if u.Scheme != b.URL.Scheme || !sameHost(u, b.URL) || u.User != nil {
		return false
	}
	p := b.URL.EscapedPath()
	rest := u.EscapedPath()
	return len(rest) >= len(p) && rest[:len(p)] == p && (len(rest) == len(p) || rest[len(p)] == '/')
}

// New resolves c with the catalogue's connector and checks its parameters.
func New(c vault.Connection, catalog *connectors.Catalog) (*Connection, error) {
	if !vault.ValidName(c.Name) {
		return nil, &Error{Code: CodeInvalidName, Message: fmt.Sprintf(
			"connection name %q is not valid: use lower-case letters, digits, '-' and '_', at most 63 characters", c.Name)}
	}
	k, ok := catalog.Lookup(c.Connector)
	if !ok {
		return nil, unknownConnector(c.Connector, catalog)
	}
	if c.ClientID == "" {
		return nil, &Error{Code: CodeInvalidConnection, Message: fmt.Sprintf("connection %s has no client_id", c.Name)}
	}
	if c.ClientSecret.IsZero() && k.Token.ClientAuth != connectors.ClientAuthNone {
		return nil, &Error{Code: CodeInvalidConnection, Message: fmt.Sprintf(
			"connection %s has an empty client_secret; connector %s needs one", c.Name, k.Name)}
	}
	ends, err := k.Endpoints(c.Params)
	if err != nil {
		return nil, &Error{Code: CodeInvalidConnection, Message: fmt.Sprintf("connection %s: %v", c.Name, err)}
	}
	plan, err := inject.New(k)
	if err != nil {
		return nil, &Error{Code: CodeInvalidConnection, Message: fmt.Sprintf("connection %s: %v", c.Name, err)}
	}
	r := &Connection{
		Connection: c,
		App:        oauth.App{Connector: k, Endpoints: ends, ClientID: c.ClientID, ClientSecret: c.ClientSecret, Scopes: c.Scopes},
		Inject:     plan,
		bases:      make(map[string]*Base, len(ends.Bases)),
	}
	for name, u := range ends.Bases {
		r.bases[name] = &Base{Name: name, URL: u, Dial: hostPort(u)}
	}
	return r, nil
}

func sameHost(a, b *url.URL) bool { return hostPort(a) == hostPort(b) }

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "443"
		if u.Scheme == "http" {
			port = "80"
		}
	}
	return net.JoinHostPort(u.Hostname(), port)
}
