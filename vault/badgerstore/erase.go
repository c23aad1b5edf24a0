package badgerstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/claviger-proxy/claviger/vault"
)

// The database writes what is deleted or replaced nowhere over; it goes when the files that hold
// it are merged with newer ones, which may be never. To drop all versions of a key from all files
// it must have a living key with that prefix, so one is made that ends with eraseMark, which no
// key of a record or an entry does. Readers pass it by.
const eraseMark = 0xff

func erasing(key []byte) bool { return key[len(key)-1] == eraseMark }

// Erase implements [vault.Eraser]. All other operations wait for it.
func (s *Store) Erase(ctx context.Context, deleted ...vault.Record) error {
	var keys [][]byte
	for _, r := range deleted {
		keys = append(keys, recordKey(r.Key))
		for _, e := range r.Indexes {
			keys = append(keys, entryKey(e, r.ID))
		}
	}
	if err := s.drop(ctx, keys); err != nil {
		return fmt.Errorf("erasing: %w", err)
	}
	return nil
}

// Compact implements [vault.Eraser].
func (s *Store) Compact(ctx context.Context) error {
	// Dropping writes what is in memory to a file, which takes part.
	if err := s.drop(ctx, [][]byte{pingKey}); err != nil {
		return fmt.Errorf("compacting: %w", err)
	}
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.mu.RUnlock()
	if err := s.db.Flatten(1); err != nil {
		return fmt.Errorf("compacting: %w", err)
	}
	return nil
}

// drop removes all versions of everything that begins with one of the keys, of which none may be
// in use.
func (s *Store) drop(ctx context.Context, keys [][]byte) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.mu.RUnlock()
	if err := s.writes.room(s.dir); err != nil {
		return err
	}
	s.erase.Lock()
	defer s.erase.Unlock()
	err := s.db.Update(func(txn *badger.Txn) error {
		var errs []error
		for _, k := range keys {
			errs = append(errs, txn.Set(append(k[:len(k):len(k)], eraseMark), nil))
		}
		return errors.Join(errs...)
	})
	if err != nil {
		return writeError(err)
	}
	return writeError(s.db.DropPrefix(keys...))
}

var _ vault.Eraser = (*Store)(nil)
