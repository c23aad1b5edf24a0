package api

import (
	"errors"
	"fmt"
	"net/http"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/vault"
)

// importAccounts takes over accounts with their tokens. Each has an outcome of its own; only what
// would be the same for all of them is an error.
func (a *api) importAccounts(w http.ResponseWriter, r *http.Request) error {
	if _, err := query(r); err != nil {
		return err
	}
	in, err := readLarge[client.Import](w, r, client.MaxImportBytes)
	if err != nil {
		return err
	}
	switch {
	case len(in.Accounts) > client.MaxImport:
		return badField("accounts", fmt.Sprintf("must have at most %d entries", client.MaxImport))
	case len(in.Connections) > client.MaxImport:
		return badField("connections", fmt.Sprintf("must have at most %d entries", client.MaxImport))
	}
	unhurried(w)
	m := &importer{
		api: a, replace: in.Replace, dry: in.DryRun, done: client.Imported{DryRun: in.DryRun},
		given: map[string]givenConnection{}, seen: map[importName]bool{},
	}
	err = m.run(r.Context(), in)
	if !in.DryRun {
		a.Log.Info("accounts were imported", zap.Int("accounts", len(in.Accounts)), zap.Strings("created", m.accounts(client.ImportCreated)),
			zap.Strings("replaced", m.accounts(client.ImportReplaced)), zap.Int("refused", len(m.accounts(client.ImportRefused))))
	}
	if err != nil {
		return stored(err)
	}
	return answer(w, http.StatusOK, m.done)
}

// refusedItem says why one item is not taken over. It is not an error of the request.
type refusedItem struct{ problem string }

func (r *refusedItem) Error() string { return r.problem }

func refuseItem(format string, args ...any) error {
	return &refusedItem{fmt.Sprintf(format, args...)}
}

// outcomeOf turns an error into an outcome, unless the import cannot go on.
func outcomeOf(outcome string, err error) (string, string, error) {
	var item *refusedItem
	switch {
	case err == nil:
		return outcome, "", nil
	case errors.As(err, &item):
		return client.ImportRefused, item.problem, nil
	case errors.Is(err, vault.ErrDamaged):
		return client.ImportRefused, "the record that is here cannot be opened: forget the user first, or restore a backup", nil
	}
	p := Problem(stored(err))
	if p.Status >= http.StatusInternalServerError || p.Code == CodeCanceled {
		return "", "", err
	}
	text := p.Detail
	if p.Next != "" {
		text += "; " + p.Next
	}
	return client.ImportRefused, text, nil
}
