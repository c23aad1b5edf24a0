package api

import (
	"net/http"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/vault"
)

func (a *api) forget(w http.ResponseWriter, r *http.Request) error {
	if _, err := query(r); err != nil {
		return err
	}
	in, err := readBody[client.ForgetRequest](w, r)
	if err != nil {
		return err
	}
	if !vault.ValidIdentifier(in.Identifier) {
		return badField("identifier", identifierForm)
	}
	unhurried(w)
	if err := a.Consent.Forget(r.Context(), in.Identifier); err != nil {
		return stored(err)
	}
	got, err := a.Broker.ForgetUser(r.Context(), in.Identifier)
	if err != nil {
		return stored(err)
	}
	a.Log.Info("a user was forgotten", zap.Int("accounts", len(got.Removed)), zap.Int("links", got.Links), zap.Bool("erased", got.Erased))
	out := client.Forgotten{
		Accounts: make([]client.Disconnection, len(got.Accounts)), Removed: make([]string, len(got.Removed)),
		Links: got.Links, Erased: got.Erased,
	}
	names := a.names(r.Context())
	for i, d := range got.Accounts {
		out.Accounts[i] = a.disconnectionOf(d, names(d.Account.ConnectionID))
		out.Accounts[i].Account.Next = "" // it is gone
	}
	for i, id := range got.Removed {
		out.Removed[i] = string(id)
	}
	return answer(w, http.StatusOK, out)
}
