package vault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/vault/seal"
)

// Keyring is what is known of a vault's keys; none of it is secret.
type Keyring struct {
	// KeyEncryptionKey is the ID of the key that the keyset is encrypted by.
	KeyEncryptionKey string
	// Keys are those of the keyset, the primary one first, then from the newest to the oldest.
	Keys []KeyFacts
	// Resealing tells that records may still be sealed under other keys than the primary one, or
	// that what earlier keys open may still be in the store's files.
	Resealing bool
	// SealedIdentifiers tells whether identifiers are unreadable in the store.
	SealedIdentifiers bool
}

// KeyFacts are about one key of the keyset.
type KeyFacts struct {
	ID      string
	Primary bool
	Created time.Time
	// Promoted is when it became the primary key; zero if it never was.
	Promoted time.Time
}

// Keyring tells what keys the vault has. It does no I/O.
func (v *Vault) Keyring() Keyring {
	r := v.ring.Load()
	k := Keyring{KeyEncryptionKey: r.meta.Key, Resealing: r.meta.Resealing, SealedIdentifiers: !r.meta.ClearIdentifiers}
	for _, id := range r.sealer.Keys() {
		f := KeyFacts{ID: id, Primary: id == r.sealer.Primary()}
		if i := r.keyAt(id); i >= 0 {
			f.Created, f.Promoted = r.meta.Keys[i].Created, r.meta.Keys[i].Promoted
		}
		k.Keys = append(k.Keys, f)
	}
	return k
}

func (r *ring) keyAt(id string) int {
	return slices.IndexFunc(r.meta.Keys, func(k keyMeta) bool { return k.ID == id })
}

// AddKey adds a key to the keyset and returns its ID. Nothing is sealed under it until it is
// promoted, so that all processes of a fleet can learn of it before.
func (v *Vault) AddKey(ctx context.Context) (id string, err error) {
	err = v.changeKeyset(ctx, "adding a key", func(r *ring) (err error) {
		r.sealer, id, err = r.sealer.Add()
		r.meta.Keys = append(r.meta.Keys, keyMeta{ID: id, Created: v.now()})
		return err
	})
	if err != nil {
		return "", err
	}
	v.log.Info("added a key to the vault", zap.String("key", id))
	return id, nil
}

