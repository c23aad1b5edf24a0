// Package webhook delivers the events of accounts to the webhooks that the vault knows, signed as
// Standard Webhooks (https://www.standardwebhooks.com) has it. Begin with [New] and [Deliverer.Run].
//
// Each event is a POST with the headers webhook-id, webhook-timestamp and webhook-signature, and a body
// such as this one. What has an empty value is left out, and there may be more members one day:
//
//	{
//	  "id": "evt_01JBM8Z4Q4T8W2X5Y7Z9A1B3C5",
//	  "type": "connected_account.status_updated",
//	  "timestamp": "2026-11-02T08:00:00.5Z",
//	  "data": {
//	    "id": "ca_01JBM8Z4Q4T8W2X5Y7Z9A1B3C6",
//	    "connection_id": "conn_01JBM8Z4Q4T8W2X5Y7Z9A1B3C7",
//	    "connection": "gmail",               its name
//	    "connector": "gmail",
//	    "identifier": "ada",                 the app's name for its user
//	    "status": "EXPIRED",
//	    "old_status": "ACTIVE",              of status_updated
//	    "reason": "invalid_grant",           a code
//	    "class": "permanent",                of token_refresh_failed
//	    "link": "lnk_01JBM8Z4Q4T8W2X5Y7Z9A1B3C8",
//	    "expires_at": "2026-11-09T08:00:00Z" of link_generated and refresh_token_expiring
//	  }
//	}
//
// A receiver answers with any status from 200 to 299 within 15 seconds; the answer's body is not
// looked at. Everything else, a redirect too, is tried again: an event is sent twenty times at most, in a
// bit more than a day. 410 Gone disables the webhook. Events come at least once and in no order:
// webhook-id is that of the event, the same in each attempt and each replay, so that a receiver can drop
// what it has.
package webhook

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/vault"
)

const (
	// perWebhook is how many deliveries of one webhook are under way at once. There is no limit of all
	// together: those that wait for an answer, however many, hold up no other webhook.
	perWebhook = 2
	// lookEvery is how often webhooks and deliveries are looked for that another process of the fleet has
	// written.
	lookEvery = 10 * time.Second
	// asideTime is how long a delivery waits that another process is at, or that could not be noted, and
	// how long all do of a webhook whose record is damaged. maxAside bounds those that wait alone, of one
	// webhook: the other processes of a fleet are at a few, and when it is more, something is wrong.
	asideTime      = 30 * time.Second
	maxAside       = 32
	defaultTimeout = 15 * time.Second
	// noteTime is for writing down how an attempt has ended, also when Run is being ended.
	noteTime = 10 * time.Second
)

// Options are what a [Deliverer] works with. All but Vault may be left out.
type Options struct {
	Vault *vault.Vault
	// ConnectionName tells the name of a connection, empty for none.
	ConnectionName func(vault.ConnectionID) string
	Log            *zap.Logger
	Now            func() time.Time
	// Timeout is how long a receiver has to answer: 15 seconds when zero.
	Timeout time.Duration
	// Observe is told how each delivery was dealt with, after it has been written down. It must not
	// block.
	Observe func(Result)
}

// Result is how a delivery was dealt with.
type Result struct {
	Delivery vault.DeliveryID
	Webhook  vault.WebhookID
	// Code is empty for one that was delivered, else one of this package's codes.
	Code string
	// HTTPStatus is that of the answer, 0 for none.
	HTTPStatus int
	Took       time.Duration
}

// Deliverer delivers what is due in a vault.
type Deliverer struct {
	vault   *vault.Vault
	sender  transports
	name    func(vault.ConnectionID) string
	log     *zap.Logger
	now     func() time.Time
	timeout time.Duration
	observe func(Result)
	wake    chan struct{}
}

// New returns a Deliverer. It does nothing before [Deliverer.Run].
func New(o Options) *Deliverer {
	d := &Deliverer{
		vault: o.Vault, sender: newTransports(), name: o.ConnectionName, log: o.Log, now: o.Now,
		timeout: o.Timeout, observe: o.Observe, wake: make(chan struct{}, 1),
	}
	if d.name == nil {
		d.name = func(vault.ConnectionID) string { return "" }
	}
	if d.log == nil {
		d.log = zap.NewNop()
	}
	if d.now == nil {
		d.now = time.Now
	}
	if d.timeout == 0 {
		d.timeout = defaultTimeout
	}
	if d.observe == nil {
		d.observe = func(Result) {}
	}
	return d
}

// Wake says that there may be something to deliver. It does not block.
func (d *Deliverer) Wake() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// Run delivers until ctx ends, and returns when no delivery is under way any more: those that are then
// are broken off, and sent again by the next Run. Several processes may run on one vault.
func (d *Deliverer) Run(ctx context.Context) {
	r := round{Deliverer: d, hooks: map[vault.WebhookID]*queue{}, done: make(chan outcome)}
	var running sync.WaitGroup
	defer d.sender.CloseIdleConnections()
	defer running.Wait()
	for ctx.Err() == nil {
		wait := r.start(ctx, func(due vault.Delivery) {
			running.Go(func() {
				o := outcome{due, d.handle(ctx, due)}
				select {
				case r.done <- o:
				case <-ctx.Done():
				}
			})
		})
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-d.wake:
		case <-timer.C:
		case o := <-r.done:
			r.finish(ctx, o)
		}
		timer.Stop()
	}
}
