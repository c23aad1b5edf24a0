// Package vault keeps connections, connected accounts, grants and authorization links, and the events
// of accounts with the webhooks that get them. A [Vault] is the only door to secrets: it seals them
// before a [Store] sees them.
//
// Begin with [Open], which needs a store, such as the one of badgerstore, and a provider of
// key-encryption keys, such as seal.FileKeys. Every change names the version that it was made
// from, and of two changes of one version the second gets [ErrConflict]; what the methods return
// nil for survives a power failure. A record that was altered outside of the vault is [ErrDamaged].
package vault

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/vault/seal"
)

// ErrHasAccounts: the connection still has accounts.
var ErrHasAccounts = errors.New("connection still has accounts")

// Vault is the records of one installation. It is safe for concurrent use.
type Vault struct {
	store Store
	log   *zap.Logger
	clock func() time.Time

	// provider has the key-encryption keys. changing is held while the keyset is changed.
	provider atomic.Pointer[seal.KeyProvider]
	changing sync.Mutex
	// ring is what is sealed with now. writing is held for reading by every write, and for
	// writing while the ring is exchanged, so that no write under an earlier one comes later.
	ring    atomic.Pointer[ring]
	writing sync.RWMutex
	counts  remembered[map[Status]int]
	size    remembered[Size]
	backlog remembered[int]
	notify  func(Event)
	// keepEvents is how long events are kept for who asks; 0 is not at all. hooks is who wants them
	// delivered.
	keepEvents time.Duration
	hooks      hooks
	ids        idSource
}

// Options are the settings of [OpenWith].
type Options struct {
	// Now is the clock; time.Now when nil.
	Now func() time.Time
	// Log is told of everything that happens to keys; nil means nobody is.
	Log *zap.Logger
	// ClearIdentifiers leaves the identifiers of accounts, and what providers say about their
	// owners, readable in the store. A vault that has them the other way is changed by
	// [Vault.Reseal]; see [Vault.SealIdentifiers].
	ClearIdentifiers bool
	// AsIs is for who only looks at a vault: an empty store is [ErrNotFound], and identifiers stay
	// as they are stored, whatever ClearIdentifiers says.
	AsIs bool
	// Observe is told of every operation on the store: how long it took, and its error. A walk takes
	// as long as what is done with the records.
	Observe func(op string, took time.Duration, err error)
	// Notify is told of every event after it has been written. It must not block.
	Notify func(Event)
	// KeepEvents is how long events are kept: a week when zero, not at all when negative. One that a
	// webhook wants is kept for as long as its deliveries.
	KeepEvents time.Duration
}

// Open opens the vault that store holds. An empty store gets a fresh keyset under the provider's
// active key, which a provider that can is asked to create; a store that has records never does.
func Open(ctx context.Context, store Store, keys seal.KeyProvider) (*Vault, error) {
	return OpenWith(ctx, store, keys, Options{})
}

// OpenWith is [Open] with settings. When it fails, the store stays open.
func OpenWith(ctx context.Context, store Store, keys seal.KeyProvider, o Options) (*Vault, error) {
	v := &Vault{store: store, log: o.Log, clock: o.Now, notify: o.Notify, keepEvents: max(o.KeepEvents, 0)}
	if o.KeepEvents == 0 {
		v.keepEvents = keepEvents
	}
	if v.clock == nil {
		v.clock = time.Now
	}
	if v.log == nil {
		v.log = zap.NewNop()
	}
	if o.Observe != nil {
		v.store = observed{store, o.Observe}
	}
	v.UseKeys(keys)
	if err := v.start(ctx, o); err != nil {
		return nil, fmt.Errorf("opening vault: %w", err)
	}
	return v, nil
}

func (v *Vault) start(ctx context.Context, o Options) error {
	r, err := v.loadKeyset(ctx)
	if errors.Is(err, ErrNotFound) && !o.AsIs {
		if err := v.createKeyset(ctx, o.ClearIdentifiers); err != nil {
			return err
		}
		r, err = v.loadKeyset(ctx)
	}
	if err != nil {
		return err
	}
	if err := v.checkClock(r); err != nil {
		return err
	}
	v.ring.Store(r)
	v.log.Info("the vault's keyset is open", zap.String("key_encryption_key", r.meta.Key), zap.String("key", r.sealer.Primary()),
		zap.Int("keys", len(r.meta.Keys)), zap.Bool("sealed_identifiers", !r.meta.ClearIdentifiers))
	if err := v.ReloadWebhooks(ctx); err != nil || o.AsIs {
		return err
	}
	return v.SealIdentifiers(ctx, !o.ClearIdentifiers)
}

// UseKeys replaces the provider of key-encryption keys, as when a configuration is reloaded.
func (v *Vault) UseKeys(keys seal.KeyProvider) { v.provider.Store(&keys) }

func (v *Vault) keys() seal.KeyProvider { return *v.provider.Load() }

// Check tells whether the vault can do its work: the store takes reads and writes, the keyset's
// record is there, the key that it needs at the next start has not been lost, as far as a
// [seal.KeyChecker] can tell, and the clock is right.
func (v *Vault) Check(ctx context.Context) error {
	if err := v.CheckStore(ctx); err != nil {
		return err
	}
	r := v.ring.Load()
	if err := v.checkClock(r); err != nil {
		return err
	}
	stored, err := v.store.Get(ctx, keysetKey)
	if err != nil {
		return missing(keysetKey, err)
	}
	if stored.Version != r.version { // changed by another process
		if r, err = v.reload(ctx); err != nil {
			return err
		}
	}
	if c, ok := v.keys().(seal.KeyChecker); ok {
		if err := c.CheckKey(ctx, r.meta.Key); err != nil {
			return fmt.Errorf("finding the key of the keyset: %w", err)
		}
	}
	return nil
}

// CheckStore tells whether the store takes reads and writes. An open vault needs nothing else to go
// on.
func (v *Vault) CheckStore(ctx context.Context) error { return v.store.Ping(ctx) }

// maxClockError is how far the clock may be behind the vault's creation: a clock that has lost its
// battery is decades behind.
const maxClockError = 24 * time.Hour

func (v *Vault) checkClock(r *ring) error {
	if now := v.now(); now.Before(r.meta.Created.Add(-maxClockError)) {
		return fmt.Errorf("%w: it says %s, but the vault was made on %s; set it, and nothing is lost",
			ErrClock, now.Format(time.DateOnly), r.meta.Created.Format(time.DateOnly))
	}
	return nil
}

// Close closes the store.
func (v *Vault) Close() error { return v.store.Close() }
