package vault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// DeliveryStatus is where a delivery stands.
type DeliveryStatus string

// The values of [DeliveryStatus].
const (
	DeliveryPending   DeliveryStatus = "pending"   // to be sent at NextAt
	DeliveryDelivered DeliveryStatus = "delivered" // the receiver has it
	DeliveryFailed    DeliveryStatus = "failed"    // given up
)

// Delivery is one event that one webhook gets. It disappears a week after it was made.
type Delivery struct {
	ID        DeliveryID
	Project   string
	EventID   EventID
	WebhookID WebhookID
	Status    DeliveryStatus
	// Attempts counts how often it was sent.
	Attempts int
	// NextAt is when a pending one is due.
	NextAt time.Time
	// LastStatus is the HTTP status of the last answer, 0 for none. LastError is a code that says why the
	// last attempt has failed.
	LastStatus int
	LastError  string
	CreatedAt  time.Time
	// DoneAt is when it was delivered or given up.
	DoneAt  time.Time
	Version uint64
}

// deliveryMeta is the clear part of a delivery, which has no other.
type deliveryMeta struct {
	ID         DeliveryID     `json:"-"`
	Project    string         `json:"project"`
	EventID    EventID        `json:"event"`
	WebhookID  WebhookID      `json:"webhook"`
	Status     DeliveryStatus `json:"status"`
	Attempts   int            `json:"attempts,omitempty"`
	NextAt     time.Time      `json:"next_at,omitzero"`
	LastStatus int            `json:"last_status,omitempty"`
	LastError  string         `json:"last_error,omitempty"`
	CreatedAt  time.Time      `json:"created_at"`
	DoneAt     time.Time      `json:"done_at,omitzero"`
	Version    uint64         `json:"-"`
}

func (m *deliveryMeta) project() string { return m.Project }

// keepDeliveries is how long a delivery is kept, and with it its event.
const keepDeliveries = 7 * 24 * time.Hour

// Indexes of deliveries. Two with the same value are in the order of their IDs, which is that of their
// making.
const (
	indexDeliveryDue      = "delivery.due"            // webhook ID/time/; pending ones
	indexDeliveryEvent    = "delivery.event"          // event ID/
	indexDeliveryWebhook  = "delivery.webhook"        // webhook ID/
	indexDeliveryStanding = "delivery.webhook.status" // webhook ID/status/
	indexDeliveryStatus   = "delivery.status"         // status/
)

// deliveryDueLayout is a time in the index: as text it is in the order of time until the year 9999.
const deliveryDueLayout = "20060102T150405.000Z"

func deliveryKey(id DeliveryID) Key { return Key{Kind: KindDelivery, ID: string(id)} }

func (d Delivery) indexes() []IndexEntry {
	webhook, status := string(d.WebhookID)+"/", string(d.Status)+"/"
	entries := []IndexEntry{
		{Index: indexDeliveryEvent, Value: string(d.EventID) + "/"},
		{Index: indexDeliveryWebhook, Value: webhook},
		{Index: indexDeliveryStanding, Value: webhook + status},
		{Index: indexDeliveryStatus, Value: status},
	}
	if d.Status == DeliveryPending {
		entries = append(entries, IndexEntry{Index: indexDeliveryDue, Value: webhook + d.NextAt.Format(deliveryDueLayout) + "/"})
	}
	return entries
}

// DeliveryQuery filters the list of deliveries; zero fields do not filter.
type DeliveryQuery struct {
	Project   string
	WebhookID WebhookID
	EventID   EventID
	Status    DeliveryStatus
	PageQuery
}

func (q DeliveryQuery) walk() walk {
	webhook, status := string(q.WebhookID)+"/", string(q.Status)+"/"
	switch {
	case q.EventID != "":
		return walk{indexDeliveryEvent, string(q.EventID) + "/"}
	case q.WebhookID != "" && q.Status != "":
		return walk{indexDeliveryStanding, webhook + status}
	case q.WebhookID != "":
		return walk{indexDeliveryWebhook, webhook}
	case q.Status != "":
		return walk{indexDeliveryStatus, status}
	}
	return walk{index: indexDeliveryEvent}
}

func (q DeliveryQuery) wants(d Delivery) bool {
	return (q.Project == "" || q.Project == d.Project) &&
		(q.WebhookID == "" || q.WebhookID == d.WebhookID) &&
		(q.EventID == "" || q.EventID == d.EventID) &&
		(q.Status == "" || q.Status == d.Status)
}

// Deliveries lists deliveries, the oldest first, one page at a time, never scanning more than it
// returns by much. An After that is not the Next of the same query is [ErrBadCursor].
func (v *Vault) Deliveries(ctx context.Context, q DeliveryQuery) (Page[Delivery], error) {
	w := q.walk()
	return list(ctx, w, w.scan(v.store), q.PageQuery, v.openDelivery, q.wants)
}

