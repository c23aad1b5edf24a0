package vault_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/badgerstore"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// meant is what records mean: everything but how they are sealed, and the forms of identifiers.
func meant(t *testing.T, v *vault.Vault, accounts []vault.ConnectedAccount, links []vault.Link) string {
	t.Helper()
	var all []any
	for _, a := range accounts {
		got, err := v.Account(t.Context(), a.ID)
		wantNil(t, err)
		g, err := v.Grant(t.Context(), a.ID)
		wantNil(t, err)
		all = append(all, got, g.Access.Reveal(), g.Refresh.Reveal(), g.Generation, g.Scopes, g.Expires)
	}
	for _, l := range links {
		got, err := v.FindLink(t.Context(), l.Token)
		wantNil(t, err)
		all = append(all, got.ID, got.Identifier, got.Version, got.Expires, got.ReturnURL, got.AppState)
	}
	return fmt.Sprintf("%+v", all)
}

// Identifiers that were sealed become readable and sealed again, and at every step each account is
// found, by every way, and cannot be made twice.
func TestResealIdentifiers(t *testing.T) {
	store := &hooked{Store: vaulttest.NewStore(t)}
	v := vaulttest.OpenAt(t, store, vaulttest.NewKeys(t), nil)
	conn, accounts, links := users(t, v, 120)
	before, was := meant(t, v, accounts, links), records(t, store)
	steps := 0
	store.walk = func() {
		steps++
		for i := steps % 7; i < len(accounts); i += 7 {
			wantFound(t, v, conn, accounts[i], links[i])
		}
	}
	for _, sealed := range []bool{false, true} {
		wantNil(t, v.SealIdentifiers(t.Context(), sealed))
		promoteNew(t, v)
		wantNil(t, v.Reseal(t.Context()))
	}
	store.walk = nil
	if steps < 10 {
		t.Errorf("got %d steps, want more", steps)
	}
	if d := cmp.Diff(before, meant(t, v, accounts, links)); d != "" {
		t.Errorf("records mean something else (-before +after):\n%s", d)
	}
	for k, r := range records(t, store) {
		if r.Version != was[k].Version || !r.Expires.Equal(was[k].Expires) || len(r.Indexes) != len(was[k].Indexes) {
			t.Errorf("%s %s: got version %d, expiry %s and %d entries, want %d, %s and %d",
				k.Kind, k.ID, r.Version, r.Expires, len(r.Indexes), was[k].Version, was[k].Expires, len(was[k].Indexes))
		}
	}
}

func wantFound(t *testing.T, v *vault.Vault, conn vault.Connection, a vault.ConnectedAccount, l vault.Link) {
	t.Helper()
	got, err := v.FindAccount(t.Context(), conn.ID, a.Identifier)
	wantNil(t, err)
	page, err := v.Accounts(t.Context(), vault.AccountQuery{Identifier: a.Identifier})
	wantNil(t, err)
	if got.ID != a.ID || len(page.Items) != 1 || page.Items[0].ID != a.ID {
		t.Fatalf("got account %s and %d in the list, want %s", got.ID, len(page.Items), a.ID)
	}
	open, err := v.OpenLink(t.Context(), a.ID)
	wantNil(t, err)
	if open.ID != l.ID || open.Identifier != a.Identifier {
		t.Fatalf("got link %s of %s, want %s", open.ID, open.Identifier, l.ID)
	}
	twin := vault.ConnectedAccount{ConnectionID: conn.ID, Connector: "github", Identifier: a.Identifier}
	wantErr(t, v.CreateAccount(t.Context(), &twin), vault.ErrExists)
	twin.ID = vault.NewAccountID()
	_, err = v.Connect(t.Context(), l, twin, vaulttest.Grant("2", epoch))
	wantErr(t, err, vault.ErrConflict) // the link is one for an account that existed
}

// Whoever has read an account or a link before it was sealed anew can write it after.
func TestResealKeepsVersionsForWriters(t *testing.T) {
	v := vaulttest.New(t)
	conn, accounts, links := users(t, v, 2)
	a, l := accounts[0], links[0]
	promoteNew(t, v)
	wantNil(t, v.SealIdentifiers(t.Context(), false))
	wantNil(t, v.Reseal(t.Context()))
	l.Status = vault.LinkTaken
	wantNil(t, v.PutLink(t.Context(), &l))
	got, err := v.Connect(t.Context(), l, a, vaulttest.Grant("2", epoch))
	wantNil(t, err)
	if got.ID != a.ID || got.Generation != 2 || got.ConnectionID != conn.ID {
		t.Errorf("got %+v", got)
	}
}

