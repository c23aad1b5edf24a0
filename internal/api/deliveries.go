package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/vault"
)

var deliveryStatuses = []vault.DeliveryStatus{vault.DeliveryPending, vault.DeliveryDelivered, vault.DeliveryFailed}

func (a *api) listDeliveries(w http.ResponseWriter, r *http.Request) error {
	values, err := query(r, append([]string{"status"}, pageParams...)...)
	if err != nil {
		return err
	}
	q := vault.DeliveryQuery{Status: vault.DeliveryStatus(values.Get("status"))}
	if q.PageQuery, err = pageOf(values); err != nil {
		return err
	}
	if values.Has("status") && !slices.Contains(deliveryStatuses, q.Status) {
		return badParameter("status", "must be one of "+joined(deliveryStatuses))
	}
	one, err := a.webhook(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	q.WebhookID = one.ID
	got, err := a.Vault.Deliveries(r.Context(), q)
	if err != nil {
		return stored(err)
	}
	page := client.Page[client.Delivery]{Items: make([]client.Delivery, len(got.Items)), Next: got.Next, Damaged: got.Damaged}
	for i, d := range got.Items {
		page.Items[i] = deliveryOf(d)
	}
	return answer(w, http.StatusOK, page)
}

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

func (a *api) replayFailed(w http.ResponseWriter, r *http.Request) error {
	if _, err := query(r); err != nil {
		return err
	}
	in, err := readBody[struct {
		Since string `json:"since"`
	}](w, r)
	if err != nil {
		return err
	}
	since, ok := sinceOf(in.Since, time.Now())
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
	out, err := a.replaySince(r.Context(), one.ID, since)
	if out.Replayed > 0 {
		a.wakeDeliverer()
	}
	if err != nil {
		return stored(err)
	}
	return answer(w, http.StatusOK, out)
}

// replaySince sends each event once more of which there is a delivery that was given up since then, and
// none after it. So it may be asked for twice.
func (a *api) replaySince(ctx context.Context, webhook vault.WebhookID, since time.Time) (out client.Replayed, err error) {
	failed, err := a.deliveries(ctx, vault.DeliveryQuery{WebhookID: webhook, Status: vault.DeliveryFailed})
	if err != nil {
		return out, err
	}
	for _, d := range failed {
		if d.DoneAt.Before(since) {
			continue
		}
		all, err := a.deliveries(ctx, vault.DeliveryQuery{WebhookID: webhook, EventID: d.EventID})
		if err != nil {
			return out, err
		}
		if n := len(all); n > 0 && all[n-1].ID > d.ID {
			continue // the last one decides
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

// deliveries reads all pages.
func (a *api) deliveries(ctx context.Context, q vault.DeliveryQuery) (all []vault.Delivery, err error) {
	for q.Limit = maxPage; ; {
		page, err := a.Vault.Deliveries(ctx, q)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if q.After = page.Next; q.After == "" {
			return all, nil
		}
	}
}

func (a *api) wakeDeliverer() {
	if a.Deliver != nil {
		a.Deliver()
	}
}

func deliveryOf(d vault.Delivery) client.Delivery {
	return client.Delivery{
		ID: string(d.ID), Event: string(d.EventID), Status: string(d.Status), Attempts: d.Attempts, NextAt: d.NextAt.UTC(),
		LastStatus: d.LastStatus, LastError: d.LastError, CreatedAt: d.CreatedAt.UTC(), DoneAt: d.DoneAt.UTC(),
	}
}
