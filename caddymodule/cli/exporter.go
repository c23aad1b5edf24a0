package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/claviger-proxy/claviger/internal/transfer"
	"github.com/claviger-proxy/claviger/vault"
)

// exporter writes a vault's connections and accounts into an export. What cannot be opened is left
// out and named.
type exporter struct {
	v     *vault.Vault
	out   *transfer.Writer
	names map[vault.ConnectionID]string
	done  exported
}

func (e *exporter) run(ctx context.Context) error {
	if err := e.connections(ctx); err != nil {
		return err
	}
	if err := e.accounts(ctx); err != nil {
		return err
	}
	return e.out.Close()
}

// exportPage is how many records are read at once.
const exportPage = 200

func (e *exporter) leaveOut(what, id string, err error) {
	e.done.LeftOut = append(e.done.LeftOut, fmt.Sprintf("%s %s: %v", what, id, err))
}

// refused leaves out what the export cannot have. It returns an error of the file itself.
func (e *exporter) refused(err error) error {
	var unwritten *failure
	if errors.As(err, &unwritten) {
		return unwritten
	}
	if err != nil {
		e.done.LeftOut = append(e.done.LeftOut, err.Error()) // it names what it is about
	}
	return nil
}

var errCannotOpen = errors.New("it cannot be opened")

func (e *exporter) connections(ctx context.Context) error {
	e.names = map[vault.ConnectionID]string{}
	page := vault.PageQuery{Limit: exportPage}
	for {
		got, err := e.v.Connections(ctx, vault.DefaultProject, page)
		if err != nil {
			return err
		}
		for _, c := range got.Items {
			err := e.out.Connection(transfer.Connection{
				Name: c.Name, Connector: c.Connector, Way: c.Way, Origin: c.Origin, ClientID: c.ClientID,
				ClientSecret: c.ClientSecret, Scopes: c.Scopes, Params: c.Params, SecretParams: c.SecretParams,
			})
			if err := e.refused(err); err != nil {
				return err
			}
			if err != nil {
				continue
			}
			e.names[c.ID] = c.Name
			e.done.Connections++
		}
		for _, id := range got.Damaged {
			e.leaveOut("connection", id, errCannotOpen)
		}
		if got.Next == "" {
			return nil
		}
		page.After = got.Next
	}
}

func (e *exporter) accounts(ctx context.Context) error {
	q := vault.AccountQuery{Project: vault.DefaultProject, PageQuery: vault.PageQuery{Limit: exportPage}}
	for {
		got, err := e.v.Accounts(ctx, q)
		if err != nil {
			return err
		}
		for _, a := range got.Items {
			if err := e.account(ctx, a); err != nil {
				return err
			}
		}
		for _, id := range got.Damaged {
			e.leaveOut("account", id, errCannotOpen)
		}
		if got.Next == "" {
			return nil
		}
		q.After = got.Next
	}
}

func (e *exporter) account(ctx context.Context, a vault.ConnectedAccount) error {
	name, ok := e.names[a.ConnectionID]
	if !ok {
		e.leaveOut("account", string(a.ID), errors.New("its connection is not in the export"))
		return nil
	}
	out := transfer.Account{
		ID: a.ID, Connection: name, Connector: a.Connector, Identifier: a.Identifier, Status: a.Status,
		Reason: a.Reason, Identity: a.Identity, RequestedScopes: a.RequestedScopes, GrantedScopes: a.GrantedScopes,
		CreatedAt: a.CreatedAt, ConnectedAt: a.ConnectedAt, RefreshedAt: a.RefreshedAt,
	}
	g, err := e.v.Grant(ctx, a.ID)
	switch {
	case err == nil:
		out.Grant = &g
	case errors.Is(err, vault.ErrDamaged):
		e.leaveOut("account", string(a.ID), errors.New("its tokens cannot be opened"))
		return nil
	case !errors.Is(err, vault.ErrNotFound):
		return err
	}
	if err = e.out.Account(out); err == nil {
		e.done.Accounts++
	}
	return e.refused(err)
}
