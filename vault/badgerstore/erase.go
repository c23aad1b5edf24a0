package badgerstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

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
	if len(keys) == 0 {
		return nil
	}
	release, err := s.merge(ctx)
	if err != nil {
		return fmt.Errorf("erasing: %w", err)
	}
	defer release()
	if err := s.drop(ctx, keys); err != nil {
		return fmt.Errorf("erasing: %w", err)
	}
	return nil
}

const (
	// mergeLease is held while files are merged on our word. The database stops its own merging
	// for that, and counts on nobody else doing the same: what one has dropped from a file, the
	// other could bring back from another.
	mergeLease = "badgerstore/merge"
	mergeWait  = 10 * time.Millisecond
)

// merge waits for the lease. No write waits for it.
func (s *Store) merge(ctx context.Context) (release func(), err error) {
	for {
		if err := s.begin(ctx); err != nil {
			return nil, err
		}
		release, err := s.leases.take(mergeLease, math.MaxInt64)
		s.mu.RUnlock()
		if !errors.Is(err, vault.ErrLeased) {
			return release, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(mergeWait):
		}
	}
}

// compactKey is the key of nothing.
var compactKey = append(pingKey[:1:1], 'c')

// Compact implements [vault.Eraser].
func (s *Store) Compact(ctx context.Context) error {
	release, err := s.merge(ctx)
	if err != nil {
		return fmt.Errorf("compacting: %w", err)
	}
	defer release()
	// Dropping writes what is in memory to a file, which takes part.
	if err := s.drop(ctx, [][]byte{compactKey}); err != nil {
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

// drop removes all versions of everything that begins with one of the keys, except for keys that
// are in use: somebody may have taken the place of what was deleted.
func (s *Store) drop(ctx context.Context, keys [][]byte) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.mu.RUnlock()
	if err := s.writes.room(s.dir); err != nil {
		return err
	}
	if err := s.lockLogs(ctx); err != nil {
		return err
	}
	defer s.erase.Unlock()
	if keys = s.unused(keys); len(keys) == 0 {
		return nil
	}
	err := s.db.Update(func(txn *badger.Txn) error {
		errs := []error{leaveMark(txn)}
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

// lockLogs waits until the log of the present writes is the only one, and lets no write come. A
// reader that began before the log was changed holds up an earlier one. When the process ends then,
// that log is read again, and what it has would come back if its deletion were dropped from the files.
func (s *Store) lockLogs(ctx context.Context) error {
	for {
		s.erase.Lock()
		if s.dir == "" {
			return nil
		}
		f, err := listFiles(s.dir)
		if err == nil && len(f.logs) <= 1 {
			return nil
		}
		s.erase.Unlock()
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(mergeWait):
		}
	}
}

// unused returns those of the keys that no key which is in use begins with.
func (s *Store) unused(keys [][]byte) [][]byte {
	txn := s.db.NewTransaction(false)
	defer txn.Discard()
	used := func(prefix []byte) bool {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
		defer it.Close()
		it.Rewind()
		for it.Valid() && erasing(it.Item().Key()) {
			it.Next()
		}
		return it.Valid()
	}
	slices.SortFunc(keys, bytes.Compare)
	keys = slices.CompactFunc(keys, bytes.Equal)
	return slices.DeleteFunc(keys, used)
}

var _ vault.Eraser = (*Store)(nil)
