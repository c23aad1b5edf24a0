package vault_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// neighbours have names that are like ada's.
var neighbours = []string{"ada2", "ad", "ada.", "ada@x", "Ada", "bda", "ada-"}

// Forgetting a user removes all accounts, grants and links of that name and project, in whatever
// form, and nothing else.
func TestForget(t *testing.T) {
	for _, clear := range []bool{false, true} {
		t.Run(fmt.Sprint("clear ", clear), func(t *testing.T) {
			store := vaulttest.NewStore(t)
			v, err := vault.OpenWith(t.Context(), store, vaulttest.NewKeys(t), vault.Options{ClearIdentifiers: clear})
			wantNil(t, err)
			gone, links := adas(t, v, "default")
			kept, _ := adas(t, v, "other")
			for _, name := range neighbours {
				kept = append(kept, vaulttest.Account(t, v, vaulttest.Connection(t, v, "n-"+fmt.Sprintf("%x", name)), name, vaulttest.Grant(name, epoch)))
			}
			got, err := v.Forget(t.Context(), "", "ada")
			wantNil(t, err)
			slices.Sort(got.Accounts)
			want := vault.Forgotten{Accounts: ids(gone), Links: len(links), Events: 2*len(gone) + len(links), Erased: true}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("forgotten (-want +got):\n%s", d)
			}
			for _, a := range gone {
				_, err := v.Account(t.Context(), a.ID)
				wantErr(t, err, vault.ErrNotFound)
				_, err = v.Grant(t.Context(), a.ID)
				wantErr(t, err, vault.ErrNotFound)
			}
			for _, l := range links {
				_, err := v.FindLink(t.Context(), l.Token)
				wantErr(t, err, vault.ErrNotFound)
			}
			for _, a := range kept {
				got, err := v.FindAccount(t.Context(), a.ConnectionID, a.Identifier)
				wantNil(t, err)
				if d := cmp.Diff(a, got); d != "" {
					t.Errorf("another user (-before +after):\n%s", d)
				}
				wantNil(t, ignoreGrant(v.Grant(t.Context(), a.ID)))
			}
			var found faults
			_, err = v.Verify(t.Context(), found.add)
			wantNil(t, err)
			if len(found) > 0 {
				t.Errorf("got faults %v", found)
			}
			again, err := v.Forget(t.Context(), "", "ada")
			wantNil(t, err)
			if d := cmp.Diff(vault.Forgotten{}, again); d != "" {
				t.Errorf("forgotten once more: %s", d)
			}
			_, err = v.Forget(t.Context(), "", "a/b")
			wantErr(t, err, vault.ErrInvalid)
		})
	}
}

// adas makes accounts of ada at two connections, each with links, and each in another form.
func adas(t *testing.T, v *vault.Vault, project string) (accounts []vault.ConnectedAccount, links []vault.Link) {
	t.Helper()
	for i, change := range []func(){
		func() { promoteNew(t, v) },
		func() { wantNil(t, v.SealIdentifiers(t.Context(), !v.Keyring().SealedIdentifiers)) },
		func() {},
	} {
		conn := vault.Connection{Name: fmt.Sprint("conn-", i), Project: project, Connector: "github"}
		wantNil(t, v.PutConnection(t.Context(), &conn))
		accounts = append(accounts, vaulttest.Account(t, v, conn, "ada", vaulttest.Grant("ada", epoch)))
		for n := range 2 {
			l := newLink(fmt.Sprint(project, i, n), newClock())
			l.Project, l.ConnectionID, l.AccountID, l.Expires = project, conn.ID, accounts[i].ID, farAway
			wantNil(t, v.CreateLink(t.Context(), &l))
			if n == 1 {
				l.Status = vault.LinkFailed
				wantNil(t, v.PutLink(t.Context(), &l))
			}
			links = append(links, l)
		}
		change()
	}
	return accounts, links
}

func ids(accounts []vault.ConnectedAccount) (ids []vault.AccountID) {
	for _, a := range accounts {
		ids = append(ids, a.ID)
	}
	slices.Sort(ids)
	return ids
}

// A damaged account is forgotten too, unless it is of another project; an index entry that leads to
// somebody else's deletes nothing.
func TestForgetDamaged(t *testing.T) {
	store := vaulttest.NewStore(t)
	v := vaulttest.OpenAt(t, store, vaulttest.NewKeys(t), nil)
	mine, _ := adas(t, v, "default")
	theirs, _ := adas(t, v, "other")
	bob := vaulttest.Account(t, v, vaulttest.Connection(t, v, "bobs"), "bob", vaulttest.Grant("bob", epoch))
	key := func(a vault.ConnectedAccount) vault.Key { return vault.Key{Kind: vault.KindAccount, ID: string(a.ID)} }
	all := records(t, store)
	for _, a := range []vault.ConnectedAccount{mine[0], theirs[0]} {
		r := all[key(a)]
		r.Sealed[40] ^= 1
		put(t, store, r)
	}
	r := all[key(bob)]
	for _, e := range all[key(mine[2])].Indexes {
		if e.Index == "account.user" {
			r.Indexes = append(r.Indexes, e)
		}
	}
	put(t, store, r)
	got, err := v.Forget(t.Context(), "", "ada")
	wantNil(t, err)
	slices.Sort(got.Accounts)
	if d := cmp.Diff(ids(mine), got.Accounts); d != "" {
		t.Errorf("forgotten (-want +got):\n%s", d)
	}
	after := records(t, store)
	for _, a := range append(theirs, bob) {
		if _, ok := after[key(a)]; !ok {
			t.Errorf("%s of %s in %s is gone", a.ID, a.Identifier, a.Project)
		}
	}
}

// A user who comes back while being forgotten has a new account, which stays.
func TestForgetWhileComingBack(t *testing.T) {
	d := newDisk(t)
	v := vaulttest.OpenAt(t, d, vaulttest.NewKeys(t), nil)
	a := person(t, v)
	conn, err := v.Connection(t.Context(), a.ConnectionID)
	wantNil(t, err)
	var back vault.ConnectedAccount
	d.erase = func() { back = vaulttest.Account(t, v, conn, a.Identifier, vaulttest.Grant("2", epoch)) }
	got, err := v.Forget(t.Context(), "", a.Identifier)
	wantNil(t, err)
	if !slices.Equal(got.Accounts, []vault.AccountID{a.ID}) || back.ID == a.ID {
		t.Errorf("got %v forgotten and %s back, want %s forgotten", got.Accounts, back.ID, a.ID)
	}
	found, err := v.FindAccount(t.Context(), conn.ID, a.Identifier)
	wantNil(t, err)
	if found.ID != back.ID {
		t.Errorf("got account %s, want %s", found.ID, back.ID)
	}
	var bad faults
	_, err = v.Verify(t.Context(), bad.add)
	wantNil(t, err)
	if len(bad) > 0 {
		t.Errorf("got faults %v", bad)
	}
}
