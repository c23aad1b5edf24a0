package api

import (
	"net/http"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/consent"
)

func (a *api) createLink(w http.ResponseWriter, r *http.Request) error {
	if _, err := query(r); err != nil {
		return err
	}
	in, err := readBody[client.NewLink](w, r)
	if err != nil {
		return err
	}
	issued, err := a.Consent.Begin(r.Context(), consent.Request{
		Connection: in.Connection, Identifier: in.Identifier, Scopes: in.Scopes, Inputs: in.Inputs,
		ReturnURL: in.ReturnURL, State: in.State,
	})
	if err != nil {
		return stored(err)
	}
	return answer(w, http.StatusCreated, client.Link{
		ID: string(issued.Link.ID), URL: issued.URL, ExpiresAt: issued.Expires.UTC(),
		ConnectedAccountID: string(issued.Link.AccountID),
		Connection:         in.Connection, Identifier: in.Identifier,
	})
}
