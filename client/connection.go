package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// The values of [Connection].Origin.
const (
	OriginConfig = "config" // written in the configuration: read-only here
	OriginAPI    = "api"    // created here and kept in the vault
)

// Connection is a connector plus this deployment's OAuth client, scopes and parameters.
type Connection struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Connector string `json:"connector"`
	// Auth is the way of the connector in which accounts are connected; empty means the standard one.
	Auth   string `json:"auth,omitempty"`
	Origin string `json:"origin"`
	// ClientID is the OAuth client in use; empty where the provider takes none. DefaultApp tells that it is
	// that of the connector's default app.
	ClientID   string `json:"client_id,omitempty"`
	DefaultApp bool   `json:"default_app,omitempty"`
	// HasClientSecret tells that there is a secret, and ClientSecrets how many; the secrets themselves are
	// never shown. ClientSecretInUse is which of several is sent, from 1: above 1 when the provider has refused
	// those before.
	HasClientSecret   bool `json:"has_client_secret"`
	ClientSecrets     int  `json:"client_secrets,omitempty"`
	ClientSecretInUse int  `json:"client_secret_in_use,omitempty"`
	// EarlierClients are the connection's own clients before, the latest first. Accounts that were connected
	// with one of them go on with it.
	EarlierClients []OAuthClient `json:"earlier_clients,omitempty"`
	// Registration is that of the client in use, if the server has registered it itself.
	Registration *Registration `json:"registration,omitempty"`
	// Scopes are asked for; empty means the connector's default ones.
	Scopes []string          `json:"scopes,omitempty"`
	Params map[string]string `json:"params,omitempty"`
	// SecretParams are the names of further params; their values are never shown.
	SecretParams []string `json:"secret_params,omitempty"`
	// ExposeTokens tells that access tokens of its accounts may be fetched.
	ExposeTokens bool `json:"expose_tokens,omitempty"`
	// InstallURL is the app's page for users who come from the provider's marketplace.
	InstallURL string `json:"install_url,omitempty"`
	// RedirectURI is what to register at the provider; absent when the server has no callback, or users
	// are not sent to the provider.
	RedirectURI string `json:"redirect_uri,omitempty"`
	// RedirectRefused tells that the provider takes no RedirectURI like that: it has http or leads to this machine,
	// and must have https and a public name.
	RedirectRefused bool      `json:"redirect_refused,omitempty"`
	CreatedAt       time.Time `json:"created_at,omitzero"`
	UpdatedAt       time.Time `json:"updated_at,omitzero"`
	// Broken says why the connection cannot be used; empty when it can.
	Broken string `json:"broken,omitempty"`
	// KeyError says what is wrong with the operator's key that assertions are signed with, or with its certificate;
	// empty when they can be used, and when there are none.
	KeyError string `json:"key_error,omitempty"`
}

// NewConnection is a connection to make.
type NewConnection struct {
	// Name is lower-case letters, digits, - and _, at most 63; it is part of the redirect URI. Connector is the
	// connector's name.
	Name      string `json:"name"`
	Connector string `json:"connector"`
	// Auth is one of the connector's ways; empty means the standard one.
	Auth string `json:"auth,omitempty"`
	// ClientID is the OAuth client's; without one the connector's default app is used, or a client is registered
	// where the connector says how.
	ClientID string `json:"client_id,omitempty"`
	// ClientSecret is the secret, or where the server finds it: {env.NAME} or {file.PATH}. ClientSecrets take
	// its place where the client has several; see [NewOAuthClient].
	ClientSecret  string   `json:"client_secret,omitempty"`
	ClientSecrets []string `json:"client_secrets,omitempty"`
	// EarlierClients are those that accounts to be imported were connected with.
	EarlierClients []NewOAuthClient `json:"earlier_clients,omitempty"`
	// Scopes are asked for instead of the connector's default ones.
	Scopes []string `json:"scopes,omitempty"`
	// Params are values of the connector's inputs. A secret one may be given in the same way as
	// ClientSecret.
	Params map[string]string `json:"params,omitempty"`
	// ExposeTokens lets access tokens of its accounts be fetched.
	ExposeTokens bool `json:"expose_tokens,omitempty"`
	// InstallURL is the app's page for users who come from the provider's marketplace; only for connectors that
	// declare that.
	InstallURL string `json:"install_url,omitempty"`
}

// ConnectionChange is what to change of a connection's OAuth clients and secrets; what is absent stays. Its fields are as
// those of an [AppChange]; an empty ClientID means the default app.
type ConnectionChange struct {
	// ClientID is that of another client, and ClientSecrets its secrets: the client before is kept as an
	// earlier one. Without another client, ClientSecrets take the place of all secrets.
	ClientID      *string  `json:"client_id,omitempty"`
	ClientSecrets []string `json:"client_secrets,omitempty"`
	// AddClientSecrets are put behind the secrets there are, and RemoveClientSecrets taken away by their
	// position, from 1.
	AddClientSecrets    []string `json:"add_client_secrets,omitempty"`
	RemoveClientSecrets []int    `json:"remove_client_secrets,omitempty"`
	// AddEarlierClient puts a client back that accounts were connected with.
	AddEarlierClient *NewOAuthClient `json:"add_earlier_client,omitempty"`
	// SecretParams are values of secret params, such as private keys, in place of those before. The others stay.
	SecretParams map[string]string `json:"secret_params,omitempty"`
}

// Connections lists one page of connections in the order of their names.
func (c *Client) Connections(ctx context.Context, q PageQuery) (Page[Connection], error) {
	return get[Page[Connection]](ctx, c, "/connections", q.values())
}

// AllConnections yields all connections, page after page.
func (c *Client) AllConnections(ctx context.Context) iter.Seq2[Connection, error] {
	return all(ctx, PageQuery{Limit: maxPage}, c.Connections)
}

// Connection returns the connection with that name.
func (c *Client) Connection(ctx context.Context, name string) (Connection, error) {
	return get[Connection](ctx, c, "/connections/"+url.PathEscape(name), nil)
}

// CreateConnection checks and stores a connection; it can be used at once.
func (c *Client) CreateConnection(ctx context.Context, n NewConnection) (Connection, error) {
	return call[Connection](ctx, c, http.MethodPost, "/connections", n)
}

// ChangeConnection changes the OAuth clients and secrets of a connection that was made through the API; it is used as it
// is then at once.
func (c *Client) ChangeConnection(ctx context.Context, name string, change ConnectionChange) (Connection, error) {
	return call[Connection](ctx, c, http.MethodPatch, "/connections/"+url.PathEscape(name), change)
}

// ForgetClient removes an earlier client of a connection. One that accounts need is refused, unless it is
// forced.
func (c *Client) ForgetClient(ctx context.Context, name, clientID string, force bool) (Connection, error) {
	path := "/connections/" + url.PathEscape(name) + "/earlier/" + url.PathEscape(clientID)
	return call[Connection](ctx, c, http.MethodDelete, path+withQuery(appQuery("", force)), nil)
}

// DeleteConnection removes a connection that has no accounts and was made through the API. A client that was
// registered for it is deleted at the provider; see [Client.RemoveConnection].
func (c *Client) DeleteConnection(ctx context.Context, name string) error {
	_, err := c.RemoveConnection(ctx, name, false)
	return err
}
