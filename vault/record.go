package vault

import (
	"context"
	"encoding/json"
	"fmt"
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

// change builds the write of a record whose stored version is seen (0: none). secrets may be nil.
func (v *Vault) change(ctx context.Context, k Key, seen uint64, project string, meta, secrets any) (Change, error) {
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
	sealed, err := v.sealer.Seal(ctx, bound(k, seen+1, project, clear), plain)
	if err != nil {
		return Change{}, fmt.Errorf("%s %s: %w", k.Kind, k.ID, err)
	}
	return Change{Record: Record{Key: k, Version: seen, Meta: clear, Sealed: sealed}}, nil
}

// projected is the clear part of a record, which tells its project.
type projected interface{ project() string }

// open reads a record into meta and secrets; secrets may be nil.
func (v *Vault) open(ctx context.Context, r Record, meta projected, secrets any) error {
	if json.Unmarshal(r.Meta, meta) != nil {
		return damaged(r.Key)
	}
	plain, err := v.sealer.Open(ctx, bound(r.Key, r.Version, meta.project(), r.Meta), r.Sealed)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return damaged(r.Key)
	}
	if secrets != nil && json.Unmarshal(plain, secrets) != nil {
		return damaged(r.Key)
	}
	return nil
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