// PromoteKey makes a key of the keyset the primary one. What is sealed under the others stays so
// until [Vault.Reseal]. It is [seal.ErrUnknownKey] when the keyset has no such key.
func (v *Vault) PromoteKey(ctx context.Context, id string) error {
	err := v.changeKeyset(ctx, fmt.Sprintf("promoting key %.16s", id), func(r *ring) (err error) {
		if r.sealer.Primary() == id {
			return errUnchanged
		}
		if r.sealer, err = r.sealer.Promote(id); err != nil {
			return err
		}
		r.turn()
		r.meta.Keys[r.keyAt(id)].Promoted = v.now()
		return nil
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	if err != nil {
		return err
	}
	v.log.Info("promoted a key of the vault; records are sealed under it from now on", zap.String("key", id))
	return nil
}

// RetireKey removes a key from the keyset for good. While records are sealed under it, it is
// [ErrKeyInUse], and the message tells how many; so is the primary key.
func (v *Vault) RetireKey(ctx context.Context, id string) error {
	k := v.Keyring()
	i := slices.IndexFunc(k.Keys, func(f KeyFacts) bool { return f.ID == id })
	switch {
	case i < 0:
		return fmt.Errorf("retiring key %.16s: %w: the keyset has no such key", id, seal.ErrUnknownKey)
	case k.Keys[i].Primary:
		return fmt.Errorf("retiring key %s: %w: it is the primary key; promote another one first", id, ErrKeyInUse)
	}
	n, err := v.CountSealedBy(ctx, id)
	if err != nil {
		return fmt.Errorf("retiring key %s: %w", id, err)
	}
	if n > 0 {
		if err := v.resealAgain(ctx); err != nil {
			return err
		}
		return fmt.Errorf("retiring key %s: %w: %d records are sealed under it; re-seal them first, and delete those that are damaged", id, ErrKeyInUse, n)
	}
	err = v.changeKeyset(ctx, "retiring key "+id, func(r *ring) (err error) {
		if r.meta.Resealing {
			return fmt.Errorf("%w: not all records have been sealed anew; wait until that has ended", ErrKeyInUse)
		}
		if r.sealer, err = r.sealer.Remove(id); err != nil {
			return err
		}
		r.meta.Keys = slices.DeleteFunc(r.meta.Keys, func(k keyMeta) bool { return k.ID == id })
		r.turn() // the keysets that had it must leave the store's files
		return nil
	})
	if err != nil {
		return err
	}
	v.log.Info("retired a key of the vault; it is deleted", zap.String("key", id))
	return nil
}

// resealAgain gives [Vault.Reseal] work when it has none, and yet there are records to seal anew: a
// process of the fleet has not noticed in time that the keys were changed.
func (v *Vault) resealAgain(ctx context.Context) error {
	err := v.changeKeyset(ctx, "re-sealing again", func(r *ring) error {
		if r.meta.Resealing {
			return errUnchanged
		}
		r.turn()
		return nil
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	return err
}

// CountSealedBy counts the records that are sealed under that key of the keyset. It reads every
// record.
func (v *Vault) CountSealedBy(ctx context.Context, id string) (int, error) {
	n := 0
	for r, err := range v.store.Walk(ctx, Key{}) {
		if errors.Is(err, ErrDamaged) {
			continue
		}
		if err != nil {
			return 0, err
		}
		if r.Key != keysetKey && seal.KeyOf(r.Sealed) == id {
			n++
		}
	}
	return n, nil
}

// Rewrap encrypts the keyset with the provider's active key-encryption key, after which no retired
// one is needed; the provider itself may be another one than before. It tells whether there was
// anything to do. Records are not touched, but [Vault.Reseal] has work to do: what the earlier key opens is in the store's files until then.
func (v *Vault) Rewrap(ctx context.Context) (changed bool, err error) {
	k, err := v.keys().Active(ctx)
	if err != nil {
		return false, fmt.Errorf("changing the key-encryption key: %w", err)
	}
	// A key that is kept elsewhere may have got a new version there, under the same ID.
	_, local := v.keys().(seal.KeyChecker)
	var before string
	err = v.changeKeysetBy(ctx, "changing the key-encryption key", &k, func(r *ring) error {
		if before = r.meta.Key; before == k.ID && local {
			return errUnchanged
		}
		r.turn() // what the earlier key opens must leave the store's files
		return nil
	})
	if errors.Is(err, errUnchanged) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	v.log.Info("changed the vault's key-encryption key", zap.String("from", before), zap.String("to", k.ID))
	return true, nil
}

// SealIdentifiers says whether identifiers and identities are to be unreadable in the store. When
// they are the other way, the setting is stored, and [Vault.Reseal] has work to do.
func (v *Vault) SealIdentifiers(ctx context.Context, on bool) error {
	if v.ring.Load().meta.ClearIdentifiers == !on {
		return nil
	}
	err := v.changeKeyset(ctx, "changing how identifiers are stored", func(r *ring) error {
		if r.meta.ClearIdentifiers == !on {
			return errUnchanged
		}
		r.meta.ClearIdentifiers = !on
		r.turn()
		return nil
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	if err != nil {
		return err
	}
	v.log.Info("identifiers are stored in another way from now on", zap.Bool("sealed_identifiers", on))
	return nil
}

// errUnchanged ends a change of the keyset that has nothing to do.
var errUnchanged = errors.New("nothing to change")

func (v *Vault) changeKeyset(ctx context.Context, what string, change func(*ring) error) error {
	return v.changeKeysetBy(ctx, what, nil, change)
}

// changeKeysetBy stores a changed keyset, encrypted by k, or if that is nil by the key that it is
// encrypted by now, and works with it from then on.
func (v *Vault) changeKeysetBy(ctx context.Context, what string, k *seal.Key, change func(*ring) error) error {
	v.changing.Lock()
	defer v.changing.Unlock()
	for range maxAttempts {
		err := v.tryChangeKeyset(ctx, k, change)
		if !errors.Is(err, ErrConflict) {
			if err != nil && !errors.Is(err, errUnchanged) {
				err = fmt.Errorf("%s: %w", what, err)
			}
			return err
		}
	}
	return fmt.Errorf("%s: %w", what, ErrConflict)
}

func (v *Vault) tryChangeKeyset(ctx context.Context, k *seal.Key, change func(*ring) error) error {
	r, err := v.latestKeyset(ctx)
	if err != nil {
		return err
	}
	r.meta.Keys = slices.Clone(r.meta.Keys)
	by := r.meta.Key
	// Until now we have sealed with the ring that another process has replaced, after its
	// re-sealing has passed by, maybe.
	late := v.ring.Load().differs(r)
	if late {
		r.turn()
	}
	unchanged := change(r)
	if unchanged != nil && !errors.Is(unchanged, errUnchanged) {
		return unchanged
	}
	if unchanged != nil && !late {
		v.writing.Lock()
		defer v.writing.Unlock()
		v.ring.Store(r)
		return unchanged
	}
	if k == nil {
		same, err := v.keys().Find(ctx, by)
		if err != nil {
			return err
		}
		k = &same
	}
	c, err := r.encrypted(ctx, *k)
	if err != nil {
		return err
	}
	// From here on every write must know the new ring, so none may be under way.
	v.writing.Lock()
	defer v.writing.Unlock()
	if err := v.store.Apply(ctx, c); err != nil {
		return err
	}
	r.version++
	v.ring.Store(r)
	return unchanged
}

// reload reads the keyset again, which another process has changed.
func (v *Vault) reload(ctx context.Context) (*ring, error) {
	seen := v.ring.Load()
	err := v.changeKeyset(ctx, "reading the keyset again", func(*ring) error { return errUnchanged })
	if err != nil && !errors.Is(err, errUnchanged) {
		return nil, missing(keysetKey, err)
	}
	r := v.ring.Load()
	if r.version != seen.version {
		v.log.Info("read the vault's keyset again, which was changed", zap.String("key", r.sealer.Primary()))
	}
	return r, nil
}
