package badgerstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// probeAfter is how old the last good write may be before Ping makes one of its own.
const probeAfter = 30 * time.Second

// Ping implements [vault.Store]. It always reads and looks at the directory; it writes when the
// last write has failed or was half a minute ago.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.mu.RUnlock()
	if err := s.probeRead(ctx); err != nil {
		return fmt.Errorf("reading vault: %w", err)
	}
	err := s.writes.room(s.dir)
	if err == nil && s.writes.due(s.now()) {
		err = s.probeWrite(ctx)
	}
	if err != nil {
		return fmt.Errorf("writing vault: %w", err)
	}
	return nil
}

func (s *Store) probeRead(ctx context.Context) error {
	txn, err := s.begun(ctx, false)
	if err != nil {
		return err
	}
	defer txn.Discard()
	_, err = txn.Get(pingKey)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil
	}
	return err
}

func (s *Store) probeWrite(ctx context.Context) error {
	return writeError(s.update(ctx, leaveMark))
}
