package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/vault"
)

// ensureAccount answers with the account of the path, and makes it if there is none.
func (a *api) ensureAccount(w http.ResponseWriter, r *http.Request) error {
	if _, err := query(r); err != nil {
		return err
	}
	in, err := readOptional[client.PendingAccount](w, r)
	if err != nil {
		return err
	}
	identifier := r.PathValue("identifier")
	if !vault.ValidIdentifier(identifier) {
		return badParameter("identifier", identifierForm)
	}
	c, err := a.Connections.ByName(r.PathValue("connection"))
	if err != nil {
		return err
	}
	made, created, err := a.Vault.EnsureAccount(r.Context(), vault.ConnectedAccount{
		Project: c.Project, ConnectionID: c.ID, Connector: c.Connector().Name, Identifier: identifier,
		AppData: vault.AppData{Labels: in.Labels, Metadata: noNull(in.Metadata)},
	})
	if err != nil {
		return ofField(stored(err))
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
		w.Header().Set("Location", a.Prefix+"/accounts/"+string(made.ID))
	}
	return a.answerAccount(w, r, status, made)
}

// changeAccount changes what the app keeps with an account.
func (a *api) changeAccount(w http.ResponseWriter, r *http.Request) error {
	if _, err := query(r); err != nil {
		return err
	}
	version, err := ifMatch(r)
	if err != nil {
		return err
	}
	in, err := readBody[client.AccountChange](w, r)
	if err != nil {
		return err
	}
	account, err := a.account(r)
	if err != nil {
		return err
	}
	changed, err := a.Vault.SetAppData(r.Context(), account.ID, version, func(d vault.AppData) vault.AppData {
		return changedData(d, in)
	})
	switch {
	case version != 0 && errors.Is(err, vault.ErrConflict):
		return errPrecondition
	case err != nil:
		return ofField(stored(err))
	}
	return a.answerAccount(w, r, http.StatusOK, changed)
}

// changedData is d with the change, in which null removes.
func changedData(d vault.AppData, in client.AccountChange) vault.AppData {
	for name, value := range in.Labels {
		if value == nil {
			delete(d.Labels, name)
			continue
		}
		if d.Labels == nil {
			d.Labels = map[string]string{}
		}
		d.Labels[name] = *value
	}
	if in.Metadata != nil {
		d.Metadata = noNull(in.Metadata)
	}
	return d
}

// noNull is nil for JSON's null.
func noNull(text json.RawMessage) json.RawMessage {
	if bytes.Equal(bytes.TrimSpace(text), []byte("null")) {
		return nil
	}
	return text
}

// ofField says which field is wrong, where the vault has found it.
func ofField(err error) error {
	var f *vault.FieldError
	if errors.As(err, &f) {
		return badField(f.Field, f.Must)
	}
	return err
}

// removeAccount ends an account's grant, and deletes its record.
func (a *api) removeAccount(w http.ResponseWriter, r *http.Request) error {
	account, err := a.changed(w, r)
	if err != nil {
		return err
	}
	if err := a.Consent.EndLinks(r.Context(), account.ConnectionID, account.Identifier); err != nil {
		return stored(err)
	}
	d, err := a.Broker.Remove(r.Context(), account.ID)
	if err != nil {
		return err
	}
	out := a.disconnectionOf(d, a.names(r.Context())(account.ConnectionID))
	out.Account.Next = "" // it is gone
	return answer(w, http.StatusOK, out)
}

func (a *api) answerAccount(w http.ResponseWriter, r *http.Request, status int, account vault.ConnectedAccount) error {
	tag(w, account.Version)
	return answer(w, status, a.accountOf(account, a.names(r.Context())(account.ConnectionID)))
}

// labelsOf reads the parameters label, each a name and a value.
func labelsOf(values []string) (map[string]string, error) {
	labels := map[string]string{}
	for _, text := range values {
		name, value, ok := strings.Cut(text, "=")
		if _, twice := labels[name]; twice || !ok || !vault.ValidLabel(name) {
			return nil, badParameter("label", "must be name=value, with each name once")
		}
		labels[name] = value
	}
	return labels, nil
}
