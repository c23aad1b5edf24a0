// Package connection turns stored and configured connections into ready ones: the connector
// looked up, its templates filled, the injection compiled. [Set] is where the broker, the consent
// flow and the API find them.
package connection

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/inject"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/internal/sign"
	"github.com/claviger-proxy/claviger/vault"
)

// Connection is a connection that is ready for use, for all its accounts or for one of them; see
// [Connection.For]. It is immutable.
type Connection struct {
	vault.Connection
	// App is the OAuth client at the connector.
	App oauth.App
	// Inject puts a credential on a request.
	Inject *inject.Plan
	// Signer signs requests; nil for most connectors.
	Signer *sign.Signer
	bases  map[string]*Base
	// DefaultApp tells that App's OAuth client is that of the default app.
	DefaultApp bool
	// clients are the connection with each of the other OAuth clients that accounts may be connected with, by
	// ID. unknown tells that the client is none of them.
	clients map[string]*Connection
	unknown bool
	// all is the connection for all accounts, if this one is for one of them, or for some.
	all *Connection
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

// New resolves c with the catalogue's connector and checks its parameters. The apps are those for its
// connector and way: the first is used if c brings no OAuth client, and all their clients are known for
// accounts that were connected with them.
func New(c vault.Connection, catalog *connectors.Catalog, apps ...vault.App) (*Connection, error) {
	if !vault.ValidName(c.Name) {
		return nil, &Error{Code: CodeInvalidName, Message: fmt.Sprintf(
			"connection name %q is not valid: use lower-case letters, digits, '-' and '_', at most 63 characters", c.Name)}
	}
	k, ok := catalog.Lookup(c.Connector)
	if !ok {
		return nil, unknownConnector(c.Connector, catalog)
	}
	if k, ok = k.Way(c.Way); !ok {
		return nil, unknownWay(c, catalog)
	}
	if err := checkInstallURL(c, k); err != nil {
		return nil, err
	}
	client, given, byDefault := c.Client(), params(c.Params, c.SecretParams), false
	if client.ID == "" && c.ClientSecret.IsZero() && needsClient(k) && len(apps) > 0 {
		client, byDefault = apps[0].Client, true
		given = withDefaults(k, given, params(apps[0].Params, apps[0].SecretParams))
	}
	if err := checkClient(c, k, client); err != nil {
		return nil, err
	}
	values, err := k.AppValues(given)
	if err != nil {
		return nil, invalid(c, err)
	}
	plan, err := inject.New(k)
	if err != nil {
		return nil, invalid(c, err)
	}
	r := &Connection{
		Connection: c,
		App:        ClientApp(k, client),
		Inject:     plan,
		DefaultApp: byDefault,
	}
	r.App.Values, r.App.Scopes = values, c.Scopes
	if k.Signer != nil {
		if r.Signer, err = sign.New(k.Signer); err != nil {
			return nil, invalid(c, err)
		}
	}
	if !k.PerAccount() {
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
	r.know(c.Earlier...)
	for _, app := range apps {
		r.know(app.Client)
		r.know(app.Earlier...)
	}
	return r, nil
}

// fill fills the URLs.
func (c *Connection) fill() error {
	ends, err := c.Connector().Endpoints(c.App.Values)
	if err != nil {
		return invalid(c.Connection, err)
	}
	c.App.Endpoints, c.bases = ends, make(map[string]*Base, len(ends.Bases))
	for name, u := range ends.Bases {
		c.bases[name] = &Base{Name: name, URL: u, Dial: hostPort(u)}
	}
	return nil
}

// For returns the connection for an account with these inputs and captured values: its URLs and its OAuth
// client may be the account's own. For most connectors that is c itself. Inputs that the connector does not
// know, or takes no more, are an error that shows no value.
func (c *Connection) For(inputs vault.Secrets, captured map[string]string) (*Connection, error) {
	k := c.Connector()
	if len(k.Account) == 0 && len(captured) == 0 && len(inputs) == 0 && !k.PerAccount() {
		return c, nil
	}
	values, err := k.AccountValues(inputs.Reveal())
	if err != nil {
		return nil, &Error{Code: CodeInvalidInputs, Message: fmt.Sprintf("connection %s: %v", c.Name, err)}
	}
	maps.Copy(values, c.App.Values)
	for name, value := range captured {
		values[connectors.CapturedName(name)] = value
	}
	one := *c
	one.all, one.App.Values = c.All(), values
	if own := k.Token.Client; own != nil {
		one.App.FurtherSecrets = nil
		if one.App.ClientID, err = own.ID.Expand(values); err != nil {
			return nil, invalid(c.Connection, err)
		}
		if !own.Secret.IsZero() {
			secret, err := own.Secret.Expand(values)
			if err != nil {
				return nil, invalid(c.Connection, err)
			}
			one.App.ClientSecret = vault.NewSecret(secret)
		}
	}
	if k.PerAccount() {
		return &one, one.fill()
	}
	return &one, nil
}

// Lacks returns the names of the account inputs that an account with these needs besides. Those that are there are
// checked: one that is not good is an error as of [Connection.For].
func (c *Connection) Lacks(inputs vault.Secrets) ([]string, error) {
	k, given := c.Connector(), inputs.Reveal()
	missing := connectors.Lacks(k.Account, given)
	_, err := k.AccountValues(given)
	var wrong []error
	for _, e := range connectors.Mistakes(err) {
		if !slices.Contains(missing, e.Path) {
			wrong = append(wrong, e)
		}
	}
	if len(wrong) > 0 {
		return nil, &Error{Code: CodeInvalidInputs, Message: fmt.Sprintf("connection %s: %v", c.Name, errors.Join(wrong...))}
	}
	return missing, nil
}

// All is the connection for all its accounts.
func (c *Connection) All() *Connection {
	if c.all != nil {
		return c.all
	}
	return c
}

// Values are what may stand on a request with that token, and those of the slots.
func (c *Connection) Values(token vault.Secret, slots vault.Secrets) connectors.Values {
	values := maps.Clone(c.App.Values)
	values[connectors.NameClientID], values[connectors.NameToken] = c.App.ClientID, token.Reveal()
	for name, slot := range slots {
		values[connectors.SlotName(name)] = slot.Reveal()
	}
	return values
}

// Sign signs a request with that token, whose body is the whole one, nil if there is none; see
// [sign.Signer.Sign]. The connection has a Signer.
func (c *Connection) Sign(r *http.Request, token vault.Secret, slots vault.Secrets, body []byte) error {
	return c.Signer.Sign(r, c.signingValues(token, slots), body, time.Now())
}

// signingValues are Values and the OAuth client's secret, which never stands on a request itself.
func (c *Connection) signingValues(token vault.Secret, slots vault.Secrets) connectors.Values {
	values := c.Values(token, slots)
	values[nameClientSecret] = c.App.ClientSecret.Reveal()
	return values
}

// nameClientSecret is what templates and signers call the OAuth client's secret.
const nameClientSecret = "client_secret"

// params are all values of app inputs.
func params(open map[string]string, secret vault.Secrets) map[string]string {
	all := maps.Clone(open)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, secret.Reveal())
	return all
}

// withDefaults are a connection's own values, and those of the default app beside them: but for those that are not
// asked for where the connection's own hold.
func withDefaults(k *connectors.Connector, own, app map[string]string) map[string]string {
	all := maps.Clone(app)
	maps.Copy(all, own)
	asked := connectors.Asked(k.App, all)
	for _, in := range k.App {
		_, mine := own[in.Name]
		if !mine && !slices.ContainsFunc(asked, func(a connectors.Input) bool { return a.Name == in.Name }) {
			delete(all, in.Name)
		}
	}
	return all
}

func checkClient(c vault.Connection, k *connectors.Connector, client vault.OAuthClient) error {
	id, secret := k.NeedsClient()
	switch {
	case (id || secret) && client.ID == "" && len(client.Secrets) == 0:
		return &Error{Code: CodeInvalidConnection, noClient: true, Message: fmt.Sprintf(
			"connection %s has no client_id: %sadd client_id, or a default app: `claviger apps add %s --client-id ID`",
			c.Name, orRegister(c, k), appWords(c.Connector, c.Way))}
	case id && client.ID == "":
		return &Error{Code: CodeInvalidConnection, Message: fmt.Sprintf("connection %s has a client_secret, but no client_id", c.Name)}
	case secret && len(client.Secrets) == 0:
		return &Error{Code: CodeInvalidConnection, Message: fmt.Sprintf(
			"connection %s has an empty client_secret; connector %s needs one", c.Name, k.Name)}
	}
	for _, one := range append([]vault.OAuthClient{client}, c.Earlier...) {
		if err := checkSecrets(one); err != nil {
			return invalid(c, err)
		}
	}
	if len(c.Earlier) > vault.MaxEarlierClients {
		return invalid(c, fmt.Errorf("it has %d earlier clients, and can have %d", len(c.Earlier), vault.MaxEarlierClients))
	}
	return nil
}

// orRegister says how a connection comes to a client that is registered for it, if there is a way.
func orRegister(c vault.Connection, k *connectors.Connector) string {
	switch {
	case k.Register == nil:
		return ""
	case c.Origin == vault.OriginConfig:
		return fmt.Sprintf("one is registered only for a connection that is added by `claviger connections add %s --connector %s`, "+
			"in place of that of the configuration; else ", c.Name, c.Connector)
	case c.Version == 0:
		return "`claviger connections add` has the provider register one; else "
	}
	return fmt.Sprintf("`claviger connections register %s` has the provider register one; else ", c.Name)
}

func invalid(c vault.Connection, err error) error {
	return &Error{Code: CodeInvalidConnection, Message: fmt.Sprintf("connection %s: %v", c.Name, err)}
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
