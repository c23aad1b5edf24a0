package badgerstore

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/claviger-proxy/claviger/vault"
)

// Get implements [vault.Store].
func (s *Store) Get(ctx context.Context, k vault.Key) (vault.Record, error) {
	if err := s.begin(ctx); err != nil {
		return vault.Record{}, err
	}
	defer s.mu.RUnlock()
	txn, err := s.begun(ctx, false)
	if err != nil {
		return vault.Record{}, err
	}
	defer txn.Discard()
	return live(txn, k, s.now())
}

// Find implements [vault.Store].
func (s *Store) Find(ctx context.Context, e vault.IndexEntry) (vault.Record, error) {
	if err := s.begin(ctx); err != nil {
		return vault.Record{}, err
	}
	defer s.mu.RUnlock()
	txn, err := s.begun(ctx, false)
	if err != nil {
		return vault.Record{}, err
	}
	defer txn.Discard()
	e.Unique = true
	k, err := holder(txn, entryKey(e, ""))
	if err != nil {
		return vault.Record{}, err
	}
	return live(txn, k, s.now())
}

// Scan implements [vault.Store].
func (s *Store) Scan(ctx context.Context, index, prefix string, after vault.Cursor, limit int) ([]vault.Entry, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.mu.RUnlock()
	now := s.now()
	var found []vault.Entry
	err := s.walk(ctx, index, prefix, after, func(txn *badger.Txn, c vault.Cursor, k vault.Key) (bool, error) {
		if len(found) >= limit {
			return false, nil
		}
		r, err := live(txn, k, now)
		if errors.Is(err, vault.ErrNotFound) {
			return true, nil
		}
		if errors.Is(err, vault.ErrDamaged) {
			found = append(found, vault.Entry{Cursor: c, Record: vault.Record{Key: k}, Damaged: true})
			return true, nil
		}
		if err != nil {
			return false, err
		}
		found = append(found, vault.Entry{Cursor: c, Record: r})
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// Count implements [vault.Counter]. It reads keys only.
func (s *Store) Count(ctx context.Context, index, prefix string) (int, error) {
	if err := s.begin(ctx); err != nil {
		return 0, err
	}
	defer s.mu.RUnlock()
	txn, err := s.begun(ctx, false)
	if err != nil {
		return 0, err
	}
	defer txn.Discard()
	o := badger.IteratorOptions{Prefix: scanPrefix(index, prefix)}
	it := txn.NewIterator(o)
	defer it.Close()
	n := 0
	for it.Rewind(); it.Valid(); it.Next() {
		if !erasing(it.Item().Key()) {
			n++
		}
		if n%1024 == 0 && ctx.Err() != nil {
			return 0, ctx.Err()
		}
	}
	return n, nil
}

// Empty implements [vault.Emptier].
func (s *Store) Empty(ctx context.Context) (bool, error) {
	if err := s.begin(ctx); err != nil {
		return false, err
	}
	defer s.mu.RUnlock()
	txn, err := s.begun(ctx, false)
	if err != nil {
		return false, err
	}
	defer txn.Discard()
	for _, prefix := range []byte{recordPrefix, entryPrefix} {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{prefix}})
		it.Rewind()
		for it.Valid() && erasing(it.Item().Key()) {
			it.Next()
		}
		found := it.Valid()
		it.Close()
		if found {
			return false, nil
		}
	}
	return true, nil
}

// walk calls each for the entries after the cursor until it returns false.
func (s *Store) walk(ctx context.Context, index, prefix string, after vault.Cursor, each func(*badger.Txn, vault.Cursor, vault.Key) (bool, error)) error {
	txn, err := s.begun(ctx, false)
	if err != nil {
		return err
	}
	defer txn.Discard()
	begin := scanPrefix(index, prefix)
	it := txn.NewIterator(badger.IteratorOptions{Prefix: begin})
	defer it.Close()
	start := begin
	if after != (vault.Cursor{}) {
		if seek := entryKey(vault.IndexEntry{Index: index, Value: after.Value}, after.ID); bytes.Compare(seek, begin) > 0 {
			start = seek
		}
	}
	for it.Seek(start); it.Valid(); it.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if erasing(it.Item().Key()) {
			continue
		}
		c, k, err := entry(it.Item())
		if err != nil {
			return err
		}
		if after != (vault.Cursor{}) && (c.Value < after.Value || c.Value == after.Value && c.ID <= after.ID) {
			continue
		}
		if more, err := each(txn, c, k); err != nil || !more {
			return err
		}
	}
	return nil
}

func entry(item *badger.Item) (vault.Cursor, vault.Key, error) {
	value, err := decodeEntryKey(item.Key())
	if err != nil {
		return vault.Cursor{}, vault.Key{}, err
	}
	var k vault.Key
	err = item.Value(func(b []byte) (err error) {
		k, err = decodeEntryValue(b)
		return err
	})
	if err != nil {
		return vault.Cursor{}, vault.Key{}, err
	}
	return vault.Cursor{Value: value, ID: k.ID}, k, nil
}

// holder returns the record that an entry belongs to.
func holder(txn *badger.Txn, key []byte) (vault.Key, error) {
	item, err := txn.Get(key)
	if err != nil {
		return vault.Key{}, readError(err)
	}
	_, k, err := entry(item)
	return k, err
}

// live returns a record that has not expired.
func live(txn *badger.Txn, k vault.Key, now time.Time) (vault.Record, error) {
	r, err := stored(txn, k)
	if err != nil {
		return vault.Record{}, err
	}
	if !r.Expires.IsZero() && !now.Before(r.Expires) {
		return vault.Record{}, vault.ErrNotFound
	}
	return r, nil
}

// stored returns a record that is in the database, expired or not.
func stored(txn *badger.Txn, k vault.Key) (vault.Record, error) {
	item, err := txn.Get(recordKey(k))
	if err != nil {
		return vault.Record{}, readError(err)
	}
	return record(item, k)
}

// record decodes the record k.
func record(item *badger.Item, k vault.Key) (vault.Record, error) {
	var r vault.Record
	err := item.Value(func(b []byte) (err error) {
		r, err = vault.DecodeRecord(k, b)
		return err
	})
	if err != nil {
		return vault.Record{}, err
	}
	return r, nil
}

func readError(err error) error {
	if errors.Is(err, badger.ErrKeyNotFound) {
		return vault.ErrNotFound
	}
	return err
}
