package vaulttest

import (
	"context"
	"fmt"
	"testing"

	"github.com/claviger-proxy/claviger/vault/seal"
)

// Keys are key-encryption keys in memory, the one in use first.
type Keys []seal.Key

// NewKeys returns one fresh key.
func NewKeys(t testing.TB) Keys {
	t.Helper()
	k, err := seal.ParseKey(seal.NewKeyText())
	if err != nil {
		t.Fatal(err)
	}
	return Keys{k}
}

// Active returns the first key.
func (k Keys) Active(context.Context) (seal.Key, error) {
	if len(k) == 0 {
		return seal.Key{}, seal.ErrNoKey
	}
	return k[0], nil
}

// Find returns the key with that ID.
func (k Keys) Find(_ context.Context, id string) (seal.Key, error) {
	for _, key := range k {
		if key.ID == id {
			return key, nil
		}
	}
	return seal.Key{}, fmt.Errorf("%w: nothing has the ID %s", seal.ErrUnknownKey, id)
}

// CheckKey tells whether there is a key with that ID.
func (k Keys) CheckKey(ctx context.Context, id string) error {
	_, err := k.Find(ctx, id)
	return err
}

var (
	_ seal.KeyProvider = Keys(nil)
	_ seal.KeyChecker  = Keys(nil)
)
