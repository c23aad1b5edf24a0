package api

import (
	"net/http"
	"slices"

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

func deliveryOf(d vault.Delivery) client.Delivery {
	return client.Delivery{
		ID: string(d.ID), Event: string(d.EventID), Status: string(d.Status), Attempts: d.Attempts, NextAt: d.NextAt.UTC(),
		LastStatus: d.LastStatus, LastError: d.LastError, CreatedAt: d.CreatedAt.UTC(), DoneAt: d.DoneAt.UTC(),
	}
}
