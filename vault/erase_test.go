package vault_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/badgerstore"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// disk is a store in files that remembers all it has written.
type disk struct {
	*badgerstore.Store
	dir   string
	erase func() // what happens just before Erase

	mu      sync.Mutex
	written []vault.Record
}

func newDisk(t *testing.T) *disk {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "vault")
	s, err := badgerstore.Open(badgerstore.Options{Dir: dir})
	wantNil(t, err)
	t.Cleanup(func() { s.Close() })
	return &disk{Store: s, dir: dir}
}

func (d *disk) Apply(ctx context.Context, changes ...vault.Change) error {
	d.mu.Lock()
	for _, c := range changes {
		d.written = append(d.written, c.Record)
	}
	d.mu.Unlock()
	return d.Store.Apply(ctx, changes...)
}

func (d *disk) Erase(ctx context.Context, deleted ...vault.Record) error {
	if d.erase != nil {
		d.erase()
	}
	return d.Store.Erase(ctx, deleted...)
}

// sealed are all sealed values that were ever written of a record, without their headers.
func (d *disk) sealed(kind vault.Kind, id string) (values []string) {
	for _, r := range d.written {
		if r.Kind == kind && r.ID == id && len(r.Sealed) > 30 {
			values = append(values, string(r.Sealed[6:]))
		}
	}
	return values
}

// wantInFiles fails unless each text is in a file, or in none.
func (d *disk) wantInFiles(t *testing.T, want bool, texts ...string) {
	t.Helper()
	files, err := os.ReadDir(d.dir)
	wantNil(t, err)
	in := make([]string, len(texts))
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(d.dir, f.Name()))
		wantNil(t, err)
		for i, text := range texts {
			if bytes.Contains(b, []byte(text)) {
				in[i] = f.Name()
			}
		}
	}
	for i, text := range texts {
		if got := in[i] != ""; got != want {
			t.Errorf("%.40q is in the files: %v (%s), want %v", text, got, in[i], want)
		}
	}
}

// refresh replaces the grant of an account several times.
func refresh(t *testing.T, v *vault.Vault, a vault.ConnectedAccount) vault.ConnectedAccount {
	t.Helper()
	for range 3 {
		g := vaulttest.Grant("x", epoch)
		g.Generation = a.Generation + 1
		var err error
		a, err = v.ReplaceGrant(t.Context(), a.ID, g)
		wantNil(t, err)
	}
	return a
}

// V-13: what a forgotten user has left is in no file: no name, no former token, no ID.
func TestV13ForgottenUserIsInNoFile(t *testing.T) {
	for _, clear := range []bool{false, true} {
		t.Run(fmt.Sprint("clear ", clear), func(t *testing.T) {
			d := newDisk(t)
			v, err := vault.OpenWith(t.Context(), d, vaulttest.NewKeys(t), vault.Options{ClearIdentifiers: clear})
			wantNil(t, err)
			a := refresh(t, v, person(t, v))
			other := vaulttest.Account(t, v, vaulttest.Connection(t, v, "gmail"), "bob", vaulttest.Grant("bob", epoch))
			wantNil(t, v.SealIdentifiers(t.Context(), clear)) // what is there now is in another form
			promoteNew(t, v)
			wantNil(t, v.Reseal(t.Context()))
			a = refresh(t, v, a)
			_, err = v.SetStatus(t.Context(), a.ID, 0, vault.StatusDisconnected, "by_user")
			wantNil(t, err)
			secrets := d.sealed(vault.KindGrant, string(a.ID))
			if len(secrets) != 8 {
				t.Fatalf("got %d grants, want 8", len(secrets))
			}
			d.wantInFiles(t, true, string(a.ID), secrets[7])
			_, err = v.Forget(t.Context(), "", a.Identifier)
			wantNil(t, err)
			d.wantInFiles(t, false, append(append(secrets, string(a.ID)), personal...)...)
			d.wantInFiles(t, false, d.sealed(vault.KindAccount, string(a.ID))...)
			d.wantInFiles(t, true, string(other.ID))
			wantNil(t, ignoreGrant(v.Grant(t.Context(), other.ID)))
		})
	}
}

// V-13: nor is a grant that was dropped, after compaction.
func TestV13DroppedGrantIsInNoFile(t *testing.T) {
	d := newDisk(t)
	v := vaulttest.OpenAt(t, d, vaulttest.NewKeys(t), nil)
	a := refresh(t, v, person(t, v))
	_, err := v.SetStatus(t.Context(), a.ID, 0, vault.StatusDisconnected, "by_user")
	wantNil(t, err)
	wantNil(t, v.DropGrant(t.Context(), a.ID))
	secrets := d.sealed(vault.KindGrant, string(a.ID))
	d.wantInFiles(t, true, secrets...)
	ok, err := v.Compact(t.Context())
	wantNil(t, err)
	if !ok {
		t.Error("the store says that it cannot compact")
	}
	d.wantInFiles(t, false, secrets...)
	got, err := v.FindAccount(t.Context(), a.ConnectionID, a.Identifier)
	wantNil(t, err)
	if got.ID != a.ID {
		t.Errorf("got %s, want %s", got.ID, a.ID)
	}
}

// V-01: when identifiers have been sealed, no readable one is left in any file.
func TestV01NoClearIdentifierAfterSealing(t *testing.T) {
	d := newDisk(t)
	v, err := vault.OpenWith(t.Context(), d, vaulttest.NewKeys(t), vault.Options{ClearIdentifiers: true})
	wantNil(t, err)
	person(t, v)
	d.wantInFiles(t, true, personal...)
	first := v.Keyring().Keys[0].ID
	wantNil(t, v.SealIdentifiers(t.Context(), true))
	promoteNew(t, v)
	wantNil(t, v.Reseal(t.Context()))
	d.wantInFiles(t, false, personal...)
	var old []string
	for _, r := range d.written {
		if r.Kind != vault.KindMeta && strings.HasPrefix(string(r.Meta), "{") && bytes.Contains(r.Meta, []byte(personal[0])) {
			old = append(old, string(r.Sealed[6:]))
		}
	}
	d.wantInFiles(t, false, old...)
	wantRetire(t, v, first, nil, "")
}
