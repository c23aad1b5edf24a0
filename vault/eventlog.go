package vault

import (
	"context"
	"slices"
	"time"
)

// keepEvents is how long events are kept unless [Options] say otherwise.
const keepEvents = 7 * 24 * time.Hour

// eventMeta is the clear part of an event. Identifier is empty in it when it is sealed.
type eventMeta struct {
	ID           EventID      `json:"-"`
	Type         EventType    `json:"type"`
	At           time.Time    `json:"at"`
	Project      string       `json:"project"`
	AccountID    AccountID    `json:"account"`
	ConnectionID ConnectionID `json:"connection"`
	Connector    string       `json:"connector,omitempty"`
	Identifier   string       `json:"identifier,omitempty"`
	Status       Status       `json:"status,omitempty"`
	OldStatus    Status       `json:"old_status,omitempty"`
	Reason       string       `json:"reason,omitempty"`
	Class        string       `json:"class,omitempty"`
	LinkID       LinkID       `json:"link,omitempty"`
	Expires      time.Time    `json:"expires,omitzero"`
}

func (m *eventMeta) project() string { return m.Project }

// eventSecrets is the sealed part of an event.
type eventSecrets struct {
	Identifier string `json:"identifier,omitempty"`
}

// Indexes of events. In each, events are in the order in which they happened.
const (
	indexEvent        = "event"         // the value is empty
	indexEventAccount = "event.account" // account ID/
	indexEventUser    = "event.user"    // form of the identifier/
)

func eventKey(id EventID) Key { return Key{Kind: KindEvent, ID: string(id)} }

// eventIndexes are the entries of e, whose identifier is in the given form.
func eventIndexes(e Event, identifier string) []IndexEntry {
	return []IndexEntry{
		{Index: indexEvent},
		{Index: indexEventAccount, Value: string(e.AccountID) + "/"},
		{Index: indexEventUser, Value: identifier + "/"},
	}
}

// EventQuery filters the list of events; zero fields do not filter.
type EventQuery struct {
	Project   string
	AccountID AccountID
	Types     []EventType
	// Since leaves out what has happened before.
	Since time.Time
	PageQuery
}

func (q EventQuery) walk() walk {
	if q.AccountID != "" {
		return walk{indexEventAccount, string(q.AccountID) + "/"}
	}
	return walk{index: indexEvent}
}

func (q EventQuery) wants(e Event) bool {
	return (q.Project == "" || q.Project == e.Project) &&
		(q.AccountID == "" || q.AccountID == e.AccountID) &&
		(len(q.Types) == 0 || slices.Contains(q.Types, e.Type)) &&
		!e.At.Before(q.Since)
}

// Events lists the events that are kept, the oldest first, one page at a time, never scanning more
// than it returns by much. Writes that happen at the same time may become visible in another order
// than that of their events, so who asks again and again, and must not miss any, lets Since overlap by
// some seconds, or has a webhook. An After that is not the Next of the same query is [ErrBadCursor].
func (v *Vault) Events(ctx context.Context, q EventQuery) (Page[Event], error) {
	w := q.walk()
	scan := func(ctx context.Context, after Cursor, limit int) ([]Entry, error) {
		if after == (Cursor{}) && !q.Since.IsZero() {
			after = Cursor{Value: w.prefix, ID: firstID(eventPrefix, q.Since)}
		}
		return v.store.Scan(ctx, w.index, w.prefix, after, limit)
	}
	return list(ctx, w, scan, q.PageQuery, v.openEvent, q.wants)
}

// Event returns one event, [ErrNotFound] when it is not kept any more.
func (v *Vault) Event(ctx context.Context, id EventID) (Event, error) {
	k := eventKey(id)
	r, err := v.store.Get(ctx, k)
	if err != nil {
		return Event{}, missing(k, err)
	}
	return v.openEvent(ctx, r)
}

// keep are the writes that keep events: each one for who asks for it later, and what has to be
// delivered of it. It does no I/O.
func (v *Vault) keep(ctx context.Context, r *ring, events []Event) ([]Change, error) {
	var changes []Change
	for _, e := range events {
		deliveries, err := v.deliver(ctx, r, e)
		if err != nil {
			return nil, err
		}
		kept := v.keepEvents
		if e.Type == EventTokenRefreshed {
			kept = 0
		}
		if len(deliveries) > 0 {
			kept = max(kept, keepDeliveries)
		}
		if kept == 0 {
			continue
		}
		c, err := r.event(ctx, e, 0, 1, e.At.Add(kept))
		if err != nil {
			return nil, err
		}
		changes = append(append(changes, c), deliveries...)
	}
	return changes, nil
}

// event is the write of e, which is kept until then.
func (r *ring) event(ctx context.Context, e Event, seen, next uint64, until time.Time) (Change, error) {
	e.Reason, e.Class, e.Expires = cut(e.Reason), cut(e.Class), utc(e.Expires)
	meta, secrets := eventMeta(e), any(nil)
	if !r.meta.ClearIdentifiers {
		meta.Identifier, secrets = "", eventSecrets{Identifier: e.Identifier}
	}
	ch, err := r.change(ctx, eventKey(e.ID), seen, next, e.Project, meta, secrets)
	if err != nil {
		return Change{}, err
	}
	form, err := r.form(e.Identifier)
	if err != nil {
		return Change{}, err
	}
	ch.Expires, ch.Indexes = until, eventIndexes(e, form)
	return ch, nil
}

func (v *Vault) openEvent(ctx context.Context, r Record) (Event, error) {
	var m eventMeta
	var s eventSecrets
	if err := v.open(ctx, r, &m, &s); err != nil {
		return Event{}, err
	}
	e := Event(m)
	e.ID = EventID(r.ID)
	if s.Identifier != "" {
		e.Identifier = s.Identifier
	}
	return e, nil
}
