package badgerstore_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/vault"
)

// Erasing and compacting take turns, as the database cannot do two of them at once. It is meant to
// run under the race detector.
func TestEraseBesideCompact(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "vault"))
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() {
			for n := range 5 {
				r := vault.Record{Key: vault.Key{Kind: "thing", ID: fmt.Sprint(i, "-", n)}}
				if err := s.Apply(t.Context(), vault.Change{Record: r}); err != nil {
					t.Error(err)
				}
				r.Version = 1
				if err := s.Apply(t.Context(), vault.Change{Record: r, Delete: true}); err != nil {
					t.Error(err)
				}
				if err := s.Erase(t.Context(), r); err != nil {
					t.Error(err)
				}
				if err := s.Compact(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// What was erased while somebody reads does not come back, even if the process ends before the reader.
func TestEraseBesideReader(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "vault")
	s := open(t, dir)
	r := vault.Record{Key: vault.Key{Kind: "thing", ID: "a"}}
	if err := s.Apply(t.Context(), vault.Change{Record: r}); err != nil {
		t.Fatal(err)
	}
	next, stop := iter.Pull2(s.Walk(t.Context(), vault.Key{}))
	defer stop()
	if _, err, _ := next(); err != nil {
		t.Fatal(err)
	}
	if err := s.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.Version = 1
	if err := s.Apply(t.Context(), vault.Change{Record: r, Delete: true}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	erasing := s.Erase(ctx, r)
	im, err := readImage(dir)
	if err != nil {
		t.Fatal(err)
	}
	killed := filepath.Join(t.TempDir(), "vault")
	if err := im.write(killed); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, killed).Get(t.Context(), r.Key); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("after a crash: got error %v, want ErrNotFound; erasing said %v", err, erasing)
	}
	stop()
	if err := s.Erase(t.Context(), r); err != nil {
		t.Error(err)
	}
}
