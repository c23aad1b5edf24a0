package api

import (
	"net/http"
	"net/url"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
)

// registrar registers OAuth clients for connections.
func (a *api) registrar() *connection.Registrar {
	return &connection.Registrar{
		Set: a.Connections, OAuth: a.OAuth, Callback: a.redirectURI, AppName: a.AppName, Version: a.Version, Log: a.Log,
	}
}

func (a *api) registerClient(w http.ResponseWriter, r *http.Request) error {
	values, err := query(r, "new")
	if err != nil {
		return err
	}
	anew, err := isTrue(values, "new")
	if err != nil {
		return err
	}
	if err := noBody(w, r); err != nil {
		return err
	}
	unhurried(w)
	live, another, err := a.registrar().Renew(r.Context(), r.PathValue("name"), anew)
	if err != nil {
		return stored(err)
	}
	return answer(w, http.StatusOK, client.RegisteredConnection{Connection: a.connectionOf(live.Connection), NewClient: another})
}

func (a *api) deleteConnection(w http.ResponseWriter, r *http.Request) error {
	values, err := query(r, "keep_clients")
	if err != nil {
		return err
	}
	keep, err := isTrue(values, "keep_clients")
	if err != nil {
		return err
	}
	if err := noBody(w, r); err != nil {
		return err
	}
	unhurried(w)
	name := r.PathValue("name")
	gone, err := a.registrar().Remove(r.Context(), name, keep)
	if err != nil {
		return stored(err)
	}
	if len(gone) == 0 {
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	out := client.RemovedConnection{Removed: name}
	for _, g := range gone {
		out.Clients = append(out.Clients, client.RemovedClient(g))
	}
	return answer(w, http.StatusOK, out)
}

// isTrue reads a parameter that is true or false; false when it is absent.
func isTrue(values url.Values, name string) (bool, error) {
	if value := values.Get(name); values.Has(name) && value != "true" && value != "false" {
		return false, badParameter(name, "must be true or false")
	}
	return values.Get(name) == "true", nil
}

// registrationOf is what is known of the registration of a connection's client, without what it is managed with.
func registrationOf(c vault.Connection) *client.Registration {
	r, ok := c.Registration(c.ClientID)
	if !ok {
		return nil
	}
	return &client.Registration{RedirectURI: r.RedirectURI, RegisteredAt: r.RegisteredAt, ClientSecretExpiresAt: r.SecretExpires, Managed: r.Managed()}
}
