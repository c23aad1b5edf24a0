package vaulttest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/vault"
)

// RunStoreTests tests that a store does what [vault.Store] promises. open returns an empty store
// that is closed by the test's cleanup.
func RunStoreTests(t *testing.T, open func(t *testing.T) vault.Store) {
	tests := []struct {
		name string
		run  func(*testing.T, vault.Store)
	}{
		{"missing record", testMissing},
		{"record comes back as written", testRoundTrip},
		{"versions", testVersions},
		{"all or nothing", testAtomic},
		{"delete", testDelete},
		{"unique entries", testUnique},
		{"unique entry passes on", testUniquePasses},
		{"index follows the record", testIndexFollows},
		{"scan in order", testScan},
		{"scan in pages", testPages},
		{"expiry", testExpiry},
		{"expired record makes room", testExpiredMakesRoom},
		{"what is refused", testRefused},
		{"leases", testLeases},
		{"ping", testPing},
		{"closed", testClosed},
		{"no aliasing", testNoAliasing},
		{"same version", testSame},
		{"walk in order", testWalk},
		{"walk sees one moment", testWalkMoment},
		{"walk ends", testWalkEnds},
		{"load", testLoad},
		{"load that breaks off", testLoadBreaksOff},
		{"erase", testErase},
		{"erase spares what is in use", testEraseSpares},
		{"compact", testCompact},
		{"size", testMeasure},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, open(t)) })
	}
}

func key(id string) vault.Key { return vault.Key{Kind: "thing", ID: id} }

func thing(id string, version uint64, entries ...vault.IndexEntry) vault.Change {
	return vault.Change{Record: vault.Record{Key: key(id), Version: version, Meta: []byte("meta " + id), Sealed: []byte("sealed " + id), Indexes: entries}}
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want %v", err, want)
	}
}

func apply(t *testing.T, s vault.Store, changes ...vault.Change) {
	t.Helper()
	wantErr(t, s.Apply(t.Context(), changes...), nil)
}

func scan(t *testing.T, s vault.Store, index, prefix string, after vault.Cursor, limit int) []vault.Entry {
	t.Helper()
	entries, err := s.Scan(t.Context(), index, prefix, after, limit)
	wantErr(t, err, nil)
	return entries
}

func ids(entries []vault.Entry) string {
	var s []string
	for _, e := range entries {
		s = append(s, e.Record.ID)
	}
	return strings.Join(s, " ")
}

func wantIDs(t *testing.T, entries []vault.Entry, want string) {
	t.Helper()
	if got := ids(entries); got != want {
		t.Fatalf("got records %q, want %q", got, want)
	}
}

func testMissing(t *testing.T, s vault.Store) {
	r, err := s.Get(t.Context(), key("a"))
	wantErr(t, err, vault.ErrNotFound)
	if d := cmp.Diff(vault.Record{}, r); d != "" {
		t.Errorf("record beside an error: %s", d)
	}
	_, err = s.Find(t.Context(), vault.IndexEntry{Index: "x", Value: "y", Unique: true})
	wantErr(t, err, vault.ErrNotFound)
	wantIDs(t, scan(t, s, "x", "", vault.Cursor{}, 10), "")
}

func testRoundTrip(t *testing.T, s vault.Store) {
	want := thing("a", 0, vault.IndexEntry{Index: "n", Value: "v"}, vault.IndexEntry{Index: "u", Value: "w", Unique: true})
	want.Meta = []byte("{\"b\" : 1,\n \"a\":\"\xff\x00\"}")
	want.Sealed = []byte{0, 1, 255}
	want.Expires = time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
	apply(t, s, want)
	want.Version = 1
	got, err := s.Get(t.Context(), key("a"))
	wantErr(t, err, nil)
	if d := cmp.Diff(want.Record, got); d != "" {
		t.Errorf("record (-want +got):\n%s", d)
	}
	got, err = s.Find(t.Context(), vault.IndexEntry{Index: "u", Value: "w", Unique: true})
	wantErr(t, err, nil)
	if d := cmp.Diff(want.Record, got); d != "" {
		t.Errorf("found record (-want +got):\n%s", d)
	}
	entries := scan(t, s, "n", "", vault.Cursor{}, 1)
	if d := cmp.Diff([]vault.Entry{{Cursor: vault.Cursor{Value: "v", ID: "a"}, Record: want.Record}}, entries); d != "" {
		t.Errorf("scanned (-want +got):\n%s", d)
	}
	bare := vault.Change{Record: vault.Record{Key: key("bare")}}
	apply(t, s, bare)
	got, err = s.Get(t.Context(), key("bare"))
	wantErr(t, err, nil)
	if got.Sealed != nil || !got.Expires.IsZero() {
		t.Errorf("got %+v, want no seal and no expiry", got)
	}
}

