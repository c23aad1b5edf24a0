package connection

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/vault"
)

// Set is the connections of one configuration: those written in it, and those kept in the vault.
// It is safe for concurrent use.
type Set struct {
	vault *vault.Vault
	// base is the catalogue without the stored connectors, current the one with them.
	base    *connectors.Catalog
	current atomic.Pointer[connectors.Catalog]
	// changing has an entry while somebody has the turn; see turn.
	changing chan struct{}
	project  string

	mu     sync.RWMutex
	byID   map[vault.ConnectionID]*Connection
	byName map[string]*Connection
	broken map[string]error // not valid with this catalogue, or without an OAuth client
	// given is what connections are made of, by name: with the secrets of the configuration.
	given map[string]vault.Connection
	// held are those, by name, that must not be used because it would break their accounts.
	held map[string]error
	// bad are the stored connectors that cannot be used.
	bad map[string]error
	// unsettled are the names of configured connections that the vault still has as those of the API.
	unsettled []string
	apps      atomic.Pointer[apps]
}

// NewSet makes the set of the configured connections and of all that the vault holds. Configured
// ones get their ID from the vault, where their name, connector, way and parameters are recorded
// without the secrets. One that lacks nothing but an OAuth client is broken until there is a default app
// for it. configuredApps are those of the configuration; they are in no vault.
func NewSet(ctx context.Context, v *vault.Vault, catalog *connectors.Catalog, configured []vault.Connection, configuredApps ...vault.App) (*Set, error) {
	s := &Set{
		vault: v, base: catalog, project: vault.DefaultProject, changing: make(chan struct{}, 1),
		byID: map[vault.ConnectionID]*Connection{}, byName: map[string]*Connection{}, broken: map[string]error{},
		given: map[string]vault.Connection{}, held: map[string]error{},
	}
	files, err := s.readConnectors(ctx)
	if err != nil {
		return nil, err
	}
	catalog, s.bad = s.layer(files)
	s.current.Store(catalog)
	if err := s.loadApps(ctx, configuredApps); err != nil {
		return nil, err
	}
	if err := s.guard(ctx, configured); err != nil {
		return nil, err
	}
	inConfig := map[string]bool{}
	for _, c := range configured {
		inConfig[c.Name] = true
		if err := s.adopt(ctx, c); err != nil {
			return nil, err
		}
	}
	if err := s.loadStored(ctx, inConfig); err != nil {
		return s, err
	}
	s.recordShapes(ctx)
	return s, nil
}

// Catalog returns the connectors of the moment.
func (s *Set) Catalog() *connectors.Catalog { return s.current.Load() }

// adopt records a configured connection and gives it its lasting ID. One that was made with the API stays as it
// is until [Set.Settle].
func (s *Set) adopt(ctx context.Context, c vault.Connection) error {
	c.Origin, c.Project, c.Shape = vault.OriginConfig, s.project, shapeIn(s.Catalog(), c)
	if _, err := s.Build(c); err != nil && !LacksClient(err) {
		return err
	}
	whole := c
	c = bareOf(c)
	old, err := s.vault.FindConnection(ctx, s.project, c.Name)
	switch {
	case errors.Is(err, vault.ErrNotFound):
		err = s.vault.PutConnection(ctx, &c)
	case err != nil:
	case old.Connector != c.Connector, !s.sameWay(old, c):
		if err := s.vault.DeleteConnection(ctx, old.ID); err != nil {
			return changedConnector(old, c, err)
		}
		err = s.vault.PutConnection(ctx, &c)
	default:
		c.ID, c.Version, c.CreatedAt, c.Shape = old.ID, old.Version, old.CreatedAt, old.Shape
		if old.Origin != vault.OriginConfig {
			s.unsettled = append(s.unsettled, c.Name)
		} else if !sameFacts(old, c) {
			err = s.vault.PutConnection(ctx, &c)
		}
	}
	if err != nil {
		return fmt.Errorf("recording connection %s: %w", c.Name, err)
	}
	c.ClientSecret, c.FurtherSecrets, c.Earlier, c.SecretParams = whole.ClientSecret, whole.FurtherSecrets, whole.Earlier, whole.SecretParams
	if _, err := s.keep(c); err != nil && !LacksClient(err) && s.held[c.Name] == nil {
		return err
	}
	return nil
}

// bareOf is a configured connection as it is recorded: without the secrets.
func bareOf(c vault.Connection) vault.Connection {
	c.ClientSecret, c.FurtherSecrets, c.Earlier, c.SecretParams = vault.Secret{}, nil, nil, nil
	return c
}

