// Package badgerstore keeps a vault in a Badger database: a directory of this machine, for one
// process at a time, or memory.
//
// [Open] is all there is to begin with; the store is then given to vault.Open. Every write is on
// disk when it returns.
package badgerstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/vault"
)

// Options are the settings of [Open].
type Options struct {
	// Dir is the directory, which is created, for this user only, if it does not exist.
	Dir string
	// InMemory keeps everything in memory; Dir must be empty.
	InMemory bool
	// Logger gets the database's warnings; nil drops them.
	Logger *zap.Logger
	// Now is the clock of expiry and leases; time.Now when nil.
	Now func() time.Time
	// free tells how many bytes the file system has left; a test replaces it.
	free func(dir string) (uint64, bool)
}

// Store is a [vault.Store] in a Badger database.
type Store struct {
	db     *badger.DB
	dir    string
	now    func() time.Time
	leases leases
	writes writes

	// mu is held for reading while an operation runs, and for writing to close.
	mu     sync.RWMutex
	closed bool
}

// Open opens or creates the database. It returns [vault.ErrInUse] when another process has it open.
func Open(o Options) (*Store, error) {
	if o.InMemory != (o.Dir == "") {
		return nil, errors.New("opening vault: either a directory or memory")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.free == nil {
		o.free = freeBytes
	}
	if !o.InMemory {
		if err := prepareDir(o.Dir); err != nil {
			return nil, err
		}
		if err := roomIn(o.Dir, o.free); err != nil {
			return nil, fmt.Errorf("opening vault: %w", err)
		}
	}
	db, err := badger.Open(settings(o))
	if err != nil {
		return nil, openError(o.Dir, err)
	}
	if !o.InMemory {
		if err := restrictFiles(o.Dir); err != nil {
			return nil, errors.Join(fmt.Errorf("opening vault: %w", err), db.Close())
		}
	}
	s := &Store{db: db, dir: o.Dir, now: o.Now, leases: leases{now: o.Now}}
	s.writes.free = o.free
	return s, nil
}

// settings are those of a small server. The database's own defaults are for large ones: 256 MiB
// of caches, 2 GiB of address space, and writes that a power failure takes back.
//
// Checksums are verified when a block is read. Verifying all of them when a table is opened as well
// would read every file at start, and keep it in memory: 18 MB at 10,000 accounts.
//
// All values stay in the tree, so that there is no value log to collect and a write needs one
// sync instead of two. Measured with 1.5 KiB records against separated values: the write is a
// third faster, at a million accounts reading takes 7 µs instead of 5, and opening 0.6 s instead
// of 0.2 to 0.5. A memtable of 8 MiB instead of 4 halves the number of tables. Conflict
// detection lets concurrent writes share a sync; a lock around them would not.
func settings(o Options) badger.Options {
	b := badger.DefaultOptions(o.Dir).
		WithInMemory(o.InMemory).
		WithSyncWrites(!o.InMemory).
		WithDetectConflicts(true).
		WithNumVersionsToKeep(1).
		WithChecksumVerificationMode(options.OnBlockRead).
		WithVerifyValueChecksum(true).
		WithCompression(options.None).
		WithBlockCacheSize(0).
		WithIndexCacheSize(0).
		WithMetricsEnabled(false).
		WithMemTableSize(memTableSize).
		WithNumMemtables(2).
		WithNumLevelZeroTables(2).
		WithNumLevelZeroTablesStall(6).
		WithNumCompactors(2).
		WithNumGoroutines(2).
		WithValueThreshold(1 << 20).
		WithValueLogFileSize(1 << 20).
		WithLogger(nil)
	if o.Logger != nil {
		b = b.WithLogger(logger{o.Logger})
	}
	return b
}

const memTableSize = 8 << 20

// Close waits for running operations and closes the database. It may be called twice.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("closing vault: %w", err)
	}
	return nil
}

// begin starts an operation; the caller defers s.mu.RUnlock when there is no error.
func (s *Store) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.RLock()
	if s.closed {
		s.mu.RUnlock()
		return vault.ErrClosed
	}
	return nil
}

// Lease implements [vault.Store]. The database belongs to one process, so the leases are kept in
// its memory.
func (s *Store) Lease(ctx context.Context, name string, ttl time.Duration) (release func(), err error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.mu.RUnlock()
	return s.leases.take(name, ttl)
}

var (
	_ vault.Store   = (*Store)(nil)
	_ vault.Counter = (*Store)(nil)
	_ vault.Emptier = (*Store)(nil)
)
