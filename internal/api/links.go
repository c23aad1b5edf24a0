package api

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/vault"
)

// linkExpired is the outcome of a link that nobody has used in time.
const linkExpired = "link_expired"

func (a *api) createLink(w http.ResponseWriter, r *http.Request) error {
	if _, err := query(r); err != nil {
		return err
	}
	in, err := readBody[client.NewLink](w, r)
	if err != nil {
		return err
	}
	request := consent.Request{
		Connection: in.Connection, Identifier: in.Identifier, Scopes: in.Scopes, Inputs: in.Inputs,
		ReturnURL: in.ReturnURL, State: in.State, Choice: in.Choice,
	}
	if in.Device {
		return a.createDeviceLink(w, r, request)
	}
	issued, err := a.Consent.Begin(r.Context(), request)
	if err != nil {
		return stored(err)
	}
	link := linkOf(issued.Link, in.Connection)
	link.URL = issued.URL
	return a.created(w, link)
}

// createDeviceLink makes a link whose user has no browser to come back with.
func (a *api) createDeviceLink(w http.ResponseWriter, r *http.Request, in consent.Request) error {
	switch {
	case in.ReturnURL != "":
		return badField("return_url", "must be left out with device: the user's browser does not come back")
	case in.State != "":
		return badField("state", "must be left out with device: the user's browser does not come back")
	}
	d, err := a.Consent.BeginDevice(r.Context(), in)
	if err != nil {
		return stored(err)
	}
	link := linkOf(d.Link, in.Connection)
	link.UserCode, link.VerificationURI, link.VerificationURIComplete = d.UserCode, d.VerificationURI, d.VerificationURIComplete
	link.Interval = int((d.Interval + time.Second - 1) / time.Second)
	return a.created(w, link)
}

func linkOf(l vault.Link, connection string) client.Link {
	return client.Link{
		ID: string(l.ID), ExpiresAt: l.Expires.UTC(), ConnectedAccountID: string(l.AccountID),
		Connection: connection, Identifier: l.Identifier,
	}
}

func (a *api) created(w http.ResponseWriter, link client.Link) error {
	w.Header().Set("Location", a.Prefix+"/links/"+link.ID)
	return answer(w, http.StatusCreated, link)
}

func (a *api) showLink(w http.ResponseWriter, r *http.Request) error {
	if _, err := query(r); err != nil {
		return err
	}
	l, err := a.Consent.Link(r.Context(), vault.LinkID(r.PathValue("id")))
	if err != nil {
		return stored(err)
	}
	return answer(w, http.StatusOK, linkState(l, a.names(r.Context())(l.ConnectionID), time.Now()))
}

func (a *api) revokeLink(w http.ResponseWriter, r *http.Request) error {
	if err := bare(w, r); err != nil {
		return err
	}
	if _, err := a.Consent.Revoke(r.Context(), vault.LinkID(r.PathValue("id"))); err != nil {
		return stored(err)
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *api) listLinks(w http.ResponseWriter, r *http.Request) error {
	now := time.Now()
	q, err := a.linkQuery(r, now)
	if err != nil {
		return err
	}
	got, err := a.Vault.Links(r.Context(), q)
	if err != nil {
		return stored(err)
	}
	page := client.Page[client.LinkState]{Items: make([]client.LinkState, len(got.Items)), Next: got.Next, Damaged: got.Damaged}
	names := a.names(r.Context())
	for i, l := range got.Items {
		page.Items[i] = linkState(l, names(l.ConnectionID), now)
	}
	return answer(w, http.StatusOK, page)
}

// linkStatuses are the statuses, with the one that is stored where it is always the same.
var linkStatuses = map[string]vault.LinkStatus{
	client.LinkOpen: vault.LinkOpen, client.LinkStarted: "", client.LinkChoice: vault.LinkChoice,
	client.LinkConnected: vault.LinkUsed, client.LinkFailed: vault.LinkFailed, client.LinkExpired: "",
}

func (a *api) linkQuery(r *http.Request, now time.Time) (vault.LinkQuery, error) {
	values, err := query(r, append([]string{"connection", "identifier", "status"}, pageParams...)...)
	if err != nil {
		return vault.LinkQuery{}, err
	}
	q := vault.LinkQuery{Project: vault.DefaultProject, Identifier: values.Get("identifier")}
	if q.PageQuery, err = pageOf(values); err != nil {
		return vault.LinkQuery{}, err
	}
	if values.Has("identifier") && !vault.ValidIdentifier(q.Identifier) {
		return vault.LinkQuery{}, badParameter("identifier", identifierForm)
	}
	if values.Has("status") {
		status := values.Get("status")
		stored, ok := linkStatuses[status]
		if !ok {
			return vault.LinkQuery{}, badParameter("status", "must be one of "+strings.Join(slices.Sorted(maps.Keys(linkStatuses)), ", "))
		}
		q.Status = stored
		q.Keep = func(l vault.Link) bool { return linkStatus(l, now) == status }
	}
	if values.Has("connection") {
		c, err := a.findConnection(r.Context(), values.Get("connection"))
		if err != nil {
			return vault.LinkQuery{}, err
		}
		q.ConnectionID = c.ID
	}
	return q, nil
}

// linkStatus is the status that callers see: how far it is within, they need not know.
func linkStatus(l vault.Link, now time.Time) string {
	switch {
	case l.Status == vault.LinkUsed:
		return client.LinkConnected
	case l.Status == vault.LinkFailed && l.Outcome != linkExpired:
		return client.LinkFailed
	case l.Status == vault.LinkFailed, !now.Before(l.Expires.Add(linkGrace(l))):
		return client.LinkExpired
	case l.Status == vault.LinkOpen:
		return client.LinkOpen
	case l.Status == vault.LinkChoice:
		return client.LinkChoice
	}
	return client.LinkStarted
}

// linkGrace is how long after its end a link may still come to something: what was begun before it is
// finished.
func linkGrace(l vault.Link) time.Duration {
	if l.Status == vault.LinkTaken || l.Status == vault.LinkPolled {
		return time.Minute
	}
	return 0
}

func linkState(l vault.Link, connection string, now time.Time) client.LinkState {
	s := client.LinkState{
		ID: string(l.ID), Status: linkStatus(l, now), Connection: connection, Identifier: l.Identifier,
		CreatedAt: l.CreatedAt.UTC(), ExpiresAt: l.Expires.UTC(),
	}
	switch s.Status {
	case client.LinkConnected:
		s.ConnectedAccountID = string(l.AccountID)
	case client.LinkFailed:
		s.Code = l.Outcome
	case client.LinkExpired:
		s.Code = linkExpired
	}
	if s.Code != "" {
		s.Detail, s.Next = consent.Outcome(s.Code)
	}
	return s
}
