package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/internal/webhook"
	"github.com/claviger-proxy/claviger/vault"
)

func (a *api) listEvents(w http.ResponseWriter, r *http.Request) error {
	q, err := a.eventQuery(r)
	if err != nil {
		return err
	}
	asOf := time.Now().UTC()
	got, err := a.Vault.Events(r.Context(), q)
	if err != nil {
		return stored(err)
	}
	page := client.EventPage{AsOf: asOf}
	page.Items, page.Next, page.Damaged = make([]client.Event, len(got.Items)), got.Next, got.Damaged
	names := a.names(r.Context())
	for i, e := range got.Items {
		page.Items[i] = webhook.EventOf(e, names(e.ConnectionID))
	}
	return answer(w, http.StatusOK, page)
}

func (a *api) eventQuery(r *http.Request) (vault.EventQuery, error) {
	values, err := queryRepeating(r, "type", append([]string{"account", "type", "since"}, pageParams...)...)
	if err != nil {
		return vault.EventQuery{}, err
	}
	q := vault.EventQuery{Project: vault.DefaultProject}
	if q.PageQuery, err = pageOf(values); err != nil {
		return vault.EventQuery{}, err
	}
	for _, text := range values["type"] {
		t := vault.EventType(text)
		if types := vault.EventTypes(); !slices.Contains(types, t) {
			return vault.EventQuery{}, badParameter("type", "must be one of "+joined(types))
		}
		q.Types = append(q.Types, t)
	}
	if values.Has("since") {
		var ok bool
		if q.Since, ok = ParseSince(values.Get("since"), time.Now()); !ok {
			return vault.EventQuery{}, badParameter("since", sinceForm)
		}
	}
	if values.Has("account") {
		if q.AccountID, err = a.accountID(r.Context(), values.Get("account")); err != nil {
			return vault.EventQuery{}, err
		}
	}
	return q, nil
}

// accountID is the ID that text is, or the one of the account that it names. An account that is gone
// still has events under its ID.
func (a *api) accountID(ctx context.Context, text string) (vault.AccountID, error) {
	ref, err := broker.ParseRef(text)
	if err != nil || ref.Account != "" {
		return ref.Account, err
	}
	account, err := a.accountAt(ctx, ref)
	return account.ID, err
}

func (a *api) showEvent(w http.ResponseWriter, r *http.Request) error {
	if _, err := query(r); err != nil {
		return err
	}
	e, err := a.Vault.Event(r.Context(), vault.EventID(r.PathValue("id")))
	if errors.Is(err, vault.ErrNotFound) {
		return refuse(CodeNotFound, "there is no such event, or it is not kept any more", "`claviger events` shows those that are kept")
	}
	if err != nil {
		return stored(err)
	}
	return answer(w, http.StatusOK, webhook.EventOf(e, a.names(r.Context())(e.ConnectionID)))
}
