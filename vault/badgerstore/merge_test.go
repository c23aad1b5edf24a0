package badgerstore_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"

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
