package vault_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// writer is a caller that writes all kinds of records, each of which is its own.
type writer struct {
	v    *vault.Vault
	name string
	conn vault.Connection
	acc  vault.ConnectedAccount
	link vault.Link
	n    int
}

func newWriter(t *testing.T, v *vault.Vault, conn vault.Connection, i int) *writer {
	t.Helper()
	w := &writer{v: v, name: fmt.Sprint("writer-", i)}
	w.conn = vaulttest.Connection(t, v, w.name)
	w.acc = vaulttest.Account(t, v, conn, w.name, vaulttest.Grant(w.name, epoch))
	w.link = newLink(w.name, newClock())
	w.link.ConnectionID, w.link.Expires = conn.ID, farAway
	wantNil(t, v.CreateLink(t.Context(), &w.link))
	return w
}

// write is one round of writes. Nobody else touches these records but re-sealing, so that there is
// no error.
func (w *writer) write(t *testing.T) (err error) {
	w.n++
	g := vaulttest.Grant(fmt.Sprint(w.name, w.n), epoch)
	g.Generation = w.acc.Generation + 1
	if w.acc, err = w.v.ReplaceGrant(t.Context(), w.acc.ID, g); err != nil {
		return fmt.Errorf("replacing grant: %w", err)
	}
	w.link.Outcome = fmt.Sprint(w.n)
	if err := w.v.PutLink(t.Context(), &w.link); err != nil {
		return fmt.Errorf("putting link: %w", err)
	}
	w.conn.ClientID = fmt.Sprint(w.n)
	if err := w.v.PutConnection(t.Context(), &w.conn); err != nil {
		return fmt.Errorf("putting connection: %w", err)
	}
	fresh := vault.ConnectedAccount{ConnectionID: w.conn.ID, Connector: "github", Identifier: fmt.Sprint(w.name, "-", w.n)}
	if err := w.v.CreateAccount(t.Context(), &fresh); err != nil {
		return fmt.Errorf("creating account: %w", err)
	}
	got, err := w.v.Connect(t.Context(), vault.Link{}, fresh, vaulttest.Grant("x", epoch))
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	if got.ID != fresh.ID {
		return fmt.Errorf("a second account for %s", fresh.Identifier)
	}
	return nil
}

// No writer notices that the keys change and records are sealed anew, and nothing is left behind.
func TestPromoteWhileWriting(t *testing.T) {
	store := vaulttest.NewStore(t)
	v := vaulttest.OpenAt(t, store, vaulttest.NewKeys(t), nil)
	conn := vaulttest.Connection(t, v, "github")
	var wg sync.WaitGroup
	var stop atomic.Bool
	for i := range 8 {
		w := newWriter(t, v, conn, i)
		wg.Go(func() {
			for !stop.Load() {
				if err := w.write(t); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 2 {
		first := v.Keyring().Keys[0].ID
		second := promoteNew(t, v)
		wantNil(t, v.SealIdentifiers(t.Context(), i%2 == 1))
		wantNil(t, v.Reseal(t.Context()))
		wantSealedBy(t, store, second)
		wantRetire(t, v, first, nil, "")
		wantNil(t, v.Reseal(t.Context()))
	}
	stop.Store(true)
	wg.Wait()
	var found faults
	_, err := v.Verify(t.Context(), found.add)
	wantNil(t, err)
	if len(found) > 0 {
		t.Errorf("got faults %v", found)
	}
}

// Two calls for one new user make one account, also when the form of identifiers changes between the
// look for the account and its write.
func TestPromoteBetweenLookAndWrite(t *testing.T) {
	tests := map[string]func(*vault.Vault, vault.ConnectedAccount) error{
		"create": func(v *vault.Vault, a vault.ConnectedAccount) error { return v.CreateAccount(t.Context(), &a) },
		"connect": func(v *vault.Vault, a vault.ConnectedAccount) error {
			_, err := v.Connect(t.Context(), vault.Link{}, a, vaulttest.Grant("1", epoch))
			return err
		},
	}
	for name, create := range tests {
		// There are three forms, and a fourth look at the first of them.
		for look := 1; look <= 4; look++ {
			t.Run(fmt.Sprint(name, " after look ", look), func(t *testing.T) {
				store := &hooked{Store: vaulttest.NewStore(t)}
				v := vaulttest.OpenAt(t, store, vaulttest.NewKeys(t), nil)
				a := vault.ConnectedAccount{ConnectionID: vaulttest.Connection(t, v, "github").ID, Connector: "github", Identifier: "ada"}
				promoteNew(t, v)
				first := a
				looks := 0
				store.looked = func() {
					if looks++; looks == look {
						wantNil(t, v.CreateAccount(t.Context(), &first))
						wantNil(t, v.SealIdentifiers(t.Context(), false))
					}
				}
				err := create(v, a)
				store.looked = nil
				if name == "create" {
					wantErr(t, err, vault.ErrExists)
				} else {
					wantNil(t, err)
				}
				page, err := v.Accounts(t.Context(), vault.AccountQuery{Identifier: "ada"})
				wantNil(t, err)
				if len(page.Items) != 1 || page.Items[0].ID != first.ID {
					t.Errorf("got %d accounts of one user, want %s alone", len(page.Items), first.ID)
				}
			})
		}
	}
}