// sameWay tells whether two connections of one connector are in the same way.
func (s *Set) sameWay(a, b vault.Connection) bool {
	k, _ := s.Catalog().Lookup(b.Connector)
	return a.Way == b.Way || standard(k, wayOf(a)) == standard(k, b.Way)
}

func changedConnector(old, c vault.Connection, err error) error {
	switch {
	case !errors.Is(err, vault.ErrHasAccounts):
		return fmt.Errorf("replacing connection %s: %w", c.Name, err)
	case old.Connector == c.Connector:
		return &Error{Code: CodeConnectorChanged, Message: fmt.Sprintf(
			"connection %s has accounts that were connected with auth %q, so it cannot become one with auth %q; "+
				"give the new one another name, or disconnect its accounts first", c.Name, old.Way, c.Way)}
	}
	return &Error{Code: CodeConnectorChanged, Message: fmt.Sprintf(
		"connection %s has accounts at connector %s, so it cannot become a connection to %s; "+
			"give the new one another name, or disconnect its accounts first", c.Name, old.Connector, c.Connector)}
}

func sameFacts(a, b vault.Connection) bool {
	return a.Origin == b.Origin && a.Way == b.Way && a.ExposeTokens == b.ExposeTokens && a.InstallURL == b.InstallURL &&
		a.Client().Equal(b.Client()) && len(a.Earlier) == len(b.Earlier) &&
		slices.Equal(a.Scopes, b.Scopes) && maps.Equal(a.Params, b.Params) &&
		slices.Equal(slices.Sorted(maps.Keys(a.SecretParams)), slices.Sorted(maps.Keys(b.SecretParams)))
}

func (s *Set) loadStored(ctx context.Context, inConfig map[string]bool) error {
	page := vault.PageQuery{Limit: 200}
	for {
		got, err := s.vault.Connections(ctx, s.project, page)
		if err != nil {
			return fmt.Errorf("reading connections: %w", err)
		}
		for _, c := range got.Items {
			if inConfig[c.Name] {
				continue
			}
			if c.Origin == vault.OriginConfig {
				s.broken[c.Name] = &Error{Code: CodeNotFound, Message: fmt.Sprintf(
					"connection %s is no longer in the configuration", c.Name)}
				continue
			}
			_, _ = s.keep(c) // one that is not valid is known as broken
		}
		if got.Next == "" {
			return nil
		}
		page.After = got.Next
	}
}

// Build makes c ready with the connectors and default apps of the moment. It stores nothing.
func (s *Set) Build(c vault.Connection) (*Connection, error) {
	return New(c, s.Catalog(), s.appsFor(c)...)
}

// keep takes over a connection that is recorded, ready or broken.
func (s *Set) keep(c vault.Connection) (*Connection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.given[c.Name]; ok && old.ID == c.ID && old.Version > c.Version {
		return s.byName[c.Name], s.broken[c.Name] // somebody has changed it once more
	}
	s.given[c.Name] = c
	s.remake(c.Name)
	return s.byName[c.Name], s.broken[c.Name]
}

// remake makes a connection anew of what is given. The caller holds the lock.
func (s *Set) remake(name string) {
	c := s.given[name]
	r, err := s.Build(c)
	if err == nil {
		err = s.held[name]
	}
	if err != nil {
		delete(s.byID, c.ID)
		delete(s.byName, name)
		s.broken[name] = err
		return
	}
	s.store(r)
}

// store puts a connection that is ready in the place of the one before. The caller holds the lock.
func (s *Set) store(c *Connection) {
	s.byID[c.ID], s.byName[c.Name], s.given[c.Name] = c, c, c.Connection
	delete(s.broken, c.Name)
}

// ByID returns a connection. It does not allocate when it succeeds.
func (s *Set) ByID(id vault.ConnectionID) (*Connection, error) {
	s.mu.RLock()
	c := s.byID[id]
	s.mu.RUnlock()
	if c == nil {
		return nil, s.missing(id)
	}
	return c, nil
}

// missing says why there is no connection of that ID.
func (s *Set) missing(id vault.ConnectionID) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for name, c := range s.given {
		if c.ID == id && s.broken[name] != nil {
			return s.broken[name]
		}
	}
	return notFound(string(id))
}

