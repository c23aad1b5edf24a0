package connection

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/claviger-proxy/claviger/vault"
)

// Change stores what change makes of a stored connection, which is used as it is then at once.
func (s *Set) Change(ctx context.Context, name string, change func(*vault.Connection) error) (*Connection, error) {
	done, err := s.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if s.configured(name) {
		return nil, readOnly(name, "change")
	}
	err = vault.ErrConflict
	for n := 0; errors.Is(err, vault.ErrConflict) && n < appTries; n++ {
		c, e := s.vault.FindConnection(ctx, s.project, name)
		if errors.Is(e, vault.ErrNotFound) {
			return nil, notFound(name)
		}
		if e != nil {
			return nil, fmt.Errorf("finding connection %s: %w", name, e)
		}
		if c.Origin == vault.OriginConfig { // it has left the configuration
			_, e := s.ByName(name)
			if e == nil { // the one that runs next has it
				e = readOnly(name, "change")
			}
			return nil, e
		}
		before := params(c.Params, c.SecretParams)
		if e := change(&c); e != nil {
			return nil, e
		}
		next, e := s.Build(c)
		if e != nil {
			return nil, e
		}
		if !maps.Equal(before, params(c.Params, c.SecretParams)) { // what is wrong with keys that stay is no reason against the rest
			if e := next.KeyError(); e != nil {
				return nil, invalid(c, e)
			}
		}
		held := map[string]error{}
		if !s.live(c.ID) {
			if held[name], e = s.against(ctx, c, next); e != nil {
				return nil, e
			}
			if held[name] == nil {
				c.Shape = shapeIn(s.Catalog(), c)
			}
		}
		if err = s.vault.PutConnection(ctx, &c); err == nil {
			s.mu.Lock()
			s.hold(held)
			s.mu.Unlock()
			return s.keep(c)
		}
	}
	return nil, fmt.Errorf("changing connection %s: %w", name, err)
}

// ForgetClient removes an earlier client of a connection. It is refused with the number of accounts that were
// connected with it, unless force is set.
func (s *Set) ForgetClient(ctx context.Context, name, id string, force bool) (*Connection, error) {
	return s.Change(ctx, name, func(c *vault.Connection) error {
		if indexClient(c.Earlier, id) < 0 {
			return clientNotFound(id)
		}
		c.Earlier = without(c.Earlier, id)
		if force {
			return nil
		}
		return s.unused(ctx, id, []vault.Connection{*c})
	})
}

func readOnly(name, what string) error {
	return &Error{Code: CodeReadOnly, Message: fmt.Sprintf(
		"connection %s is written in the configuration; %s it there and reload", name, what)}
}
