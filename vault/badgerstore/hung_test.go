package badgerstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/claviger-proxy/claviger/vault"
)

// hang makes the database wait for a table that cannot be written, until the files that are in the
// way are removed.
func hang(t *testing.T, dir string) (release func()) {
	t.Helper()
	var inTheWay []string
	for id := range 300 {
		path := filepath.Join(dir, fmt.Sprintf("%06d.sst", id))
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		inTheWay = append(inTheWay, path)
	}
	return func() {
		for _, path := range inTheWay {
			if err := os.Remove(path); err != nil {
				t.Error(err)
			}
		}
	}
}

// writeLarge writes 1 MB, and waits half a second at most.
func writeLarge(ctx context.Context, s *Store, i int) error {
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	txn, err := s.begun(ctx, true)
	if err != nil {
		return err
	}
	if err := txn.SetEntry(badger.NewEntry(fmt.Append(nil, "large", i), make([]byte, 1<<20-1024))); err != nil {
		return err
	}
	return s.finish(ctx, txn, func() {})
}

// V-09: when the disk holds a write up, nobody waits longer than its context, Ping says so, and
// when the disk goes on, so does the store.
func TestV09HungWrites(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "vault")
	s, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	release := hang(t, dir)
	written := 0
	for err == nil && written < 100 {
		if err = writeLarge(t.Context(), s, written); err == nil {
			written++
		}
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got error %v after %d writes, want DeadlineExceeded", err, written)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	if err := s.Ping(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ping: got error %v, want DeadlineExceeded", err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("ping took %s", took)
	}
	release()
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.Ping(ctx); err != nil {
		t.Errorf("ping of a disk that goes on: %v", err)
	}
	for i := range written {
		err := s.db.View(func(txn *badger.Txn) error {
			_, err := txn.Get(fmt.Append(nil, "large", i))
			return err
		})
		if err != nil {
			t.Errorf("write %d of %d: %v", i, written, err)
		}
	}
}

// V-09: neither does a write while files are erased on such a disk.
func TestV09HungErase(t *testing.T) {
	s, err := Open(Options{Dir: filepath.Join(t.TempDir(), "vault")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	change := vault.Change{Record: vault.Record{Key: vault.Key{Kind: "thing", ID: "a"}}}
	s.erase.Lock() // as erasing does
	for name, write := range map[string]func(context.Context) error{
		"apply": func(ctx context.Context) error { return s.Apply(ctx, change) },
		"ping":  s.Ping,
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		result := make(chan error, 1)
		go func() { result <- write(ctx) }()
		select {
		case err := <-result:
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: got error %v, want DeadlineExceeded", name, err)
			}
		case <-time.After(5 * time.Second):
			t.Errorf("%s waits on", name)
		}
	}
	s.erase.Unlock()
	if err := s.Apply(t.Context(), change); err != nil {
		t.Error(err)
	}
}

// V-09: a write that nobody waits for any more is still one that erasing waits for.
func TestV09LateWriteHoldsErase(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "vault")
	s, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	release := hang(t, dir)
	for i := 0; err == nil && i < 100; i++ {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		err = s.update(ctx, func(txn *badger.Txn) error {
			return txn.SetEntry(badger.NewEntry(fmt.Append(nil, "large", i), make([]byte, 1<<20-1024)))
		})
		cancel()
	}
	if !errors.Is(err, vault.ErrUnknown) {
		t.Fatalf("got error %v, want ErrUnknown", err)
	}
	if s.erase.TryLock() {
		t.Error("files can be erased while a write is under way")
		s.erase.Unlock()
	}
	release()
}

// V-09: after a write that has failed half-way nothing more is written: what comes behind it in
// the log could not be read again.
func TestV09NoWriteAfterAFailedSync(t *testing.T) {
	s, err := Open(Options{Dir: filepath.Join(t.TempDir(), "vault")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	failure := errors.New("input/output error")
	s.writes.done(s.now(), failure)
	for range 2 {
		if err := s.Ping(t.Context()); !errors.Is(err, failure) {
			t.Errorf("ping: got error %v, want that of the write before", err)
		}
		if err := s.writes.room(s.dir); !errors.Is(err, failure) {
			t.Errorf("write: got error %v, want that of the one before", err)
		}
	}
	if err := s.begin(t.Context()); err != nil {
		t.Errorf("reading: %v", err)
	} else {
		s.mu.RUnlock()
	}
}
