package vault_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/seal"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

func TestKeysFromFirstToRetired(t *testing.T) {
	store, keys := vaulttest.NewStore(t), seal.FileKeys{Path: filepath.Join(t.TempDir(), "key")}
	v, logs := openLogged(t, store, keys, vault.Options{})
	users(t, v, 3)
	first := v.Keyring().Keys[0].ID
	second, err := v.AddKey(t.Context())
	wantNil(t, err)
	if k := v.Keyring(); k.Resealing || k.Keys[0].ID != first || len(k.Keys) != 2 || !k.Keys[1].Promoted.IsZero() {
		t.Errorf("after adding: got %+v", k)
	}
	for range 2 {
		wantNil(t, v.PromoteKey(t.Context(), second))
	}
	if k := v.Keyring(); !k.Resealing || k.Keys[0].ID != second || !k.Keys[0].Primary || k.Keys[0].Promoted.IsZero() {
		t.Errorf("after promoting: got %+v", k)
	}
	wantRetire(t, v, first, vault.ErrKeyInUse, "16 records") // one connection, and five of each user
	wantRetire(t, v, second, vault.ErrKeyInUse, "primary")
	wantRetire(t, v, "00000000", seal.ErrUnknownKey, "00000000")
	wantErr(t, v.PromoteKey(t.Context(), strings.Repeat("x", 5000)), seal.ErrUnknownKey)
	wantNil(t, v.Reseal(t.Context()))
	wantSealedBy(t, store, second)
	wantRetire(t, v, first, nil, "")
	if k := v.Keyring(); len(k.Keys) != 1 {
		t.Errorf("after retiring: got %+v", k)
	}
	wantErr(t, v.PromoteKey(t.Context(), first), seal.ErrUnknownKey)
	v.UseKeys(seal.FileKeys{Path: keys.Path + "2", Retired: []string{keys.Path}})
	wantNil(t, seal.FileKeys{Path: keys.Path + "2"}.CreateKey(t.Context()))
	_, err = v.Rewrap(t.Context())
	wantNil(t, err)
	wantNil(t, v.SealIdentifiers(t.Context(), false))
	wantNil(t, v.PauseReseal(t.Context()))
	for _, want := range []string{
		"made a key-encryption key", "made a keyset", "keyset is open", "added a key", "promoted a key", "re-sealing records",
		"all records are sealed", "retired a key", "changed the vault's key-encryption key", "identifiers are stored", "was paused",
	} {
		if !strings.Contains(text(logs), want) {
			t.Errorf("the log does not say %q", want)
		}
	}
	for _, secret := range []string{"access-", "refresh-", "client-secret", "users.test", "token-", "claviger-key-1:"} {
		if strings.Contains(text(logs), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}

func wantRetire(t *testing.T, v *vault.Vault, id string, want error, says string) {
	t.Helper()
	err := v.RetireKey(t.Context(), id)
	wantErr(t, err, want)
	if err != nil && !strings.Contains(err.Error(), says) {
		t.Errorf("error %q does not say %q", err, says)
	}
}

// A key that was never promoted has nothing to wait for, but for what is being sealed anew.
func TestRetireWhileResealing(t *testing.T) {
	v := vaulttest.New(t)
	spare, err := v.AddKey(t.Context())
	wantNil(t, err)
	promoteNew(t, v)
	wantRetire(t, v, spare, vault.ErrKeyInUse, "wait")
	wantNil(t, v.Reseal(t.Context()))
	wantRetire(t, v, spare, nil, "")
}

// What a process sealed under the earlier key after re-sealing had ended is sealed anew before that
// key can go.
func TestRetireFindsLateRecords(t *testing.T) {
	store, keys := vaulttest.NewStore(t), vaulttest.NewKeys(t)
	a, b := vaulttest.OpenAt(t, store, keys, nil), vaulttest.OpenAt(t, store, keys, nil)
	first := a.Keyring().Keys[0].ID
	second := promoteNew(t, a)
	wantNil(t, a.Reseal(t.Context()))
	vaulttest.Connection(t, b, "late")
	wantRetire(t, a, first, vault.ErrKeyInUse, "1 records")
	wantNil(t, a.Reseal(t.Context()))
	wantSealedBy(t, store, second)
	wantRetire(t, a, first, nil, "")
}

// A process that learns late of another primary key, or form of identifiers, has what it wrote until
// then sealed anew, and finds what others wrote meanwhile.
func TestFleet(t *testing.T) {
	changes := map[string]func(*testing.T, *vault.Vault){
		"promote": func(t *testing.T, v *vault.Vault) { promoteNew(t, v) },
		"clear":   func(t *testing.T, v *vault.Vault) { wantNil(t, v.SealIdentifiers(t.Context(), false)) },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			store, keys := vaulttest.NewStore(t), vaulttest.NewKeys(t)
			a, b := vaulttest.OpenAt(t, store, keys, nil), vaulttest.OpenAt(t, store, keys, nil)
			conn, accounts, _ := users(t, a, 3)
			change(t, a)
			wantNil(t, a.Reseal(t.Context()))
			vaulttest.Account(t, b, conn, "late", vaulttest.Grant("late", epoch))
			fresh := vaulttest.Account(t, a, conn, "fresh", vaulttest.Grant("fresh", epoch))
			for _, want := range append(accounts, fresh) {
				got, err := b.FindAccount(t.Context(), conn.ID, want.Identifier)
				wantNil(t, err)
				if got.ID != want.ID {
					t.Errorf("got %s, want %s", got.ID, want.ID)
				}
				wantNil(t, ignoreGrant(b.Grant(t.Context(), want.ID)))
				twin := vault.ConnectedAccount{ConnectionID: conn.ID, Connector: "github", Identifier: want.Identifier}
				wantErr(t, b.CreateAccount(t.Context(), &twin), vault.ErrExists)
			}
			wantNil(t, b.Check(t.Context()))
			wantNil(t, a.Check(t.Context()))
			if !a.Keyring().Resealing {
				t.Fatal("nobody knows of the late record")
			}
			_, err := a.FindAccount(t.Context(), conn.ID, "late")
			wantNil(t, err)
			wantNil(t, a.Reseal(t.Context()))
			wantNil(t, b.Check(t.Context()))
			if a.Keyring().Resealing || b.Keyring().Resealing {
				t.Error("re-sealing does not end")
			}
			for _, v := range []*vault.Vault{a, b} {
				_, err := v.FindAccount(t.Context(), conn.ID, "late")
				wantNil(t, err)
			}
			wantSealedBy(t, store, a.Keyring().Keys[0].ID)
		})
	}
}

