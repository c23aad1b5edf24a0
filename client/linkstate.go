package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// The values of the status of a link.
const (
	LinkOpen      = "open"      // nobody has begun
	LinkStarted   = "started"   // the user is at the provider, on the way there, or at a form
	LinkChoice    = "choice"    // the user has consented, and has to choose what is used
	LinkConnected = "connected" // the account is connected
	LinkFailed    = "failed"    // it is not, and will not be by this link
	LinkExpired   = "expired"   // nobody has consented in time
)

// LinkState tells how an authorization link stands.
type LinkState struct {
	ID         string `json:"id"`
	Status     string `json:"status"`
	Connection string `json:"connection"`
	Identifier string `json:"identifier"`
	// ConnectedAccountID is the account's, once it is connected.
	ConnectedAccountID string `json:"connected_account_id,omitempty"`
	// Code says why a failed or expired link is that, Detail the same in words, and Next what to do.
	Code      string    `json:"code,omitempty"`
	Detail    string    `json:"detail,omitempty"`
	Next      string    `json:"next,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Over tells whether nothing will change any more.
func (l LinkState) Over() bool {
	return l.Status == LinkConnected || l.Status == LinkFailed || l.Status == LinkExpired
}

// LinkQuery filters the list of links; empty fields do not filter.
type LinkQuery struct {
	Connection string
	Identifier string
	Status     string
	PageQuery
}

func (q LinkQuery) values() url.Values {
	v := q.PageQuery.values()
	set(v, "connection", q.Connection)
	set(v, "identifier", q.Identifier)
	set(v, "status", q.Status)
	return v
}

// Links lists one page of links, the oldest first, until a day after they have expired.
func (c *Client) Links(ctx context.Context, q LinkQuery) (Page[LinkState], error) {
	return get[Page[LinkState]](ctx, c, "/links", q.values())
}

// AllLinks yields all links that q asks for, page by page. An error ends it.
func (c *Client) AllLinks(ctx context.Context, q LinkQuery) iter.Seq2[LinkState, error] {
	return all(ctx, q.PageQuery, func(ctx context.Context, p PageQuery) (Page[LinkState], error) {
		q.PageQuery = p
		return c.Links(ctx, q)
	})
}

// Link returns how the link with that ID stands.
func (c *Client) Link(ctx context.Context, id string) (LinkState, error) {
	return get[LinkState](ctx, c, linkPath(id), nil)
}

// RevokeLink closes a link that is not over.
func (c *Client) RevokeLink(ctx context.Context, id string) error {
	_, err := call[struct{}](ctx, c, http.MethodDelete, linkPath(id), nil)
	return err
}

func linkPath(id string) string { return "/links/" + url.PathEscape(id) }
