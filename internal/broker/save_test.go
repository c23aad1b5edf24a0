package broker_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/vault"
)

// hookedStore lets a test stand between the vault and its store.
type hookedStore struct {
	vault.Store

	mu   sync.Mutex
	kind vault.Kind
	hook writeHook
}

// writeHook does a write, or not. Its error is what the vault gets.
type writeHook func(write func() error) error

// onWrite runs hook at each write whose first record, one that is not deleted, is of that kind, until
// it is replaced; nil is none.
func (s *hookedStore) onWrite(kind vault.Kind, hook writeHook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kind, s.hook = kind, hook
}

// onNextWrite is onWrite for one write.
func (s *hookedStore) onNextWrite(kind vault.Kind, hook writeHook) {
	s.onWrite(kind, func(write func() error) error {
		s.onWrite("", nil)
		return hook(write)
	})
}

func (s *hookedStore) Apply(ctx context.Context, changes ...vault.Change) error {
	s.mu.Lock()
	kind, hook := s.kind, s.hook
	s.mu.Unlock()
	write := func() error { return s.Store.Apply(ctx, changes...) }
	if hook != nil && changes[0].Kind == kind && !changes[0].Delete {
		return hook(write)
	}
	return write()
}

// disconnected between the save of a refreshed grant and the moment it is used. The account
// must not come back from memory.
func TestR15DisconnectAfterSave(t *testing.T) {
	k := newKit(t)
	target := k.connect("alice", "user_1")
	k.pass(beyondExpiry)
	k.store.onNextWrite(vault.KindGrant, func(write func() error) error {
		if err := write(); err != nil {
			return err
		}
		_, err := k.broker.Disconnect(context.Background(), target.Account)
		return err
	})
	if _, err := k.broker.Credential(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	for _, target := range []broker.Target{target, k.resolve("demo/user_1")} {
		_, err := k.broker.Credential(t.Context(), target)
		wantCode(t, err, broker.CodeDisconnected)
	}
}

// Another account is forgotten while a refreshed grant is saved. The refused token must not stay.
func TestSavedTokenReplacesRefusedOne(t *testing.T) {
	k := newKit(t)
	target, other := k.connect("alice", "user_1"), k.connect("bob", "user_2")
	old := k.credential(target)
	k.store.onWrite(vault.KindGrant, func(write func() error) error {
		defer k.broker.Forget(other.Account)
		return write()
	})
	if _, err := k.broker.Renew(t.Context(), target, old); err != nil {
		t.Fatal(err)
	}
	if c := k.credential(k.resolve("demo/user_1")); c.Generation != old.Generation+1 {
		t.Errorf("got generation %d, want %d", c.Generation, old.Generation+1)
	}
}

// the store has written the grant and reports that it has not.
func TestR05SavedAndReportedAsFailed(t *testing.T) {
	k := newKit(t)
	target := k.connect("alice", "user_1")
	old := k.credential(target)
	k.pass(beyondExpiry)
	k.store.onNextWrite(vault.KindGrant, func(write func() error) error {
		return errors.Join(errors.New("the answer of the store is lost"), write())
	})
	if c := k.credential(target); c.Generation != old.Generation+1 {
		t.Errorf("got generation %d, want %d", c.Generation, old.Generation+1)
	}
	if n := k.provider.LiveGrants("alice"); n != 1 {
		t.Errorf("the provider has %d live grants, want 1: the new token was revoked", n)
	}
	if n := k.shared.Unsaved(); n != 0 {
		t.Errorf("got %d unsaved tokens, want none", n)
	}
}

// Connected again before the provider is asked to end the old grant: the new one is not ended.
func TestConnectedAgainBeforeRevocation(t *testing.T) {
	k := newKit(t)
	target := k.connect("alice", "user_1")
	k.store.onNextWrite(vault.KindAccount, func(write func() error) error {
		if err := write(); err != nil {
			return err
		}
		k.connect("alice", "user_1")
		return nil
	})
	d, err := k.broker.Disconnect(t.Context(), target.Account)
	if err != nil || d.Revoked || d.RevokeError == "" {
		t.Errorf("got %+v, %v; want no revocation and why", d, err)
	}
	if n := k.provider.LiveGrants("alice"); n != 2 {
		t.Errorf("the provider has %d live grants, want 2", n)
	}
	if c := k.credential(target); c.Generation != 2 {
		t.Errorf("got generation %d, want 2", c.Generation)
	}
}
