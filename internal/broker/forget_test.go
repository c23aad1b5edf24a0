package broker_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/claviger-proxy/claviger/vault"
)

// The grant is ended at the provider, and nothing is left; others are not touched.
func TestForgetUser(t *testing.T) {
	k := newKit(t)
	mine, other := k.connect("alice", "user_1"), k.connect("bob", "user_2")
	elsewhere := vault.ConnectedAccount{
		Project: "other", ConnectionID: vault.NewConnectionID(), Connector: "demo", Identifier: "user_1", Status: vault.StatusActive,
	}
	if err := k.vault.CreateAccount(t.Context(), &elsewhere); err != nil {
		t.Fatal(err)
	}
	got, err := k.broker.ForgetUser(t.Context(), "user_1")
	if err != nil || len(got.Accounts) != 1 || !got.Accounts[0].Revoked || !slices.Equal(got.Removed, []vault.AccountID{mine.Account}) {
		t.Fatalf("got %+v, %v", got, err)
	}
	if a := k.account(other); a.Status != vault.StatusActive {
		t.Errorf("the other user's account is %s", a.Status)
	}
	if a, err := k.vault.Account(t.Context(), elsewhere.ID); err != nil || a.Status != vault.StatusPendingAuth {
		t.Errorf("the account of another project is %s, %v", a.Status, err)
	}
	if got, err := k.broker.ForgetUser(t.Context(), "user_1"); err != nil || len(got.Removed) != 0 {
		t.Errorf("again: %+v, %v", got, err)
	}
}

// Two at once: the one that finds the account gone has nothing to complain about.
func TestForgetUserMeanwhile(t *testing.T) {
	k := newKit(t)
	target := k.connect("alice", "user_1")
	k.store.onNextWrite(vault.KindAccount, func(func() error) error {
		if got, err := k.broker.ForgetUser(t.Context(), "user_1"); err != nil || len(got.Removed) != 1 {
			t.Errorf("the first: %+v, %v", got, err)
		}
		return vault.ErrConflict
	})
	if got, err := k.broker.ForgetUser(t.Context(), "user_1"); err != nil || len(got.Removed) != 0 {
		t.Errorf("the second: %+v, %v", got, err)
	}
	if _, err := k.vault.Account(t.Context(), target.Account); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("the account is there: %v", err)
	}
}

func TestRemove(t *testing.T) {
	k := newKit(t)
	target := k.connect("alice", "user_1")
	d, err := k.broker.Remove(t.Context(), target.Account)
	if err != nil || !d.Revoked {
		t.Fatalf("got %+v, %v", d, err)
	}
	if _, err := k.vault.Account(t.Context(), target.Account); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("the account is there: %v", err)
	}
	if n := k.provider.LiveGrants("alice"); n != 0 {
		t.Errorf("the provider still has %d grants", n)
	}
}

// Whoever connects the account while it is removed has given a grant that is ended as well.
func TestRemoveConnectedMeanwhile(t *testing.T) {
	k := newKit(t)
	target := k.connect("alice", "user_1")
	k.store.onNextWrite(vault.KindAccount, func(write func() error) error {
		err := write()
		k.connect("bob", "user_1")
		return err
	})
	if _, err := k.broker.Remove(t.Context(), target.Account); err != nil {
		t.Fatal(err)
	}
	if _, err := k.vault.Account(t.Context(), target.Account); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("the account is there: %v", err)
	}
	if n := k.provider.LiveGrants("bob"); n != 0 {
		t.Errorf("the provider still has %d grants", n)
	}
}
