package vault

import "context"

// list walks an index and returns the page of records that keep wants.
func list[T any](ctx context.Context, v *Vault, w walk, q PageQuery, open func(context.Context, Record) (T, error), keep func(T) bool) (Page[T], error) {
	after, err := w.after(q.After)
	if err != nil {
		return Page[T]{}, err
	}
	limit := q.limit()
	var items []T
	for walked := 0; ; {
		batch := limit + 1
		entries, err := v.store.Scan(ctx, w.index, w.prefix, after, batch)
		if err != nil {
			return Page[T]{}, err
		}
		for _, e := range entries {
			if len(items) == limit {
				return Page[T]{Items: items, Next: w.next(after)}, nil
			}
			item, err := open(ctx, e.Record)
			if err != nil {
				return Page[T]{}, err
			}
			if keep(item) {
				items = append(items, item)
			}
			after = e.Cursor
		}
		if len(entries) < batch {
			return Page[T]{Items: items}, nil
		}
		if walked += len(entries); walked >= maxWalk {
			return Page[T]{Items: items, Next: w.next(after)}, nil
		}
	}
}