// Delivery returns one delivery.
func (v *Vault) Delivery(ctx context.Context, id DeliveryID) (Delivery, error) {
	k := deliveryKey(id)
	r, err := v.store.Get(ctx, k)
	if err != nil {
		return Delivery{}, missing(k, err)
	}
	return v.openDelivery(ctx, r)
}

// DueDeliveries lists pending deliveries that are due at that time: of each webhook at most each, the
// earliest first, so that one with many does not hide the others. next is when the next one will be
// due of those webhooks that have no more; zero when there is none.
func (v *Vault) DueDeliveries(ctx context.Context, at time.Time, each int) (due []Delivery, next time.Time, err error) {
	after, webhook, found := Cursor{}, "", 0
	for {
		entries, err := v.store.Scan(ctx, indexDeliveryDue, "", after, each)
		if err != nil {
			return nil, time.Time{}, fmt.Errorf("looking for due deliveries: %w", err)
		}
		passed := false
		for _, e := range entries {
			after = e.Cursor
			if of, _, _ := strings.Cut(e.Value, "/"); of != webhook {
				webhook, found = of, 0
			}
			d, err := v.openDelivery(ctx, e.Record)
			if errors.Is(err, ErrDamaged) {
				continue
			}
			if err != nil {
				return nil, time.Time{}, err
			}
			early := d.NextAt.After(at)
			if early && (next.IsZero() || d.NextAt.Before(next)) {
				next = d.NextAt
			}
			if !early {
				due = append(due, d)
				found++
			}
			if early || found == each {
				after, passed = Cursor{Value: webhook + "0"}, true // '0' comes after '/'
				break
			}
		}
		if !passed && len(entries) < each {
			return due, next, nil
		}
	}
}

// Backlog counts the pending deliveries. In a large vault the answer may be some seconds old.
func (v *Vault) Backlog(ctx context.Context) (int, error) {
	return v.backlog.get(func() (int, error) { return count(ctx, v.store, walk{index: indexDeliveryDue}) })
}

// LeaseDelivery gives the right to send a delivery to one holder in the fleet. Who has it reads the
// delivery again before sending. See [Store].Lease.
func (v *Vault) LeaseDelivery(ctx context.Context, id DeliveryID, ttl time.Duration) (release func(), err error) {
	return v.store.Lease(ctx, "delivery/"+string(id), ttl)
}

// deliver are the writes of one delivery for each webhook that wants the event.
func (v *Vault) deliver(ctx context.Context, r *ring, e Event) ([]Change, error) {
	var changes []Change
	for _, h := range v.hooks.all() {
		if !h.wants(e) {
			continue
		}
		c, err := r.delivery(ctx, v.newDelivery(e, h.id, e.At), 1)
		if err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	return changes, nil
}

func (v *Vault) newDelivery(e Event, w WebhookID, now time.Time) Delivery {
	return Delivery{
		ID: DeliveryID(v.ids.next(deliveryPrefix, now)), Project: e.Project, EventID: e.ID, WebhookID: w,
		Status: DeliveryPending, NextAt: now, CreatedAt: now,
	}
}

// delivery is the write of d, whose version will be next.
func (r *ring) delivery(ctx context.Context, d Delivery, next uint64) (Change, error) {
	ch, err := r.change(ctx, deliveryKey(d.ID), d.Version, next, d.Project, deliveryMeta(d), nil)
	if err != nil {
		return Change{}, err
	}
	ch.Expires, ch.Indexes = d.CreatedAt.Add(keepDeliveries), d.indexes()
	return ch, nil
}

func (v *Vault) openDelivery(ctx context.Context, r Record) (Delivery, error) {
	var m deliveryMeta
	if err := v.open(ctx, r, &m, nil); err != nil {
		return Delivery{}, err
	}
	d := Delivery(m)
	d.ID, d.Version = DeliveryID(r.ID), r.Version
	return d, nil
}

// deleteDeliveries deletes all deliveries of a walk but those that cannot be read, and returns them.
func (v *Vault) deleteDeliveries(ctx context.Context, w walk) (deleted []Record, err error) {
	after := Cursor{}
	for range maxAttempts {
		entries, err := v.store.Scan(ctx, w.index, w.prefix, after, maxLimit)
		if err != nil {
			return nil, err
		}
		var changes []Change
		var records []Record
		for _, e := range entries {
			if !e.Damaged {
				changes = append(changes, Change{Record: Record{Key: e.Record.Key, Version: e.Record.Version}, Delete: true})
				records = append(records, e.Record)
			}
		}
		if len(changes) > 0 {
			err = v.store.Apply(ctx, changes...)
		}
		if errors.Is(err, ErrConflict) {
			continue // one was sent meanwhile
		}
		if err != nil {
			return nil, err
		}
		deleted = append(deleted, records...)
		if len(entries) < maxLimit {
			return deleted, nil
		}
		after = entries[len(entries)-1].Cursor
	}
	return nil, ErrConflict
}
