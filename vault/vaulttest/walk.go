package vaulttest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/vault"
)

// walk returns the keys of a walk as one text.
func walk(t *testing.T, s vault.Store, after vault.Key) string {
	t.Helper()
	var keys []string
	for r, err := range s.Walk(t.Context(), after) {
		wantErr(t, err, nil)
		keys = append(keys, string(r.Kind)+"/"+r.ID)
	}
	return strings.Join(keys, " ")
}

func testWalk(t *testing.T, s vault.Store) {
	if got := walk(t, s, vault.Key{}); got != "" {
		t.Errorf("an empty store has %q", got)
	}
	want := "b/b b/ba b/c ba/a c/A c/a"
	for _, k := range []string{"c/a", "b/c", "ba/a", "b/b", "c/A", "b/ba"} {
		kind, id, _ := strings.Cut(k, "/")
		apply(t, s, vault.Change{Record: vault.Record{Key: vault.Key{Kind: vault.Kind(kind), ID: id}, Indexes: []vault.IndexEntry{{Index: "n", Value: k}}}})
	}
	gone := vault.Change{Record: vault.Record{Key: vault.Key{Kind: "b", ID: "expired"}, Expires: time.Now().Add(-time.Second)}}
	apply(t, s, gone, thing("deleted", 0))
	apply(t, s, vault.Change{Record: vault.Record{Key: key("deleted"), Version: 1}, Delete: true})
	wantErr(t, s.Ping(t.Context()), nil)
	for i := range len(want) + 1 {
		if i < len(want) && want[i] != ' ' {
			continue
		}
		kind, id, _ := strings.Cut(want[strings.LastIndex(want[:i], " ")+1:i], "/")
		if got, rest := walk(t, s, vault.Key{Kind: vault.Kind(kind), ID: id}), strings.TrimSpace(want[i:]); got != rest {
			t.Errorf("after %s/%s: got %q, want %q", kind, id, got, rest)
		}
	}
	for after, rest := range map[vault.Key]string{
		{}:                         want,
		{Kind: "b", ID: "bb"}:      "b/c ba/a c/A c/a",
		{Kind: "bz", ID: "a"}:      "c/A c/a",
		{Kind: "z", ID: "z"}:       "",
		{Kind: "b", ID: "expired"}: "ba/a c/A c/a",
	} {
		if got := walk(t, s, after); got != rest {
			t.Errorf("after %v: got %q, want %q", after, got, rest)
		}
	}
}

// testWalkMoment changes everything after the first record of a walk. Another goroutine does it: who
// walks calls no other method.
func testWalkMoment(t *testing.T, s vault.Store) {
	for i := range 50 {
		apply(t, s, thing(fmt.Sprintf("%02d", i), 0))
	}
	n := 0
	for r, err := range s.Walk(t.Context(), vault.Key{}) {
		wantErr(t, err, nil)
		if n == 0 {
			done := make(chan error)
			go func() {
				late := thing("99", 0)
				gone := vault.Change{Record: vault.Record{Key: key("30"), Version: 1}, Delete: true}
				done <- s.Apply(t.Context(), late, gone, thing("40", 1))
			}()
			wantErr(t, <-done, nil)
		}
		if want := fmt.Sprintf("%02d", n); r.ID != want || r.Version != 1 || string(r.Sealed) != "sealed "+want {
			t.Fatalf("got %s of version %d, want %s of 1", r.ID, r.Version, want)
		}
		n++
	}
	if n != 50 {
		t.Errorf("got %d records, want 50", n)
	}
}

