package badgerstore

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/claviger-proxy/claviger/vault"
)

// Load implements [vault.Store]. Nothing is checked against what is there.
func (s *Store) Load(ctx context.Context, records iter.Seq2[vault.Record, error]) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.mu.RUnlock()
	batch := s.db.NewWriteBatch()
	defer batch.Cancel()
	now := s.now()
	for r, err := range records {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = checkRecord(r)
		}
		if err == nil {
			err = s.writes.room(s.dir)
		}
		if err == nil {
			err = load(batch, r, now)
		}
		if err != nil {
			return writeError(err)
		}
	}
	if err := writeError(batch.Flush()); err != nil {
		return fmt.Errorf("loading records: %w", err)
	}
	return nil
}

func load(batch *badger.WriteBatch, r vault.Record, now time.Time) error {
	for _, e := range r.Indexes {
		entry := expiring(badger.NewEntry(entryKey(e, r.ID), entryValue(r.Key)), r.Expires, now)
		if err := batch.SetEntry(entry); err != nil {
			return err
		}
	}
	return batch.SetEntry(expiring(badger.NewEntry(recordKey(r.Key), vault.AppendRecord(nil, r)), r.Expires, now))
}
