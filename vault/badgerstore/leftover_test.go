package badgerstore_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/vault"
)

// A crash can leave a table that was merged into others, in which nothing of its newest writes is
// left because they were deletions. Such a vault opens, and what was deleted stays so.
func TestLeftoverOfDeletions(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "vault")
	k := vault.Key{Kind: "thing", ID: "a"}
	s := open(t, dir)
	other := vault.Record{Key: vault.Key{Kind: "thing", ID: "b"}}
	if err := s.Apply(t.Context(), vault.Change{Record: vault.Record{Key: k}}, vault.Change{Record: other}); err != nil {
		t.Fatal(err)
	}
	closed(t, s)
	s = open(t, dir)
	if err := s.Apply(t.Context(), vault.Change{Record: vault.Record{Key: k, Version: 1}, Delete: true}); err != nil {
		t.Fatal(err)
	}
	closed(t, s)
	before, err := readImage(dir)
	if err != nil {
		t.Fatal(err)
	}
	s = open(t, dir) // two tables at level 0 are one too many
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		files, err := filepath.Glob(filepath.Join(dir, "*.sst"))
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("the tables are not merged: %v, error %v", files, err)
		}
		if len(files) == 1 {
			break
		}
	}
	closed(t, s)
	for name, f := range before {
		if filepath.Ext(name) != ".sst" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), f.data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s = open(t, dir)
	if _, err := s.Get(t.Context(), k); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("got error %v, want ErrNotFound", err)
	}
	if _, err := s.Get(t.Context(), other.Key); err != nil {
		t.Error(err)
	}
}
