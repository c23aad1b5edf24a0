package vault

import (
	"context"
	"encoding/base64"
	"strings"
)

const (
	defaultLimit = 50
	maxLimit     = 200
	maxCursor    = 1024
	// maxWalk is how many entries one page may walk past to find what the filters want.
	maxWalk = 2000
)

// limit is the size of the page.
func (q PageQuery) limit() int {
	switch {
	case q.Limit <= 0:
		return defaultLimit
	case q.Limit > maxLimit:
		return maxLimit
	}
	return q.Limit
}

// walk is one walk through an index; a cursor belongs to the walk that gave it.
type walk struct{ index, prefix string }

// scan scans the store.
func (w walk) scan(store Store) scanner {
	return func(ctx context.Context, after Cursor, limit int) ([]Entry, error) {
		return store.Scan(ctx, w.index, w.prefix, after, limit)
	}
}

// next is the text form of c: base64 of index, prefix, value and ID with zero bytes between.
func (w walk) next(c Cursor) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strings.Join([]string{w.index, w.prefix, c.Value, c.ID}, "\x00")))
}

// after reads what next has written for the same walk.
func (w walk) after(text string) (Cursor, error) {
	if text == "" {
		return Cursor{}, nil
	}
	if len(text) > maxCursor {
		return Cursor{}, ErrBadCursor
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return Cursor{}, ErrBadCursor
	}
	part := strings.Split(string(raw), "\x00")
	if len(part) != 4 || part[0] != w.index || part[1] != w.prefix || !strings.HasPrefix(part[2], w.prefix) || part[3] == "" {
		return Cursor{}, ErrBadCursor
	}
	return Cursor{Value: part[2], ID: part[3]}, nil
}
