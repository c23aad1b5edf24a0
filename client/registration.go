package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Registration is what is known of an OAuth client that the server has registered at the provider itself.
type Registration struct {
	// RedirectURI is what the client is registered with. When it is not the connection's, see
	// [Client.RegisterClient].
	RedirectURI  string    `json:"redirect_uri,omitempty"`
	RegisteredAt time.Time `json:"registered_at,omitzero"`
	// ClientSecretExpiresAt is when the client's secret ends; zero when it does not.
	ClientSecretExpiresAt time.Time `json:"client_secret_expires_at,omitzero"`
	// Managed tells that the registration can be changed, and is deleted with the connection.
	Managed bool `json:"managed"`
}

// RegisteredConnection is a connection whose client was registered, or whose registration was changed.
type RegisteredConnection struct {
	Connection
	// NewClient tells that the client is another one than before.
	NewClient bool `json:"new_client"`
}

// RemovedConnection says what became of the clients that were registered for a connection.
type RemovedConnection struct {
	Removed string          `json:"removed"`
	Clients []RemovedClient `json:"clients,omitempty"`
}

// RemovedClient is a client that was registered for a connection. One that is not Deleted is at the provider still:
// Reason says why, in a word; it is empty when it was to be kept.
type RemovedClient struct {
	ClientID string `json:"client_id"`
	Deleted  bool   `json:"deleted"`
	Reason   string `json:"reason,omitempty"`
}

// RegisterClient brings what a connection's client is registered with up to date. With anew, or where the provider
// does not let it be changed, another client is registered; accounts go on with the one before.
func (c *Client) RegisterClient(ctx context.Context, name string, anew bool) (RegisteredConnection, error) {
	path := "/connections/" + url.PathEscape(name) + "/register"
	if anew {
		path += "?new=true"
	}
	return call[RegisteredConnection](ctx, c, http.MethodPost, path, nil)
}

// RemoveConnection is [Client.DeleteConnection], and tells what became of the clients that were registered for the
// connection. With keepClients they are left at the provider.
func (c *Client) RemoveConnection(ctx context.Context, name string, keepClients bool) (RemovedConnection, error) {
	path := "/connections/" + url.PathEscape(name)
	if keepClients {
		path += "?keep_clients=true"
	}
	gone, err := call[RemovedConnection](ctx, c, http.MethodDelete, path, nil)
	if err == nil {
		gone.Removed = name
	}
	return gone, err
}
