package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/vault/seal"
)

// The record meta/keyset: Meta is keysetMeta as JSON, Sealed the keyset as the key-encryption key
// encrypted it, bound to the bytes of Meta.
var keysetKey = Key{Kind: KindMeta, ID: "keyset"}

// vaultFormat is the version of the layout of all records.
const vaultFormat = 2

// maxKeyID is more than the ID of a key-encryption key has: it comes into messages.
const maxKeyID = 200

type keysetMeta struct {
	Format int `json:"format"`
	// Key is the ID of the key-encryption key.
	Key     string    `json:"key"`
	Created time.Time `json:"created"`
	// ClearIdentifiers: identifiers are stored readable.
	ClearIdentifiers bool `json:"clear_identifiers,omitempty"`
	// Resealing: there may be records under an earlier key, or with identifiers in the other form,
	// or something of them in the store's files.
	Resealing bool `json:"resealing,omitempty"`
	// Turn counts how often there has come something to seal anew, or to remove from the files.
	Turn uint64    `json:"turn,omitempty"`
	Keys []keyMeta `json:"keys"`
}

// keyMeta is what is known of a key of the keyset.
type keyMeta struct {
	ID       string    `json:"id"`
	Created  time.Time `json:"created"`
	Promoted time.Time `json:"promoted,omitzero"`
}

// ring is an opened keyset, and what its record says beside it. It never changes.
type ring struct {
	sealer  *seal.Sealer
	meta    keysetMeta
	version uint64 // the record's
}

// turn gives re-sealing work: what it has done until now does not count.
func (r *ring) turn() {
	r.meta.Resealing = true
	r.meta.Turn++
}

// differs tells whether what is sealed with r is stale for another ring.
func (r *ring) differs(other *ring) bool {
	return r.sealer.Primary() != other.sealer.Primary() || r.meta.ClearIdentifiers != other.meta.ClearIdentifiers
}

// loadKeyset reads and decrypts the keyset.
func (v *Vault) loadKeyset(ctx context.Context) (*ring, error) {
	r, err := v.store.Get(ctx, keysetKey)
	if err != nil {
		return nil, err
	}
	return openKeyset(ctx, r, v.keys())
}

// latestKeyset is loadKeyset, but for a keyset that is open already: that needs no key any more, so
// that it can be encrypted by a key of another provider.
func (v *Vault) latestKeyset(ctx context.Context) (*ring, error) {
	r, err := v.store.Get(ctx, keysetKey)
	if err != nil {
		return nil, err
	}
	if now := v.ring.Load(); now != nil && now.version == r.Version {
		latest := *now
		return &latest, nil
	}
	return openKeyset(ctx, r, v.keys())
}

func openKeyset(ctx context.Context, r Record, keys seal.KeyProvider) (*ring, error) {
	var m keysetMeta
	if json.Unmarshal(r.Meta, &m) != nil || len(m.Key) > maxKeyID {
		return nil, damaged(keysetKey)
	}
	if m.Format != vaultFormat {
		return nil, fmt.Errorf("vault has format %d, this program knows %d", m.Format, vaultFormat)
	}
	k, err := keys.Find(ctx, m.Key)
	if err != nil {
		return nil, fmt.Errorf("finding the key of the keyset, %.80s: %w", m.Key, err)
	}
	s, err := seal.DecryptKeyset(ctx, k, r.Meta, r.Sealed)
	if errors.Is(err, seal.ErrSealed) {
		return nil, fmt.Errorf("%w: %w", err, damaged(keysetKey))
	}
	if err != nil {
		return nil, err
	}
	return &ring{sealer: s, meta: m, version: r.Version}, nil
}

// createKeyset gives an empty store its keyset, under a key that exists or, if the provider can,
// is made now.
func (v *Vault) createKeyset(ctx context.Context, clearIdentifiers bool) error {
	empty, err := isEmpty(ctx, v.store)
	if err != nil {
		return err
	}
	if !empty {
		return fmt.Errorf("vault has records and no keyset: %w", damaged(keysetKey))
	}
	k, err := v.firstKey(ctx)
	if err != nil {
		return err
	}
	s, err := seal.NewKeyset()
	if err != nil {
		return err
	}
	now := v.now()
	r := &ring{sealer: s, meta: keysetMeta{
		Format: vaultFormat, Created: now, ClearIdentifiers: clearIdentifiers,
		Keys: []keyMeta{{ID: s.Primary(), Created: now, Promoted: now}},
	}}
	c, err := r.encrypted(ctx, k)
	if err != nil {
		return err
	}
	err = v.store.Apply(ctx, c)
	if errors.Is(err, ErrConflict) {
		return nil // another process of the fleet was faster; its keyset counts
	}
	if err == nil {
		v.log.Info("made a keyset for a new vault", zap.String("key_encryption_key", k.ID), zap.String("key", s.Primary()))
	}
	return err
}

func (v *Vault) firstKey(ctx context.Context) (seal.Key, error) {
	keys := v.keys()
	k, err := keys.Active(ctx)
	creator, ok := keys.(seal.KeyCreator)
	if !ok || !errors.Is(err, seal.ErrNoKey) {
		return k, err
	}
	if err := creator.CreateKey(ctx); err != nil {
		return seal.Key{}, err
	}
	k, err = keys.Active(ctx)
	if err == nil {
		v.log.Info("made a key-encryption key; without it the vault cannot be opened, so keep a copy elsewhere", zap.String("key_encryption_key", k.ID))
	}
	return k, err
}

// encrypted is the write of the keyset's record, encrypted by k. It sets the meta's Key.
func (r *ring) encrypted(ctx context.Context, k seal.Key) (Change, error) {
	r.meta.Key = k.ID
	clear, err := json.Marshal(r.meta)
	if err != nil {
		return Change{}, err
	}
	sealed, err := r.sealer.EncryptKeyset(ctx, k, clear)
	if err != nil {
		return Change{}, err
	}
	return Change{Record: Record{Key: keysetKey, Version: r.version, Meta: clear, Sealed: sealed}}, nil
}

// isEmpty tells whether the store has no records.
func isEmpty(ctx context.Context, store Store) (bool, error) {
	if e, ok := optional[Emptier](store); ok {
		return e.Empty(ctx)
	}
	for _, err := range store.Walk(ctx, Key{}) {
		return false, err
	}
	return true, nil
}
