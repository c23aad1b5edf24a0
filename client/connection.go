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
	// ClientID is empty where the provider takes no OAuth client.
	ClientID string `json:"client_id,omitempty"`
	// HasClientSecret tells that there is a secret; the secret itself is never shown.
	HasClientSecret bool `json:"has_client_secret"`
	// Scopes are asked for; empty means the connector's default ones.
	Scopes []string          `json:"scopes,omitempty"`
	Params map[string]string `json:"params,omitempty"`
	// SecretParams are the names of further params; their values are never shown.
	SecretParams []string `json:"secret_params,omitempty"`
	// ExposeTokens tells that access tokens of its accounts may be fetched.
	ExposeTokens bool `json:"expose_tokens,omitempty"`
	// RedirectURI is what to register at the provider; absent when the server has no callback, or users
	// are not sent to the provider.
	RedirectURI string    `json:"redirect_uri,omitempty"`
	CreatedAt   time.Time `json:"created_at,omitzero"`
	UpdatedAt   time.Time `json:"updated_at,omitzero"`
	// Broken says why the connection cannot be used; empty when it can.
	Broken string `json:"broken,omitempty"`
}

// NewConnection is a connection to make.
type NewConnection struct {
	Name      string `json:"name"`
	Connector string `json:"connector"`
	// Auth is one of the connector's ways; empty means the standard one.
	Auth     string `json:"auth,omitempty"`
	ClientID string `json:"client_id,omitempty"`
	// ClientSecret is the secret, or where the server finds it: {env.NAME} or {file.PATH}.
	ClientSecret string   `json:"client_secret,omitempty"`
	Scopes       []string `json:"scopes,omitempty"`
	// Params are values of the connector's inputs. A secret one may be given in the same way as
	// ClientSecret.
	Params map[string]string `json:"params,omitempty"`
	// ExposeTokens lets access tokens of its accounts be fetched.
	ExposeTokens bool `json:"expose_tokens,omitempty"`
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

// DeleteConnection removes a connection that has no accounts and was made through the API.
func (c *Client) DeleteConnection(ctx context.Context, name string) error {
	_, err := call[struct{}](ctx, c, http.MethodDelete, "/connections/"+url.PathEscape(name), nil)
	return err
}