func testVersions(t *testing.T, s vault.Store) {
	wantErr(t, s.Apply(t.Context(), thing("a", 1)), vault.ErrConflict)
	apply(t, s, thing("a", 0))
	wantErr(t, s.Apply(t.Context(), thing("a", 0)), vault.ErrConflict)
	apply(t, s, thing("a", 1))
	wantErr(t, s.Apply(t.Context(), thing("a", 1)), vault.ErrConflict)
	wantErr(t, s.Apply(t.Context(), thing("a", 3)), vault.ErrConflict)
	r, err := s.Get(t.Context(), key("a"))
	wantErr(t, err, nil)
	if r.Version != 2 {
		t.Errorf("got version %d, want 2", r.Version)
	}
}

func testAtomic(t *testing.T, s vault.Store) {
	apply(t, s, thing("b", 0, vault.IndexEntry{Index: "u", Value: "1", Unique: true}))
	err := s.Apply(t.Context(), thing("a", 0, vault.IndexEntry{Index: "n", Value: "1"}), thing("b", 7), thing("c", 0))
	wantErr(t, err, vault.ErrConflict)
	err = s.Apply(t.Context(), thing("a", 0), thing("c", 0, vault.IndexEntry{Index: "u", Value: "1", Unique: true}))
	wantErr(t, err, vault.ErrExists)
	for _, id := range []string{"a", "c"} {
		_, err := s.Get(t.Context(), key(id))
		wantErr(t, err, vault.ErrNotFound)
	}
	wantIDs(t, scan(t, s, "n", "", vault.Cursor{}, 10), "")
	apply(t, s)
}

func testDelete(t *testing.T, s vault.Store) {
	e := vault.IndexEntry{Index: "u", Value: "1", Unique: true}
	apply(t, s, thing("a", 0, e, vault.IndexEntry{Index: "n", Value: "1"}))
	del := vault.Change{Record: vault.Record{Key: key("a"), Version: 2}, Delete: true}
	wantErr(t, s.Apply(t.Context(), del), vault.ErrConflict)
	del.Version = 1
	apply(t, s, del)
	_, err := s.Get(t.Context(), key("a"))
	wantErr(t, err, vault.ErrNotFound)
	_, err = s.Find(t.Context(), e)
	wantErr(t, err, vault.ErrNotFound)
	wantIDs(t, scan(t, s, "n", "", vault.Cursor{}, 10), "")
	wantErr(t, s.Apply(t.Context(), del), vault.ErrConflict)
	apply(t, s, thing("a", 0, e))
}

func testUnique(t *testing.T, s vault.Store) {
	e := vault.IndexEntry{Index: "u", Value: "1", Unique: true}
	apply(t, s, thing("a", 0, e))
	wantErr(t, s.Apply(t.Context(), thing("b", 0, e)), vault.ErrExists)
	apply(t, s, thing("a", 1, e))
	apply(t, s, thing("b", 0))
	wantErr(t, s.Apply(t.Context(), thing("b", 1, e)), vault.ErrExists)
	other := vault.Change{Record: vault.Record{Key: vault.Key{Kind: "other", ID: "a"}, Indexes: []vault.IndexEntry{e}}}
	wantErr(t, s.Apply(t.Context(), other), vault.ErrExists)
	wantIDs(t, scan(t, s, "u", "", vault.Cursor{}, 10), "a")
}

func testUniquePasses(t *testing.T, s vault.Store) {
	e := vault.IndexEntry{Index: "u", Value: "1", Unique: true}
	apply(t, s, thing("a", 0, e))
	apply(t, s, thing("b", 0, e), thing("a", 1))
	r, err := s.Find(t.Context(), e)
	wantErr(t, err, nil)
	if r.ID != "b" {
		t.Errorf("got %s, want b", r.ID)
	}
}

