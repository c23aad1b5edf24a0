package badgerstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/claviger-proxy/claviger/vault"
)

const (
	// minFree is what must be left on the file system for a write: the database writes to mapped
	// files with holes, and a hole that cannot be filled ends the process. This is for the
	// writes that are in memory, and their logs.
	minFree = 8 * memTableSize
	// minClose is what must be left to close the database, which makes tables of what is in memory.
	minClose = minFree / 2
	// tidyEvery is how often the files in the directory are gone through, when there are writes.
	tidyEvery = time.Second
)

// writes remembers how the last write went, and the state of the directory.
type writes struct {
	free func(dir string) (uint64, bool)
	lock fs.FileInfo // the lock file, which is there while the database is open

	mu      sync.Mutex
	last    time.Time
	lastErr error
	// broken is set by a write that failed within the database, after which the next one could
	// only make it worse: what has not been synced is lost at a place that reading cannot pass.
	broken error
	tidied time.Time
	tables atomic.Uint64 // bytes in them
}

// room tells whether the directory can take a write now: the files are there, more of them can be
// made, and there is space, else [vault.ErrFull].
func (w *writes) room(dir string) error {
	w.mu.Lock()
	err, now := w.broken, time.Now()
	tidy := now.Sub(w.tidied) > tidyEvery
	if tidy {
		w.tidied = now // by one caller
	}
	w.mu.Unlock()
	if err != nil || dir == "" {
		return err
	}
	if tidy {
		err = w.tidy(dir)
	}
	if err == nil {
		err = usable(dir, w.lock)
	}
	if err == nil {
		err = roomIn(dir, w.free, w.need())
	}
	if err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.lastErr = err
	}
	return err
}

// need is minFree, and a place for the tables that are merged at a time; of a large vault not all
// are.
func (w *writes) need() uint64 { return minFree + min(w.tables.Load(), 2*minFree) }

// tidy goes through the files in the directory: the database makes them readable for all.
func (w *writes) tidy(dir string) error {
	tables, err := restrictFiles(dir)
	if err == nil {
		w.tables.Store(tables)
	}
	return err
}

func roomIn(dir string, free func(string) (uint64, bool), need uint64) error {
	if n, ok := free(dir); ok && n < need {
		return fmt.Errorf("%w: %d MiB are free in %s, it needs %d; make room there, or the volume larger",
			vault.ErrFull, n>>20, dir, need>>20)
	}
	return nil
}

func (w *writes) done(now time.Time, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lastErr = err
	switch {
	case err == nil:
		w.last = now
	case !notBegun(err) && w.broken == nil:
		w.broken = fmt.Errorf("an earlier write has failed, and the vault must be closed and opened again: %w", err)
	}
}

// notBegun tells errors of writes that the database has refused from those in the middle of one.
func notBegun(err error) bool {
	for _, e := range []error{badger.ErrConflict, badger.ErrTxnTooBig, badger.ErrDBClosed, badger.ErrBlockedWrites} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// due tells whether Ping has to write to know.
func (w *writes) due(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lastErr != nil || now.Sub(w.last) >= probeAfter
}

// unreadable is the error of all operations once the database has nowhere to keep new writes in
// memory: it would end the process when it looks there.
func (w *writes) unreadable() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != nil && strings.Contains(w.broken.Error(), "cannot create new mem table") {
		return w.broken
	}
	return nil
}

// writeError says what an operator can do something about.
func writeError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, vault.ErrFull):
		return err
	case errors.Is(err, badger.ErrTxnTooBig):
		return vault.ErrTooLarge
	case errors.Is(err, badger.ErrDBClosed), errors.Is(err, badger.ErrBlockedWrites):
		return vault.ErrClosed
	case isErrno(err, syscall.ENOSPC):
		return fmt.Errorf("%w: %w", vault.ErrFull, err)
	case isErrno(err, syscall.EROFS):
		return fmt.Errorf("%w: %w", errReadOnly, err)
	}
	return err
}

var (
	errReadOnly = errors.New("the file system of the vault is read-only; mount it read-write")
	errGone     = errors.New("the vault's files were removed or replaced while it was open; stop the server and put them back")
)

// sameFile opens the file and tells whether it is the one that was there.
func sameFile(path string, was fs.FileInfo) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return errGone
	}
	if err != nil {
		return err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err == nil && !os.SameFile(fi, was) {
		err = errGone
	}
	return err
}