// A record that is moved to the present form between two lookups is not missed, nor seen twice.
func TestResealBetweenLookups(t *testing.T) {
	lookups := map[string]func(*vault.Vault, vault.ConnectedAccount) (vault.ConnectedAccount, error){
		"find": func(v *vault.Vault, a vault.ConnectedAccount) (vault.ConnectedAccount, error) {
			return v.FindAccount(t.Context(), a.ConnectionID, a.Identifier)
		},
		"list": func(v *vault.Vault, a vault.ConnectedAccount) (vault.ConnectedAccount, error) {
			page, err := v.Accounts(t.Context(), vault.AccountQuery{Identifier: a.Identifier})
			if err == nil && len(page.Items) != 1 {
				err = fmt.Errorf("got %d accounts, want 1", len(page.Items))
			}
			return append(page.Items, vault.ConnectedAccount{})[0], err
		},
		"forget": func(v *vault.Vault, a vault.ConnectedAccount) (vault.ConnectedAccount, error) {
			f, err := v.Forget(t.Context(), "", a.Identifier)
			return vault.ConnectedAccount{ID: append(f.Accounts, "")[0]}, err
		},
	}
	for name, look := range lookups {
		for _, sealed := range []bool{true, false} {
			t.Run(fmt.Sprint(name, " sealed ", sealed), func(t *testing.T) {
				store := &hooked{Store: vaulttest.NewStore(t)}
				v, err := vault.OpenWith(t.Context(), store, vaulttest.NewKeys(t), vault.Options{ClearIdentifiers: sealed})
				wantNil(t, err)
				_, accounts, _ := users(t, v, 1)
				wantNil(t, v.SealIdentifiers(t.Context(), sealed))
				store.looked = once(func() { wantNil(t, v.Reseal(t.Context())) })
				got, err := look(v, accounts[0])
				wantNil(t, err)
				if got.ID != accounts[0].ID {
					t.Errorf("got account %q, want %s", got.ID, accounts[0].ID)
				}
			})
		}
	}
}

// A page of a user's accounts leads to the next one, whatever happens to the keys between them.
func TestPagesWhileKeysChange(t *testing.T) {
	v := vaulttest.New(t)
	var want []string
	for i := range 6 {
		if i == 3 { // three of them are in another form than the others
			promoteNew(t, v)
		}
		a := vaulttest.Account(t, v, vaulttest.Connection(t, v, fmt.Sprint("conn-", i)), "ada", vaulttest.Grant("1", epoch))
		want = append(want, string(a.ID))
	}
	slices.Sort(want)
	for limit := 1; limit <= 6; limit++ {
		q := vault.AccountQuery{Identifier: "ada", PageQuery: vault.PageQuery{Limit: limit}}
		if d := cmp.Diff(want, every(t, v, q)); d != "" {
			t.Errorf("by %d (-want +got):\n%s", limit, d)
		}
	}
	q := vault.AccountQuery{Identifier: "ada", PageQuery: vault.PageQuery{Limit: 1}}
	var got []string
	for _, change := range []func(){
		func() { promoteNew(t, v) },
		func() { wantNil(t, v.Reseal(t.Context())) },
		func() { wantNil(t, v.SealIdentifiers(t.Context(), false)) },
		func() { wantNil(t, v.Reseal(t.Context())) },
		func() { promoteNew(t, v) },
		func() {},
	} {
		page, err := v.Accounts(t.Context(), q)
		wantNil(t, err)
		for _, a := range page.Items {
			got = append(got, string(a.ID))
		}
		q.After = page.Next
		change()
	}
	if d := cmp.Diff(want, got); d != "" || q.After != "" {
		t.Errorf("over changes of keys (-want +got):\n%s; next %q", d, q.After)
	}
}

