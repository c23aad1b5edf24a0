package badgerstore

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// A crash can leave a table that was merged into others. It is not one that the manifest has lost,
// even if nothing of its newest write is in the others.
func TestMergedTableIsLeft(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "vault")
	session := func(work func(s *Store)) {
		t.Helper()
		s, err := Open(Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		work(s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	write := func(f func(*badger.Txn) error) {
		session(func(s *Store) {
			if err := s.commit(t.Context(), f); err != nil {
				t.Fatal(err)
			}
		})
	}
	tables := func() []string {
		names, err := filepath.Glob(filepath.Join(dir, "*.sst"))
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	write(func(txn *badger.Txn) error { return errors.Join(txn.Set([]byte("a"), nil), txn.Set([]byte("b"), nil)) })
	write(func(txn *badger.Txn) error { return txn.Delete([]byte("a")) })
	left := map[string][]byte{}
	for _, name := range tables() {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		left[name] = b
	}
	session(func(*Store) {
		for deadline := time.Now().Add(30 * time.Second); len(tables()) > 1; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the tables are not merged")
			}
		}
	})
	for name, b := range left {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	session(func(s *Store) {
		if err := s.db.View(func(txn *badger.Txn) error { _, err := txn.Get([]byte("a")); return err }); err == nil {
			t.Error("what was deleted is there again")
		}
	})
}
