package connection

import (
	"context"
	"errors"
	"fmt"

	"github.com/claviger-proxy/claviger/vault"
)

// live tells whether a connection can be used now.
func (s *Set) live(id vault.ConnectionID) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byID[id] != nil
}

// against is the error that a connection which cannot be used now must be held with when it becomes next; nil
// if its accounts can go on. stored is the connection in the vault.
func (s *Set) against(ctx context.Context, stored vault.Connection, next *Connection) (held, err error) {
	reasons, err := s.breaks(ctx, stored, next.Connection, s.Catalog(), nil, next)
	if err != nil || len(reasons) == 0 {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if was := s.held[stored.Name]; was != nil {
		return was, nil
	}
	return anotherOne(stored, reasons), nil
}

// wakes tells of each connection that an app makes usable, by name, whether it must be held, and with what.
// The caller has the turn.
func (s *Set) wakes(ctx context.Context, name appName, a vault.App) (map[string]error, error) {
	held := map[string]error{}
	for _, c := range s.namesFor(name) {
		next, err := New(c, s.Catalog(), s.apps.Load().with(name, a).by(name)...)
		if err != nil || s.live(c.ID) {
			continue
		}
		stored, err := s.vault.Connection(ctx, c.ID)
		if errors.Is(err, vault.ErrNotFound) {
			continue // another process has removed it
		}
		if err != nil {
			return nil, fmt.Errorf("reading connection %s: %w", c.Name, err)
		}
		if held[c.Name], err = s.against(ctx, stored, next); err != nil {
			return nil, err
		}
	}
	return held, nil
}

// hold notes which connections must not be used, and which may again. The caller holds the lock.
func (s *Set) hold(held map[string]error) {
	for name, why := range held {
		if why == nil {
			delete(s.held, name)
		} else {
			s.held[name] = why
		}
	}
}

// anotherOne says why a connection is held.
func anotherOne(c vault.Connection, reasons []Reason) error {
	return breaking("connector "+c.Connector+" is another one than before", reasons)
}
