package vault

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/claviger-proxy/claviger/vault/seal"
)

// A record of the vault:
//
//	Meta    the clear part as JSON
//	Sealed  the secrets as JSON, or nothing for a record that has none; always sealed, and bound
//	        to project, kind, ID, version and the bytes of Meta, so that neither part can be
//	        altered, or moved to another record or version
const sealedField = "secrets"

// maxAttempts bounds how often a change is tried again because somebody else was faster. One
// of the rivals succeeds each time.
const maxAttempts = 1000

// change builds the write of a record whose stored version is seen (0: none) and will be next.
// secrets may be nil.
func (r *ring) change(ctx context.Context, k Key, seen, next uint64, project string, meta, secrets any) (Change, error) {
	clear, err := json.Marshal(meta)
	if err != nil {
		return Change{}, fmt.Errorf("encoding %s %s: %w", k.Kind, k.ID, err)
	}
	var plain []byte
	if secrets != nil {
		if plain, err = json.Marshal(secrets); err != nil {
			return Change{}, fmt.Errorf("encoding %s %s: %w", k.Kind, k.ID, err)
		}
	}
	sealed, err := r.sealer.Seal(ctx, bound(k, next, project, clear), plain)
	if err != nil {
		return Change{}, fmt.Errorf("%s %s: %w", k.Kind, k.ID, err)
	}
	return Change{Record: Record{Key: k, Version: seen, Meta: clear, Sealed: sealed}, Same: seen == next}, nil
}

// write builds changes and stores them, all with one ring: while it runs the ring is not exchanged,
// so that nothing is sealed with an earlier one afterwards. build must not read from the vault.
func (v *Vault) write(ctx context.Context, build func(*ring) ([]Change, error)) error {
	v.writing.RLock()
	defer v.writing.RUnlock()
	changes, err := build(v.ring.Load())
	if err != nil {
		return err
	}
	return v.store.Apply(ctx, changes...)
}

// one is what a build of a single change returns.
func one(c Change, err error) ([]Change, error) { return []Change{c}, err }

// projected is the clear part of a record, which tells its project.
type projected interface{ project() string }

// open reads a record into meta and secrets. One without secrets leaves them as they are.
func (v *Vault) open(ctx context.Context, r Record, meta projected, secrets any) error {
	plain, err := v.unseal(ctx, r, meta)
	if err != nil {
		return err
	}
	if len(plain) > 0 && json.Unmarshal(plain, secrets) != nil {
		return damaged(r.Key)
	}
	return nil
}

// unseal reads the clear part into meta and returns the sealed one.
func (v *Vault) unseal(ctx context.Context, r Record, meta projected) ([]byte, error) {
	if json.Unmarshal(r.Meta, meta) != nil {
		return nil, damaged(r.Key)
	}
	b := bound(r.Key, r.Version, meta.project(), r.Meta)
	now := v.ring.Load()
	plain, err := now.sealer.Open(ctx, b, r.Sealed)
	if err != nil && ctx.Err() == nil && !now.knows(r.Sealed) {
		changed, e := v.changedKeyset(ctx, now)
		if e != nil {
			return nil, e
		}
		if changed {
			plain, err = v.ring.Load().sealer.Open(ctx, b, r.Sealed)
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, damaged(r.Key)
	}
	return plain, nil
}

// knows tells whether the keyset has the key that sealed names.
func (r *ring) knows(sealed []byte) bool { return slices.Contains(r.sealer.Keys(), seal.KeyOf(sealed)) }

// changedKeyset tells whether the keyset has changed. When another process has done it, it is read
// again.
func (v *Vault) changedKeyset(ctx context.Context, seen *ring) (bool, error) {
	version, err := v.version(ctx, keysetKey)
	if err != nil {
		return false, err
	}
	if version == seen.version || version == 0 {
		return v.ring.Load() != seen, nil
	}
	_, err = v.reload(ctx)
	return err == nil, err
}

func bound(k Key, version uint64, project string, clear []byte) seal.Bound {
	return seal.Bound{
		Project: project, Kind: string(k.Kind), ID: k.ID, Field: sealedField,
		Version: version, Clear: clear,
	}
}

func damaged(k Key) error { return fmt.Errorf("%s %s: %w", k.Kind, k.ID, ErrDamaged) }

// missing names the record in an error of the store.
func missing(k Key, err error) error { return fmt.Errorf("%s %s: %w", k.Kind, k.ID, err) }

func (v *Vault) now() time.Time { return utc(v.clock()) }

// utc is t as it comes back from a record.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Round(0)
}