// ByName returns a connection. It does not allocate when it succeeds.
func (s *Set) ByName(name string) (*Connection, error) {
	s.mu.RLock()
	c, err := s.byName[name], s.broken[name]
	s.mu.RUnlock()
	switch {
	case c != nil:
		return c, nil
	case err != nil:
		return nil, err
	}
	return nil, notFound(name)
}

// configured tells whether a connection is written in the configuration, ready or broken.
func (s *Set) configured(name string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.given[name].Origin == vault.OriginConfig
}

// All lists the connections in the order of their names.
func (s *Set) All() []*Connection {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.SortedFunc(maps.Values(s.byName), func(a, b *Connection) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
}

// Broken tells, by name, which stored connections cannot be used with this configuration, and why.
func (s *Set) Broken() map[string]error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return maps.Clone(s.broken)
}

// Add checks and stores a new connection.
func (s *Set) Add(ctx context.Context, c vault.Connection) (*Connection, error) {
	done, err := s.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	c.Origin, c.Project, c.Shape = vault.OriginAPI, s.project, shapeIn(s.Catalog(), c)
	built, err := s.Build(c)
	if err != nil {
		return nil, err
	}
	if err := built.KeyError(); err != nil {
		return nil, invalid(c, err)
	}
	if err := s.vault.PutConnection(ctx, &c); err != nil {
		if errors.Is(err, vault.ErrExists) {
			return nil, exists(c.Name)
		}
		return nil, fmt.Errorf("storing connection %s: %w", c.Name, err)
	}
	return s.keep(c)
}

func exists(name string) error {
	return &Error{Code: CodeExists, Message: fmt.Sprintf("there is a connection %s already", name)}
}

// deleteDisconnected deletes the records of a connection's accounts if every one of them has been
// disconnected, else it is vault.ErrHasAccounts and none is deleted.
func (s *Set) deleteDisconnected(ctx context.Context, c vault.Connection) error {
	var gone []vault.ConnectedAccount
	q := vault.AccountQuery{Project: c.Project, ConnectionID: c.ID, PageQuery: vault.PageQuery{Limit: 200}}
	for {
		page, err := s.vault.Accounts(ctx, q)
		if err != nil {
			return err
		}
		for _, a := range page.Items {
			if a.Status != vault.StatusDisconnected {
				return vault.ErrHasAccounts
			}
			gone = append(gone, a)
		}
		if page.Next == "" {
			break
		}
		q.After = page.Next
	}
	for _, a := range gone {
		err := s.vault.DeleteAccountVersion(ctx, a.ID, a.Version)
		if errors.Is(err, vault.ErrConflict) {
			return vault.ErrHasAccounts // it has just been connected again
		}
		if err != nil && !errors.Is(err, vault.ErrNotFound) {
			return err
		}
	}
	return nil
}

// Remove deletes a stored connection that has no accounts but disconnected ones.
func (s *Set) Remove(ctx context.Context, name string) error {
	_, err := s.remove(ctx, name)
	return err
}

// remove is Remove, and returns what the connection was.
func (s *Set) remove(ctx context.Context, name string) (vault.Connection, error) {
	done, err := s.turn(ctx)
	if err != nil {
		return vault.Connection{}, err
	}
	defer done()
	c, err := s.vault.FindConnection(ctx, s.project, name)
	if errors.Is(err, vault.ErrNotFound) {
		return vault.Connection{}, notFound(name)
	}
	if err != nil {
		return vault.Connection{}, fmt.Errorf("finding connection %s: %w", name, err)
	}
	if s.configured(name) {
		return vault.Connection{}, readOnly(name, "remove")
	}
	err = s.vault.DeleteConnection(ctx, c.ID)
	if errors.Is(err, vault.ErrHasAccounts) {
		if err = s.deleteDisconnected(ctx, c); err == nil {
			err = s.vault.DeleteConnection(ctx, c.ID)
		}
	}
	if errors.Is(err, vault.ErrHasAccounts) {
		return vault.Connection{}, &Error{Code: CodeHasAccounts, Message: fmt.Sprintf(
			"connection %s still has accounts; disconnect them first: `claviger accounts list --connection %s`", name, name)}
	}
	if err != nil {
		return vault.Connection{}, fmt.Errorf("removing connection %s: %w", name, err)
	}
	s.mu.Lock()
	delete(s.byID, c.ID)
	delete(s.byName, name)
	delete(s.broken, name)
	delete(s.given, name)
	delete(s.held, name)
	s.mu.Unlock()
	return c, nil
}
