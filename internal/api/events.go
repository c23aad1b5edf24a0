package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/vault"
)

// eventTypes are those that the vault tells of.
var eventTypes = []vault.EventType{
	vault.EventCreated, vault.EventUpdated, vault.EventStatusUpdated, vault.EventDeleted, vault.EventLinkGenerated,
	vault.EventOAuthSucceeded, vault.EventTokenRefreshed, vault.EventTokenRefreshFailed, vault.EventRefreshTokenExpiring,
	vault.EventTokenFetched,
}

// sinceForm is what sinceOf takes, in words.
const sinceForm = "must be a time such as 2026-05-04T12:00:00Z, or how long ago, such as 90m or 7d"

func (a *api) listEvents(w http.ResponseWriter, r *http.Request) error {
	q, err := a.eventQuery(r)
	if err != nil {
		return err
	}
	got, err := a.Vault.Events(r.Context(), q)
	if err != nil {
		return stored(err)
	}
	page := client.Page[client.Event]{Items: make([]client.Event, len(got.Items)), Next: got.Next, Damaged: got.Damaged}
	names := a.names(r.Context())
	for i, e := range got.Items {
		page.Items[i] = eventOf(e, names(e.ConnectionID))
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
		if !slices.Contains(eventTypes, t) {
			return vault.EventQuery{}, badParameter("type", "must be one of "+joined(eventTypes))
		}
		q.Types = append(q.Types, t)
	}
	if values.Has("since") {
		var ok bool
		if q.Since, ok = sinceOf(values.Get("since"), time.Now()); !ok {
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

// sinceOf reads a time, or how long before now it is.
func sinceOf(text string, now time.Time) (since time.Time, ok bool) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, true
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return now.AddDate(0, 0, -int(n)), err == nil
	}
	ago, err := time.ParseDuration(text)
	return now.Add(-ago), err == nil && ago >= 0
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
	return answer(w, http.StatusOK, eventOf(e, a.names(r.Context())(e.ConnectionID)))
}

// eventOf is an event in the form in which webhooks get it.
func eventOf(e vault.Event, connection string) client.Event {
	return client.Event{ID: string(e.ID), Type: string(e.Type), Timestamp: e.At.UTC(), Data: client.EventData{
		ID: string(e.AccountID), ConnectionID: string(e.ConnectionID), Connection: connection, Connector: e.Connector,
		Identifier: e.Identifier, Status: string(e.Status), OldStatus: string(e.OldStatus), Reason: e.Reason, Class: e.Class,
		Link: string(e.LinkID), ExpiresAt: e.Expires.UTC(),
	}}
}
