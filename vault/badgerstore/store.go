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
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
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

	// erase is held for reading by every write, and for writing while keys are dropped from files.
	erase sync.RWMutex

	// mu is held for reading while an operation runs, and for writing to close. closing ends those
	// that go through all records. late are parts of operations that have been given up.
	mu      sync.RWMutex
	closing atomic.Bool
	closed  bool
	late    sync.WaitGroup
	// committing counts the writes under way.
	committing atomic.Int32
}

// Open opens or creates the database. It returns [vault.ErrInUse] when another process has it open,
// and [vault.ErrDamaged] when a file is not as the database has left it.
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
	s := &Store{dir: o.Dir, now: o.Now, leases: leases{now: o.Now}}
	s.writes.free = o.free
	if !o.InMemory {
		if err := s.prepare(); err != nil {
			return nil, openError(o.Dir, err)
		}
	}
	db, err := openDatabase(settings(o))
	if err != nil {
		return nil, openError(o.Dir, err)
	}
	s.db = db
	if !o.InMemory {
		lock, err := os.Stat(filepath.Join(o.Dir, lockFile))
		if err = errors.Join(err, s.writes.tidy(o.Dir)); err != nil {
			return nil, openError(o.Dir, errors.Join(err, db.Close()))
		}
		s.writes.lock = lock
	}
	return s, nil
}

// prepare makes the directory, and finds out whether the database can be opened there.
func (s *Store) prepare() error {
	if err := prepareDir(s.dir); err != nil {
		return err
	}
	if err := s.writes.tidy(s.dir); err != nil {
		return err
	}
	if err := roomIn(s.dir, s.writes.free, s.writes.need()); err != nil {
		return err
	}
	return checkFiles(s.dir)
}

// settings are those of a small server. The database's own defaults are for large ones: 256 MiB
// of caches, 2 GiB of address space, and writes that a power failure takes back.
//
// Checksums are verified when a block is read. All of them were before, by checkFiles: the database
// would keep what it verifies at start in memory, 18 MB at 10,000 accounts, and leave tables out.
//
// All values stay in the tree, so that there is no value log to collect and a write needs one
// sync instead of two. Measured with 1.5 KiB records against separated values: the write is a
// third faster, at a million accounts reading takes 7 µs instead of 5, and opening 0.6 s instead
// of 0.2 to 0.5. A memtable of 8 MiB instead of 4 halves the number of tables. Blocks of 16 KiB
// instead of 4 make the tables' own indexes, which opening brings into memory, a quarter as large,
// and reading no slower. Tables have one size on all levels: merging takes up to fifty buffers of
// that size, which with the database's own choice grow with the vault. Conflict detection lets
// concurrent writes share a sync; a lock around them would not.
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
		WithBlockSize(16 << 10).
		WithBaseTableSize(tableSize).
		WithNumMemtables(2).
		WithNumLevelZeroTables(2).
		WithNumLevelZeroTablesStall(6).
		WithNumCompactors(2).
		WithNumGoroutines(2).
		WithValueThreshold(1 << 20).
		WithValueLogFileSize(1 << 20).
		WithLogger(nil)
	b.TableSizeMultiplier = 1
	if o.Logger != nil {
		b = b.WithLogger(logger{o.Logger})
	}
	return b
}

const (
	memTableSize = 8 << 20
	tableSize    = 4 << 20
)

// Close waits for running operations and closes the database; those that go through all records, such
// as a backup, end at the next one with [vault.ErrClosed]. It may be called twice. When the directory
// takes no files, the database stays open until the process ends, and the next start reads what it has
// in memory from its log.
func (s *Store) Close() error {
	s.closing.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.late.Wait()
	if s.dir != "" {
		err := errors.Join(usable(s.dir, s.writes.lock), roomIn(s.dir, s.writes.free, minClose))
		if err != nil {
			return fmt.Errorf("closing vault, of which nothing is lost: %w", err)
		}
	}
	err := s.db.Close()
	if err == nil && s.dir != "" {
		_, err = restrictFiles(s.dir)
	}
	if err != nil {
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
	err := s.writes.unreadable()
	if s.closed {
		err = vault.ErrClosed
	}
	if err != nil {
		s.mu.RUnlock()
	}
	return err
}

// onward tells whether an operation that goes through all records may go on.
func (s *Store) onward(ctx context.Context) error {
	if s.closing.Load() {
		return vault.ErrClosed
	}
	return ctx.Err()
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
