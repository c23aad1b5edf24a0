package vaulttest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/vault"
)

// remove deletes a record and returns it.
func remove(t *testing.T, s vault.Store, id string) vault.Record {
	t.Helper()
	r, err := s.Get(t.Context(), key(id))
	wantErr(t, err, nil)
	apply(t, s, vault.Change{Record: r, Delete: true})
	return r
}

func entries(id string) []vault.IndexEntry {
	return []vault.IndexEntry{{Index: "n", Value: "1"}, {Index: "u", Value: id, Unique: true}}
}

// wantThings fails unless the store has things of these IDs, by every way, and no others.
func wantThings(t *testing.T, s vault.Store, want string) {
	t.Helper()
	wantIDs(t, scan(t, s, "n", "", vault.Cursor{}, 100), want)
	wantIDs(t, scan(t, s, "u", "", vault.Cursor{}, 100), want)
	n := 0
	for r, err := range s.Walk(t.Context(), vault.Key{}) {
		wantErr(t, err, nil)
		if d := cmp.Diff(thing(r.ID, r.Version, entries(r.ID)...).Record, r); d != "" {
			t.Errorf("record (-want +got):\n%s", d)
		}
		n++
	}
	if c, ok := s.(vault.Counter); ok {
		got, err := c.Count(t.Context(), "n", "")
		wantErr(t, err, nil)
		if got != n {
			t.Errorf("counted %d entries, want %d", got, n)
		}
	}
	if e, ok := s.(vault.Emptier); ok {
		empty, err := e.Empty(t.Context())
		wantErr(t, err, nil)
		if empty != (n == 0) {
			t.Errorf("store of %d records says empty: %v", n, empty)
		}
	}
	noFaults(t, s)
}

func testErase(t *testing.T, s vault.Store) {
	e, ok := s.(vault.Eraser)
	if !ok {
		return
	}
	wantErr(t, e.Erase(t.Context()), nil)
	for _, id := range []string{"a", "b", "c"} {
		apply(t, s, thing(id, 0, entries(id)...))
		apply(t, s, thing(id, 1, entries(id)...))
	}
	for _, id := range []string{"a", "b"} {
		wantErr(t, e.Erase(t.Context(), remove(t, s, id), vault.Record{Key: key("never")}), nil)
	}
	wantThings(t, s, "c")
	apply(t, s, thing("a", 0, entries("a")...))
	wantThings(t, s, "a c")
	wantErr(t, s.Ping(t.Context()), nil)
	for _, id := range []string{"a", "c"} {
		wantErr(t, e.Erase(t.Context(), remove(t, s, id)), nil)
	}
	wantThings(t, s, "")
	wantErr(t, s.Close(), nil)
	wantErr(t, e.Erase(t.Context(), vault.Record{Key: key("a")}), vault.ErrClosed)
	wantErr(t, e.Compact(t.Context()), vault.ErrClosed)
}

// testEraseSpares erases records whose place others have taken, or whose ID others begin with.
func testEraseSpares(t *testing.T, s vault.Store) {
	e, ok := s.(vault.Eraser)
	if !ok {
		return
	}
	for _, id := range []string{"a", "ab", "a b"} {
		apply(t, s, thing(id, 0, entries(id)...))
	}
	r := remove(t, s, "a")
	wantErr(t, e.Erase(t.Context(), r), nil)
	wantThings(t, s, "a b ab")
	apply(t, s, thing("a", 0, entries("a")...))
	wantErr(t, e.Erase(t.Context(), r), nil)
	wantThings(t, s, "a a b ab")
	thief := thing("a b", 1, r.Indexes[0], vault.IndexEntry{Index: "u", Value: "a b", Unique: true}, vault.IndexEntry{Index: "u", Value: "gone", Unique: true})
	apply(t, s, thief)
	wantErr(t, e.Erase(t.Context(), vault.Record{Key: key("gone"), Indexes: entries("gone")}), nil)
	got, err := s.Find(t.Context(), vault.IndexEntry{Index: "u", Value: "gone", Unique: true})
	wantErr(t, err, nil)
	if got.ID != "a b" {
		t.Errorf("got %s, want the one that has taken the entry", got.ID)
	}
}

func testCompact(t *testing.T, s vault.Store) {
	e, ok := s.(vault.Eraser)
	if !ok {
		return
	}
	wantErr(t, e.Compact(t.Context()), nil)
	wantThings(t, s, "")
	for _, id := range []string{"a", "b", "c"} {
		apply(t, s, thing(id, 0, entries(id)...))
	}
	remove(t, s, "b")
	for range 2 {
		wantErr(t, e.Compact(t.Context()), nil)
		wantThings(t, s, "a c")
	}
	wantErr(t, s.Ping(t.Context()), nil)
	apply(t, s, thing("b", 0, entries("b")...), thing("a", 1, entries("a")...))
	wantThings(t, s, "a b c")
}

func testMeasure(t *testing.T, s vault.Store) {
	m, ok := s.(vault.Measurer)
	if !ok {
		return
	}
	apply(t, s, thing("a", 0, entries("a")...), thing("b", 0))
	apply(t, s, thing("a", 1))
	apply(t, s, vault.Change{Record: vault.Record{Key: vault.Key{Kind: "other", ID: "a"}, Expires: time.Now().Add(time.Hour)}})
	remove(t, s, "b")
	got, err := m.Measure(t.Context())
	wantErr(t, err, nil)
	if d := cmp.Diff(map[vault.Kind]int{"thing": 1, "other": 1}, got.Records); d != "" || got.Bytes < 0 {
		t.Errorf("%d bytes, records (-want +got):\n%s", got.Bytes, d)
	}
}
