package client

import (
	"context"
	"encoding/json"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// The values of [Account].Status.
const (
	StatusActive              = "ACTIVE"               // requests go out
	StatusExpired             = "EXPIRED"              // the user must consent again
	StatusPendingAuth         = "PENDING_AUTH"         // consent has not been given yet
	StatusPendingVerification = "PENDING_VERIFICATION" // the app has not confirmed the user yet
	StatusDisconnected        = "DISCONNECTED"         // ended on purpose
)

// maxPage is the largest page that the server gives.
const maxPage = 200

// Account is one user's account at one connection. It holds no secret.
type Account struct {
	// ID begins with ca_ and never changes.
	ID string `json:"id"`
	// Connection is the connection's name, Connector its connector's.
	Connection string `json:"connection,omitempty"`
	Connector  string `json:"connector"`
	// Identifier is the app's name for its user.
	Identifier string `json:"identifier"`
	// Status tells whether requests go out: they do when it is ACTIVE.
	Status string `json:"status"`
	// Reason is a code that says why the account is not ACTIVE, Next what to do about it.
	Reason string `json:"reason,omitempty"`
	Next   string `json:"next,omitempty"`
	// Identity is who the account is at the provider.
	Identity Identity `json:"identity,omitzero"`
	// RequestedScopes are those that the user was asked for.
	RequestedScopes []string `json:"requested_scopes,omitempty"`
	// GrantedScopes and MissingScopes are nil when the provider did not say.
	GrantedScopes []string `json:"granted_scopes,omitzero"`
	MissingScopes []string `json:"missing_scopes,omitzero"`
	// CreatedAt is when the record was made, ConnectedAt when the user last consented, RefreshedAt when the
	// token was last renewed.
	CreatedAt   time.Time `json:"created_at,omitzero"`
	ConnectedAt time.Time `json:"connected_at,omitzero"`
	RefreshedAt time.Time `json:"refreshed_at,omitzero"`
	// TokenExpiresAt is zero when the token does not expire, or the provider did not say. RefreshExpiresAt is
	// when the refresh token ends, where the provider says so.
	TokenExpiresAt   time.Time `json:"token_expires_at,omitzero"`
	RefreshExpiresAt time.Time `json:"refresh_expires_at,omitzero"`
	// LastUsedAt is when the account's credential was last asked for, within an hour or so, CheckedAt
	// when the provider was last asked whether it takes it.
	LastUsedAt time.Time `json:"last_used_at,omitzero"`
	CheckedAt  time.Time `json:"checked_at,omitzero"`
	// NextDueAt is when something is done for the account without being asked, such as a refresh ahead
	// of its time; zero when nothing is planned.
	NextDueAt time.Time `json:"next_due_at,omitzero"`
	// LastError is the code of the last failed refresh, LastErrorClass its class: permanent, operator,
	// transient or malformed. Failures counts the failed ones since the last that was not.
	LastError      string    `json:"last_error,omitempty"`
	LastErrorClass string    `json:"last_error_class,omitempty"`
	LastErrorAt    time.Time `json:"last_error_at,omitzero"`
	Failures       int       `json:"failures,omitempty"`
	// Labels and Metadata are the app's own; see [AccountChange].
	Labels   map[string]string `json:"labels,omitempty"`
	Metadata json.RawMessage   `json:"metadata,omitempty"`
	// Version counts the writes of the account, those of Claviger itself among them. It is the answer's ETag.
	Version uint64 `json:"version"`
}

// Identity is who an account is at the provider, as far as it tells.
type Identity struct {
	ID     string `json:"id,omitempty"`
	Name   string `json:"name,omitempty"`
	Email  string `json:"email,omitempty"`
	Avatar string `json:"avatar,omitempty"`
}

// AccountQuery filters the list of accounts; empty fields do not filter.
type AccountQuery struct {
	Connection string
	Connector  string
	Identifier string
	Status     string
	// Labels are those that an account must have, with these values.
	Labels map[string]string
	// ExpiringWithin selects accounts whose grant is known to end within that time, or has: their users must
	// consent again.
	ExpiringWithin time.Duration
	PageQuery
}

func (q AccountQuery) values() url.Values {
	v := q.PageQuery.values()
	set(v, "connection", q.Connection)
	set(v, "connector", q.Connector)
	set(v, "identifier", q.Identifier)
	set(v, "status", q.Status)
	for _, name := range slices.Sorted(maps.Keys(q.Labels)) {
		v.Add("label", name+"="+q.Labels[name])
	}
	if q.ExpiringWithin > 0 {
		v.Set("expiring_within", q.ExpiringWithin.String())
	}
	return v
}

// NewAccount is an account to connect whose credential needs no browser, such as an API key.
type NewAccount struct {
	// Connection is the connection's name, Identifier the app's name for its user.
	Connection string `json:"connection"`
	Identifier string `json:"identifier"`
	// Inputs are values of the connector's account inputs.
	Inputs map[string]string `json:"inputs,omitempty"`
	// Choice says which item is used where the account has several at the provider.
	Choice Choice `json:"choice,omitempty"`
}

// Disconnection is what came of a disconnect.
type Disconnection struct {
	Account Account `json:"account"`
	// Revoked tells that the provider has ended the grant, RevokeError why it has not. The tokens
	// are deleted here in any case.
	Revoked     bool   `json:"revoked"`
	RevokeError string `json:"revoke_error,omitempty"`
}

// Accounts lists one page of the accounts that the query selects.
func (c *Client) Accounts(ctx context.Context, q AccountQuery) (Page[Account], error) {
	return get[Page[Account]](ctx, c, "/accounts", q.values())
}

// AllAccounts yields all accounts that the query selects, page after page. Limit is the size of a
// page: 200 when zero.
func (c *Client) AllAccounts(ctx context.Context, q AccountQuery) iter.Seq2[Account, error] {
	if q.Limit == 0 {
		q.Limit = maxPage
	}
	return all(ctx, q.PageQuery, func(ctx context.Context, p PageQuery) (Page[Account], error) {
		q := q
		q.PageQuery = p
		return c.Accounts(ctx, q)
	})
}

// Account returns the account with that ID.
func (c *Client) Account(ctx context.Context, id string) (Account, error) {
	return get[Account](ctx, c, "/accounts/"+url.PathEscape(id), nil)
}

// FindAccount returns the account with that identifier at the connection.
func (c *Client) FindAccount(ctx context.Context, connection, identifier string) (Account, error) {
	return get[Account](ctx, c, accountPath(connection, identifier), nil)
}

// CreateAccount connects an account, or gives the one that there is another credential. The credential is
// tried out first, as far as that is possible: one that the provider refuses is not kept. Accounts that
// need their user's consent are connected with [Client.CreateLink].
func (c *Client) CreateAccount(ctx context.Context, n NewAccount) (Account, error) {
	return call[Account](ctx, c, http.MethodPost, "/accounts", n)
}

// Disconnect stops the use of an account at once, revokes its grant at the provider where that is
// possible, and deletes its tokens.
func (c *Client) Disconnect(ctx context.Context, id string) (Disconnection, error) {
	return c.disconnect(ctx, "/accounts/"+url.PathEscape(id))
}

// DisconnectNamed is [Client.Disconnect] for the account with that identifier at the connection.
func (c *Client) DisconnectNamed(ctx context.Context, connection, identifier string) (Disconnection, error) {
	return c.disconnect(ctx, accountPath(connection, identifier))
}

func (c *Client) disconnect(ctx context.Context, account string) (Disconnection, error) {
	return call[Disconnection](ctx, c, http.MethodPost, account+"/disconnect", nil)
}

func accountPath(connection, identifier string) string {
	return "/accounts/" + url.PathEscape(connection) + "/" + url.PathEscape(identifier)
}
