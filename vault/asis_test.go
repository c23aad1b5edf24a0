package vault_test

import (
	"errors"
	"testing"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// Who only looks at a vault makes none, and changes nothing.
func TestOpenAsIs(t *testing.T) {
	store, keys := vaulttest.NewStore(t), vaulttest.NewKeys(t)
	open := func(o vault.Options) (*vault.Vault, error) { return vault.OpenWith(t.Context(), store, keys, o) }
	if v, err := open(vault.Options{AsIs: true}); !errors.Is(err, vault.ErrNotFound) || v != nil {
		t.Errorf("an empty store: got %v, %v", v, err)
	}
	if empty, err := store.(vault.Emptier).Empty(t.Context()); err != nil || !empty {
		t.Errorf("the store has something now: %v", err)
	}
	if _, err := open(vault.Options{ClearIdentifiers: true}); err != nil {
		t.Fatal(err)
	}
	v, err := open(vault.Options{AsIs: true})
	if err != nil || v.Keyring().SealedIdentifiers || v.Keyring().Resealing {
		t.Errorf("got %+v, %v", v.Keyring(), err)
	}
}
