package vaulttest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/claviger-proxy/claviger/vault"
)

// Memory is a store in maps, for tests that run long stretches of virtual time: it has no goroutines and
// no timers of its own, and is some times faster than a database in memory.
type Memory struct {
	mu      sync.RWMutex
	records map[vault.Key]vault.Record
	unique  map[vault.IndexEntry]vault.Key
	indexes map[string]*ordered
	leases  map[string]*time.Time
	closed  bool
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{
		records: map[vault.Key]vault.Record{}, unique: map[vault.IndexEntry]vault.Key{},
		indexes: map[string]*ordered{}, leases: map[string]*time.Time{},
	}
}

// maxRecord is the size of a record that is refused, as by any database.
const maxRecord = 1 << 20

func copied(r vault.Record) vault.Record {
	r.Meta, r.Sealed, r.Indexes = bytes.Clone(r.Meta), bytes.Clone(r.Sealed), slices.Clone(r.Indexes)
	return r
}

// live returns the record unless it has expired. The lock is held.
func (m *Memory) live(k vault.Key) (vault.Record, bool) {
	r, ok := m.records[k]
	if !ok || !r.Expires.IsZero() && !time.Now().Before(r.Expires) {
		return vault.Record{}, false
	}
	return r, true
}

func (m *Memory) begin(ctx context.Context) error {
	if m.closed {
		return vault.ErrClosed
	}
	return ctx.Err()
}

func (m *Memory) Get(ctx context.Context, k vault.Key) (vault.Record, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if err := m.begin(ctx); err != nil {
		return vault.Record{}, err
	}
	r, ok := m.live(k)
	if !ok {
		return vault.Record{}, vault.ErrNotFound
	}
	return copied(r), nil
}

// VersionOf is the version of a record, 0 when there is none.
func (m *Memory) VersionOf(k vault.Key) uint64 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	r, _ := m.live(k)
	return r.Version
}

func (m *Memory) Apply(ctx context.Context, changes ...vault.Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.begin(ctx); err != nil {
		return err
	}
	for i, c := range changes {
		if err := m.refused(c, changes); err != nil {
			return fmt.Errorf("%s %s: %w", c.Kind, c.ID, err)
		}
		if slices.ContainsFunc(changes[:i], func(other vault.Change) bool { return other.Key == c.Key }) {
			return vault.ErrInvalid
		}
	}
	for _, c := range changes {
		m.apply(c)
	}
	return nil
}

// refused says why c, one of changes, cannot be done.
func (m *Memory) refused(c vault.Change, changes []vault.Change) error {
	if strings.IndexByte(c.ID, 0) >= 0 || c.Same && c.Version == 0 {
		return vault.ErrInvalid
	}
	if len(c.Meta)+len(c.Sealed) > maxRecord {
		return vault.ErrTooLarge
	}
	old, _ := m.live(c.Key)
	if old.Version != c.Version {
		return vault.ErrConflict
	}
	for _, e := range c.Indexes {
		if strings.IndexByte(e.Value, 0) >= 0 {
			return vault.ErrInvalid
		}
		if k, ok := m.unique[e]; ok && k != c.Key && e.Unique && !givesUp(k, e, changes) {
			if _, ok := m.live(k); ok {
				return vault.ErrExists
			}
		}
	}
	return nil
}

// givesUp tells whether the record's own change leaves the entry to others.
func givesUp(k vault.Key, e vault.IndexEntry, changes []vault.Change) bool {
	return slices.ContainsFunc(changes, func(c vault.Change) bool {
		return c.Key == k && (c.Delete || !slices.Contains(c.Indexes, e))
	})
}

func (m *Memory) apply(c vault.Change) {
	old := m.records[c.Key]
	r := copied(c.Record)
	if !c.Same {
		r.Version++
	}
	if c.Delete {
		r.Indexes = nil
	}
	for _, e := range old.Indexes {
		if !slices.Contains(r.Indexes, e) {
			m.unindex(e, c.Key)
		}
	}
	for _, e := range r.Indexes {
		if !slices.Contains(old.Indexes, e) || m.unique[e] != c.Key {
			m.index(e, c.Key)
		}
	}
	if c.Delete {
		delete(m.records, c.Key)
	} else {
		m.records[c.Key] = r
	}
}

