package webhook

import (
	"context"
	"errors"
	"maps"
	"time"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/vault"
)

// outcome is how dealing with a delivery has ended. It is still to be dealt with when err is not nil.
type outcome struct {
	of  vault.Delivery
	err error
}

// round is what one Run has under way.
type round struct {
	*Deliverer
	hooks map[vault.WebhookID]*queue
	// looked is when webhooks were read, paused until when nothing is begun, and troubled tells that the
	// log knows why.
	looked   time.Time
	paused   time.Time
	troubled bool
	done     chan outcome
}

// queue is what a round knows of one webhook.
type queue struct {
	busy  map[vault.DeliveryID]bool
	aside map[vault.DeliveryID]time.Time // until then
	// resting is until when all its deliveries wait.
	resting time.Time
}

func (r *round) queue(id vault.WebhookID) *queue {
	q := r.hooks[id]
	if q == nil {
		q = &queue{busy: map[vault.DeliveryID]bool{}, aside: map[vault.DeliveryID]time.Time{}}
		r.hooks[id] = q
	}
	return q
}

func (r *round) finish(ctx context.Context, o outcome) {
	q, until := r.queue(o.of.WebhookID), r.now().Add(asideTime)
	delete(q.busy, o.of.ID)
	switch {
	case o.err == nil:
		if r.troubled {
			r.log.Info("events are delivered again")
		}
		r.troubled = false
	case errors.Is(o.err, vault.ErrLeased):
		q.aside[o.of.ID] = until
	case errors.Is(o.err, vault.ErrDamaged):
		q.resting = until
	default:
		q.aside[o.of.ID] = until
		r.pause(ctx, o.err)
	}
}

// pause lets nothing begin for a while: it is the store that has failed, so what comes next would fail
// as well, or be sent again and again. The log is told once, until a delivery was dealt with.
func (r *round) pause(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	r.paused = r.now().Add(lookEvery)
	if !r.troubled {
		r.log.Error("events cannot be delivered for now", zap.Error(err))
	}
	r.troubled = true
}

// start begins what is due and has room, and returns how long there is nothing else to begin.
func (r *round) start(ctx context.Context, begin func(vault.Delivery)) time.Duration {
	now := r.now()
	if now.Before(r.paused) {
		return r.paused.Sub(now)
	}
	next, err := r.beginDue(ctx, now, begin)
	if err != nil {
		r.pause(ctx, err)
		return lookEvery
	}
	if next.IsZero() {
		return lookEvery
	}
	return min(next.Sub(now), lookEvery)
}

// beginDue begins what is due and has room, and returns when the next one will be due, zero for none.
func (r *round) beginDue(ctx context.Context, now time.Time, begin func(vault.Delivery)) (next time.Time, err error) {
	if now.Sub(r.looked) >= lookEvery {
		if err := r.vault.ReloadWebhooks(ctx); err != nil {
			return time.Time{}, err
		}
		r.looked = now
	}
	due, next, err := r.vault.DueDeliveries(ctx, now, r.reach())
	if err != nil {
		return time.Time{}, err
	}
	r.forget(now, due)
	checked := false
	for _, one := range due {
		q := r.queue(one.WebhookID)
		if !q.free(one.ID) {
			continue
		}
		if !checked { // what cannot be noted as sent would be sent again and again
			if err := r.vault.CheckStore(ctx); err != nil {
				return time.Time{}, err
			}
			checked = true
		}
		q.busy[one.ID] = true
		begin(one)
	}
	return next, nil
}

// reach is how many due deliveries of each webhook are looked at: those that may begin are after those
// that may not.
func (r *round) reach() int {
	most := 0
	for _, q := range r.hooks {
		most = max(most, len(q.busy)+len(q.aside))
	}
	return perWebhook + most
}

// forget drops what there is no reason any more to know of, such as deliveries that were put aside and
// are not due any more: another process has dealt with them.
func (r *round) forget(now time.Time, due []vault.Delivery) {
	listed := map[vault.DeliveryID]bool{}
	for _, one := range due {
		listed[one.ID] = true
	}
	maps.DeleteFunc(r.hooks, func(_ vault.WebhookID, q *queue) bool {
		maps.DeleteFunc(q.aside, func(id vault.DeliveryID, until time.Time) bool { return !now.Before(until) || !listed[id] })
		if !now.Before(q.resting) {
			q.resting = time.Time{}
		}
		return len(q.busy) == 0 && len(q.aside) == 0 && q.resting.IsZero()
	})
}

// free tells whether a delivery can be begun.
func (q *queue) free(id vault.DeliveryID) bool {
	_, aside := q.aside[id]
	return !q.busy[id] && !aside && q.resting.IsZero() && len(q.busy) < perWebhook && len(q.aside) < maxAside
}