func ignoreGrant(_ vault.Grant, err error) error { return err }

// A process that the change of keys has left behind follows when it changes the keys itself.
func TestFleetChangesKeys(t *testing.T) {
	store, keys := vaulttest.NewStore(t), vaulttest.NewKeys(t)
	a := vaulttest.OpenAt(t, store, keys, nil)
	b, logs := openLogged(t, store, keys, vault.Options{})
	second := promoteNew(t, a)
	wantNil(t, b.PromoteKey(t.Context(), second))
	if got := b.Keyring().Keys[0].ID; got != second {
		t.Errorf("got primary key %s, want %s", got, second)
	}
	third, err := b.AddKey(t.Context())
	wantNil(t, err)
	wantNil(t, a.PromoteKey(t.Context(), third))
	wantNil(t, b.Check(t.Context()))
	if got := b.Keyring().Keys[0].ID; got != third {
		t.Errorf("got primary key %s, want %s", got, third)
	}
	if !strings.Contains(text(logs), "read the vault's keyset again") {
		t.Error("the log does not say that the keyset was read again")
	}
}

// brokenKeys are keys that cannot be had after some uses.
type brokenKeys struct {
	vaulttest.Keys
	mu   sync.Mutex
	left int
}

var errBroken = errors.New("the key server is down")

func (k *brokenKeys) use() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.left--; k.left < 0 {
		return errBroken
	}
	return nil
}

func (k *brokenKeys) Active(ctx context.Context) (seal.Key, error) {
	if err := k.use(); err != nil {
		return seal.Key{}, err
	}
	return k.Keys.Active(ctx)
}

func (k *brokenKeys) Find(ctx context.Context, id string) (seal.Key, error) {
	if err := k.use(); err != nil {
		return seal.Key{}, err
	}
	return k.Keys.Find(ctx, id)
}

