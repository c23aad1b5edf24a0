package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// AccountCheck is the outcome of a check.
type AccountCheck struct {
	Account Account `json:"account"`
	// OK tells that the provider takes the credential, Code why not: credential_refused, no_check when
	// the connector has no request to check with, provider_rate_limited, provider_unreachable,
	// provider_answer, provider_status_NNN, or the code of an error that tells why there is no credential.
	OK   bool   `json:"ok"`
	Code string `json:"code,omitempty"`
	// ProviderStatus is the HTTP status of the provider's answer, if there was one.
	ProviderStatus int `json:"provider_status,omitempty"`
	// RetryAfter is in how many seconds to ask again, when the provider limits requests or is not available.
	RetryAfter int `json:"retry_after,omitempty"`
}

// AccountRefresh is what came of a refresh.
type AccountRefresh struct {
	Account Account `json:"account"`
	// Refreshed tells that there is a new token. There is none when the provider gave no refresh token,
	// or would refuse to refresh one so young.
	Refreshed bool `json:"refreshed"`
}

// Token is an access token that was handed out. Keep it out of logs, and ask for another one before it
// expires.
type Token struct {
	AccessToken string `json:"access_token"`
	// TokenType is the scheme in the header Authorization, as a rule Bearer.
	TokenType string `json:"token_type"`
	// ExpiresAt is zero when the token does not expire, or the provider did not say.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// Account is the account's ID.
	Account string `json:"account"`
}

// Check asks the provider whether it takes the account's credential. An account that it refuses becomes
// EXPIRED.
func (c *Client) Check(ctx context.Context, id string) (AccountCheck, error) {
	return call[AccountCheck](ctx, c, http.MethodPost, "/accounts/"+url.PathEscape(id)+"/check", nil)
}

// CheckNamed is [Client.Check] for the account with that identifier at the connection.
func (c *Client) CheckNamed(ctx context.Context, connection, identifier string) (AccountCheck, error) {
	return call[AccountCheck](ctx, c, http.MethodPost, accountPath(connection, identifier)+"/check", nil)
}

// Refresh gets the account a new token, whether or not it is time to.
func (c *Client) Refresh(ctx context.Context, id string) (AccountRefresh, error) {
	return call[AccountRefresh](ctx, c, http.MethodPost, "/accounts/"+url.PathEscape(id)+"/refresh", nil)
}

// RefreshNamed is [Client.Refresh] for the account with that identifier at the connection.
func (c *Client) RefreshNamed(ctx context.Context, connection, identifier string) (AccountRefresh, error) {
	return call[AccountRefresh](ctx, c, http.MethodPost, accountPath(connection, identifier)+"/refresh", nil)
}

// Token fetches the account's access token, where its connection allows that: token_not_exposed.
func (c *Client) Token(ctx context.Context, id string) (Token, error) {
	return get[Token](ctx, c, "/accounts/"+url.PathEscape(id)+"/token", nil)
}

// TokenNamed is [Client.Token] for the account with that identifier at the connection.
func (c *Client) TokenNamed(ctx context.Context, connection, identifier string) (Token, error) {
	return get[Token](ctx, c, accountPath(connection, identifier)+"/token", nil)
}
