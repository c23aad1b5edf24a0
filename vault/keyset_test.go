package vault_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/seal"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

var keysetKey = vault.Key{Kind: vault.KindMeta, ID: "keyset"}

// V-06: with a wrong key nothing opens, nothing is written, and the message names the key.
func TestV06WrongKey(t *testing.T) {
	store, right := vaulttest.NewStore(t), vaulttest.NewKeys(t)
	vaulttest.OpenAt(t, store, right, nil)
	before, err := store.Get(t.Context(), keysetKey)
	wantNil(t, err)
	for name, keys := range map[string]seal.KeyProvider{
		"another key":  vaulttest.NewKeys(t),
		"no key":       vaulttest.Keys{},
		"same ID only": vaulttest.Keys{{ID: right[0].ID, AEAD: vaulttest.NewKeys(t)[0].AEAD}},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := vault.Open(t.Context(), store, keys)
			if err == nil || v != nil {
				t.Fatal("the vault opens")
			}
			if !strings.Contains(err.Error(), right[0].ID) {
				t.Errorf("error %q does not name key %s", err, right[0].ID)
			}
			after, err := store.Get(t.Context(), keysetKey)
			wantNil(t, err)
			if after.Version != before.Version || !bytes.Equal(after.Sealed, before.Sealed) {
				t.Error("the keyset has been written")
			}
		})
	}
}

// V-07: no key is ever created for a vault that exists.
func TestV07KeyFileIsGone(t *testing.T) {
	store := vaulttest.NewStore(t)
	keys := seal.FileKeys{Path: filepath.Join(t.TempDir(), "key")}
	vaulttest.OpenAt(t, store, keys, nil)
	k, err := keys.Active(t.Context())
	wantNil(t, err)
	wantNil(t, os.Remove(keys.Path))
	_, err = vault.Open(t.Context(), store, keys)
	wantErr(t, err, seal.ErrUnknownKey)
	if !strings.Contains(err.Error(), k.ID) {
		t.Errorf("error %q does not name key %s", err, k.ID)
	}
	if _, err := os.Stat(keys.Path); !os.IsNotExist(err) {
		t.Errorf("a key file is there again: %v", err)
	}
}

// V-07: nor is a keyset, when only that is lost.
func TestV07KeysetIsGone(t *testing.T) {
	store := vaulttest.NewStore(t)
	keys := seal.FileKeys{Path: filepath.Join(t.TempDir(), "key")}
	v := vaulttest.OpenAt(t, store, keys, nil)
	vaulttest.Connection(t, v, "github")
	wantNil(t, store.Apply(t.Context(), vault.Change{Record: vault.Record{Key: keysetKey, Version: 1}, Delete: true}))
	_, err := vault.Open(t.Context(), store, keys)
	wantErr(t, err, vault.ErrDamaged)
	_, err = store.Get(t.Context(), keysetKey)
	wantErr(t, err, vault.ErrNotFound)
	// A store that cannot tell whether it is empty is asked for its records.
	_, err = vault.Open(t.Context(), struct{ vault.Store }{store}, keys)
	wantErr(t, err, vault.ErrDamaged)
}

func TestOpenUsesAnExistingKey(t *testing.T) {
	keys := seal.FileKeys{Path: filepath.Join(t.TempDir(), "key")}
	wantNil(t, keys.CreateKey(t.Context()))
	k, err := keys.Active(t.Context())
	wantNil(t, err)
	store := vaulttest.NewStore(t)
	v := vaulttest.OpenAt(t, store, keys, nil)
	wantNil(t, v.Check(t.Context()))
	r, err := store.Get(t.Context(), keysetKey)
	wantNil(t, err)
	var meta struct{ Key string }
	wantNil(t, json.Unmarshal(r.Meta, &meta))
	if meta.Key != k.ID {
		t.Errorf("got key %s, want %s", meta.Key, k.ID)
	}
}

func TestOpenNeedsAKey(t *testing.T) {
	store := vaulttest.NewStore(t)
	_, err := vault.Open(t.Context(), store, vaulttest.Keys{})
	wantErr(t, err, seal.ErrNoKey)
	_, err = store.Get(t.Context(), keysetKey)
	wantErr(t, err, vault.ErrNotFound)
}

func TestFutureFormatIsRefused(t *testing.T) {
	store, keys := vaulttest.NewStore(t), vaulttest.NewKeys(t)
	vaulttest.OpenAt(t, store, keys, nil)
	r, err := store.Get(t.Context(), keysetKey)
	wantNil(t, err)
	r.Meta = bytes.Replace(r.Meta, []byte(`"format":2`), []byte(`"format":3`), 1)
	wantNil(t, store.Apply(t.Context(), vault.Change{Record: r}))
	if _, err = vault.Open(t.Context(), store, keys); err == nil || !strings.Contains(err.Error(), "format 3") {
		t.Errorf("got error %v, want one about format 3", err)
	}
}

// V-16: a vault under a retired key opens while that key is there, and without it after a rewrap.
func TestV16RetiredKey(t *testing.T) {
	store, old, fresh := vaulttest.NewStore(t), vaulttest.NewKeys(t), vaulttest.NewKeys(t)
	v := vaulttest.OpenAt(t, store, old, nil)
	conn := vaulttest.Connection(t, v, "github")

	_, err := vault.Open(t.Context(), store, fresh)
	wantErr(t, err, seal.ErrUnknownKey)
	v = vaulttest.OpenAt(t, store, vaulttest.Keys{fresh[0], old[0]}, nil)
	for _, want := range []bool{true, false} {
		changed, err := v.Rewrap(t.Context())
		wantNil(t, err)
		if changed != want {
			t.Errorf("got changed %v, want %v", changed, want)
		}
	}
	v = vaulttest.OpenAt(t, store, fresh, nil)
	c, err := v.Connection(t.Context(), conn.ID)
	wantNil(t, err)
	if c.ClientSecret.Reveal() != "github-client-secret" {
		t.Error("the client secret is another one")
	}
	_, err = vault.Open(t.Context(), store, old)
	wantErr(t, err, seal.ErrUnknownKey)
}