func testWalkEnds(t *testing.T, s vault.Store) {
	for i := range 5 {
		apply(t, s, thing(fmt.Sprint(i), 0))
	}
	for range 3 {
		for range s.Walk(t.Context(), vault.Key{}) {
			break
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n, last := 0, error(nil)
	for _, err := range s.Walk(ctx, vault.Key{}) {
		n, last = n+1, err
		cancel()
	}
	if n != 2 || !errors.Is(last, context.Canceled) {
		t.Errorf("got %d records and error %v, want one and then the context's", n, last)
	}
	wantErr(t, s.Close(), nil)
	n = 0
	for r, err := range s.Walk(t.Context(), vault.Key{}) {
		n++
		wantErr(t, err, vault.ErrClosed)
		if d := cmp.Diff(vault.Record{}, r); d != "" {
			t.Errorf("record beside an error: %s", d)
		}
	}
	if n != 1 {
		t.Errorf("a closed store yields %d times, want once", n)
	}
}

func sequence(records []vault.Record, end error) iter.Seq2[vault.Record, error] {
	return func(yield func(vault.Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
		if end != nil {
			yield(vault.Record{}, end)
		}
	}
}

func testLoad(t *testing.T, s vault.Store) {
	unique := vault.IndexEntry{Index: "u", Value: "1", Unique: true}
	a := thing("a", 7, unique, vault.IndexEntry{Index: "n", Value: "1"}).Record
	b := thing("b", 3, vault.IndexEntry{Index: "n", Value: "1"}).Record
	b.Expires = time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
	gone := thing("gone", 9, vault.IndexEntry{Index: "n", Value: "1"}).Record
	gone.Expires = time.Now().Add(-time.Second)
	wantErr(t, s.Load(t.Context(), sequence([]vault.Record{a, b, gone}, nil)), nil)
	for _, want := range []vault.Record{a, b} {
		got, err := s.Get(t.Context(), want.Key)
		wantErr(t, err, nil)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("record (-want +got):\n%s", d)
		}
	}
	_, err := s.Get(t.Context(), gone.Key)
	wantErr(t, err, vault.ErrNotFound)
	wantIDs(t, scan(t, s, "n", "", vault.Cursor{}, 10), "a b")
	wantErr(t, s.Apply(t.Context(), thing("c", 0, unique)), vault.ErrExists)
	wantErr(t, s.Apply(t.Context(), thing("a", 0)), vault.ErrConflict)
	apply(t, s, thing("a", 7))
	_, err = s.Find(t.Context(), unique)
	wantErr(t, err, vault.ErrNotFound)
	wantIDs(t, scan(t, s, "n", "", vault.Cursor{}, 10), "b")
	apply(t, s, thing("c", 0, unique))
	noFaults(t, s)
}

func testLoadBreaksOff(t *testing.T, s vault.Store) {
	ours := errors.New("ours")
	good := []vault.Record{thing("a", 1).Record}
	wantErr(t, s.Load(t.Context(), sequence(good, ours)), ours)
	wantErr(t, s.Load(t.Context(), sequence([]vault.Record{thing("a\x00b", 1).Record}, nil)), vault.ErrInvalid)
	big := thing("big", 1).Record
	big.Sealed = make([]byte, 64<<20)
	wantErr(t, s.Load(t.Context(), sequence([]vault.Record{big}, nil)), vault.ErrTooLarge)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantErr(t, s.Load(ctx, sequence(good, nil)), context.Canceled)
	wantErr(t, s.Close(), nil)
	wantErr(t, s.Load(t.Context(), sequence(good, nil)), vault.ErrClosed)
}

func testSame(t *testing.T, s vault.Store) {
	same := func(id string, version uint64, entries ...vault.IndexEntry) vault.Change {
		c := thing(id, version, entries...)
		c.Sealed, c.Same = []byte("anew"), true
		return c
	}
	stays := vault.IndexEntry{Index: "n", Value: "stays"}
	wantErr(t, s.Apply(t.Context(), same("a", 0)), vault.ErrInvalid)
	wantErr(t, s.Apply(t.Context(), same("a", 1)), vault.ErrConflict)
	apply(t, s, thing("a", 0), thing("b", 0, vault.IndexEntry{Index: "u", Value: "b", Unique: true}))
	apply(t, s, thing("a", 1, stays, vault.IndexEntry{Index: "u", Value: "old", Unique: true}))
	for range 2 {
		apply(t, s, same("a", 2, stays, vault.IndexEntry{Index: "u", Value: "new", Unique: true}))
		r, err := s.Find(t.Context(), vault.IndexEntry{Index: "u", Value: "new", Unique: true})
		wantErr(t, err, nil)
		if r.Version != 2 || string(r.Sealed) != "anew" {
			t.Errorf("got version %d and %q", r.Version, r.Sealed)
		}
	}
	_, err := s.Find(t.Context(), vault.IndexEntry{Index: "u", Value: "old", Unique: true})
	wantErr(t, err, vault.ErrNotFound)
	wantIDs(t, scan(t, s, "n", "", vault.Cursor{}, 10), "a")
	wantErr(t, s.Apply(t.Context(), same("a", 1)), vault.ErrConflict)
	wantErr(t, s.Apply(t.Context(), same("a", 3)), vault.ErrConflict)
	wantErr(t, s.Apply(t.Context(), same("a", 2, vault.IndexEntry{Index: "u", Value: "b", Unique: true})), vault.ErrExists)
	apply(t, s, thing("a", 2)) // who has read it before can still write
	wantErr(t, s.Apply(t.Context(), same("a", 2)), vault.ErrConflict)
	noFaults(t, s)
}

// noFaults fails when a store that can tell finds that its entries and records do not fit together.
func noFaults(t *testing.T, s vault.Store) {
	t.Helper()
	if c, ok := s.(vault.Checker); ok {
		err := c.CheckIndexes(t.Context(), func(k vault.Key, problem string) { t.Errorf("%v: %s", k, problem) })
		wantErr(t, err, nil)
	}
}
