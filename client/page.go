package client

import (
	"context"
	"iter"
	"net/url"
	"strconv"
)

// Page is one page of a list.
type Page[T any] struct {
	Items []T `json:"items"`
	// Next, sent as after, leads to the following page; empty on the last one.
	Next string `json:"next,omitempty"`
	// Damaged are the IDs of records that belong to this page, or might, and cannot be opened.
	Damaged []string `json:"damaged,omitempty"`
}

// PageQuery asks for one page.
type PageQuery struct {
	// Limit is the size of the page: 50 when zero, at most 200.
	Limit int
	// After is the Next of the page before; empty for the first.
	After string
}

func (q PageQuery) values() url.Values {
	v := url.Values{}
	if q.Limit != 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	set(v, "after", q.After)
	return v
}

func set(v url.Values, name, value string) {
	if value != "" {
		v.Set(name, value)
	}
}

// all yields the items of every page, beginning after the one that q.After names. An error ends it,
// with the item zero.
func all[T any](ctx context.Context, q PageQuery, page func(context.Context, PageQuery) (Page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for q := q; ; {
			got, err := page(ctx, q)
			if err != nil {
				var zero T
				yield(zero, err)
				return
			}
			for _, item := range got.Items {
				if !yield(item, nil) {
					return
				}
			}
			if got.Next == "" {
				return
			}
			q.After = got.Next
		}
	}
}
