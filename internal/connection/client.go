package connection

import (
	"fmt"
	"slices"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// ClientApp is the OAuth client at the connector, for calls that need neither values nor URLs.
func ClientApp(k *connectors.Connector, c vault.OAuthClient) oauth.App {
	app := oauth.App{Connector: k, ClientID: c.ID, ClientSecret: c.Secret()}
	if len(c.Secrets) > 1 {
		app.FurtherSecrets = c.Secrets[1:]
	}
	return app
}

// WithClient returns the connection for accounts that were connected with that OAuth client: the one in use,
// or an earlier one that is known still. With one that is not known it has no secret; see
// [Connection.ClientKnown]. No ID is the client in use.
func (c *Connection) WithClient(id string) *Connection {
	all := c.All()
	if id == "" || id == all.App.ClientID || !needsClient(all.Connector()) {
		return all
	}
	if known := all.clients[id]; known != nil {
		return known
	}
	one := all.withClient(vault.OAuthClient{ID: id})
	one.unknown = true
	return one
}

// withClient is the connection with another client.
func (c *Connection) withClient(client vault.OAuthClient) *Connection {
	one, app := *c, ClientApp(c.Connector(), client)
	one.all, one.clients = c, nil
	one.App.ClientID, one.App.ClientSecret, one.App.FurtherSecrets = app.ClientID, app.ClientSecret, app.FurtherSecrets
	return &one
}

// ClientKnown tells whether the OAuth client of [Connection.WithClient] can be used: its secret is known.
func (c *Connection) ClientKnown() bool { return !c.unknown }

// ForGrant returns the connection for an account with that grant: [Connection.For] with the OAuth client that
// the account was connected with.
func (c *Connection) ForGrant(g vault.Grant) (*Connection, error) {
	return c.WithClient(g.ClientID).For(g.Inputs, g.Captured)
}

// CurrentClient is the OAuth client in use for new accounts.
func (c *Connection) CurrentClient() vault.OAuthClient {
	client := vault.OAuthClient{ID: c.App.ClientID}
	if !c.App.ClientSecret.IsZero() {
		client.Secrets = append([]vault.Secret{c.App.ClientSecret}, c.App.FurtherSecrets...)
	}
	return client
}

// SignsWithClient tells whether each request is signed, and the OAuth client's secret needed for that.
func (c *Connection) SignsWithClient() bool {
	_, secret := c.Connector().NeedsClient()
	return c.Signer != nil && secret
}

func needsClient(k *connectors.Connector) bool {
	id, secret := k.NeedsClient()
	return id || secret
}

// know keeps the clients that accounts may have been connected with. The first of two with one ID counts.
func (c *Connection) know(clients ...vault.OAuthClient) {
	for _, client := range clients {
		if client.ID == "" || client.ID == c.App.ClientID || c.clients[client.ID] != nil {
			continue
		}
		if c.clients == nil {
			c.clients = map[string]*Connection{}
		}
		c.clients[client.ID] = c.withClient(client)
	}
}

// Clients are the IDs of all OAuth clients that the connection knows, the one in use first.
func (c *Connection) Clients() []string {
	var ids []string
	for id := range c.All().clients {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return append([]string{c.All().App.ClientID}, ids...)
}

// ClientChange is what to change of an app's or a connection's OAuth clients. Its zero value changes nothing.
type ClientChange struct {
	// ID is that of another client, whose secrets are Secrets; the one before becomes an earlier one. An
	// earlier one may come back, with the secrets it had if there are none here. Empty is no client.
	ID *string
	// Secrets take the place of all secrets.
	Secrets []vault.Secret
	// Remove are positions of secrets to take away, from 1, and Add those to put behind what is left.
	Remove []int
	Add    []vault.Secret
	// Earlier is added to the earlier clients, or takes the place of the one of its ID.
	Earlier *vault.OAuthClient
}

// IsZero tells whether nothing is to be changed.
func (ch ClientChange) IsZero() bool {
	return ch.ID == nil && len(ch.Secrets)+len(ch.Remove)+len(ch.Add) == 0 && ch.Earlier == nil
}

// Apply returns what the change makes of a client and the earlier ones.
func (ch ClientChange) Apply(current vault.OAuthClient, earlier []vault.OAuthClient) (vault.OAuthClient, []vault.OAuthClient, error) {
	current, earlier = ch.replace(current, slices.Clone(earlier))
	var err error
	if current.Secrets, err = ch.secrets(current.Secrets); err != nil {
		return vault.OAuthClient{}, nil, err
	}
	if e := ch.Earlier; e != nil {
		if e.ID == current.ID {
			return vault.OAuthClient{}, nil, invalidClient("%q is the client in use, and not an earlier one", e.ID)
		}
		earlier = append([]vault.OAuthClient{*e}, without(earlier, e.ID)...)
	}
	if len(earlier) > vault.MaxEarlierClients {
		return vault.OAuthClient{}, nil, clientsFull()
	}
	for _, c := range append([]vault.OAuthClient{current}, earlier...) {
		if err := checkSecrets(c); err != nil {
			return vault.OAuthClient{}, nil, err
		}
	}
	return current, earlier, nil
}

// replace puts another client in the place of the current one, which becomes an earlier one.
func (ch ClientChange) replace(current vault.OAuthClient, earlier []vault.OAuthClient) (vault.OAuthClient, []vault.OAuthClient) {
	if ch.ID == nil || *ch.ID == current.ID {
		if len(ch.Secrets) > 0 {
			current.Secrets = ch.Secrets
		}
		return current, earlier
	}
	next := vault.OAuthClient{ID: *ch.ID, Secrets: ch.Secrets}
	if at := indexClient(earlier, next.ID); at >= 0 && len(next.Secrets) == 0 {
		next.Secrets = earlier[at].Secrets
	}
	earlier = without(earlier, next.ID)
	if current.ID != "" {
		earlier = append([]vault.OAuthClient{current}, earlier...)
	}
	return next, earlier
}

// secrets are what is left of secrets, and what is added.
func (ch ClientChange) secrets(secrets []vault.Secret) ([]vault.Secret, error) {
	var left []vault.Secret
	for i, s := range secrets {
		if !slices.Contains(ch.Remove, i+1) {
			left = append(left, s)
		}
	}
	for _, at := range ch.Remove {
		if at < 1 || at > len(secrets) {
			return nil, invalidClient("there is no secret %d: the client has %d", at, len(secrets))
		}
	}
	return append(left, ch.Add...), nil
}

// checkSecrets refuses too many secrets, and one that stands twice.
func checkSecrets(c vault.OAuthClient) error {
	if len(c.Secrets) > vault.MaxClientSecrets {
		return invalidClient("a client can have %d secrets, and not %d: take away those that the provider takes no more", vault.MaxClientSecrets, len(c.Secrets))
	}
	for i, s := range c.Secrets {
		if s.IsZero() {
			return invalidClient("client_secret %d is empty", i+1)
		}
		if at := slices.IndexFunc(c.Secrets, s.Equal); at < i {
			return invalidClient("client_secret %d and %d are the same", at+1, i+1)
		}
	}
	return nil
}

func indexClient(clients []vault.OAuthClient, id string) int {
	return slices.IndexFunc(clients, func(c vault.OAuthClient) bool { return c.ID == id })
}

func without(clients []vault.OAuthClient, id string) []vault.OAuthClient {
	return slices.DeleteFunc(slices.Clone(clients), func(c vault.OAuthClient) bool { return c.ID == id })
}

func clientsFull() error {
	return &Error{Code: CodeClientsFull, Message: fmt.Sprintf(
		"there are %d earlier clients already, which is as many as are kept; forget one that no account needs", vault.MaxEarlierClients)}
}

func invalidClient(format string, args ...any) error {
	return &Error{Code: CodeInvalidClient, Message: fmt.Sprintf(format, args...)}
}
