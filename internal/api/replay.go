package api

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"time"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/vault"
)

func (a *api) replayDelivery(w http.ResponseWriter, r *http.Request) error {
	if err := bare(w, r); err != nil {
		return err
	}
	one, err := a.webhook(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	d, err := a.Vault.Delivery(r.Context(), vault.DeliveryID(r.PathValue("id")))
	if errors.Is(err, vault.ErrNotFound) || err == nil && d.WebhookID != one.ID {
		return refuse(CodeNotFound, "there is no such delivery of this webhook, or it is not kept any more",
			"`claviger webhooks deliveries "+one.Name+"` shows them")
	}
	if err != nil {
		return stored(err)
	}
	d, err = a.Vault.ReplayEvent(r.Context(), d.EventID, one.ID)
	if errors.Is(err, vault.ErrNotFound) {
		return refuse(CodeNotFound, "the event of this delivery is not kept any more", "")
	}
	if err != nil {
		return stored(err)
	}
	a.wakeDeliverer()
	return answer(w, http.StatusCreated, deliveryOf(d))
}

// replayFailed works for one caller at a time on a webhook: two would send everything twice.
func (a *api) replayFailed(w http.ResponseWriter, r *http.Request) error {
	if _, err := query(r); err != nil {
		return err
	}
	in, err := readBody[client.ReplayRequest](w, r)
	if err != nil {
		return err
	}
	since, ok := ParseSince(in.Since, time.Now())
	if !ok {
		return badField("since", sinceForm)
	}
	one, err := a.webhook(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	if one.Disabled {
		return stored(vault.ErrDisabled)
	}
	unhurried(w)
	done, err := inTurn.take(r.Context(), string(one.ID))
	if err != nil {
		return err
	}
	defer done()
	out, err := a.replaySince(r.Context(), one.ID, since)
	if out.Replayed > 0 {
		a.wakeDeliverer()
	}
	if err != nil {
		return stored(err)
	}
	return answer(w, http.StatusOK, out)
}

// replaySince sends each event once more of which a delivery was given up since then, unless another
// delivery has brought it, or is still to. So it may be asked for again.
func (a *api) replaySince(ctx context.Context, webhook vault.WebhookID, since time.Time) (out client.Replayed, err error) {
	for d, err := range a.deliveries(ctx, vault.DeliveryQuery{WebhookID: webhook, Status: vault.DeliveryFailed}) {
		if err != nil {
			return out, err
		}
		missed, err := a.missed(ctx, d, since)
		if err != nil {
			return out, err
		}
		if !missed {
			continue
		}
		_, err = a.Vault.ReplayEvent(ctx, d.EventID, webhook)
		switch {
		case errors.Is(err, vault.ErrNotFound), errors.Is(err, vault.ErrDamaged):
			out.Gone++
		case err != nil:
			return out, err
		default:
			out.Replayed++
		}
	}
	return out, nil
}

// missed tells whether the event of a delivery that was given up has to be sent again for its sake.
// Of several that were given up since then it is the first: a later one may come from the same walk.
func (a *api) missed(ctx context.Context, failed vault.Delivery, since time.Time) (bool, error) {
	if failed.DoneAt.Before(since) {
		return false, nil
	}
	for d, err := range a.deliveries(ctx, vault.DeliveryQuery{WebhookID: failed.WebhookID, EventID: failed.EventID}) {
		if err != nil {
			return false, err
		}
		if d.Status != vault.DeliveryFailed || d.ID < failed.ID && !d.DoneAt.Before(since) {
			return false, nil
		}
	}
	return true, nil
}

// deliveries yields what a query selects, page after page, the oldest first. What is made while it is
// walked comes last.
func (a *api) deliveries(ctx context.Context, q vault.DeliveryQuery) iter.Seq2[vault.Delivery, error] {
	q.Limit = maxPage
	return func(yield func(vault.Delivery, error) bool) {
		for q := q; ; {
			page, err := a.Vault.Deliveries(ctx, q)
			if err != nil {
				yield(vault.Delivery{}, err)
				return
			}
			for _, d := range page.Items {
				if !yield(d, nil) {
					return
				}
			}
			if q.After = page.Next; q.After == "" {
				return
			}
		}
	}
}

func (a *api) wakeDeliverer() {
	if a.Deliver != nil {
		a.Deliver()
	}
}
