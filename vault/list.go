package vault

import (
	"context"
	"errors"
)

// scanner is a Scan of one index from its beginning, or what looks like one.
type scanner func(ctx context.Context, after Cursor, limit int) ([]Entry, error)

// list walks an index and returns the page of records that keep wants. Damaged records do not end
// it; the page names them.
func list[T any](ctx context.Context, w walk, scan scanner, q PageQuery, open func(context.Context, Record) (T, error), keep func(T) bool) (Page[T], error) {
	after, err := w.after(q.After)
	if err != nil {
		return Page[T]{}, err
	}
	var page Page[T]
	limit := q.limit()
	for walked := 0; ; {
		entries, err := scan(ctx, after, limit+1)
		if err != nil {
			return Page[T]{}, err
		}
		for _, e := range entries {
			if len(page.Items) == limit {
				page.Next = w.next(after)
				return page, nil
			}
			after = e.Cursor
			item, err := open(ctx, e.Record)
			switch {
			case errors.Is(err, ErrDamaged):
				page.Damaged = append(page.Damaged, e.Record.ID)
			case err != nil:
				return Page[T]{}, err
			case keep(item):
				page.Items = append(page.Items, item)
			}
		}
		walked += len(entries)
		switch {
		case len(entries) <= limit:
			return page, nil
		case walked >= maxWalk:
			page.Next = w.next(after)
			return page, nil
		}
	}
}