// However often re-sealing is stopped, it goes on where it was, and ends.
func TestResealIsStoppedAtEveryBatch(t *testing.T) {
	for _, at := range []string{"walk", "write"} {
		t.Run(at, func(t *testing.T) {
			store := &hooked{Store: vaulttest.NewStore(t)}
			v := vaulttest.OpenAt(t, store, vaulttest.NewKeys(t), nil)
			users(t, v, 100)
			second := promoteNew(t, v)
			last := 0
			for runs := 0; v.Keyring().Resealing; runs++ {
				if runs > 30 {
					t.Fatal("re-sealing does not end")
				}
				ctx, cancel := context.WithCancel(t.Context())
				n := 0
				store.walk = func() {
					if n++; at == "walk" && n == 2 {
						cancel()
					}
				}
				store.apply = func(changes []vault.Change) error {
					if at == "write" && n == 2 && len(changes) > 1 {
						cancel()
						return ctx.Err()
					}
					return nil
				}
				err := v.Reseal(ctx)
				cancel()
				if err == nil {
					break
				}
				wantErr(t, err, context.Canceled)
				s, err := v.ResealState(t.Context())
				wantNil(t, err)
				if s.Seen <= last || s.Changed < last-2 {
					t.Fatalf("run %d: got %d seen and %d changed, after %d", runs, s.Seen, s.Changed, last)
				}
				last = s.Seen
			}
			if last < 250 {
				t.Errorf("the last stop was at %d", last)
			}
			wantSealedBy(t, store, second)
		})
	}
}

func TestPauseReseal(t *testing.T) {
	c := newClock()
	store := &hooked{Store: vaulttest.NewStore(t)}
	v := vaulttest.OpenAt(t, store, vaulttest.NewKeys(t), c.now)
	users(t, v, 60)
	wantNil(t, v.PauseReseal(t.Context())) // there is nothing to pause
	promoteNew(t, v)
	store.walk = once(func() {
		wantNil(t, v.PauseReseal(t.Context()))
		c.add(3 * time.Second)
	})
	wantErr(t, v.Reseal(t.Context()), vault.ErrPaused)
	wantErr(t, v.Reseal(t.Context()), vault.ErrPaused)
	s, err := v.ResealState(t.Context())
	wantNil(t, err)
	if !s.Needed || !s.Paused || s.Seen == 0 || s.Changed == 0 {
		t.Errorf("got %+v", s)
	}
	second := promoteNew(t, v) // a pause outlasts another change of keys
	wantErr(t, v.Reseal(t.Context()), vault.ErrPaused)
	if s, err = v.ResealState(t.Context()); err != nil || s.Key != second || s.Seen != 0 {
		t.Errorf("got %+v and error %v, want a beginning", s, err)
	}
	wantNil(t, v.ResumeReseal(t.Context()))
	store.walk = once(func() { wantNil(t, v.PauseReseal(t.Context())) }) // too late to be noticed
	for v.Reseal(t.Context()) != nil {
		wantNil(t, v.ResumeReseal(t.Context()))
	}
	wantSealedBy(t, store, second)
	if s, err = v.ResealState(t.Context()); err != nil || s != (vault.Resealing{}) {
		t.Errorf("got %+v and error %v, want nothing", s, err)
	}
	promoteNew(t, v)
	wantNil(t, v.Reseal(t.Context())) // what is left of a pause does not hold up the next
}

// What cannot be opened stays as it is, in the way of nothing but its key's end.
func TestResealPassesDamagedRecords(t *testing.T) {
	store := vaulttest.NewStore(t)
	v := vaulttest.OpenAt(t, store, vaulttest.NewKeys(t), nil)
	_, accounts, _ := users(t, v, 3)
	first := v.Keyring().Keys[0].ID
	r, err := store.Get(t.Context(), vault.Key{Kind: vault.KindAccount, ID: string(accounts[1].ID)})
	wantNil(t, err)
	r.Sealed[40] ^= 1
	wantNil(t, store.Apply(t.Context(), vault.Change{Record: r, Same: true}))
	promoteNew(t, v)
	wantNil(t, v.Reseal(t.Context()))
	wantRetire(t, v, first, vault.ErrKeyInUse, "1 records")
	wantNil(t, v.DeleteAccount(t.Context(), accounts[1].ID))
	wantNil(t, v.Reseal(t.Context()))
	wantRetire(t, v, first, nil, "")
}

