package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/claviger-proxy/claviger/vault/seal"
)

// The record meta/keyset: Meta is keysetMeta as JSON, Sealed the keyset as the key-encryption key
// encrypted it.
var keysetKey = Key{Kind: KindMeta, ID: "keyset"}

// vaultFormat is the version of the layout of all records.
const vaultFormat = 1

type keysetMeta struct {
	Format int `json:"format"`
	// Key is the ID of the key-encryption key.
	Key     string    `json:"key"`
	Created time.Time `json:"created"`
}

// loadKeyset reads and decrypts the keyset. The version is the record's.
func loadKeyset(ctx context.Context, store Store, keys seal.KeyProvider) (*seal.Sealer, keysetMeta, uint64, error) {
	fail := func(err error) (*seal.Sealer, keysetMeta, uint64, error) {
		return nil, keysetMeta{}, 0, err
	}
	r, err := store.Get(ctx, keysetKey)
	if err != nil {
		return fail(err)
	}
	var m keysetMeta
	if json.Unmarshal(r.Meta, &m) != nil {
		return fail(damaged(keysetKey))
	}
	if m.Format != vaultFormat {
		return fail(fmt.Errorf("vault has format %d, this program knows %d", m.Format, vaultFormat))
	}
	k, err := keys.Find(ctx, m.Key)
	if err != nil {
		return fail(fmt.Errorf("finding the key of the keyset: %w", err))
	}
	s, err := seal.DecryptKeyset(ctx, k, r.Sealed)
	if errors.Is(err, seal.ErrSealed) {
		return fail(fmt.Errorf("%w: %w", err, damaged(keysetKey)))
	}
	if err != nil {
		return fail(err)
	}
	return s, m, r.Version, nil
}

// createKeyset gives an empty store its keyset, under a key that exists or, if the provider can,
// is made now.
func createKeyset(ctx context.Context, store Store, keys seal.KeyProvider, now time.Time) error {
	empty, err := isEmpty(ctx, store)
	if err != nil {
		return err
	}
	if !empty {
		return fmt.Errorf("vault has records and no keyset: %w", damaged(keysetKey))
	}
	k, err := firstKey(ctx, keys)
	if err != nil {
		return err
	}
	s, err := seal.NewKeyset()
	if err != nil {
		return err
	}
	err = writeKeyset(ctx, store, s, k, keysetMeta{Format: vaultFormat, Created: now}, 0)
	if errors.Is(err, ErrConflict) {
		return nil // another process of the fleet was faster; its keyset counts
	}
	return err
}

func firstKey(ctx context.Context, keys seal.KeyProvider) (seal.Key, error) {
	k, err := keys.Active(ctx)
	creator, ok := keys.(seal.KeyCreator)
	if !ok || !errors.Is(err, seal.ErrNoKey) {
		return k, err
	}
	if err := creator.CreateKey(ctx); err != nil {
		return seal.Key{}, err
	}
	return keys.Active(ctx)
}

func writeKeyset(ctx context.Context, store Store, s *seal.Sealer, k seal.Key, m keysetMeta, seen uint64) error {
	encrypted, err := s.EncryptKeyset(ctx, k)
	if err != nil {
		return err
	}
	m.Key = k.ID
	clear, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return store.Apply(ctx, Change{Record: Record{Key: keysetKey, Version: seen, Meta: clear, Sealed: encrypted}})
}

// isEmpty tells whether the store has no records.
func isEmpty(ctx context.Context, store Store) (bool, error) {
	if e, ok := store.(Emptier); ok {
		return e.Empty(ctx)
	}
	for _, index := range []string{indexConnectionName, indexAccount, indexLinkToken} {
		found, err := store.Scan(ctx, index, "", Cursor{}, 1)
		if err != nil || len(found) > 0 {
			return false, err
		}
	}
	return true, nil
}
