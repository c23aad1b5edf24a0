package badgerstore

import (
	"context"
	"os"

	"github.com/dgraph-io/badger/v4"

	"github.com/claviger-proxy/claviger/vault"
)

// Measure implements [vault.Measurer]. It reads keys only.
func (s *Store) Measure(ctx context.Context) (vault.Size, error) {
	if err := s.begin(ctx); err != nil {
		return vault.Size{}, err
	}
	defer s.mu.RUnlock()
	kinds, err := s.countKinds(ctx)
	if err != nil {
		return vault.Size{}, err
	}
	return vault.Size{Bytes: s.bytes(), Stale: s.stale(), Records: kinds}, nil
}

// stale is what the levels of the database know of.
func (s *Store) stale() (n int64) {
	for _, l := range s.db.Levels() {
		n += l.StaleDatSize
	}
	return n
}

// bytes is what the files take, where that can be told without the holes in them.
func (s *Store) bytes() int64 {
	if s.dir == "" {
		lsm, vlog := s.db.Size()
		return lsm + vlog
	}
	files, err := os.ReadDir(s.dir)
	if err != nil {
		return 0
	}
	var n int64
	for _, f := range files {
		if fi, err := f.Info(); err == nil && fi.Mode().IsRegular() {
			n += allocated(fi)
		}
	}
	return n
}

func (s *Store) countKinds(ctx context.Context) (map[vault.Kind]int, error) {
	txn, err := s.begun(ctx, false)
	if err != nil {
		return nil, err
	}
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{recordPrefix}})
	defer it.Close()
	kinds, n := map[vault.Kind]int{}, 0
	for it.Rewind(); it.Valid(); it.Next() {
		if k, ok := decodeRecordKey(it.Item().Key()); ok {
			kinds[k.Kind]++
		}
		if n++; n%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return kinds, nil
}

var _ vault.Measurer = (*Store)(nil)
