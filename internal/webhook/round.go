package webhook

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/vault"
)

// outcome tells whether there is nothing left to do for a delivery now.
type outcome struct {
	id      vault.DeliveryID
	settled bool
}

// round is what one Run has under way.
type round struct {
	*Deliverer
	busy  map[vault.DeliveryID]vault.WebhookID
	aside map[vault.DeliveryID]time.Time // until then
	// last is the webhook that was served last, looked when webhooks were read.
	last   vault.WebhookID
	looked time.Time
	done   chan outcome
}

func (r *round) finish(o outcome) {
	delete(r.busy, o.id)
	if !o.settled {
		r.aside[o.id] = r.now().Add(asideTime)
	}
}

// start begins what is due and has room, and returns how long there is nothing else to begin.
func (r *round) start(ctx context.Context, begin func(vault.Delivery)) time.Duration {
	now := r.now()
	if now.Sub(r.looked) >= lookEvery {
		if err := r.vault.ReloadWebhooks(ctx); err != nil && ctx.Err() == nil {
			r.log.Error("webhooks cannot be read", zap.Error(err))
		}
		r.looked = now
	}
	for id, until := range r.aside {
		if !now.Before(until) {
			delete(r.aside, id)
		}
	}
	due, next, err := r.vault.DueDeliveries(ctx, now, perWebhook+len(r.busy)+len(r.aside))
	if err != nil {
		if ctx.Err() == nil {
			r.log.Error("due deliveries cannot be read", zap.Error(err))
		}
		return lookEvery
	}
	for _, one := range r.inTurn(due) {
		if len(r.busy) < workers && r.free(one) {
			r.busy[one.ID], r.last = one.WebhookID, one.WebhookID
			begin(one)
		}
	}
	if next.IsZero() {
		return lookEvery
	}
	return min(next.Sub(now), lookEvery)
}

// inTurn brings the webhooks after the one that was served last to the front.
func (r *round) inTurn(due []vault.Delivery) []vault.Delivery {
	for i, one := range due {
		if one.WebhookID > r.last {
			return append(due[i:len(due):len(due)], due[:i]...)
		}
	}
	return due
}

// free tells whether a delivery can be begun.
func (r *round) free(one vault.Delivery) bool {
	if _, busy := r.busy[one.ID]; busy {
		return false
	}
	if _, aside := r.aside[one.ID]; aside {
		return false
	}
	n := 0
	for _, w := range r.busy {
		if w == one.WebhookID {
			n++
		}
	}
	return n < perWebhook
}
