package api

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
)

// importer is one request's import.
type importer struct {
	*api
	replace, dry bool
	given        map[string]givenConnection
	seen         map[importName]bool
	done         client.Imported
}

// givenConnection is a connection that the request brought along.
type givenConnection struct {
	client.NewConnection
	// made is the connection as it will be, in a dry run.
	made vault.Connection
	// problem says why it could not be made.
	problem string
}

type importName struct{ connection, identifier string }

// run takes over what the request has. What came before an error is done, and in m.done.
func (m *importer) run(ctx context.Context, in client.Import) error {
	for _, c := range in.Connections {
		if err := m.connection(ctx, c); err != nil {
			return err
		}
	}
	for _, a := range in.Accounts {
		if err := m.account(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// connection makes a connection, if there is none of that name.
func (m *importer) connection(ctx context.Context, c client.NewConnection) error {
	g := givenConnection{NewConnection: c}
	outcome, err := m.makeConnection(ctx, &g)
	outcome, g.problem, err = outcomeOf(outcome, err)
	if err != nil {
		return err
	}
	if _, twice := m.given[c.Name]; !twice {
		m.given[c.Name] = g
	}
	m.done.Connections = append(m.done.Connections, client.ImportedConnection{Name: c.Name, Outcome: outcome, Problem: g.problem})
	return nil
}

func (m *importer) makeConnection(ctx context.Context, g *givenConnection) (string, error) {
	if _, twice := m.given[g.Name]; twice {
		return "", refuseItem("the request has a connection of this name already")
	}
	switch _, err := m.findConnection(ctx, g.Name); {
	case err == nil:
		return client.ImportExists, nil
	case Problem(err).Code != connection.CodeNotFound:
		return "", err
	}
	if err := checkScopes(g.Scopes); err != nil {
		return "", err
	}
	c, err := m.newConnection(g.NewConnection, asGiven)
	if err != nil {
		return "", err
	}
	c.Origin, c.Project = vault.OriginAPI, vault.DefaultProject
	if m.dry {
		_, err := m.Connections.Build(c)
		g.made = c
		return client.ImportCreated, err
	}
	_, err = m.Connections.Add(ctx, c)
	return client.ImportCreated, err
}

// accounts are the IDs of the accounts with that outcome.
func (m *importer) accounts(outcome string) []string {
	var ids []string
	for _, a := range m.done.Accounts {
		if a.Outcome == outcome {
			ids = append(ids, a.Account)
		}
	}
	return ids
}

// account takes one account over.
func (m *importer) account(ctx context.Context, in client.ImportAccount) error {
	id, outcome, err := m.takeOver(ctx, in)
	outcome, problem, err := outcomeOf(outcome, err)
	if err != nil {
		return err
	}
	taken := outcome == client.ImportCreated || outcome == client.ImportReplaced
	if taken && in.Grant != nil && in.Grant.RefreshToken != "" && used(in.Status) {
		m.done.RefreshTokens++
	}
	if outcome == client.ImportRefused {
		id = ""
	}
	m.done.Accounts = append(m.done.Accounts, client.ImportedAccount{
		Connection: in.Connection, Identifier: in.Identifier, Account: string(id), Outcome: outcome, Problem: problem,
	})
	return nil
}

func (m *importer) takeOver(ctx context.Context, in client.ImportAccount) (vault.AccountID, string, error) {
	if !vault.ValidIdentifier(in.Identifier) {
		return "", "", refuseItem("the identifier %s", identifierForm)
	}
	c, err := m.connectionOf(ctx, in)
	if err != nil {
		return "", "", err
	}
	name := importName{in.Connection, in.Identifier}
	if m.seen[name] {
		return "", "", refuseItem("the request has this account already")
	}
	m.seen[name] = true
	account, grant, err := m.read(in, c)
	if err != nil {
		return "", "", err
	}
	var old vault.ConnectedAccount
	if c.ID != "" {
		if old, err = m.Vault.FindAccount(ctx, c.ID, in.Identifier); err != nil && !errors.Is(err, vault.ErrNotFound) {
			return "", "", err
		}
	}
	switch {
	case old.ID == "":
		id, err := m.create(ctx, account, grant)
		if errors.Is(err, vault.ErrExists) { // it has come meanwhile
			return "", client.ImportExists, nil
		}
		return id, client.ImportCreated, err
	// One that was never connected has nothing to lose: it may be what is left of an import that broke off.
	case grant == nil, !m.replace && old.Generation != 0:
		return old.ID, client.ImportExists, nil
	case m.dry:
		return old.ID, client.ImportReplaced, nil
	}
	account.ID, account.Version = old.ID, old.Version
	_, err = m.Vault.Connect(ctx, vault.Link{}, account, *grant)
	m.Broker.Forget(old.ID)
	return old.ID, client.ImportReplaced, err
}

// connectionOf returns the connection of an account: one that is here, or that the request has
// brought. In a dry run the latter has no ID.
func (m *importer) connectionOf(ctx context.Context, in client.ImportAccount) (vault.Connection, error) {
	g, given := m.given[in.Connection]
	if given && g.problem != "" {
		return vault.Connection{}, refuseItem("its connection %s was refused: %s", in.Connection, g.problem)
	}
	c := g.made
	if c.Name == "" {
		live, err := m.Connections.ByName(in.Connection)
		if err != nil {
			if _, e := m.findConnection(ctx, in.Connection); e != nil && Problem(e).Code == connection.CodeNotFound {
				return vault.Connection{}, refuseItem("there is no connection %.80q here: add it to the configuration, or with `claviger connections add`", in.Connection)
			}
			return vault.Connection{}, err
		}
		c = live.Connection
	}
	if in.Connector != "" && in.Connector != c.Connector {
		return vault.Connection{}, refuseItem("it is of connector %.80q, and connection %s is one to %s: choose another connection", in.Connector, c.Name, c.Connector)
	}
	var own string
	if in.Grant != nil {
		own = in.Grant.ClientID
	}
	ready, err := m.Connections.Build(c)
	if err != nil {
		return vault.Connection{}, err
	}
	if own = cmp.Or(own, g.ClientID); own != "" && !slices.Contains(ready.Clients(), own) && !m.ownClients(c) {
		return vault.Connection{}, refuseItem("its tokens are of the OAuth client %.80q, and connection %s has another one (%.80q), "+
			"which the provider would not refresh them for: give the connection that client as an earlier one, or connect the user again", own, c.Name, ready.App.ClientID)
	}
	return c, nil
}

// ownClients tells whether each account of the connection has an OAuth client of its own.
func (m *importer) ownClients(c vault.Connection) bool {
	k, ok := m.Catalog().Lookup(c.Connector)
	if ok {
		k, ok = k.Way(c.Way)
	}
	return ok && k.Token.Client != nil
}

// create makes an account that is not here yet.
func (m *importer) create(ctx context.Context, account vault.ConnectedAccount, grant *vault.Grant) (vault.AccountID, error) {
	if account.ID != "" {
		switch _, err := m.Vault.Account(ctx, account.ID); {
		case err == nil, errors.Is(err, vault.ErrDamaged):
			account.ID = "" // somebody has it
		case !errors.Is(err, vault.ErrNotFound):
			return "", err
		}
	}
	if m.dry {
		return account.ID, nil
	}
	status, reason := account.Status, account.Reason
	if account.ID == "" {
		account.ID = vault.NewAccountID()
	}
	account.Reason = ""
	// It is made first and connected then, so that an account that comes meanwhile is not replaced.
	if err := m.Vault.CreateAccount(ctx, &account); err != nil {
		return "", err
	}
	defer m.Broker.Forget(account.ID)
	if grant != nil {
		account.Status = status
		_, err := m.Vault.Connect(ctx, vault.Link{}, account, *grant)
		return account.ID, err
	}
	if slices.Contains([]vault.Status{vault.StatusExpired, vault.StatusDisconnected}, status) {
		_, err := m.Vault.SetStatus(ctx, account.ID, 0, status, reason)
		return account.ID, err
	}
	return account.ID, nil
}
