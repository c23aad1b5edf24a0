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
	// Inputs are values of the connector's account inputs. Without any, an account that exists keeps its own, unless
	// they are its credential. The user is asked for those that are missing, such as an API key.
	Inputs map[string]string `json:"inputs,omitempty"`
	// ReturnURL is where the browser goes in the end; it must be one that the server allows. State
	// is handed back there.
	ReturnURL string `json:"return_url,omitempty"`
	State     string `json:"state,omitempty"`
	// Choice says which item is used where the account has several at the provider. Without it the user is
	// asked.
	Choice Choice `json:"choice,omitempty"`
	// Device asks for a code that the user types in on another machine, where the connector offers that
	// (RFC 8628). There is no URL then, and ReturnURL and State must be empty.
	Device bool `json:"device,omitempty"`
}

// Link is a one-time invitation to consent.
type Link struct {
	ID string `json:"id"`
	// URL is for the user's browser. Whoever has it can connect an account, so hand it to that
	// user only.
	URL string `json:"url,omitempty"`
	// UserCode is what the user types in at VerificationURI, on whatever machine, if the link was asked for
	// with Device. Like a URL, it is for that user only. VerificationURIComplete has it in it; not every
	// provider gives one.
	UserCode                string `json:"user_code,omitempty"`
	VerificationURI         string `json:"verification_uri,omitempty"`
	VerificationURIComplete string `json:"verification_uri_complete,omitempty"`
	// Interval is how many seconds lie between two times that the server asks the provider whether the user
	// has consented. To ask [Client.Link] more often is of no use.
	Interval  int       `json:"interval,omitempty"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// ConnectedAccountID is the account to be connected, or the ID reserved for it.
	ConnectedAccountID string `json:"connected_account_id"`
	Connection         string `json:"connection"`
	Identifier         string `json:"identifier"`
}

// CreateLink makes an authorization link. [Client.Link] tells what has become of it.
func (c *Client) CreateLink(ctx context.Context, n NewLink) (Link, error) {
	return call[Link](ctx, c, http.MethodPost, "/links", n)
}