func testIndexFollows(t *testing.T, s vault.Store) {
	apply(t, s, thing("a", 0, vault.IndexEntry{Index: "n", Value: "1"}, vault.IndexEntry{Index: "m", Value: "1"}))
	apply(t, s, thing("a", 1, vault.IndexEntry{Index: "n", Value: "2"}, vault.IndexEntry{Index: "m", Value: "1"}))
	wantIDs(t, scan(t, s, "n", "1", vault.Cursor{}, 10), "")
	wantIDs(t, scan(t, s, "n", "2", vault.Cursor{}, 10), "a")
	wantIDs(t, scan(t, s, "m", "1", vault.Cursor{}, 10), "a")
	if c, ok := s.(vault.Counter); ok {
		n, err := c.Count(t.Context(), "n", "")
		wantErr(t, err, nil)
		if n != 1 {
			t.Errorf("counted %d entries, want 1", n)
		}
	}
}

func testScan(t *testing.T, s vault.Store) {
	for i, v := range []string{"b", "a/", "a", "b", "", "ab", "a/x", "ä", "A"} {
		apply(t, s, thing(fmt.Sprintf("%d", 9-i), 0, vault.IndexEntry{Index: "n", Value: v}))
	}
	apply(t, s, thing("other", 0, vault.IndexEntry{Index: "nn", Value: "a"}))
	wantIDs(t, scan(t, s, "n", "", vault.Cursor{}, 20), "5 1 7 8 3 4 6 9 2")
	wantIDs(t, scan(t, s, "n", "a", vault.Cursor{}, 20), "7 8 3 4")
	wantIDs(t, scan(t, s, "n", "a/", vault.Cursor{}, 20), "8 3")
	wantIDs(t, scan(t, s, "n", "", vault.Cursor{Value: "b", ID: "6"}, 20), "9 2")
	wantIDs(t, scan(t, s, "n", "", vault.Cursor{Value: "b", ID: "7"}, 20), "9 2")
	wantIDs(t, scan(t, s, "n", "", vault.Cursor{Value: "", ID: "5"}, 1), "1")
	wantIDs(t, scan(t, s, "n", "a", vault.Cursor{Value: "z", ID: "9"}, 20), "")
	wantIDs(t, scan(t, s, "n", "", vault.Cursor{}, 0), "")
}

func testPages(t *testing.T, s vault.Store) {
	for _, unique := range []bool{false, true} {
		index, value := fmt.Sprint("page", unique), ""
		var want []string
		for i := range 25 {
			id := fmt.Sprintf("%v%02d", unique, i)
			if unique {
				value = fmt.Sprintf("v%02d", i)
			}
			want = append(want, id)
			apply(t, s, thing(id, 0, vault.IndexEntry{Index: index, Value: value, Unique: unique}))
		}
		var all []vault.Entry
		var after vault.Cursor
		for {
			page := scan(t, s, index, "", after, 4)
			all = append(all, page...)
			if len(page) < 4 {
				break
			}
			after = page[3].Cursor
		}
		wantIDs(t, all, strings.Join(want, " "))
	}
}

func testExpiry(t *testing.T, s vault.Store) {
	gone := thing("gone", 0, vault.IndexEntry{Index: "n", Value: "1"}, vault.IndexEntry{Index: "u", Value: "1", Unique: true})
	gone.Expires = time.Now().Add(-time.Second)
	stays := thing("stays", 0, vault.IndexEntry{Index: "n", Value: "1"})
	stays.Expires = time.Now().Add(time.Hour)
	apply(t, s, gone, stays)
	_, err := s.Get(t.Context(), gone.Key)
	wantErr(t, err, vault.ErrNotFound)
	_, err = s.Find(t.Context(), gone.Indexes[1])
	wantErr(t, err, vault.ErrNotFound)
	wantIDs(t, scan(t, s, "n", "", vault.Cursor{}, 1), "stays")
	wantErr(t, s.Apply(t.Context(), thing("gone", 1)), vault.ErrConflict)
}