// A place that cannot be read is a lost place and no more.
func TestResealWithoutItsPlace(t *testing.T) {
	store := &hooked{Store: vaulttest.NewStore(t)}
	v := vaulttest.OpenAt(t, store, vaulttest.NewKeys(t), nil)
	users(t, v, 3)
	second := promoteNew(t, v)
	wantNil(t, v.PauseReseal(t.Context()))
	r, err := store.Get(t.Context(), vault.Key{Kind: vault.KindMeta, ID: "reseal"})
	wantNil(t, err)
	r.Sealed[40] ^= 1
	wantNil(t, store.Apply(t.Context(), vault.Change{Record: r, Same: true}))
	wantNil(t, v.Reseal(t.Context()))
	wantSealedBy(t, store, second)
}

// The key is changed to and fro while re-sealing is under way: no record is left behind.
func TestPromoteWhileResealing(t *testing.T) {
	store := &hooked{Store: vaulttest.NewStore(t)}
	v := vaulttest.OpenAt(t, store, vaulttest.NewKeys(t), nil)
	conn, _, _ := users(t, v, 60)
	first := v.Keyring().Keys[0].ID
	second := promoteNew(t, v)
	n := 0
	store.walk = func() {
		n++
		if n == 2 || n == 4 {
			wantNil(t, v.PromoteKey(t.Context(), []string{first, second}[n/2-1]))
			vaulttest.Account(t, v, conn, fmt.Sprint("between-", n), vaulttest.Grant("1", epoch))
		}
	}
	wantNil(t, v.Reseal(t.Context()))
	store.walk = nil
	wantSealedBy(t, store, second)
	if v.Keyring().Resealing {
		t.Error("re-sealing has not ended")
	}
}

// Refreshes win against re-sealing, and re-sealing does not take them back.
func TestResealWhileRefreshing(t *testing.T) {
	store := &hooked{Store: vaulttest.NewStore(t)}
	v := vaulttest.OpenAt(t, store, vaulttest.NewKeys(t), nil)
	_, accounts, _ := users(t, v, 60)
	second := promoteNew(t, v)
	refreshed := 0
	store.apply = func(changes []vault.Change) error {
		if len(changes) < 10 {
			return nil
		}
		for _, a := range accounts[:5] { // between the read and the write of a batch
			g := vaulttest.Grant("new", epoch)
			g.Generation = uint64(refreshed/5 + 2)
			if _, err := v.ReplaceGrant(t.Context(), a.ID, g); err != nil {
				t.Error(err)
			}
			refreshed++
		}
		return nil
	}
	wantNil(t, v.Reseal(t.Context()))
	store.apply = nil
	wantSealedBy(t, store, second)
	g, err := v.Grant(t.Context(), accounts[0].ID)
	wantNil(t, err)
	if want := uint64(refreshed/5 + 1); g.Generation != want || g.Access.Reveal() != "access-new" {
		t.Errorf("got generation %d, want %d", g.Generation, want)
	}
}

func TestOneResealAtATime(t *testing.T) {
	store := &hooked{Store: vaulttest.NewStore(t)}
	v := vaulttest.OpenAt(t, store, vaulttest.NewKeys(t), nil)
	users(t, v, 60)
	promoteNew(t, v)
	store.walk = once(func() { wantErr(t, v.Reseal(t.Context()), vault.ErrLeased) })
	var leased atomic.Int32
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			switch err := v.Reseal(t.Context()); {
			case errors.Is(err, vault.ErrLeased):
				leased.Add(1)
			case err != nil:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if v.Keyring().Resealing || leased.Load() > 1 {
		t.Errorf("resealing %v, %d calls were told to go", v.Keyring().Resealing, leased.Load())
	}
}

// Who is overtaken, because the machine slept, lets the other one do it.
func TestResealLosesItsLease(t *testing.T) {
	c := newClock()
	below, err := badgerstore.Open(badgerstore.Options{InMemory: true, Now: c.now})
	wantNil(t, err)
	defer below.Close()
	store := &hooked{Store: below}
	v := vaulttest.OpenAt(t, store, vaulttest.NewKeys(t), c.now)
	users(t, v, 60)
	promoteNew(t, v)
	var release func()
	store.walk = once(func() {
		c.add(2 * time.Minute)
		release, err = store.Lease(t.Context(), "reseal", time.Hour)
		wantNil(t, err)
	})
	wantErr(t, v.Reseal(t.Context()), vault.ErrLeased)
	release()
	wantNil(t, v.Reseal(t.Context()))
}
