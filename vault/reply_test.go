package vault_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

var replied = vault.Reply{
	Status: 201, Header: map[string]string{"Location": "/x"}, Body: vault.NewSecret("canary-body"), CreatedAt: epoch,
}

func TestReply(t *testing.T) {
	c := newClock()
	v := vaulttest.NewAt(t, c.now)
	request := []byte("POST /x\nbody")
	begun, err := v.BeginReply(t.Context(), "api", "k", request)
	wantNil(t, err)
	if begun.Status != 0 {
		t.Fatalf("got %+v of a new key", begun)
	}
	_, err = v.BeginReply(t.Context(), "api", "k", request)
	wantErr(t, err, vault.ErrUnanswered)
	wantNil(t, v.EndReply(t.Context(), "api", "k", request, replied))
	for range 2 {
		got, err := v.BeginReply(t.Context(), "api", "k", request)
		wantNil(t, err)
		if got.Status != 201 || got.Header["Location"] != "/x" || got.Body.Reveal() != "canary-body" || !got.CreatedAt.Equal(epoch) {
			t.Errorf("got %+v", got)
		}
	}
	_, err = v.BeginReply(t.Context(), "api", "k", []byte("POST /x\nother"))
	wantErr(t, err, vault.ErrOtherRequest)
	other, err := v.BeginReply(t.Context(), "elsewhere", "k", []byte("POST /x\nother"))
	wantNil(t, err)
	if other.Status != 0 {
		t.Errorf("a key of another scope: %+v", other)
	}
	c.add(24*time.Hour + time.Second)
	if got, err := v.BeginReply(t.Context(), "api", "k", []byte("anything")); err != nil || got.Status != 0 {
		t.Errorf("after a day: %+v, %v", got, err)
	}
}

func TestReplyNotKept(t *testing.T) {
	c := newClock()
	v := vaulttest.NewAt(t, c.now)
	request := []byte("x")
	for _, answer := range []vault.Reply{{}, {Status: 200, Body: vault.NewSecret(strings.Repeat("x", vault.MaxReply+1))}} {
		_, err := v.BeginReply(t.Context(), "api", "k", request)
		wantNil(t, err)
		wantNil(t, v.EndReply(t.Context(), "api", "k", request, answer))
	}
	_, err := v.BeginReply(t.Context(), "api", "k", request)
	wantNil(t, err)
	c.add(15*time.Minute + time.Second) // nobody ends it
	if got, err := v.BeginReply(t.Context(), "api", "k", request); err != nil || got.Status != 0 {
		t.Errorf("what was broken off: %+v, %v", got, err)
	}
	large := vault.Reply{Status: 200, Body: vault.NewSecret(strings.Repeat("\xff", vault.MaxReply))}
	wantNil(t, v.EndReply(t.Context(), "api", "k", request, large))
	if got, err := v.BeginReply(t.Context(), "api", "k", request); err != nil || !got.Body.Equal(large.Body) {
		t.Errorf("the longest: %d bytes, %v", len(got.Body.Reveal()), err)
	}
}

func TestReplyTogether(t *testing.T) {
	v := vaulttest.New(t)
	var mine atomic.Int32
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			switch _, err := v.BeginReply(t.Context(), "api", "k", []byte("x")); {
			case err == nil:
				mine.Add(1)
			case !errors.Is(err, vault.ErrUnanswered):
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if mine.Load() != 1 {
		t.Errorf("%d callers do the request", mine.Load())
	}
}

// Kept answers are sealed, sealed anew with everything else, and gone with a user.
func TestReplyRecord(t *testing.T) {
	store := vaulttest.NewStore(t)
	v := vaulttest.OpenAt(t, store, vaulttest.NewKeys(t), nil)
	request := []byte("canary-request")
	_, err := v.BeginReply(t.Context(), "api", "canary-key", request)
	wantNil(t, err)
	wantNil(t, v.EndReply(t.Context(), "api", "canary-key", request, replied))
	key := vault.Key{}
	for r, err := range store.Walk(t.Context(), vault.Key{}) {
		wantNil(t, err)
		if r.Kind == vault.KindReply {
			key = r.Key
		}
		if text := r.ID + string(r.Meta) + string(r.Sealed); strings.Contains(text, "canary-") {
			t.Errorf("in the open: %s", text)
		}
	}
	before, err := store.Get(t.Context(), key)
	wantNil(t, err)
	promoteNew(t, v)
	wantNil(t, v.Reseal(t.Context()))
	after, err := store.Get(t.Context(), key)
	wantNil(t, err)
	if string(before.Sealed) == string(after.Sealed) || !before.Expires.Equal(after.Expires) {
		t.Errorf("sealed anew: %t, expires %v, before %v", string(before.Sealed) != string(after.Sealed), after.Expires, before.Expires)
	}
	if got, err := v.BeginReply(t.Context(), "api", "canary-key", request); err != nil || got.Status != 201 {
		t.Errorf("sealed anew: %+v, %v", got, err)
	}
	_, err = v.Forget(t.Context(), "", "somebody")
	wantNil(t, err)
	_, err = store.Get(t.Context(), key)
	wantErr(t, err, vault.ErrNotFound)
}

// An answer that comes after a user was forgotten might be about that user.
func TestReplyAfterForget(t *testing.T) {
	store := vaulttest.NewStore(t)
	v := vaulttest.OpenAt(t, store, vaulttest.NewKeys(t), nil)
	_, err := v.BeginReply(t.Context(), "api", "k", []byte("x"))
	wantNil(t, err)
	_, err = v.Forget(t.Context(), "", "ada")
	wantNil(t, err)
	wantNil(t, v.EndReply(t.Context(), "api", "k", []byte("x"), replied))
	for r, err := range store.Walk(t.Context(), vault.Key{}) {
		wantNil(t, err)
		if r.Kind == vault.KindReply {
			t.Errorf("it is kept: %s", r.ID)
		}
	}
}
