package badgerstore

import (
	"context"
	"fmt"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/claviger-proxy/claviger/vault"
)

// begun starts a transaction. The database lets it wait for the writes under way, and a disk may
// hold these up for ever; begun waits no longer than ctx.
func (s *Store) begun(ctx context.Context, update bool) (*badger.Txn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.committing.Load() == 0 {
		return s.db.NewTransaction(update), nil // there is nothing to wait for
	}
	ready := make(chan *badger.Txn)
	s.late.Go(func() {
		txn := s.db.NewTransaction(update)
		select {
		case ready <- txn:
		case <-ctx.Done():
			txn.Discard()
		}
	})
	select {
	case txn := <-ready:
		return txn, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// update runs a change in a transaction. It waits no longer than ctx for files that are being erased.
func (s *Store) update(ctx context.Context, change func(*badger.Txn) error) error {
	for !s.erase.TryRLock() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(mergeWait):
		}
	}
	txn, err := s.begun(ctx, true)
	if err != nil {
		s.erase.RUnlock()
		return err
	}
	if err := change(txn); err != nil {
		txn.Discard()
		s.erase.RUnlock()
		return err
	}
	return s.finish(ctx, txn, s.erase.RUnlock)
}

// finish commits a transaction, notes how it went, and then calls ended. When ctx ends first, the
// write may be done later, or not: the error is [vault.ErrUnknown], and that of ctx.
func (s *Store) finish(ctx context.Context, txn *badger.Txn, ended func()) error {
	result := make(chan error, 1)
	s.committing.Add(1)
	s.late.Go(func() {
		err := txn.Commit()
		s.writes.done(s.now(), err)
		s.committing.Add(-1)
		ended()
		result <- err
	})
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%w: the disk has not answered: %w", vault.ErrUnknown, ctx.Err())
	}
}
