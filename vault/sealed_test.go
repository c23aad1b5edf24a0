package vault_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// personal is what tells who a user is.
var personal = []string{"ada.lovelace", "ada@users.test", "Countess Ada", "avatars.test", "provider-id-7"}

// person makes an account and a link of a user with all that is personal.
func person(t *testing.T, v *vault.Vault) vault.ConnectedAccount {
	t.Helper()
	conn := vaulttest.Connection(t, v, "github")
	a, err := v.Connect(t.Context(), vault.Link{}, vault.ConnectedAccount{
		ConnectionID: conn.ID, Connector: "github", Identifier: personal[0],
		Identity: vault.Identity{ID: personal[4], Email: personal[1], Name: personal[2], Avatar: "https://" + personal[3] + "/ada"},
	}, vaulttest.Grant("1", epoch))
	wantNil(t, err)
	l := newLink("token", newClock())
	l.ConnectionID, l.Identifier, l.Expires, l.ReturnURL = conn.ID, personal[0], farAway, "https://app.test/?user="+personal[1]
	wantNil(t, v.CreateLink(t.Context(), &l))
	return a
}

// readable is all that a store can read.
func readable(t *testing.T, s vault.Store) string {
	t.Helper()
	var b strings.Builder
	for _, r := range records(t, s) {
		fmt.Fprintf(&b, "%s %s %s %s %v\n", r.Kind, r.ID, r.Meta, r.Sealed, r.Indexes)
	}
	return b.String()
}

// V-01: who users are cannot be read in the store, unless that is wanted, and not after it was.
func TestV01IdentifiersAreSealed(t *testing.T) {
	store := vaulttest.NewStore(t)
	v := vaulttest.OpenAt(t, store, vaulttest.NewKeys(t), nil)
	a := person(t, v)
	wantReadable := func(want bool) {
		t.Helper()
		for _, p := range personal {
			if got := strings.Contains(readable(t, store), p); got != want {
				t.Errorf("%q can be read: %v, want %v", p, got, want)
			}
		}
		got, err := v.Account(t.Context(), a.ID)
		wantNil(t, err)
		if got.Identifier != a.Identifier || got.Identity != a.Identity {
			t.Errorf("got %q and %+v, want %q and %+v", got.Identifier, got.Identity, a.Identifier, a.Identity)
		}
	}
	for _, sealed := range []bool{true, false, true} {
		wantNil(t, v.SealIdentifiers(t.Context(), sealed))
		wantNil(t, v.Reseal(t.Context()))
		wantReadable(!sealed)
	}
	for _, secret := range []string{"access-1", "refresh-1", "github-client-secret", "app.test"} {
		if strings.Contains(readable(t, store), `"`+secret) {
			t.Errorf("%q can be read", secret)
		}
	}
}

// V-01: two vaults have different forms of one identifier, and so have two connections.
func TestV01FormsSayNothing(t *testing.T) {
	seen := map[string]bool{}
	for range 2 {
		store := vaulttest.NewStore(t)
		person(t, vaulttest.OpenAt(t, store, vaulttest.NewKeys(t), nil))
		for _, r := range records(t, store) {
			for _, e := range r.Indexes {
				if e.Index == "account.user" {
					seen[e.Value] = true
				}
			}
		}
	}
	if len(seen) != 2 {
		t.Errorf("got forms %v, want two", seen)
	}
}

// The setting of the one who opens the vault counts.
func TestOpenChangesTheForm(t *testing.T) {
	store, keys := vaulttest.NewStore(t), vaulttest.NewKeys(t)
	for _, clear := range []bool{true, false, true} {
		v, err := vault.OpenWith(t.Context(), store, keys, vault.Options{ClearIdentifiers: clear})
		wantNil(t, err)
		if k := v.Keyring(); k.SealedIdentifiers == clear {
			t.Errorf("clear %v: got %+v", clear, k)
		}
	}
}
