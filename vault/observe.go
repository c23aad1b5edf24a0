package vault

import (
	"context"
	"iter"
	"time"
)

// observed is a store whose operations are told of.
type observed struct {
	Store
	tell func(op string, took time.Duration, err error)
}

func (o observed) done(op string, start time.Time, err *error) { o.tell(op, time.Since(start), *err) }

func (o observed) Get(ctx context.Context, k Key) (r Record, err error) {
	defer o.done("get", time.Now(), &err)
	return o.Store.Get(ctx, k)
}

func (o observed) Apply(ctx context.Context, changes ...Change) (err error) {
	defer o.done("put", time.Now(), &err)
	return o.Store.Apply(ctx, changes...)
}

func (o observed) Find(ctx context.Context, e IndexEntry) (r Record, err error) {
	defer o.done("find", time.Now(), &err)
	return o.Store.Find(ctx, e)
}

func (o observed) Scan(ctx context.Context, index, prefix string, after Cursor, limit int) (found []Entry, err error) {
	defer o.done("scan", time.Now(), &err)
	return o.Store.Scan(ctx, index, prefix, after, limit)
}

func (o observed) Walk(ctx context.Context, after Key) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		var err error
		defer o.done("walk", time.Now(), &err)
		for r, e := range o.Store.Walk(ctx, after) {
			if e != nil && err == nil {
				err = e
			}
			if !yield(r, e) {
				return
			}
		}
	}
}

func (o observed) Lease(ctx context.Context, name string, ttl time.Duration) (release func(), err error) {
	defer o.done("lease", time.Now(), &err)
	return o.Store.Lease(ctx, name, ttl)
}

func (o observed) Load(ctx context.Context, records iter.Seq2[Record, error]) (err error) {
	defer o.done("load", time.Now(), &err)
	return o.Store.Load(ctx, records)
}

func (o observed) Ping(ctx context.Context) (err error) {
	defer o.done("ping", time.Now(), &err)
	return o.Store.Ping(ctx)
}

// observe tells of an operation that not every store has.
func (v *Vault) observe(op string, start time.Time, err error) {
	if o, ok := v.store.(observed); ok {
		o.done(op, start, &err)
	}
}

// optional returns what a store implements beside [Store].
func optional[T any](s Store) (T, bool) {
	if o, ok := s.(observed); ok {
		s = o.Store
	}
	t, ok := s.(T)
	return t, ok
}

var _ Store = observed{}
