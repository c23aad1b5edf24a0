package connection

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/vault"
)

// Set is the connections of one configuration: those written in it, and those kept in the vault.
// It is safe for concurrent use.
type Set struct {
	vault   *vault.Vault
	catalog *connectors.Catalog
	project string

	mu     sync.RWMutex
	byID   map[vault.ConnectionID]*Connection
	byName map[string]*Connection
	broken map[string]error // in the vault, but not valid with this catalogue
}

// NewSet makes the set of the configured connections and of all that the vault holds. Configured
// ones get their ID from the vault, where their name, connector, way and parameters are recorded
// without the secrets.
func NewSet(ctx context.Context, v *vault.Vault, catalog *connectors.Catalog, configured []vault.Connection) (*Set, error) {
	s := &Set{
		vault: v, catalog: catalog, project: vault.DefaultProject,
		byID: map[vault.ConnectionID]*Connection{}, byName: map[string]*Connection{}, broken: map[string]error{},
	}
	inConfig := map[string]bool{}
	for _, c := range configured {
		inConfig[c.Name] = true
		r, err := s.adopt(ctx, c)
		if err != nil {
			return nil, err
		}
		s.store(r)
	}
	return s, s.loadStored(ctx, inConfig)
}

// adopt records a configured connection and gives it its lasting ID.
func (s *Set) adopt(ctx context.Context, c vault.Connection) (*Connection, error) {
	c.Origin, c.Project = vault.OriginConfig, s.project
	if _, err := New(c, s.catalog); err != nil {
		return nil, err
	}
	secret, params := c.ClientSecret, c.SecretParams
	c.ClientSecret, c.SecretParams = vault.Secret{}, nil
	old, err := s.vault.FindConnection(ctx, s.project, c.Name)
	switch {
	case errors.Is(err, vault.ErrNotFound):
		err = s.vault.PutConnection(ctx, &c)
	case err != nil:
	case old.Connector != c.Connector, !s.sameWay(old, c):
		if err := s.vault.DeleteConnection(ctx, old.ID); err != nil {
			return nil, changedConnector(old, c, err)
		}
		err = s.vault.PutConnection(ctx, &c)
	default:
		c.ID, c.Version, c.CreatedAt = old.ID, old.Version, old.CreatedAt
		if !sameFacts(old, c) {
			err = s.vault.PutConnection(ctx, &c)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("recording connection %s: %w", c.Name, err)
	}
	c.ClientSecret, c.SecretParams = secret, params
	return New(c, s.catalog)
}

// sameWay tells whether two connections of one connector are in the same way.
func (s *Set) sameWay(a, b vault.Connection) bool {
	k, _ := s.catalog.Lookup(b.Connector)
	return standard(k, a.Way) == standard(k, b.Way)
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
	return a.Origin == b.Origin && a.Way == b.Way && a.ExposeTokens == b.ExposeTokens &&
		a.ClientID == b.ClientID && a.ClientSecret.IsZero() == b.ClientSecret.IsZero() &&
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
			r, err := New(c, s.catalog)
			if err != nil {
				s.broken[c.Name] = err
				continue
			}
			s.store(r)
		}
		if got.Next == "" {
			return nil
		}
		page.After = got.Next
	}
}

func (s *Set) store(c *Connection) {
	s.byID[c.ID], s.byName[c.Name] = c, c
	delete(s.broken, c.Name)
}

// ByID returns a connection. It does not allocate when it succeeds.
func (s *Set) ByID(id vault.ConnectionID) (*Connection, error) {
	s.mu.RLock()
	c := s.byID[id]
	s.mu.RUnlock()
	if c == nil {
		return nil, notFound(string(id))
	}
	return c, nil
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
	c.Origin, c.Project = vault.OriginAPI, s.project
	if _, err := New(c, s.catalog); err != nil {
		return nil, err
	}
	if err := s.vault.PutConnection(ctx, &c); err != nil {
		if errors.Is(err, vault.ErrExists) {
			return nil, &Error{Code: CodeExists, Message: fmt.Sprintf("there is a connection %s already", c.Name)}
		}
		return nil, fmt.Errorf("storing connection %s: %w", c.Name, err)
	}
	r, err := New(c, s.catalog)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.store(r)
	s.mu.Unlock()
	return r, nil
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
	c, err := s.vault.FindConnection(ctx, s.project, name)
	if errors.Is(err, vault.ErrNotFound) {
		return notFound(name)
	}
	if err != nil {
		return fmt.Errorf("finding connection %s: %w", name, err)
	}
	if live, err := s.ByName(name); err == nil && live.Origin == vault.OriginConfig {
		return &Error{Code: CodeReadOnly, Message: fmt.Sprintf(
			"connection %s is written in the configuration; remove it there and reload", name)}
	}
	err = s.vault.DeleteConnection(ctx, c.ID)
	if errors.Is(err, vault.ErrHasAccounts) {
		if err = s.deleteDisconnected(ctx, c); err == nil {
			err = s.vault.DeleteConnection(ctx, c.ID)
		}
	}
	if errors.Is(err, vault.ErrHasAccounts) {
		return &Error{Code: CodeHasAccounts, Message: fmt.Sprintf(
			"connection %s still has accounts; disconnect them first: `claviger accounts list --connection %s`", name, name)}
	}
	if err != nil {
		return fmt.Errorf("removing connection %s: %w", name, err)
	}
	s.mu.Lock()
	delete(s.byID, c.ID)
	delete(s.byName, name)
	delete(s.broken, name)
	s.mu.Unlock()
	return nil
}
