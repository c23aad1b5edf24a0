package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
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
	// apps are the default apps, and catalog tells what ways of connectors they are for.
	apps    []vault.App
	catalog *connectors.Catalog
	// folders are those with connectors that the configuration names.
	folders []string
}

func (e *exporter) run(ctx context.Context) error {
	if err := e.readApps(ctx); err != nil {
		return err
	}
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
			err := e.out.Connection(e.moved(c))
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

// moved is a connection as it is written: one that uses a default app of the vault has the app's clients.
func (e *exporter) moved(c vault.Connection) transfer.Connection {
	out := transfer.Connection{
		Name: c.Name, Connector: c.Connector, Way: c.Way, Origin: c.Origin, ClientID: c.ClientID,
		ClientSecret: c.ClientSecret, FurtherSecrets: c.FurtherSecrets, EarlierClients: c.Earlier,
		Scopes: c.Scopes, Params: c.Params, SecretParams: c.SecretParams,
	}
	if c.Origin != vault.OriginAPI {
		return out
	}
	e.tellUnknown(c)
	for _, a := range e.apps {
		if a.Connector != c.Connector || !connection.SameWay(e.catalog, c.Connector, a.Way, c.Way) {
			continue
		}
		more := a.Earlier
		if c.ClientID == "" && c.ClientSecret.IsZero() {
			c.SetClient(a.Client)
			out.ClientID, out.ClientSecret, out.FurtherSecrets = c.ClientID, c.ClientSecret, c.FurtherSecrets
			out.Params, out.SecretParams = under(a.Params, c.Params), under(a.SecretParams, c.SecretParams)
		} else {
			more = append([]vault.OAuthClient{a.Client}, more...)
		}
		out.EarlierClients = withClients(out, more)
	}
	return out
}

// tellUnknown names a connection whose connector has an app and cannot be read, so that nobody can tell whether
// the app is that of the connection's way.
func (e *exporter) tellUnknown(c vault.Connection) {
	_, known := e.catalog.Lookup(c.Connector)
	ofAWay := func(a vault.App) bool { return a.Connector == c.Connector && a.Way != "" }
	if !known && c.Way == "" && slices.ContainsFunc(e.apps, ofAWay) {
		e.leaveOut("connection", c.Name, fmt.Errorf(
			"the OAuth client of its default app, as connector %s cannot be read; it is exported without that", c.Connector))
	}
}

// under is both maps in one, of the second where both have a name.
func under[M ~map[string]V, V any](first, second M) M {
	if len(first) == 0 {
		return second
	}
	all := maps.Clone(first)
	maps.Copy(all, second)
	return all
}

// withClients are the earlier clients of a connection and those of its app, as many as can be kept.
func withClients(c transfer.Connection, more []vault.OAuthClient) []vault.OAuthClient {
	all := slices.Clone(c.EarlierClients)
	for _, one := range more {
		known := one.ID == c.ClientID || slices.ContainsFunc(all, func(e vault.OAuthClient) bool { return e.ID == one.ID })
		if !known && len(all) < vault.MaxEarlierClients {
			all = append(all, one)
		}
	}
	return all
}

// readCatalog reads the connectors that the server has: built in, of the configuration's folders, and of the vault.
// Those that cannot be read are not known, nor is what stands behind them.
func (e *exporter) readCatalog(ctx context.Context) error {
	catalog, err := connectors.Builtin()
	if err != nil {
		return err
	}
	for _, folder := range e.folders {
		if more, err := catalog.LoadDir(os.DirFS(folder), "."); err == nil {
			catalog = catalog.With(more...)
		}
	}
	files, page := map[string]string{}, vault.PageQuery{Limit: exportPage}
	for {
		got, err := e.v.Connectors(ctx, vault.DefaultProject, page)
		if err != nil {
			return err
		}
		for _, c := range got.Items {
			if catalog.Origin(c.Name) != connectors.OriginFolder {
				files[c.Name] = c.Source
			}
		}
		if page.After = got.Next; page.After == "" {
			break
		}
	}
	good, bad := catalog.LoadFiles(files)
	e.catalog = catalog.Without(slices.Collect(maps.Keys(bad))...).WithStored(good...)
	return nil
}

// readApps reads the default apps of the vault, and the connectors that they may be for.
func (e *exporter) readApps(ctx context.Context) error {
	if err := e.readCatalog(ctx); err != nil {
		return err
	}
	page := vault.PageQuery{Limit: exportPage}
	for {
		got, err := e.v.Apps(ctx, vault.DefaultProject, page)
		if err != nil {
			return err
		}
		e.apps = append(e.apps, got.Items...)
		for _, id := range got.Damaged {
			e.leaveOut("app", id, errCannotOpen)
		}
		if page.After = got.Next; page.After == "" {
			return nil
		}
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
		CreatedAt: a.CreatedAt, ConnectedAt: a.ConnectedAt, RefreshedAt: a.RefreshedAt, AppData: a.AppData,
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
