package client

import (
	"context"
	"iter"
	"net/url"
	"time"
)

// Event is a change of a connected account. It has the form in which webhooks get it, and so it is what
// the body of such a request is decoded into. It holds no secret.
type Event struct {
	ID string `json:"id"`
	// Type is what has happened, such as connected_account.status_updated.
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      EventData `json:"data"`
}

// EventData is whom an event is about. What does not apply is empty.
type EventData struct {
	// ID is the account's.
	ID           string `json:"id"`
	ConnectionID string `json:"connection_id"`
	// Connection is the connection's name, Connector its connector's.
	Connection string `json:"connection,omitempty"`
	Connector  string `json:"connector,omitempty"`
	Identifier string `json:"identifier,omitempty"`
	// Status is the account's after the change, OldStatus the one before where that is the change.
	Status    string `json:"status,omitempty"`
	OldStatus string `json:"old_status,omitempty"`
	// Reason is a code that says why, Class the class of a failed refresh.
	Reason string `json:"reason,omitempty"`
	Class  string `json:"class,omitempty"`
	// Link is the authorization link's ID.
	Link string `json:"link,omitempty"`
	// ExpiresAt is when what the event tells of expires.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// EventQuery filters the list of events; empty fields do not filter.
type EventQuery struct {
	// Account is an account's ID, or connection/identifier of one that there is.
	Account string
	Types   []string
	// Since leaves out what has happened before.
	Since time.Time
	PageQuery
}

func (q EventQuery) values() url.Values {
	v := q.PageQuery.values()
	set(v, "account", q.Account)
	for _, t := range q.Types {
		v.Add("type", t)
	}
	if !q.Since.IsZero() {
		v.Set("since", q.Since.UTC().Format(time.RFC3339Nano))
	}
	return v
}

// EventPage is one page of events.
type EventPage struct {
	Page[Event]
	// AsOf is when the server began to read the page, by its own clock.
	AsOf time.Time `json:"as_of"`
}

// Events lists one page of the events that are kept, the oldest first. Events of the same moment may
// appear one after the other, so who asks again for what has come meanwhile asks from some seconds before
// AsOf of the last time's first page on, and leaves out what it has by its ID.
func (c *Client) Events(ctx context.Context, q EventQuery) (EventPage, error) {
	return get[EventPage](ctx, c, "/events", q.values())
}

// AllEvents yields all events that the query selects, page after page. Limit is the size of a page: 200
// when zero.
func (c *Client) AllEvents(ctx context.Context, q EventQuery) iter.Seq2[Event, error] {
	if q.Limit == 0 {
		q.Limit = maxPage
	}
	return all(ctx, q.PageQuery, func(ctx context.Context, p PageQuery) (Page[Event], error) {
		q := q
		q.PageQuery = p
		got, err := c.Events(ctx, q)
		return got.Page, err
	})
}

// Event returns the event with that ID, as long as it is kept.
func (c *Client) Event(ctx context.Context, id string) (Event, error) {
	return get[Event](ctx, c, "/events/"+url.PathEscape(id), nil)
}
