package badgerstore

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/vault"
)

// V-09: a full disk is refused before the write, and the store recovers when there is room again.
func TestV09DiskFull(t *testing.T) {
	var free atomic.Uint64
	free.Store(1 << 40)
	s, err := Open(Options{
		Dir:  filepath.Join(t.TempDir(), "vault"),
		free: func(string) (uint64, bool) { return free.Load(), true },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	change := func(version uint64) vault.Change {
		return vault.Change{Record: vault.Record{Key: vault.Key{Kind: "thing", ID: "a"}, Version: version}}
	}
	if err := s.Apply(t.Context(), change(0)); err != nil {
		t.Fatal(err)
	}
	free.Store(1 << 20)
	for range 2 {
		if err := s.Apply(t.Context(), change(1)); !errors.Is(err, vault.ErrFull) {
			t.Fatalf("got error %v, want ErrFull", err)
		}
		if err := s.Ping(t.Context()); !errors.Is(err, vault.ErrFull) {
			t.Fatalf("ping: got error %v, want ErrFull", err)
		}
	}
	if _, err := s.Get(t.Context(), change(0).Key); err != nil {
		t.Errorf("reading: %v", err)
	}
	free.Store(1 << 40)
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("ping with room again: %v", err)
	}
	if err := s.Apply(t.Context(), change(1)); err != nil {
		t.Errorf("write with room again: %v", err)
	}
}

func TestV09NoRoomToOpen(t *testing.T) {
	_, err := Open(Options{
		Dir:  filepath.Join(t.TempDir(), "vault"),
		free: func(string) (uint64, bool) { return 0, true },
	})
	if !errors.Is(err, vault.ErrFull) {
		t.Fatalf("got error %v, want ErrFull", err)
	}
}

func TestPingWrites(t *testing.T) {
	now := time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
	s, err := Open(Options{InMemory: true, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	steps := []struct {
		name   string
		after  time.Duration
		writes bool
	}{
		{"at first", 0, true},
		{"soon", 29 * time.Second, false},
		{"after a while", 2 * time.Second, true},
		{"soon again", time.Second, false},
	}
	for _, st := range steps {
		now = now.Add(st.after)
		before := s.db.MaxVersion()
		if err := s.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		if wrote := s.db.MaxVersion() != before; wrote != st.writes {
			t.Errorf("%s: got write %v, want %v", st.name, wrote, st.writes)
		}
	}
}

func TestLeaseEnds(t *testing.T) {
	now := time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
	s, err := Open(Options{InMemory: true, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Lease(t.Context(), "a", time.Minute); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute - 1)
	if _, err := s.Lease(t.Context(), "a", time.Minute); !errors.Is(err, vault.ErrLeased) {
		t.Errorf("got error %v, want ErrLeased", err)
	}
	now = now.Add(1)
	if _, err := s.Lease(t.Context(), "a", time.Minute); err != nil {
		t.Errorf("after its time: %v", err)
	}
}

// V-14: a record has a limit, which is refused before anything is written.
func TestV14LargestRecord(t *testing.T) {
	s, err := Open(Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, c := range []struct {
		size int
		want error
	}{{maxRecord - 100, nil}, {maxRecord + 1, vault.ErrTooLarge}, {256 << 20, vault.ErrTooLarge}} {
		r := vault.Record{Key: vault.Key{Kind: "thing", ID: fmt.Sprint(c.size)}, Sealed: make([]byte, c.size)}
		if err := s.Apply(t.Context(), vault.Change{Record: r}); !errors.Is(err, c.want) {
			t.Errorf("%d bytes: got error %v, want %v", c.size, err, c.want)
		}
		if _, err := s.Get(t.Context(), r.Key); errors.Is(err, vault.ErrNotFound) != (c.want != nil) {
			t.Errorf("%d bytes: got error %v", c.size, err)
		}
	}
}
