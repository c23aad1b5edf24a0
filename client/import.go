package client

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// The most that one [Import] may have.
const (
	// MaxImport is the number of accounts, and of connections.
	MaxImport = 100
	// MaxImportBytes is the size as JSON.
	MaxImportBytes = 8 << 20
)

// The values of an outcome of an import.
const (
	ImportCreated  = "created"
	ImportReplaced = "replaced" // an account that was there got these tokens
	ImportExists   = "exists"   // there is one already, which was left alone
	ImportRefused  = "refused"
)

// Import is accounts with their tokens, and the connections that they belong to, from another
// installation or product. It is secret as a whole.
type Import struct {
	// Connections are made, if there is none of that name. A client secret is taken as it is: a
	// placeholder is not filled in.
	Connections []NewConnection `json:"connections,omitempty"`
	// Accounts are at most 100, as connections are.
	Accounts []ImportAccount `json:"accounts,omitempty"`
	// Replace gives accounts that are there already the tokens that come.
	Replace bool `json:"replace,omitempty"`
	// DryRun tells what would be done, and does nothing.
	DryRun bool `json:"dry_run,omitempty"`
}

// ImportAccount is an account to be taken over.
type ImportAccount struct {
	// ID is kept when no account has it here; empty means a new one.
	ID string `json:"id,omitempty"`
	// Connection is the connection's name. Connector may be empty.
	Connection string `json:"connection"`
	Connector  string `json:"connector,omitempty"`
	// Identifier is the app's name for its user.
	Identifier string `json:"identifier"`
	// Status is ACTIVE when empty. Reason, Identity and the times are as those of an [Account].
	Status   string   `json:"status,omitempty"`
	Reason   string   `json:"reason,omitempty"`
	Identity Identity `json:"identity,omitzero"`
	// RequestedScopes and GrantedScopes are nil when nobody knows.
	RequestedScopes []string `json:"requested_scopes,omitempty"`
	GrantedScopes   []string `json:"granted_scopes,omitzero"`
	// ConnectedAt is when the user consented, RefreshedAt when the token was last renewed.
	ConnectedAt time.Time `json:"connected_at,omitzero"`
	RefreshedAt time.Time `json:"refreshed_at,omitzero"`
	// Labels and Metadata are as in [Account].
	Labels   map[string]string `json:"labels,omitempty"`
	Metadata json.RawMessage   `json:"metadata,omitempty"`
	// Grant is nil for an account that is not ACTIVE, and for one whose connector asks for nothing.
	Grant *ImportGrant `json:"grant,omitempty"`
}

// ImportGrant is the tokens of an account. One of AccessToken and RefreshToken is there, unless Inputs are
// all that the connector needs. A token that there is not is got when it is first used.
type ImportGrant struct {
	// AccessToken, RefreshToken and IDToken are as the provider gave them.
	AccessToken  string `json:"access_token,omitempty"`
	RefreshToken string `json:"refresh_token,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
	// Scopes are those that the user has granted; nil when nobody knows.
	Scopes []string `json:"scopes,omitzero"`
	// ObtainedAt is when the access token was given, Expires when it ends, RefreshExpires when the refresh
	// token does; zero when nobody knows.
	ObtainedAt     time.Time `json:"obtained_at,omitzero"`
	Expires        time.Time `json:"expires,omitzero"`
	RefreshExpires time.Time `json:"refresh_expires,omitzero"`
	// ClientID is the OAuth client that the tokens were given to, if it is known. It must be the connection's, or an
	// earlier one of it; empty is the connection's.
	ClientID string `json:"client_id,omitempty"`
	// RedirectURI is the one that the user came back by, Captured what the provider told beside the tokens.
	RedirectURI string            `json:"redirect_uri,omitempty"`
	Captured    map[string]string `json:"captured,omitempty"`
	// Slots are further tokens, by the names that the connector gives them.
	Slots map[string]string `json:"slots,omitempty"`
	// Inputs are the values of the connector's account inputs, secret or not.
	Inputs map[string]string `json:"inputs,omitempty"`
}

// Imported is what came of an import, in the order of what was sent.
type Imported struct {
	Connections []ImportedConnection `json:"connections,omitempty"`
	Accounts    []ImportedAccount    `json:"accounts,omitempty"`
	// RefreshTokens counts the refresh tokens that were taken over, or would be.
	RefreshTokens int  `json:"refresh_tokens"`
	DryRun        bool `json:"dry_run,omitempty"`
}

// ImportedConnection is what came of one connection.
type ImportedConnection struct {
	Name    string `json:"name"`
	Outcome string `json:"outcome"`
	// Problem says why it was refused.
	Problem string `json:"problem,omitempty"`
}

// ImportedAccount is what came of one account.
type ImportedAccount struct {
	Connection string `json:"connection"`
	Identifier string `json:"identifier"`
	// Account is the ID that it has here; empty when it was refused, or is not made yet.
	Account string `json:"account,omitempty"`
	Outcome string `json:"outcome"`
	// Problem says why it was refused, and what to do.
	Problem string `json:"problem,omitempty"`
}

// Import takes accounts over. Each has an outcome of its own; an error means that the server could
// not go on, and those before are taken over all the same. It may take as long as ctx allows.
func (c *Client) Import(ctx context.Context, in Import) (Imported, error) {
	return call[Imported](ctx, c.patient(), http.MethodPost, "/accounts/import", in)
}
