package vault_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// put writes records over what is there, past all checks.
func put(t *testing.T, s vault.Store, records ...vault.Record) {
	t.Helper()
	wantNil(t, s.Load(t.Context(), func(yield func(vault.Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}))
}

// remove deletes a record past all checks.
func remove(t *testing.T, s vault.Store, k vault.Key) {
	t.Helper()
	r, err := s.Get(t.Context(), k)
	wantNil(t, err)
	wantNil(t, s.Apply(t.Context(), vault.Change{Record: r, Delete: true}))
}

// Each kind of fault is named once, with its record.
func TestVerifyNamesFaults(t *testing.T) {
	type scene struct {
		*testing.T
		v              *vault.Vault
		store          vault.Store
		conn           vault.Connection
		a              vault.ConnectedAccount
		account, grant vault.Key
	}
	get := func(s scene, k vault.Key) vault.Record {
		r, err := s.store.Get(s.Context(), k)
		wantNil(s.T, err)
		return r
	}
	tests := []struct {
		name string
		harm func(scene) vault.Key
		want string
	}{
		{"nothing", func(scene) vault.Key { return vault.Key{} }, ""},
		{"altered account", func(s scene) vault.Key {
			r := get(s, s.account)
			r.Sealed[40] ^= 1
			put(s.T, s.store, r)
			return s.account
		}, "cannot be opened"},
		{"altered grant", func(s scene) vault.Key {
			r := get(s, s.grant)
			r.Meta = []byte("{}")
			put(s.T, s.store, r)
			return s.grant
		}, "cannot be opened"},
		{"grant is gone", func(s scene) vault.Key { remove(s.T, s.store, s.grant); return s.account }, "no grant"},
		{"grant of yesterday", func(s scene) vault.Key {
			old, g := get(s, s.grant), vaulttest.Grant("2", epoch)
			g.Generation = 2
			_, err := s.v.ReplaceGrant(s.Context(), s.a.ID, g)
			wantNil(s.T, err)
			put(s.T, s.store, old)
			return s.account
		}, "generation"},
		{"account is gone", func(s scene) vault.Key { remove(s.T, s.store, s.account); return s.grant }, "missing"},
		{"connection is gone", func(s scene) vault.Key {
			remove(s.T, s.store, vault.Key{Kind: vault.KindConnection, ID: string(s.conn.ID)})
			return s.account
		}, "missing"},
		{"unknown kind", func(s scene) vault.Key {
			k := vault.Key{Kind: "thing", ID: "x"}
			put(s.T, s.store, vault.Record{Key: k, Version: 1})
			return k
		}, "does not know"},
		{"unknown meta", func(s scene) vault.Key {
			k := vault.Key{Kind: vault.KindMeta, ID: "x"}
			put(s.T, s.store, vault.Record{Key: k, Version: 1})
			return k
		}, "does not know"},
		{"entry too many", func(s scene) vault.Key {
			r := get(s, s.account)
			r.Indexes = append(r.Indexes, vault.IndexEntry{Index: "x", Value: "y"})
			put(s.T, s.store, r)
			r.Indexes = r.Indexes[:len(r.Indexes)-1]
			put(s.T, s.store, r)
			return s.account
		}, "does not have"},
		{"entry of another record", func(s scene) vault.Key { steal(s.T, s.store, get(s, s.account)); return s.account }, "belongs to"},
		{"entry is gone", func(s scene) vault.Key {
			remove(s.T, s.store, steal(s.T, s.store, get(s, s.account)))
			return s.account
		}, "missing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := scene{T: t, store: vaulttest.NewStore(t)}
			s.v = vaulttest.OpenAt(t, s.store, vaulttest.NewKeys(t), nil)
			conn, accounts, _ := users(t, s.v, 2)
			vaulttest.Connection(t, s.v, "spare")
			for _, a := range accounts[1:] {
				wantNil(t, s.v.DeleteAccount(t.Context(), a.ID))
			}
			s.conn, s.a = conn, accounts[0]
			s.account = vault.Key{Kind: vault.KindAccount, ID: string(s.a.ID)}
			s.grant = vault.Key{Kind: vault.KindGrant, ID: string(s.a.ID)}
			k := tt.harm(s)
			var found faults
			seen, err := s.v.Verify(t.Context(), func(f vault.Fault) {
				if f.Kind != "thief" {
					found.add(f)
				}
			})
			wantNil(t, err)
			if tt.want == "" {
				want := map[vault.Kind]int{vault.KindMeta: 1, vault.KindConnection: 2, vault.KindAccount: 1, vault.KindGrant: 1, vault.KindLink: 2, vault.KindEvent: 5}
				if d := cmp.Diff(vault.Verified{Records: want}, seen); d != "" {
					t.Errorf("verified (-want +got):\n%s", d)
				}
				return
			}
			if problems := found.of(k); len(found) != 1 || len(problems) != 1 || !strings.Contains(problems[0], tt.want) {
				t.Errorf("got faults %v, want one of %v that says %q", found, k, tt.want)
			}
		})
	}
}

