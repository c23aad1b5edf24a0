package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// AccountChange changes what the app keeps with an account. Nothing in Claviger depends on it.
type AccountChange struct {
	// Labels are set, or with nil, which is null in JSON, removed; the others stay. An account has at most 32, with
	// names of lower-case letters, digits and ._/- and values of at most 200 bytes. Lists can be filtered by them.
	Labels map[string]*string `json:"labels,omitempty"`
	// Metadata is a JSON object of at most 8 KiB, in place of the one before; null removes it, and nil leaves
	// it as it is.
	Metadata json.RawMessage `json:"metadata,omitempty"`
	// Version makes the change fail with precondition_failed when the account has another one; zero is any.
	Version uint64 `json:"-"`
}

// PendingAccount is an account that is there before its user has consented.
type PendingAccount struct {
	// Labels and Metadata are those of an account that is made; see [AccountChange]. They change none that is
	// there.
	Labels   map[string]string `json:"labels,omitempty"`
	Metadata json.RawMessage   `json:"metadata,omitempty"`
}

// EnsureAccount returns the account with that identifier at the connection. If there is none, it is made, as
// PENDING_AUTH. Any number of calls, also at the same time, make one account.
func (c *Client) EnsureAccount(ctx context.Context, connection, identifier string, n PendingAccount) (Account, error) {
	return call[Account](ctx, c, http.MethodPut, accountPath(connection, identifier), n)
}

// UpdateAccount changes what the app keeps with the account of that ID.
func (c *Client) UpdateAccount(ctx context.Context, id string, change AccountChange) (Account, error) {
	return callIf[Account](ctx, c, http.MethodPatch, "/accounts/"+url.PathEscape(id), change, change.Version)
}

// UpdateNamedAccount is [Client.UpdateAccount] for the account with that identifier at the connection.
func (c *Client) UpdateNamedAccount(ctx context.Context, connection, identifier string, change AccountChange) (Account, error) {
	return callIf[Account](ctx, c, http.MethodPatch, accountPath(connection, identifier), change, change.Version)
}

// RemoveAccount disconnects an account, as [Client.Disconnect] does, and deletes its record. Its ID is not
// used again.
func (c *Client) RemoveAccount(ctx context.Context, id string) (Disconnection, error) {
	return call[Disconnection](ctx, c, http.MethodDelete, "/accounts/"+url.PathEscape(id), nil)
}

// RemoveNamedAccount is [Client.RemoveAccount] for the account with that identifier at the connection.
func (c *Client) RemoveNamedAccount(ctx context.Context, connection, identifier string) (Disconnection, error) {
	return call[Disconnection](ctx, c, http.MethodDelete, accountPath(connection, identifier), nil)
}
