package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// Webhook is an endpoint of the app that gets events.
type Webhook struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Origin is [OriginConfig] for one that is written in the configuration, else [OriginAPI].
	Origin string `json:"origin"`
	// URL may have a secret of the receiver in it.
	URL string `json:"url"`
	// Events are the types that it gets. None are all but connected_account.token_refreshed and
	// connected_account.token_fetched, which have to be named.
	Events []string `json:"events,omitempty"`
	// Disabled webhooks get nothing. DisabledReason says why: gone when it has answered 410, failing when
	// nothing could be delivered for three days and an event was given up, operator when somebody has disabled it, not_configured
	// when it is no longer in the configuration.
	Disabled       bool      `json:"disabled"`
	DisabledReason string    `json:"disabled_reason,omitempty"`
	DisabledAt     time.Time `json:"disabled_at,omitzero"`
	// FailingSince is when the first delivery has failed after the last that has not; zero when that one
	// has not. LastDeliveredAt is when something was delivered, within an hour or so.
	FailingSince    time.Time `json:"failing_since,omitzero"`
	LastDeliveredAt time.Time `json:"last_delivered_at,omitzero"`
	// EarlierSecretUntil is until when deliveries are signed with the secret before, too.
	EarlierSecretUntil time.Time `json:"earlier_secret_until,omitzero"`
	CreatedAt          time.Time `json:"created_at,omitzero"`
	UpdatedAt          time.Time `json:"updated_at,omitzero"`
}

// NewWebhook is a webhook to make.
type NewWebhook struct {
	// Name is lower-case letters, digits, - and _, at most 63.
	Name string `json:"name"`
	// URL is https, or http on this machine, with neither a user nor a fragment.
	URL string `json:"url"`
	// Events are the types that it gets; none are all but the frequent ones.
	Events []string `json:"events,omitempty"`
	// Secret is whsec_ and 24 to 64 bytes in base64; a random one is made when it is empty.
	Secret string `json:"secret,omitempty"`
}

// WebhookChange is what to change of a webhook; what is nil stays. Events that are not nil and empty
// stand for all but the frequent ones.
type WebhookChange struct {
	// URL and Events are as those of a [NewWebhook].
	URL    *string   `json:"url,omitempty"`
	Events *[]string `json:"events,omitempty"`
}

// WebhookWithSecret is a webhook that has got a secret. Nothing shows it again.
type WebhookWithSecret struct {
	Webhook
	// Secret is what deliveries are signed with: whsec_ and base64.
	Secret string `json:"secret"`
}

// The values of [Delivery].Status.
const (
	DeliveryPending   = "pending"   // to be sent at NextAt
	DeliveryDelivered = "delivered" // the receiver has it
	DeliveryFailed    = "failed"    // given up
)

// Delivery is one event that one webhook gets. It disappears a week after it was made.
type Delivery struct {
	ID string `json:"id"`
	// Event is the event's ID.
	Event  string `json:"event"`
	Status string `json:"status"`
	// Attempts counts how often it was sent, NextAt is when a pending one is due.
	Attempts int       `json:"attempts"`
	NextAt   time.Time `json:"next_at,omitzero"`
	// LastStatus is the HTTP status of the last answer, LastError a code that says why the last attempt
	// has failed.
	LastStatus int       `json:"last_status,omitempty"`
	LastError  string    `json:"last_error,omitempty"`
	CreatedAt  time.Time `json:"created_at"`
	// DoneAt is when it was delivered or given up.
	DoneAt time.Time `json:"done_at,omitzero"`
}

// DeliveryQuery filters the list of deliveries.
type DeliveryQuery struct {
	// Status is one of the values above; empty means all.
	Status string
	PageQuery
}

func (q DeliveryQuery) values() url.Values {
	v := q.PageQuery.values()
	set(v, "status", q.Status)
	return v
}

// ReplayRequest is what [Client.ReplayFailed] sends.
type ReplayRequest struct {
	// Since is a time such as 2026-05-04T12:00:00Z, or how long ago, such as 90m or 7d: what was given up
	// since then is sent.
	Since string `json:"since"`
}

// Replayed is what came of a replay.
type Replayed struct {
	// Replayed counts the events that are sent once more, Gone those that are not kept any more.
	Replayed int `json:"replayed"`
	Gone     int `json:"gone,omitempty"`
}

