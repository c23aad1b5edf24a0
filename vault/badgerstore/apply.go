package badgerstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/claviger-proxy/claviger/vault"
)

// Apply implements [vault.Store]. It may be called by many at once, and their writes share a sync.
func (s *Store) Apply(ctx context.Context, changes ...vault.Change) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.mu.RUnlock()
	seen := make(map[vault.Key]bool, len(changes))
	for _, c := range changes {
		if err := checkRecord(c.Record); err != nil {
			return err
		}
		if c.Same && c.Version == 0 {
			return fmt.Errorf("%s %s: a record that must not exist cannot stay the same: %w", c.Kind, c.ID, vault.ErrInvalid)
		}
		if seen[c.Key] {
			return fmt.Errorf("two changes of %s %s: %w", c.Kind, c.ID, vault.ErrInvalid)
		}
		seen[c.Key] = true
	}
	return s.commit(ctx, func(txn *badger.Txn) error {
		now := s.now()
		// First all entries that go, so that a unique one can pass from one record to another.
		olds := make([]vault.Record, len(changes))
		for i, c := range changes {
			old, err := replaced(txn, c, now)
			if err != nil {
				return err
			}
			olds[i] = old
			if err := removeEntries(txn, old, c); err != nil {
				return err
			}
		}
		for i, c := range changes {
			if err := write(txn, olds[i], c, now); err != nil {
				return err
			}
		}
		if len(changes) == 0 || slices.ContainsFunc(changes, func(c vault.Change) bool { return !c.Delete && c.Expires.IsZero() }) {
			return nil
		}
		return leaveMark(txn)
	})
}

// leaveMark writes something that stays. When nothing of the newest transaction is in a table any
// more, a table that it was merged from, and that a crash has left, looks like one that was lost.
func leaveMark(txn *badger.Txn) error { return txn.Set(pingKey, nil) }

// commit runs a change in a transaction, again when another one was committed meanwhile that
// touched what it has read.
func (s *Store) commit(ctx context.Context, change func(*badger.Txn) error) error {
	if err := s.writes.room(s.dir); err != nil {
		return err
	}
	for {
		if err := s.update(ctx, change); !errors.Is(err, badger.ErrConflict) {
			return writeError(err)
		}
	}
}

// replaced returns the stored record that c replaces, whose version must be the one that c has
// seen. An expired record counts as none, but its entries are still there.
func replaced(txn *badger.Txn, c vault.Change, now time.Time) (vault.Record, error) {
	old, err := stored(txn, c.Key)
	if err != nil && !errors.Is(err, vault.ErrNotFound) {
		return vault.Record{}, err
	}
	version := old.Version
	if !old.Expires.IsZero() && !now.Before(old.Expires) {
		version = 0
	}
	if version != c.Version {
		return vault.Record{}, fmt.Errorf("%s %s: %w", c.Kind, c.ID, vault.ErrConflict)
	}
	return old, nil
}

// removeEntries deletes the entries that old has and the change does not.
func removeEntries(txn *badger.Txn, old vault.Record, c vault.Change) error {
	keep := make(map[vault.IndexEntry]bool, len(c.Indexes))
	if !c.Delete {
		for _, e := range c.Indexes {
			keep[e] = true
		}
	}
	for _, e := range old.Indexes {
		if keep[e] {
			continue
		}
		key := entryKey(e, c.ID)
		if e.Unique {
			// Another record may have taken the entry since old expired.
			k, err := holder(txn, key)
			if errors.Is(err, vault.ErrNotFound) || err == nil && k != c.Key {
				continue
			}
			if err != nil {
				return err
			}
		}
		if err := txn.Delete(key); err != nil {
			return err
		}
	}
	return nil
}

func write(txn *badger.Txn, old vault.Record, c vault.Change, now time.Time) error {
	if c.Delete {
		return txn.Delete(recordKey(c.Key))
	}
	had := make(map[vault.IndexEntry]bool, len(old.Indexes))
	// An expired record may have lost its entries, and another expiry is another time to live.
	if c.Version != 0 && old.Expires.Equal(c.Expires) {
		for _, e := range old.Indexes {
			had[e] = true
		}
	}
	for _, e := range c.Indexes {
		if had[e] {
			continue
		}
		key := entryKey(e, c.ID)
		if e.Unique {
			if err := unclaimed(txn, key, c.Key, now); err != nil {
				return err
			}
		}
		if err := txn.SetEntry(expiring(badger.NewEntry(key, entryValue(c.Key)), c.Expires, now)); err != nil {
			return err
		}
	}
	return txn.SetEntry(expiring(badger.NewEntry(recordKey(c.Key), encodeRecord(c)), c.Expires, now))
}

// encodeRecord is the record that a change leaves.
func encodeRecord(c vault.Change) []byte {
	r := c.Record
	if !c.Same {
		r.Version++
	}
	return vault.AppendRecord(make([]byte, 0, 64+64*len(r.Indexes)+len(r.Meta)+len(r.Sealed)), r)
}

// unclaimed tells whether no other living record has the unique entry.
func unclaimed(txn *badger.Txn, key []byte, k vault.Key, now time.Time) error {
	other, err := holder(txn, key)
	if errors.Is(err, vault.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if other == k {
		return nil
	}
	_, err = live(txn, other, now)
	if errors.Is(err, vault.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("%s %s: %w", k.Kind, k.ID, vault.ErrExists)
}

// expiring lets the database drop the entry some time after it has expired. The database has its
// own clock and counts in seconds; live is what decides.
func expiring(e *badger.Entry, expires, now time.Time) *badger.Entry {
	if expires.IsZero() {
		return e
	}
	return e.WithTTL(max(expires.Sub(now), 0) + 2*time.Second)
}
