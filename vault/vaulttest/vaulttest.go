// Package vaulttest has what tests of and with a vault need: [New] for a vault in memory,
// [RunStoreTests], [RunConcurrencyTests] and [RunCrashTests] for whoever writes a [vault.Store].
package vaulttest

import (
	"context"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/badgerstore"
	"github.com/claviger-proxy/claviger/vault/seal"
)

// New returns a vault in memory, under a key that nobody else has. It is closed when the test ends.
func New(t testing.TB) *vault.Vault {
	t.Helper()
	return NewAt(t, nil)
}

// NewAt is [New] with a clock, which the store below uses too.
func NewAt(t testing.TB, now func() time.Time) *vault.Vault {
	t.Helper()
	store, err := badgerstore.Open(badgerstore.Options{InMemory: true, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return OpenAt(t, store, NewKeys(t), now)
}

// NewStore returns an empty store in memory, which is closed when the test ends.
func NewStore(t testing.TB) vault.Store {
	t.Helper()
	store, err := badgerstore.Open(badgerstore.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// OpenAt opens the vault in store. A nil clock is the real one.
func OpenAt(t testing.TB, store vault.Store, keys seal.KeyProvider, now func() time.Time) *vault.Vault {
	t.Helper()
	v, err := vault.OpenWith(context.Background(), store, keys, vault.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return v
}