// steal gives the unique entries of a record to another one.
func steal(t *testing.T, s vault.Store, from vault.Record) vault.Key {
	t.Helper()
	thief := vault.Record{Key: vault.Key{Kind: "thief", ID: "x"}, Version: 1}
	for _, e := range from.Indexes {
		if e.Unique {
			thief.Indexes = append(thief.Indexes, e)
		}
	}
	put(t, s, thief)
	return thief.Key
}

// What is changed meanwhile is no fault.
func TestVerifyWhileWriting(t *testing.T) {
	store := vaulttest.NewStore(t)
	v := vaulttest.OpenAt(t, store, vaulttest.NewKeys(t), nil)
	conn := vaulttest.Connection(t, v, "github")
	users := []func(i, n int) error{
		func(i, n int) error { // refresh
			a, err := v.FindAccount(t.Context(), conn.ID, "steady")
			if err != nil {
				return err
			}
			g := vaulttest.Grant("1", epoch)
			g.Generation = a.Generation + 1
			_, err = v.ReplaceGrant(t.Context(), a.ID, g)
			return err
		},
		func(i, n int) error { // connect, disconnect, delete
			a, err := v.Connect(t.Context(), vault.Link{}, vault.ConnectedAccount{
				ConnectionID: conn.ID, Connector: "github", Identifier: fmt.Sprint("passing-", n%3),
			}, vaulttest.Grant("1", epoch))
			if err == nil {
				_, err = v.SetStatus(t.Context(), a.ID, 0, vault.StatusDisconnected, "by_user")
			}
			return errors.Join(err, v.DropGrant(t.Context(), a.ID), v.DeleteAccount(t.Context(), a.ID))
		},
		func(i, n int) error { // come and be forgotten
			_, err := v.Connect(t.Context(), vault.Link{}, vault.ConnectedAccount{
				ConnectionID: conn.ID, Connector: "github", Identifier: "nobody",
			}, vaulttest.Grant("1", epoch))
			if err == nil && n%20 == 0 {
				_, err = v.Forget(t.Context(), "", "nobody")
			}
			return err
		},
		func(i, n int) error { // the form of identifiers
			return errors.Join(v.SealIdentifiers(t.Context(), n%2 == 0), v.Reseal(t.Context()))
		},
	}
	vaulttest.Account(t, v, conn, "steady", vaulttest.Grant("1", epoch))
	var wg sync.WaitGroup
	var stop atomic.Bool
	for i, f := range users {
		wg.Go(func() {
			for n := 0; !stop.Load(); n++ {
				if err := f(i, n); err != nil {
					t.Errorf("user %d: %v", i, err)
					return
				}
			}
		})
	}
	for deadline := time.Now().Add(time.Second); time.Now().Before(deadline) && !t.Failed(); {
		var found faults
		_, err := v.Verify(t.Context(), found.add)
		wantNil(t, err)
		if len(found) > 0 {
			t.Errorf("got faults %v", found)
		}
	}
	stop.Store(true)
	wg.Wait()
}

// Closing does not wait for what waits for it.
func TestCloseWhileVerifying(t *testing.T) {
	var v *vault.Vault
	closed := make(chan error, 1)
	closing := sync.OnceFunc(func() {
		go func() { closed <- v.Close() }()
		<-time.After(10 * time.Millisecond) // it begins to wait
	})
	var on atomic.Bool
	v, err := vault.OpenWith(t.Context(), vaulttest.NewStore(t), vaulttest.NewKeys(t), vault.Options{Observe: func(op string, _ time.Duration, _ error) {
		if on.Load() && op == "get" {
			closing()
		}
	}})
	wantNil(t, err)
	users(t, v, 3)
	on.Store(true)
	verified := make(chan error, 1)
	go func() {
		_, err := v.Verify(t.Context(), func(vault.Fault) {})
		verified <- err
	}()
	for _, c := range []chan error{verified, closed} {
		select {
		case err := <-c:
			if err != nil && !errors.Is(err, vault.ErrClosed) {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("one waits for the other")
		}
	}
}
