package badgerstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/claviger-proxy/claviger/vault"
)

const (
	// probeAfter is how old the last good write may be before Ping makes one of its own.
	probeAfter = 30 * time.Second
	// minFree is what must be left on the file system for a write: the database writes to
	// mapped files with holes, and a hole that cannot be filled ends the process.
	minFree = 8 * memTableSize
	// freeEvery is how long a measured amount of free space is believed.
	freeEvery = time.Second
)

// writes remembers how the last write went, and how much room there is.
type writes struct {
	free func(dir string) (uint64, bool)

	mu       sync.Mutex
	last     time.Time
	lastErr  error
	measured time.Time
	roomErr  error
}

// room returns [vault.ErrFull] when the file system of dir is nearly full.
func (w *writes) room(dir string) error {
	if dir == "" {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if w.roomErr != nil || now.Sub(w.measured) > freeEvery {
		w.measured, w.roomErr = now, roomIn(dir, w.free)
	}
	if w.roomErr != nil {
		w.lastErr = w.roomErr
	}
	return w.roomErr
}

func roomIn(dir string, free func(string) (uint64, bool)) error {
	if n, ok := free(dir); ok && n < minFree {
		return fmt.Errorf("%w: %d MiB are free in %s, it needs %d", vault.ErrFull, n>>20, dir, minFree>>20)
	}
	return nil
}

func (w *writes) done(now time.Time, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lastErr = err
	if err == nil {
		w.last = now
	}
}

// due tells whether Ping has to write to know.
func (w *writes) due(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lastErr != nil || now.Sub(w.last) >= probeAfter
}

// Ping implements [vault.Store]. It always reads; it writes when the last write has failed or was
// half a minute ago.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.mu.RUnlock()
	err := s.db.View(func(txn *badger.Txn) error {
		_, err := txn.Get(pingKey)
		if errors.Is(err, badger.ErrKeyNotFound) {
			return nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("reading vault: %w", err)
	}
	if !s.writes.due(s.now()) {
		return nil
	}
	err = s.commit(ctx, func(txn *badger.Txn) error {
		return txn.Set(pingKey, nil)
	})
	if err != nil {
		return fmt.Errorf("writing vault: %w", err)
	}
	return nil
}

// writeError says what an operator can do something about.
func writeError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, badger.ErrTxnTooBig):
		return vault.ErrTooLarge
	case errors.Is(err, badger.ErrDBClosed), errors.Is(err, badger.ErrBlockedWrites):
		return vault.ErrClosed
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w: %w", vault.ErrFull, err)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("vault directory is on a read-only file system: %w", err)
	}
	return err
}