// Webhooks lists one page of webhooks in the order of their names.
func (c *Client) Webhooks(ctx context.Context, q PageQuery) (Page[Webhook], error) {
	return get[Page[Webhook]](ctx, c, "/webhooks", q.values())
}

// AllWebhooks yields all webhooks, page after page.
func (c *Client) AllWebhooks(ctx context.Context) iter.Seq2[Webhook, error] {
	return all(ctx, PageQuery{Limit: maxPage}, c.Webhooks)
}

// Webhook returns the webhook with that name.
func (c *Client) Webhook(ctx context.Context, name string) (Webhook, error) {
	return get[Webhook](ctx, c, webhookPath(name), nil)
}

// CreateWebhook stores a webhook, which gets what happens from then on. The answer has its secret.
func (c *Client) CreateWebhook(ctx context.Context, n NewWebhook) (WebhookWithSecret, error) {
	return call[WebhookWithSecret](ctx, c, http.MethodPost, "/webhooks", n)
}

// ChangeWebhook changes a webhook that was made through the API.
func (c *Client) ChangeWebhook(ctx context.Context, name string, change WebhookChange) (Webhook, error) {
	return call[Webhook](ctx, c, http.MethodPatch, webhookPath(name), change)
}

// DeleteWebhook removes a webhook and its deliveries.
func (c *Client) DeleteWebhook(ctx context.Context, name string) error {
	_, err := call[struct{}](ctx, c, http.MethodDelete, webhookPath(name), nil)
	return err
}

// RotateWebhookSecret gives a webhook a new random secret. The one before signs too for a day.
func (c *Client) RotateWebhookSecret(ctx context.Context, name string) (WebhookWithSecret, error) {
	return call[WebhookWithSecret](ctx, c, http.MethodPost, webhookPath(name)+"/secret", nil)
}

// EnableWebhook lets a webhook get events again.
func (c *Client) EnableWebhook(ctx context.Context, name string) (Webhook, error) {
	return call[Webhook](ctx, c, http.MethodPost, webhookPath(name)+"/enable", nil)
}

// DisableWebhook stops a webhook from getting events.
func (c *Client) DisableWebhook(ctx context.Context, name string) (Webhook, error) {
	return call[Webhook](ctx, c, http.MethodPost, webhookPath(name)+"/disable", nil)
}

// Deliveries lists one page of a webhook's deliveries, the oldest first.
func (c *Client) Deliveries(ctx context.Context, webhook string, q DeliveryQuery) (Page[Delivery], error) {
	return get[Page[Delivery]](ctx, c, webhookPath(webhook)+"/deliveries", q.values())
}

// AllDeliveries yields all of a webhook's deliveries that the query selects, page after page. Limit is
// the size of a page: 200 when zero.
func (c *Client) AllDeliveries(ctx context.Context, webhook string, q DeliveryQuery) iter.Seq2[Delivery, error] {
	if q.Limit == 0 {
		q.Limit = maxPage
	}
	return all(ctx, q.PageQuery, func(ctx context.Context, p PageQuery) (Page[Delivery], error) {
		q := q
		q.PageQuery = p
		return c.Deliveries(ctx, webhook, q)
	})
}

// Replay sends the event of a delivery once more, whatever has become of it, and returns the new
// delivery. The receiver sees the same event ID.
func (c *Client) Replay(ctx context.Context, webhook, delivery string) (Delivery, error) {
	return call[Delivery](ctx, c, http.MethodPost, webhookPath(webhook)+"/deliveries/"+url.PathEscape(delivery)+"/replay", nil)
}

// ReplayFailed sends once more what was given up since then, unless it was delivered or is to be sent
// by another delivery. It works for one caller at a time on a webhook, and may take as long as ctx allows.
func (c *Client) ReplayFailed(ctx context.Context, webhook string, since time.Time) (Replayed, error) {
	in := ReplayRequest{since.UTC().Format(time.RFC3339Nano)}
	return call[Replayed](ctx, c.patient(), http.MethodPost, webhookPath(webhook)+"/replay", in)
}

func webhookPath(name string) string { return "/webhooks/" + url.PathEscape(name) }
