package vaulttest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/vault"
)

// RunConcurrencyTests tests what a store promises to several callers at once. It is meant to run
// under the race detector.
func RunConcurrencyTests(t *testing.T, open func(t *testing.T) vault.Store) {
	tests := []struct {
		name string
		run  func(*testing.T, vault.Store)
	}{
		{"one writer of a version wins", testOneWins},
		{"one owner of a unique entry", testOneOwner},
		{"two records change together", testTogether},
		{"one holder of a lease", testOneHolder},
		{"same version beside writers", testSameBesideWriters},
		{"close while in use", testCloseInUse},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, open(t)) })
	}
}

const callers = 8

// together runs f in several goroutines and waits for them.
func together(f func(i int)) {
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

func testOneWins(t *testing.T, s vault.Store) {
	for version := range uint64(20) {
		var won atomic.Int32
		together(func(int) {
			err := s.Apply(t.Context(), thing("a", version))
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, vault.ErrConflict) {
				t.Error(err)
			}
		})
		if n := won.Load(); n != 1 {
			t.Fatalf("version %d: %d writers won, want 1", version, n)
		}
	}
}

func testOneOwner(t *testing.T, s vault.Store) {
	for round := range 20 {
		e := vault.IndexEntry{Index: "u", Value: fmt.Sprint(round), Unique: true}
		var won atomic.Int32
		together(func(i int) {
			err := s.Apply(t.Context(), thing(fmt.Sprintf("%d-%d", round, i), 0, e))
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, vault.ErrExists) {
				t.Error(err)
			}
		})
		if n := won.Load(); n != 1 {
			t.Fatalf("round %d: %d owners, want 1", round, n)
		}
	}
}

// testTogether moves a unit from one record to another, and a reader of the index must never see
// the sum change.
func testTogether(t *testing.T, s vault.Store) {
	e := []vault.IndexEntry{{Index: "n", Value: "1"}}
	amount := func(id string, version uint64, n byte) vault.Change {
		return vault.Change{Record: vault.Record{Key: key(id), Version: version, Meta: []byte{n}, Indexes: e}}
	}
	apply(t, s, amount("a", 0, 100), amount("b", 0, 100))
	together(func(i int) {
		for range 20 {
			entries, err := s.Scan(t.Context(), "n", "", vault.Cursor{}, 10)
			if err != nil || len(entries) != 2 {
				t.Errorf("got %d entries and error %v, want 2", len(entries), err)
				return
			}
			a, b := entries[0].Record, entries[1].Record
			if sum := a.Meta[0] + b.Meta[0]; sum != 200 { // in bytes: there may be more moves than units
				t.Errorf("got sum %d, want 200", sum)
			}
			err = s.Apply(t.Context(), amount("a", a.Version, a.Meta[0]-1), amount("b", b.Version, b.Meta[0]+1))
			if err != nil && !errors.Is(err, vault.ErrConflict) {
				t.Error(err)
			}
		}
	})
}

// testSameBesideWriters counts in a record while others write it in another form: no count is lost.
func testSameBesideWriters(t *testing.T, s vault.Store) {
	apply(t, s, vault.Change{Record: vault.Record{Key: key("a"), Meta: []byte{1}}})
	together(func(i int) {
		for range 30 {
			r, err := s.Get(t.Context(), key("a"))
			if err != nil {
				t.Error(err)
				return
			}
			c := vault.Change{Record: r, Same: i%2 == 0}
			c.Sealed = []byte(fmt.Sprint(i))
			if !c.Same {
				c.Meta = []byte{r.Meta[0] + 1}
			}
			if err := s.Apply(t.Context(), c); err != nil && !errors.Is(err, vault.ErrConflict) {
				t.Error(err)
			}
		}
	})
	r, err := s.Get(t.Context(), key("a"))
	wantErr(t, err, nil)
	if r.Version != uint64(r.Meta[0]) || r.Version == 1 {
		t.Errorf("got count %d at version %d, want the same", r.Meta[0], r.Version)
	}
}

func testOneHolder(t *testing.T, s vault.Store) {
	var holders, had atomic.Int32
	together(func(int) {
		for range 100 {
			release, err := s.Lease(t.Context(), "a", time.Minute)
			if errors.Is(err, vault.ErrLeased) {
				continue
			}
			if err != nil {
				t.Error(err)
				return
			}
			had.Add(1)
			if holders.Add(1) != 1 {
				t.Error("two holders of one lease")
			}
			holders.Add(-1)
			release()
		}
	})
	if had.Load() == 0 {
		t.Error("nobody has had the lease")
	}
}

func testCloseInUse(t *testing.T, s vault.Store) {
	apply(t, s, thing("a", 0, vault.IndexEntry{Index: "n", Value: "1"}))
	var ready sync.WaitGroup
	ready.Add(callers)
	together(func(i int) {
		ready.Done()
		if i == 0 {
			ready.Wait()
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			return
		}
		for n := uint64(0); ; n++ {
			_, err := s.Get(t.Context(), key("a"))
			if err == nil {
				_, err = s.Scan(t.Context(), "n", "", vault.Cursor{}, 10)
			}
			if err == nil {
				err = s.Apply(t.Context(), thing(fmt.Sprintf("%d-%d", i, n), 0))
			}
			if errors.Is(err, vault.ErrClosed) {
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
}
