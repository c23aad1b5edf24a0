package vault

import (
	"context"
	"errors"
	"iter"
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
	// ErrUnknown: the store did not answer in time; the write may still happen.
	ErrUnknown = errors.New("outcome of the write is unknown")
	// ErrClock: the clock is wrong.
	ErrClock = errors.New("the clock is wrong")
	// ErrKeyInUse: records are sealed under the key.
	ErrKeyInUse = errors.New("key is in use")
	// ErrPaused: re-sealing was stopped on purpose.
	ErrPaused = errors.New("re-sealing is paused")
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
	// with ErrExists. Each stored record's version becomes Version+1. It may return before ctx
	// ends without knowing whether the changes will be stored; then the error is [ErrUnknown].
	Apply(ctx context.Context, changes ...Change) error

	// Find returns the record that holds the unique entry, or ErrNotFound.
	Find(ctx context.Context, e IndexEntry) (Record, error)

	// Scan walks one index in the order of its values: the entries whose value starts with prefix
	// and is greater than after, at most limit. Two records may have the same value only in an
	// index that is not unique; there the record's ID is part of the order, so that after is
	// always taken from the last Entry. A record that is there and cannot be read is an Entry
	// with the Key alone and Damaged set.
	Scan(ctx context.Context, index, prefix string, after Cursor, limit int) ([]Entry, error)

	// Walk yields every record whose key comes after, in the order of kind and ID, as they are at
	// one moment: what is changed meanwhile is not seen. A record that cannot be read comes with
	// its Key alone and [ErrDamaged], and the walk goes on; any other error ends it. Close waits
	// for it, so whoever walks must not call another method of the store before it has ended.
	Walk(ctx context.Context, after Key) iter.Seq2[Record, error]

	// Load writes records as they are, with their versions, into a store that has none of them,
	// and returns when they are durable. It is for restoring a backup, and much faster than
	// Apply. An error of the sequence ends it and is returned; what was written so far stays.
	Load(ctx context.Context, records iter.Seq2[Record, error]) error

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

// Measurer is implemented by a [Store] that can tell its size without reading its records. It need not
// remember what it has counted; the vault does.
type Measurer interface {
	Measure(ctx context.Context) (Size, error)
}

// Size is how much a store holds.
type Size struct {
	// Bytes are those of its files. Stale are those of it that are known to be deleted or replaced,
	// and wait for the next merge of files.
	Bytes, Stale int64
	// Records counts by kind. Records that have just expired may be counted.
	Records map[Kind]int
}

// Eraser is implemented by a [Store] whose files keep what was deleted or replaced for a while.
type Eraser interface {
	// Erase removes what is left of records that were deleted, and of their index entries. A record
	// or an entry that is there again stays. It blocks other writes while it runs.
	Erase(ctx context.Context, deleted ...Record) error
	// Compact removes what is left of everything that was deleted or replaced, but for what a
	// Walk that is under way still sees. It may take minutes, and does not block.
	Compact(ctx context.Context) error
}

// Checker is implemented by a [Store] that can tell whether its index entries and its records fit
// together. It calls report for each record that they do not fit for, and reads everything.
type Checker interface {
	CheckIndexes(ctx context.Context, report func(k Key, problem string)) error
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
	KindRefresh    Kind = "refresh"
	KindEvent      Kind = "event"
	KindWebhook    Kind = "webhook"
	KindDelivery   Kind = "delivery"
	KindApp        Kind = "app"
	KindConnector  Kind = "connector"
	KindReply      Kind = "reply"
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
	// Damaged: the record is there and cannot be read.
	Damaged bool
}

// Change is one write. Record.Version is the version that the writer has seen, 0 for a record that
// must not exist yet.
type Change struct {
	Record
	// Delete removes the record and its index entries.
	Delete bool
	// Same leaves the version as it is: the record means what it meant, in another form. Whoever
	// has read that version can still change it.
	Same bool
}
