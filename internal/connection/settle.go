package connection

import (
	"context"
	"errors"
	"fmt"

	"github.com/claviger-proxy/claviger/vault"
)

// Settle records the connections that this configuration has taken over from the API, whose secrets are erased
// with that. It is called once the configuration runs: one that is refused leaves them as they were.
func (s *Set) Settle(ctx context.Context) error {
	done, err := s.turn(ctx)
	if err != nil {
		return err
	}
	defer done()
	for len(s.unsettled) > 0 {
		if err := s.settle(ctx, s.unsettled[0]); err != nil {
			return fmt.Errorf("recording connection %s: %w", s.unsettled[0], err)
		}
		s.unsettled = s.unsettled[1:]
	}
	return nil
}

func (s *Set) settle(ctx context.Context, name string) error {
	s.mu.RLock()
	c := s.given[name]
	s.mu.RUnlock()
	err := vault.ErrConflict
	for n := 0; errors.Is(err, vault.ErrConflict) && n < recordAttempts; n++ {
		stored, e := s.vault.Connection(ctx, c.ID)
		if e != nil {
			return e
		}
		one := bareOf(c)
		one.Version, one.CreatedAt, one.Shape = stored.Version, stored.CreatedAt, stored.Shape
		if err = s.vault.PutConnection(ctx, &one); err == nil {
			c.Version, c.UpdatedAt, c.Shape = one.Version, one.UpdatedAt, one.Shape
			_, _ = s.keep(c) // ready or broken, as it was
		}
	}
	return err
}