func testExpiredMakesRoom(t *testing.T, s vault.Store) {
	e := vault.IndexEntry{Index: "u", Value: "1", Unique: true}
	gone := thing("gone", 0, e)
	gone.Expires = time.Now().Add(-time.Second)
	apply(t, s, gone)
	apply(t, s, thing("next", 0, e))
	wantErr(t, s.Apply(t.Context(), thing("gone", 0, e)), vault.ErrExists)
	apply(t, s, thing("gone", 0))
	r, err := s.Find(t.Context(), e)
	wantErr(t, err, nil)
	if r.ID != "next" {
		t.Errorf("got %s, want next", r.ID)
	}
}

func testRefused(t *testing.T, s vault.Store) {
	wantErr(t, s.Apply(t.Context(), thing("a", 0), thing("a", 0)), vault.ErrInvalid)
	wantErr(t, s.Apply(t.Context(), thing("a\x00b", 0)), vault.ErrInvalid)
	wantErr(t, s.Apply(t.Context(), thing("a", 0, vault.IndexEntry{Index: "n", Value: "\x00"})), vault.ErrInvalid)
	big := thing("big", 0)
	big.Sealed = make([]byte, 64<<20)
	wantErr(t, s.Apply(t.Context(), big), vault.ErrTooLarge)
	wantErr(t, s.Apply(t.Context(), thing("a", 0)), nil)
	fits := thing("fits", 0)
	fits.Sealed = make([]byte, 128<<10)
	wantErr(t, s.Apply(t.Context(), fits), nil)
}

func testLeases(t *testing.T, s vault.Store) {
	release, err := s.Lease(t.Context(), "a", time.Minute)
	wantErr(t, err, nil)
	_, err = s.Lease(t.Context(), "a", time.Minute)
	wantErr(t, err, vault.ErrLeased)
	other, err := s.Lease(t.Context(), "b", time.Minute)
	wantErr(t, err, nil)
	other()
	release()
	release()
	late, err := s.Lease(t.Context(), "a", 0)
	wantErr(t, err, nil)
	next, err := s.Lease(t.Context(), "a", time.Minute)
	wantErr(t, err, nil)
	late() // overtaken: must not end the lease of the next holder
	_, err = s.Lease(t.Context(), "a", time.Minute)
	wantErr(t, err, vault.ErrLeased)
	next()
}

func testPing(t *testing.T, s vault.Store) {
	for range 3 {
		wantErr(t, s.Ping(t.Context()), nil)
	}
	if e, ok := s.(vault.Emptier); ok {
		empty, err := e.Empty(t.Context())
		wantErr(t, err, nil)
		if !empty {
			t.Error("a ping has left a record")
		}
		apply(t, s, thing("a", 0))
		empty, err = e.Empty(t.Context())
		wantErr(t, err, nil)
		if empty {
			t.Error("store with a record says that it is empty")
		}
	}
}

func testClosed(t *testing.T, s vault.Store) {
	apply(t, s, thing("a", 0))
	wantErr(t, s.Close(), nil)
	wantErr(t, s.Close(), nil)
	_, err := s.Get(t.Context(), key("a"))
	wantErr(t, err, vault.ErrClosed)
	_, err = s.Find(t.Context(), vault.IndexEntry{Index: "u", Value: "1", Unique: true})
	wantErr(t, err, vault.ErrClosed)
	_, err = s.Scan(t.Context(), "n", "", vault.Cursor{}, 1)
	wantErr(t, err, vault.ErrClosed)
	_, err = s.Lease(t.Context(), "a", time.Minute)
	wantErr(t, err, vault.ErrClosed)
	wantErr(t, s.Apply(t.Context(), thing("b", 0)), vault.ErrClosed)
	wantErr(t, s.Ping(t.Context()), vault.ErrClosed)
}

func testNoAliasing(t *testing.T, s vault.Store) {
	c := thing("a", 0)
	apply(t, s, c)
	c.Meta[0], c.Sealed[0] = '!', '!'
	for range 2 {
		r, err := s.Get(t.Context(), c.Key)
		wantErr(t, err, nil)
		if string(r.Meta) != "meta a" || string(r.Sealed) != "sealed a" {
			t.Fatalf("got %q and %q", r.Meta, r.Sealed)
		}
		r.Meta[0], r.Sealed[0] = '?', '?'
	}
}
