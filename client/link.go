package client

import (
	"context"
	"net/http"
	"time"
)

// NewLink asks for an authorization link.
type NewLink struct {
	// Connection is the connection's name.
	Connection string `json:"connection"`
	// Identifier is the app's name for its user.
	Identifier string `json:"identifier"`
	// Scopes are asked for beside the connection's.
	Scopes []string `json:"scopes,omitempty"`
	// Inputs are values of the connector's account inputs. Without any, an account that exists keeps its own.
	Inputs map[string]string `json:"inputs,omitempty"`
	// ReturnURL is where the browser goes in the end; it must be one that the server allows. State
	// is handed back there.
	ReturnURL string `json:"return_url,omitempty"`
	State     string `json:"state,omitempty"`
}

// Link is a one-time invitation to consent.
type Link struct {
	ID string `json:"id"`
	// URL is for the user's browser. Whoever has it can connect an account, so hand it to that
	// user only.
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// ConnectedAccountID is the account to be connected, or the ID reserved for it.
	ConnectedAccountID string `json:"connected_account_id"`
	Connection         string `json:"connection"`
	Identifier         string `json:"identifier"`
}

// CreateLink makes an authorization link.
func (c *Client) CreateLink(ctx context.Context, n NewLink) (Link, error) {
	return call[Link](ctx, c, http.MethodPost, "/links", n)
}
