package badgerstore

import (
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/vault"
)

// Who reads all records slowly, as the caller of a backup may, does not hold up the end.
func TestCloseEndsWalks(t *testing.T) {
	s, err := Open(Options{Dir: filepath.Join(t.TempDir(), "vault")})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := s.Apply(t.Context(), vault.Change{Record: vault.Record{Key: vault.Key{Kind: "thing", ID: fmt.Sprint(i)}}}); err != nil {
			t.Fatal(err)
		}
	}
	next, stop := iter.Pull2(s.Walk(t.Context(), vault.Key{}))
	defer stop()
	if _, err, _ := next(); err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	for !s.closing.Load() {
		<-time.After(time.Millisecond)
	}
	if _, err, ok := next(); !ok || !errors.Is(err, vault.ErrClosed) {
		t.Errorf("the walk goes on: %v, %t", err, ok)
	}
	if _, _, ok := next(); ok {
		t.Error("there is more behind the error")
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}
