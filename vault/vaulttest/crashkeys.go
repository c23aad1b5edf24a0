package vaulttest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/seal"
)

// keyFiles are the two key-encryption keys of a line, the one or the other in use.
func keyFiles(root string) [2]seal.FileKeys {
	a, b := filepath.Join(root, "key-a"), filepath.Join(root, "key-b")
	return [2]seal.FileKeys{{Path: a, Retired: []string{b}}, {Path: b, Retired: []string{a}}}
}

// keys opens the vault with both key-encryption keys, and with each of them alone.
func (k *checker) keys(ctx context.Context) error {
	both := keyFiles(k.root)[0]
	known := len(k.model.keys) > 0
	o := vault.Options{ClearIdentifiers: known && k.model.keys[0].Clear}
	for _, may := range k.model.keys {
		known = known && may.Clear == o.ClearIdentifiers
	}
	writes := 0
	o.Observe = func(op string, _ time.Duration, _ error) {
		if op == "put" {
			writes++
		}
	}
	v, err := vault.OpenWith(ctx, k.s, both, o)
	if err != nil {
		return fmt.Errorf("with both keys: %w", err)
	}
	if known && writes > 0 {
		return errors.New("identifiers are not stored in the form that was acknowledged")
	}
	ring := v.Keyring()
	state := keyStateOf(ring)
	for i := range k.model.keys {
		k.model.keys[i].Clear = state.Clear // it was set by opening
	}
	if err := k.model.sawKeys(state); err != nil {
		return err
	}
	k.v = v
	for _, path := range append([]string{both.Path}, both.Retired...) {
		one := seal.FileKeys{Path: path}
		has, err := one.Active(ctx)
		if err != nil && !errors.Is(err, seal.ErrNoKey) {
			return err
		}
		_, err = vault.OpenWith(ctx, k.s, one, o)
		switch {
		case has.ID == ring.KeyEncryptionKey && err != nil:
			return fmt.Errorf("with its key alone: %w", err)
		case has.ID != ring.KeyEncryptionKey && (!errors.Is(err, seal.ErrUnknownKey) || !strings.Contains(err.Error(), ring.KeyEncryptionKey)):
			return fmt.Errorf("with the other key alone: got error %w, want that key %s is missing", err, ring.KeyEncryptionKey)
		}
	}
	return nil
}

// finish re-seals what is left to do, retires all keys but the primary one, and looks for
// everything again.
func (k *checker) finish(ctx context.Context) error {
	begin, err := k.v.ResealState(ctx)
	if err != nil {
		return err
	}
	w := &walked{Store: k.s}
	v, err := vault.OpenWith(ctx, w, keyFiles(k.root)[0], vault.Options{ClearIdentifiers: k.model.keys[0].Clear})
	if err != nil {
		return err
	}
	if err := v.Reseal(ctx); err != nil {
		return err
	}
	if begin.Needed && begin.Seen > 0 && w.begin == (vault.Key{}) {
		return fmt.Errorf("re-sealing began again after %d records", begin.Seen)
	}
	ring := v.Keyring()
	if ring.Resealing {
		return errors.New("re-sealing has ended and is needed")
	}
	if err := k.sealedBy(ctx, ring.Keys[0].ID); err != nil {
		return err
	}
	for _, f := range ring.Keys[1:] {
		// Each leaves something to remove from the files.
		if err := errors.Join(v.RetireKey(ctx, f.ID), v.Reseal(ctx)); err != nil {
			return err
		}
	}
	k.model.keys = []keyState{keyStateOf(v.Keyring())}
	if err := k.keys(ctx); err != nil {
		return err
	}
	return k.everything(ctx)
}

// sealedBy looks for records that are sealed under another key.
func (k *checker) sealedBy(ctx context.Context, id string) error {
	for r, err := range k.s.Walk(ctx, vault.Key{}) {
		if err != nil {
			return err
		}
		if by := seal.KeyOf(r.Sealed); r.Key != keysetKey && by != id {
			return fmt.Errorf("%s %s is sealed under %q after re-sealing, want %q", r.Kind, r.ID, by, id)
		}
	}
	return nil
}

var keysetKey = vault.Key{Kind: vault.KindMeta, ID: "keyset"}

// walked is a store that remembers where the first walk began.
type walked struct {
	vault.Store
	begin  vault.Key
	walked bool
}

func (w *walked) Walk(ctx context.Context, after vault.Key) iter.Seq2[vault.Record, error] {
	if !w.walked {
		w.begin, w.walked = after, true
	}
	return w.Store.Walk(ctx, after)
}
