package vault

import (
	"context"
	"errors"
)

// list walks indexes, one after the other, and returns the page of records that keep wants.
// Damaged records do not end it; the page names them.
func list[T any](ctx context.Context, v *Vault, walks []walk, q PageQuery, open func(context.Context, Record) (T, error), keep func(T) bool) (Page[T], error) {
	at, after, err := findWalk(walks, q.After)
	if err != nil {
		return Page[T]{}, err
	}
	var page Page[T]
	limit := q.limit()
	for walked := 0; ; {
		w, batch := walks[at], limit+1
		entries, err := v.store.Scan(ctx, w.index, w.prefix, after, batch)
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
		case len(entries) < batch && at == len(walks)-1:
			return page, nil
		case len(entries) < batch:
			at, after = at+1, Cursor{}
		case walked >= maxWalk:
			page.Next = w.next(after)
			return page, nil
		}
	}
}

// findWalk returns the walk that a page's After comes from, and the place in it.
func findWalk(walks []walk, text string) (int, Cursor, error) {
	for i, w := range walks {
		if c, err := w.after(text); err == nil {
			return i, c, nil
		}
	}
	return 0, Cursor{}, ErrBadCursor
}
