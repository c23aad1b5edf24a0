package vault_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// tampered is a store whose records somebody has changed outside of the vault.
type tampered struct {
	vault.Store
	change func(vault.Record) vault.Record
}

func (s *tampered) Get(ctx context.Context, k vault.Key) (vault.Record, error) {
	r, err := s.Store.Get(ctx, k)
	if err == nil && s.change != nil {
		r = s.change(r)
	}
	return r, err
}

func (s *tampered) Find(ctx context.Context, e vault.IndexEntry) (vault.Record, error) {
	r, err := s.Store.Find(ctx, e)
	if err == nil && s.change != nil {
		r = s.change(r)
	}
	return r, err
}

// setting is a vault with two connected accounts, and the store below.
type setting struct {
	*vault.Vault
	store *tampered
	conn  vault.Connection
	a, b  vault.ConnectedAccount
}

func newSetting(t *testing.T) *setting {
	t.Helper()
	s := &setting{store: &tampered{Store: vaulttest.NewStore(t)}}
	s.Vault = vaulttest.OpenAt(t, s.store, vaulttest.NewKeys(t), nil)
	s.conn = vaulttest.Connection(t, s.Vault, "github")
	s.a = vaulttest.Account(t, s.Vault, s.conn, "ada", vaulttest.Grant("ada", epoch))
	s.b = vaulttest.Account(t, s.Vault, s.conn, "bob", vaulttest.Grant("bob", epoch))
	return s
}

func (s *setting) record(t *testing.T, kind vault.Kind, id string) vault.Record {
	t.Helper()
	r, err := s.store.Store.Get(t.Context(), vault.Key{Kind: kind, ID: id})
	wantNil(t, err)
	return r
}

func wantDamaged(t *testing.T, err error, kind vault.Kind, id string) {
	t.Helper()
	wantErr(t, err, vault.ErrDamaged)
	if !strings.Contains(err.Error(), string(kind)) || !strings.Contains(err.Error(), id) {
		t.Errorf("error %q does not name %s %s", err, kind, id)
	}
	for _, secret := range []string{"access-", "refresh-", "client-secret"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("error %q has a secret", err)
		}
	}
}

// V-02: a sealed value in another place does not open, and gives nothing beside the error.
func TestV02SwappedValues(t *testing.T) {
	s := newSetting(t)
	idA, idB := string(s.a.ID), string(s.b.ID)
	grantB := s.record(t, vault.KindGrant, idB)
	accountA := s.record(t, vault.KindAccount, idA)
	tests := []struct {
		name   string
		change func(vault.Record) vault.Record
	}{
		{"sealed part of another account", func(r vault.Record) vault.Record { r.Sealed = grantB.Sealed; return r }},
		{"whole record of another account", func(r vault.Record) vault.Record {
			r.Sealed, r.Meta = grantB.Sealed, grantB.Meta
			return r
		}},
		{"clear part of another account", func(r vault.Record) vault.Record {
			r.Meta = bytes.Replace(r.Meta, []byte(`"generation":1`), []byte(`"generation":9`), 1)
			return r
		}},
		{"sealed part of another kind", func(r vault.Record) vault.Record {
			r.Sealed, r.Meta = accountA.Sealed, accountA.Meta
			return r
		}},
		{"another project", func(r vault.Record) vault.Record {
			r.Meta = bytes.Replace(r.Meta, []byte(`"default"`), []byte(`"foreign"`), 1)
			return r
		}},
		{"another version", func(r vault.Record) vault.Record { r.Version++; return r }},
		{"nothing sealed", func(r vault.Record) vault.Record { r.Sealed = nil; return r }},
		{"meta that is not JSON", func(r vault.Record) vault.Record { r.Meta = []byte("{"); return r }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s.store.change = func(r vault.Record) vault.Record {
				if r.Kind == vault.KindGrant && r.ID == idA {
					return tt.change(r)
				}
				return r
			}
			defer func() { s.store.change = nil }()
			g, err := s.Grant(t.Context(), s.a.ID)
			wantDamaged(t, err, vault.KindGrant, idA)
			if !g.Access.IsZero() || g.AccountID != "" {
				t.Errorf("got grant %+v beside an error", g)
			}
			_, err = s.Grant(t.Context(), s.b.ID)
			wantNil(t, err)
		})
	}
}

