package badgerstore

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"strings"

	"github.com/dgraph-io/badger/v4"

	"github.com/claviger-proxy/claviger/vault"
)

// Walk implements [vault.Store]. While it runs, the database keeps what is replaced. It ends with
// [vault.ErrClosed] when the store is to be closed.
func (s *Store) Walk(ctx context.Context, after vault.Key) iter.Seq2[vault.Record, error] {
	return func(yield func(vault.Record, error) bool) {
		if err := s.begin(ctx); err != nil {
			yield(vault.Record{}, err)
			return
		}
		defer s.mu.RUnlock()
		now := s.now()
		txn, err := s.begun(ctx, false)
		if err != nil {
			yield(vault.Record{}, err)
			return
		}
		defer txn.Discard()
		it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{recordPrefix}})
		defer it.Close()
		start := []byte{recordPrefix}
		if after != (vault.Key{}) {
			start = append(recordKey(after), 0) // the next possible key
		}
		for it.Seek(start); it.Valid(); it.Next() {
			if err := s.onward(ctx); err != nil {
				yield(vault.Record{}, err)
				return
			}
			k, ok := decodeRecordKey(it.Item().Key())
			if !ok {
				continue
			}
			r, err := record(it.Item(), k)
			if err == nil && !r.Expires.IsZero() && !now.Before(r.Expires) {
				continue
			}
			if err != nil {
				r = vault.Record{Key: k}
			}
			if !yield(r, err) || err != nil && !errors.Is(err, vault.ErrDamaged) {
				return
			}
		}
	}
}

// decodeRecordKey takes the key of a record apart. What erasing has put there is none.
func decodeRecordKey(b []byte) (vault.Key, bool) {
	if erasing(b) {
		return vault.Key{}, false
	}
	kind, id, ok := strings.Cut(string(b[1:]), "\x00")
	return vault.Key{Kind: vault.Kind(kind), ID: id}, ok
}

// CheckIndexes implements [vault.Checker]: every entry that a record has must be there and lead to
// it, and every entry that is there must be one that its record has.
func (s *Store) CheckIndexes(ctx context.Context, report func(vault.Key, string)) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.mu.RUnlock()
	txn, err := s.begun(ctx, false)
	if err != nil {
		return err
	}
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{recordPrefix}})
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		if err := s.onward(ctx); err != nil {
			return err
		}
		k, ok := decodeRecordKey(it.Item().Key())
		if !ok {
			continue
		}
		r, err := live(txn, k, s.now())
		if errors.Is(err, vault.ErrDamaged) || errors.Is(err, vault.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if err := s.checkEntries(txn, r, report); err != nil {
			return err
		}
	}
	return s.checkLeads(ctx, txn, report)
}

// checkEntries looks for the entries of a record.
func (s *Store) checkEntries(txn *badger.Txn, r vault.Record, report func(vault.Key, string)) error {
	for _, e := range r.Indexes {
		k, err := holder(txn, entryKey(e, r.ID))
		switch {
		case err == nil && k == r.Key:
		case err == nil:
			report(r.Key, "its entry in the index "+e.Index+" belongs to "+string(k.Kind)+" "+k.ID)
		case errors.Is(err, vault.ErrNotFound) && s.lacks(r.Key, entryKey(e, r.ID)):
			report(r.Key, "its entry in the index "+e.Index+" is missing")
		case errors.Is(err, vault.ErrNotFound): // erased just now
		case errors.Is(err, vault.ErrDamaged):
			report(r.Key, "its entry in the index "+e.Index+" cannot be read")
		default:
			return err
		}
	}
	return nil
}

// checkLeads looks for the record of every entry.
func (s *Store) checkLeads(ctx context.Context, txn *badger.Txn, report func(vault.Key, string)) error {
	it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{entryPrefix}})
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		if err := s.onward(ctx); err != nil {
			return err
		}
		key := it.Item().KeyCopy(nil)
		if erasing(key) {
			continue
		}
		index, _, _ := strings.Cut(string(key[1:]), "\x00")
		_, k, err := entry(it.Item())
		if errors.Is(err, vault.ErrDamaged) {
			report(vault.Key{Kind: "index", ID: index}, "an entry cannot be read")
			continue
		}
		if err != nil {
			return err
		}
		r, err := stored(txn, k)
		switch {
		case errors.Is(err, vault.ErrDamaged): // Walk has it
		case errors.Is(err, vault.ErrNotFound):
			// The database drops what has expired piece by piece.
			if it.Item().ExpiresAt() == 0 && s.leadsNowhere(key, k) {
				report(k, "the index "+index+" leads to it, and it is missing")
			}
		case err != nil:
			return err
		case !has(r, key):
			report(k, "the index "+index+" leads to it by an entry that it does not have")
		}
	}
	return nil
}

// What is erased is gone for older transactions too, so a fresh one has the last word on what is
// missing.

// lacks tells whether a record has an entry now that is not there.
func (s *Store) lacks(k vault.Key, key []byte) bool {
	txn := s.db.NewTransaction(false)
	defer txn.Discard()
	r, err := stored(txn, k)
	if err != nil || !has(r, key) {
		return false
	}
	_, err = txn.Get(key)
	return errors.Is(err, badger.ErrKeyNotFound)
}

// leadsNowhere tells whether an entry leads to k now, and there is no such record.
func (s *Store) leadsNowhere(key []byte, k vault.Key) bool {
	txn := s.db.NewTransaction(false)
	defer txn.Discard()
	owner, err := holder(txn, key)
	if err != nil || owner != k {
		return false
	}
	_, err = stored(txn, k)
	return errors.Is(err, vault.ErrNotFound)
}

// has tells whether one of the record's entries has that key.
func has(r vault.Record, key []byte) bool {
	for _, e := range r.Indexes {
		if bytes.Equal(entryKey(e, r.ID), key) {
			return true
		}
	}
	return false
}

var _ vault.Checker = (*Store)(nil)
