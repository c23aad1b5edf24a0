package vault

import (
	"context"
	"errors"
	"time"
)

// Errors of a [Store], and of the vault above it.
var (
	// ErrNotFound: there is no such record.
	ErrNotFound = errors.New("not found")
	// ErrConflict: the record was changed since it was read, or exists already.
	ErrConflict = errors.New("changed in the meantime")
	// ErrExists: a unique index entry belongs to another record.
	ErrExists = errors.New("exists already")
	// ErrClosed: the store has been closed.
	ErrClosed = errors.New("vault is closed")
	// ErrLeased: another holder has the lease.
	ErrLeased = errors.New("leased by another holder")
	// ErrInUse: another process has the store open.
	ErrInUse = errors.New("vault is in use by another process")
	// ErrTooLarge: the store does not take records of that size.
	ErrTooLarge = errors.New("record is too large")
	// ErrFull: there is no room for a write.
	ErrFull = errors.New("vault has no room")
	// ErrInvalid: a name, an identifier or another field has a form that is not allowed.
	ErrInvalid = errors.New("invalid")
	// ErrBadCursor: an After that no page of this list has given.
	ErrBadCursor = errors.New("bad page cursor")
	// ErrDamaged: a record was altered or moved outside of the vault.
	ErrDamaged = errors.New("record is damaged")
)

// A Store keeps records for one process or a fleet. It never sees a secret in clear, so it needs
// no trust beyond "does not lose or reorder writes". All methods are safe for concurrent use and
// return [ErrClosed] after Close.
type Store interface {
	// Get returns the record, or ErrNotFound. An expired record is not found.
	Get(ctx context.Context, k Key) (Record, error)

	// Apply performs all changes or none, durably: when it returns nil, the changes survive a
	// power failure. A change whose Version is not the stored one (0: must not exist yet) fails
	// the whole call with ErrConflict; a unique index entry that another record holds fails it
	// with ErrExists. Each stored record's version becomes Version+1.
	Apply(ctx context.Context, changes ...Change) error

	// Find returns the record that holds the unique entry, or ErrNotFound.
	Find(ctx context.Context, e IndexEntry) (Record, error)

	// Scan walks one index in the order of its values: the entries whose value starts with prefix
	// and is greater than after, at most limit. Two records may have the same value only in an
	// index that is not unique; there the record's ID is part of the order, so that after is
	// always taken from the last Entry.
	Scan(ctx context.Context, index, prefix string, after Cursor, limit int) ([]Entry, error)

	// Lease gives name to one holder at a time until release or ttl. It does not wait: a taken
	// lease is ErrLeased. A holder may be overtaken after ttl; writes are still guarded by
	// Version.
	Lease(ctx context.Context, name string, ttl time.Duration) (release func(), err error)

	// Ping tells whether the store takes reads and writes now.
	Ping(ctx context.Context) error

	// Close waits for running operations. It may be called twice.
	Close() error
}

// Counter is implemented by a [Store] that can count the entries of an index without reading
// their records. An entry whose record has just expired may be counted.
type Counter interface {
	Count(ctx context.Context, index, prefix string) (int, error)
}

// Emptier is implemented by a [Store] that can tell whether it has no record of any kind.
type Emptier interface {
	Empty(ctx context.Context) (bool, error)
}

// Kind is the type of a record. It is part of the key and of what the seal is bound to.
type Kind string

// The kinds of record in a vault.
const (
	KindMeta       Kind = "meta"
	KindConnection Kind = "connection"
	KindAccount    Kind = "account"
	KindGrant      Kind = "grant"
	KindLink       Kind = "link"
)

// Key names a record. No part of it, and no part of an [IndexEntry], holds a zero byte.
type Key struct {
	Kind Kind
	ID   string
}

// Record is what a store keeps.
type Record struct {
	Key
	// Version counts the writes of this record, from 1.
	Version uint64
	// Meta is in clear, for lists: it holds no secrets. The seal authenticates it, so a store
	// must return it byte for byte.
	Meta []byte
	// Sealed holds the secrets, or is nil.
	Sealed []byte
	// Expires is when the record disappears by itself; zero means never.
	Expires time.Time
	// Indexes are all index entries of this record; Apply replaces the earlier ones.
	Indexes []IndexEntry
}

// IndexEntry is one place of a record in an ordered index. All entries of one index are unique, or
// none is.
type IndexEntry struct {
	Index string
	Value string
	// Unique entries belong to one record at a time.
	Unique bool
}

// Cursor is a place in an index: after the entry of the record ID with this Value.
type Cursor struct {
	Value string
	ID    string
}

// Entry is one result of a Scan.
type Entry struct {
	Cursor
	Record Record
}

// Change is one write. Record.Version is the version that the writer has seen, 0 for a record that
// must not exist yet.
type Change struct {
	Record
	// Delete removes the record and its index entries.
	Delete bool
}
