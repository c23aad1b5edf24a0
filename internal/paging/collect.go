package paging

import (
	"context"
	"fmt"
	"time"
)

// Limits bound how much of a list is read. No further page is asked for once one of them is reached; the page that
// has reached it is taken whole, and is bounded by who gets it.
type Limits struct {
	Pages int
	// Items and Bytes are sums over all pages.
	Items, Bytes int
	// Time is from the first request on.
	Time time.Duration
}

// List is what was read of a list.
type List struct {
	Items []any
	// More tells that there is more of it, which was not read.
	More bool
}

// Collect goes through the pages of a list. get sends a request and returns the answer, or says why there is none,
// be it a status that is not 2xx. An error of any page is one of the whole list: it is returned with the number of the
// page, if that is not the first, and no items. It begins no page after ctx has ended.
func Collect(ctx context.Context, w *Walk, l Limits, get func(context.Context, Request) (Page, error)) (List, error) {
	var list List
	start, size := time.Now(), 0
	for n := 1; ; n++ {
		r, ok := w.Next()
		if !ok {
			list.More = w.again
			return list, nil
		}
		if n > 1 && (n > l.Pages || len(list.Items) >= l.Items || size >= l.Bytes || time.Since(start) >= l.Time) {
			list.More = true
			return list, nil
		}
		items, bytes, err := one(ctx, w, r, get)
		switch {
		case err != nil && n > 1:
			return List{}, fmt.Errorf("page %d: %w", n, err)
		case err != nil:
			return List{}, err
		}
		list.Items = append(list.Items, items...)
		size += bytes
	}
}

// one gets one page, and returns its items and how large it was.
func one(ctx context.Context, w *Walk, r Request, get func(context.Context, Request) (Page, error)) ([]any, int, error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	p, err := get(ctx, r)
	if err != nil {
		return nil, 0, err
	}
	items, err := w.Take(p)
	return items, len(p.Body), err
}