func (m *Memory) index(e vault.IndexEntry, k vault.Key) {
	o := m.indexes[e.Index]
	if o == nil {
		o = new(ordered)
		m.indexes[e.Index] = o
	}
	if other, ok := m.unique[e]; ok && e.Unique {
		o.remove(vault.Cursor{Value: e.Value, ID: other.ID})
	}
	at := vault.Cursor{Value: e.Value, ID: k.ID}
	o.remove(at)
	o.insert(place{at, k})
	if e.Unique {
		m.unique[e] = k
	}
}

func (m *Memory) unindex(e vault.IndexEntry, k vault.Key) {
	if e.Unique {
		if m.unique[e] != k {
			return // another record has taken it since this one expired
		}
		delete(m.unique, e)
	}
	m.indexes[e.Index].remove(vault.Cursor{Value: e.Value, ID: k.ID})
}

func (m *Memory) Find(ctx context.Context, e vault.IndexEntry) (vault.Record, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if err := m.begin(ctx); err != nil {
		return vault.Record{}, err
	}
	if k, ok := m.unique[e]; ok {
		if r, ok := m.live(k); ok {
			return copied(r), nil
		}
	}
	return vault.Record{}, vault.ErrNotFound
}

func (m *Memory) Scan(ctx context.Context, index, prefix string, after vault.Cursor, limit int) ([]vault.Entry, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if err := m.begin(ctx); err != nil {
		return nil, err
	}
	var found []vault.Entry
	if o := m.indexes[index]; o != nil && limit > 0 {
		o.from(after, prefix, func(p place) bool {
			if r, ok := m.live(p.key); ok {
				found = append(found, vault.Entry{Cursor: p.Cursor, Record: copied(r)})
			}
			return len(found) < limit
		})
	}
	return found, nil
}

func (m *Memory) Walk(ctx context.Context, after vault.Key) iter.Seq2[vault.Record, error] {
	return func(yield func(vault.Record, error) bool) {
		m.mu.RLock()
		err := m.begin(ctx)
		var all []vault.Record
		for k := range m.records {
			if r, ok := m.live(k); ok && compareKeys(k, after) > 0 {
				all = append(all, r)
			}
		}
		m.mu.RUnlock()
		slices.SortFunc(all, func(a, b vault.Record) int { return compareKeys(a.Key, b.Key) })
		for i := 0; err == nil && i < len(all); i++ {
			if !yield(copied(all[i]), nil) {
				return
			}
			err = ctx.Err()
		}
		if err != nil {
			yield(vault.Record{}, err)
		}
	}
}

func compareKeys(a, b vault.Key) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
}

func (m *Memory) Load(ctx context.Context, records iter.Seq2[vault.Record, error]) error {
	for r, err := range records {
		if err != nil {
			return err
		}
		if !r.Expires.IsZero() && !time.Now().Before(r.Expires) {
			continue
		}
		m.mu.Lock()
		err = m.begin(ctx)
		if err == nil {
			fresh := vault.Change{Record: r}
			fresh.Version = 0
			err = m.refused(fresh, nil)
		}
		if err == nil {
			m.apply(vault.Change{Record: r, Same: true})
		}
		m.mu.Unlock()
		if err != nil {
			return err
		}
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.begin(ctx)
}

func (m *Memory) Lease(ctx context.Context, name string, ttl time.Duration) (release func(), err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.begin(ctx); err != nil {
		return nil, err
	}
	now := time.Now()
	if until := m.leases[name]; until != nil && now.Before(*until) {
		return nil, vault.ErrLeased
	}
	mine := now.Add(ttl)
	m.leases[name] = &mine
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.leases[name] == &mine {
			delete(m.leases, name)
		}
	}, nil
}

// DropLeases ends all leases: where they are in the memory of one process, they end with it.
func (m *Memory) DropLeases() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.leases)
}

func (m *Memory) Ping(ctx context.Context) error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.begin(ctx)
}

func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

var _ vault.Store = (*Memory)(nil)
