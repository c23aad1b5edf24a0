package vault

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Attempt is how an attempt to deliver has ended.
type Attempt struct {
	// Unsent: nothing was sent, so it counts neither as an attempt nor for or against the webhook.
	Unsent bool
	// Delivered: the receiver has it.
	Delivered bool
	// NextAt is when it is tried again; zero gives up.
	NextAt time.Time
	// HTTPStatus is that of the answer, 0 for none. Code says why it has failed.
	HTTPStatus int
	Code       string
	// Disable is the reason to disable the webhook for, empty to leave it as it is. FailingFor leaves it,
	// too, unless it has failed for so long without any success.
	Disable    string
	FailingFor time.Duration
}

// deliveredEvery is how often LastDeliveredAt of a webhook is written.
const deliveredEvery = time.Hour

// NoteDelivery notes, in one write, on a delivery and on its webhook how an attempt has ended, and
// tells whether that has disabled the webhook. The delivery must be the version that the caller has
// read, else [ErrConflict].
func (v *Vault) NoteDelivery(ctx context.Context, d Delivery, a Attempt) (noted Delivery, disabled bool, err error) {
	n := d.after(a, v.now())
	for range maxAttempts {
		w, err := v.Webhook(ctx, d.WebhookID)
		gone := errors.Is(err, ErrNotFound) || errors.Is(err, ErrDamaged)
		if err != nil && !gone {
			return Delivery{}, false, err
		}
		before := w.Disabled
		changed := !gone && w.note(a, v.now())
		err = v.write(ctx, func(r *ring) ([]Change, error) {
			dc, err := r.delivery(ctx, n, n.Version+1)
			if err != nil || !changed {
				return []Change{dc}, err
			}
			wc, err := r.webhook(ctx, w, w.Version+1)
			return []Change{dc, wc}, err
		})
		if errors.Is(err, ErrConflict) && changed {
			version, err := v.version(ctx, deliveryKey(d.ID))
			if err != nil {
				return Delivery{}, false, err
			}
			if version == d.Version {
				continue // it was the webhook
			}
		}
		if err != nil {
			return Delivery{}, false, missing(deliveryKey(d.ID), err)
		}
		if changed {
			w.Version++
			v.hooks.put(w)
		}
		n.Version++
		return n, w.Disabled && !before, nil
	}
	return Delivery{}, false, missing(deliveryKey(d.ID), ErrConflict)
}

// after is the delivery after an attempt.
func (d Delivery) after(a Attempt, now time.Time) Delivery {
	if !a.Unsent {
		d.Attempts++
	}
	d.LastStatus, d.LastError = a.HTTPStatus, cut(a.Code)
	switch {
	case a.Delivered:
		d.Status, d.NextAt, d.DoneAt = DeliveryDelivered, time.Time{}, now
	case a.NextAt.IsZero():
		d.Status, d.NextAt, d.DoneAt = DeliveryFailed, time.Time{}, now
	default:
		d.NextAt = utc(a.NextAt)
	}
	return d
}

// note puts on the webhook what an attempt says of it, and tells whether that is worth a write.
func (w *Webhook) note(a Attempt, now time.Time) (changed bool) {
	switch {
	case a.Unsent:
	case a.Delivered:
		if !w.FailingSince.IsZero() || now.Sub(w.LastDeliveredAt) >= deliveredEvery {
			w.FailingSince, w.LastDeliveredAt, changed = time.Time{}, now, true
		}
	case w.FailingSince.IsZero():
		w.FailingSince, changed = now, true
	}
	if a.Disable != "" && !w.Disabled && (a.FailingFor == 0 || now.Sub(w.FailingSince) >= a.FailingFor) {
		w.Disabled, w.DisabledReason, w.DisabledAt, changed = true, cut(a.Disable), now, true
	}
	return changed
}

// ReplayEvent delivers an event once more to a webhook of its project, whether that wants such events
// or not, and returns the new delivery. The receiver sees the event's ID again, and can tell. A webhook
// that is disabled is [ErrDisabled].
func (v *Vault) ReplayEvent(ctx context.Context, event EventID, webhook WebhookID) (Delivery, error) {
	k := eventKey(event)
	for range maxAttempts {
		w, err := v.Webhook(ctx, webhook)
		if err != nil {
			return Delivery{}, err
		}
		rec, err := v.store.Get(ctx, k)
		if err != nil {
			return Delivery{}, missing(k, err)
		}
		e, err := v.openEvent(ctx, rec)
		switch {
		case err != nil:
			return Delivery{}, err
		case w.Project != e.Project:
			return Delivery{}, missing(k, fmt.Errorf("it is of another project: %w", ErrNotFound))
		case w.Disabled:
			return Delivery{}, missing(webhookKey(webhook), ErrDisabled)
		}
		now := v.now()
		d := v.newDelivery(e, webhook, now)
		err = v.write(ctx, func(r *ring) ([]Change, error) {
			dc, err := r.delivery(ctx, d, 1)
			if err != nil {
				return nil, err
			}
			// The event is written too: it has to last, and must not be forgotten at the same time.
			until := now.Add(keepDeliveries)
			if until.Before(rec.Expires) {
				until = rec.Expires
			}
			ec, err := r.event(ctx, e, rec.Version, rec.Version+1, until)
			return []Change{ec, dc}, err
		})
		if errors.Is(err, ErrConflict) {
			continue
		}
		if err != nil {
			return Delivery{}, missing(deliveryKey(d.ID), err)
		}
		d.Version = 1
		return d, nil
	}
	return Delivery{}, missing(k, ErrConflict)
}