func TestBrokenProviderChangesNothing(t *testing.T) {
	operations := map[string]func(context.Context, *vault.Vault, string) error{
		"add":     func(ctx context.Context, v *vault.Vault, _ string) error { _, err := v.AddKey(ctx); return err },
		"promote": func(ctx context.Context, v *vault.Vault, id string) error { return v.PromoteKey(ctx, id) },
		"retire":  func(ctx context.Context, v *vault.Vault, id string) error { return v.RetireKey(ctx, id) },
		"rewrap":  func(ctx context.Context, v *vault.Vault, _ string) error { _, err := v.Rewrap(ctx); return err },
		"clear":   func(ctx context.Context, v *vault.Vault, _ string) error { return v.SealIdentifiers(ctx, false) },
	}
	for name, do := range operations {
		t.Run(name, func(t *testing.T) {
			store, keys := vaulttest.NewStore(t), &brokenKeys{Keys: vaulttest.NewKeys(t), left: 1000}
			v := vaulttest.OpenAt(t, store, keys, nil)
			conn, _, _ := users(t, v, 1)
			spare, err := v.AddKey(t.Context())
			wantNil(t, err)
			keys.Keys = append(vaulttest.NewKeys(t), keys.Keys...)
			before, ring := storedKeyset(t, store), fmt.Sprint(v.Keyring())
			keys.left = 0
			wantErr(t, do(t.Context(), v, spare), errBroken)
			after := storedKeyset(t, store)
			if after.Version != before.Version || fmt.Sprint(v.Keyring()) != ring {
				t.Fatal("the keyset was changed")
			}
			vaulttest.Account(t, v, conn, "after", vaulttest.Grant("x", epoch))
			keys.left = 1000
			wantNil(t, do(t.Context(), v, spare))
			wantNil(t, v.Check(t.Context()))
		})
	}
}

// A process that cannot read the changed keyset does not take for missing or damaged what it cannot
// find or open.
func TestFleetWithoutKey(t *testing.T) {
	store, keys := vaulttest.NewStore(t), &brokenKeys{Keys: vaulttest.NewKeys(t), left: 1000}
	a, b := vaulttest.OpenAt(t, store, keys.Keys, nil), vaulttest.OpenAt(t, store, keys, nil)
	conn, accounts, _ := users(t, a, 1)
	promoteNew(t, a)
	wantNil(t, a.Reseal(t.Context()))
	keys.left = 0
	_, err := b.FindAccount(t.Context(), conn.ID, accounts[0].Identifier)
	wantErr(t, err, errBroken)
	_, err = b.Account(t.Context(), accounts[0].ID)
	wantErr(t, err, errBroken)
	_, err = b.Accounts(t.Context(), vault.AccountQuery{Identifier: accounts[0].Identifier})
	wantErr(t, err, errBroken)
	_, err = b.Connect(t.Context(), vault.Link{}, accounts[0], vaulttest.Grant("2", epoch))
	wantErr(t, err, errBroken)
	wantErr(t, b.Check(t.Context()), errBroken)
	keys.left = 1000
	_, err = b.FindAccount(t.Context(), conn.ID, accounts[0].Identifier)
	wantNil(t, err)
}

func storedKeyset(t *testing.T, s vault.Store) vault.Record {
	t.Helper()
	r, err := s.Get(t.Context(), keysetKey)
	wantNil(t, err)
	return r
}

// The provider itself may be another one: an open keyset needs no key any more.
func TestRewrapForAnotherProvider(t *testing.T) {
	store, before, after := vaulttest.NewStore(t), vaulttest.NewKeys(t), vaulttest.NewKeys(t)
	v := vaulttest.OpenAt(t, store, before, nil)
	conn := vaulttest.Connection(t, v, "github")
	v.UseKeys(after)
	changed, err := v.Rewrap(t.Context())
	wantNil(t, err)
	if !changed || v.Keyring().KeyEncryptionKey != after[0].ID {
		t.Errorf("got changed %v and %+v", changed, v.Keyring())
	}
	_, err = vaulttest.OpenAt(t, store, after, nil).Connection(t.Context(), conn.ID)
	wantNil(t, err)
	_, err = vault.Open(t.Context(), store, before)
	wantErr(t, err, seal.ErrUnknownKey)
}
