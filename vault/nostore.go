package vault

import (
	"context"
	"iter"
	"time"
)

// noStore is the store of a vault that only opens records.
type noStore struct{}

func (noStore) Get(context.Context, Key) (Record, error)             { return Record{}, ErrNotFound }
func (noStore) Apply(context.Context, ...Change) error               { return ErrClosed }
func (noStore) Find(context.Context, IndexEntry) (Record, error)     { return Record{}, ErrNotFound }
func (noStore) Load(context.Context, iter.Seq2[Record, error]) error { return ErrClosed }
func (noStore) Walk(context.Context, Key) iter.Seq2[Record, error] {
	return func(func(Record, error) bool) {}
}
func (noStore) Lease(context.Context, string, time.Duration) (func(), error) { return nil, ErrClosed }
func (noStore) Ping(context.Context) error                                   { return ErrClosed }
func (noStore) Close() error                                                 { return nil }

func (noStore) Scan(context.Context, string, string, Cursor, int) ([]Entry, error) { return nil, nil }

var _ Store = noStore{}