// A record without secrets cannot be altered either: who an account belongs to, or its status.
func TestV02AlteredAccount(t *testing.T) {
	s := newSetting(t)
	for _, change := range [][2]string{{`"ACTIVE"`, `"EXPIRED"`}, {`"github"`, `"gitlab"`}} {
		s.store.change = func(r vault.Record) vault.Record {
			if r.Kind == vault.KindAccount && r.ID == string(s.a.ID) {
				r.Meta = bytes.Replace(r.Meta, []byte(change[0]), []byte(change[1]), 1)
			}
			return r
		}
		_, err := s.Account(t.Context(), s.a.ID)
		wantDamaged(t, err, vault.KindAccount, string(s.a.ID))
		_, err = s.FindAccount(t.Context(), s.conn.ID, "ada")
		wantDamaged(t, err, vault.KindAccount, string(s.a.ID))
		_, err = s.ReplaceGrant(t.Context(), s.a.ID, vault.Grant{Generation: 2})
		wantDamaged(t, err, vault.KindAccount, string(s.a.ID))
	}
}

// The index is not sealed: an entry that leads to another record is found out.
func TestV02AlteredIndex(t *testing.T) {
	s := newSetting(t)
	other := s.record(t, vault.KindAccount, string(s.b.ID))
	s.store.change = func(r vault.Record) vault.Record {
		if r.Kind == vault.KindAccount {
			return other
		}
		return r
	}
	_, err := s.FindAccount(t.Context(), s.conn.ID, "ada")
	wantDamaged(t, err, vault.KindAccount, string(s.b.ID))
}

// V-03: no bit of a stored grant can be changed so that it opens.
func TestV03EveryBitOfAGrant(t *testing.T) {
	s := newSetting(t)
	r := s.record(t, vault.KindGrant, string(s.a.ID))
	size := len(r.Meta) + len(r.Sealed)
	for bit := range size * 8 {
		s.store.change = func(r vault.Record) vault.Record {
			if r.Kind != vault.KindGrant {
				return r
			}
			r.Meta, r.Sealed = bytes.Clone(r.Meta), bytes.Clone(r.Sealed)
			part, at := r.Meta, bit/8
			if at >= len(r.Meta) {
				part, at = r.Sealed, at-len(r.Meta)
			}
			part[at] ^= 1 << (bit % 8)
			return r
		}
		g, err := s.Grant(t.Context(), s.a.ID)
		if err == nil || !g.Access.IsZero() {
			t.Fatalf("bit %d: got grant %v and error %v, want ErrDamaged", bit, g.Generation, err)
		}
	}
}

// V-04: a record of yesterday, put back, does not pass for today's.
func TestV04RecordPutBack(t *testing.T) {
	for _, kind := range []vault.Kind{vault.KindGrant, vault.KindAccount} {
		t.Run(string(kind), func(t *testing.T) {
			s := newSetting(t)
			old := s.record(t, kind, string(s.a.ID))
			g := vaulttest.Grant("ada2", epoch)
			g.Generation = 2
			_, err := s.ReplaceGrant(t.Context(), s.a.ID, g)
			wantNil(t, err)
			_, err = s.Grant(t.Context(), s.a.ID)
			wantNil(t, err)
			s.store.change = func(r vault.Record) vault.Record {
				if r.Key == old.Key {
					return old
				}
				return r
			}
			_, err = s.Grant(t.Context(), s.a.ID)
			wantDamaged(t, err, vault.KindGrant, string(s.a.ID))
		})
	}
}
