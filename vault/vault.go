// Package vault keeps connections, connected accounts, grants and authorization links. A [Vault]
// is the only door to secrets: it seals them before a [Store] sees them.
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
	"time"

	"github.com/claviger-proxy/claviger/vault/seal"
)

// ErrHasAccounts: the connection still has accounts.
var ErrHasAccounts = errors.New("connection still has accounts")

// Vault is the records of one installation. It is safe for concurrent use.
type Vault struct {
	store  Store
	keys   seal.KeyProvider
	sealer *seal.Sealer
	clock  func() time.Time
}

// Options are the settings of [OpenWith].
type Options struct {
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// Open opens the vault that store holds. An empty store gets a fresh keyset under the provider's
// active key, which a provider that can is asked to create; a store that has records never does.
func Open(ctx context.Context, store Store, keys seal.KeyProvider) (*Vault, error) {
	return OpenWith(ctx, store, keys, Options{})
}

// OpenWith is [Open] with settings. When it fails, the store stays open.
func OpenWith(ctx context.Context, store Store, keys seal.KeyProvider, o Options) (*Vault, error) {
	v := &Vault{store: store, keys: keys, clock: o.Now}
	if v.clock == nil {
		v.clock = time.Now
	}
	s, _, _, err := loadKeyset(ctx, store, keys)
	if errors.Is(err, ErrNotFound) {
		if err := createKeyset(ctx, store, keys, v.now()); err != nil {
			return nil, fmt.Errorf("opening vault: %w", err)
		}
		s, _, _, err = loadKeyset(ctx, store, keys)
	}
	if err != nil {
		return nil, fmt.Errorf("opening vault: %w", err)
	}
	v.sealer = s
	return v, nil
}

// Rewrap encrypts the keyset with the provider's active key, after which no retired key is
// needed. It tells whether there was anything to do.
func (v *Vault) Rewrap(ctx context.Context) (bool, error) {
	s, m, version, err := loadKeyset(ctx, v.store, v.keys)
	if err != nil {
		return false, fmt.Errorf("changing the vault's key: %w", err)
	}
	k, err := v.keys.Active(ctx)
	if err != nil {
		return false, fmt.Errorf("changing the vault's key: %w", err)
	}
	if k.ID == m.Key {
		return false, nil
	}
	if err := writeKeyset(ctx, v.store, s, k, m, version); err != nil {
		return false, fmt.Errorf("changing the vault's key: %w", err)
	}
	return true, nil
}

// Check tells whether the store takes reads and writes and the keyset can still be opened.
func (v *Vault) Check(ctx context.Context) error {
	if err := v.store.Ping(ctx); err != nil {
		return err
	}
	_, _, _, err := loadKeyset(ctx, v.store, v.keys)
	return err
}

// Close closes the store.
func (v *Vault) Close() error { return v.store.Close() }
