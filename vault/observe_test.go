package vault_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// observations remember the last error of each operation.
type observations struct {
	mu  sync.Mutex
	ops map[string]error
}

func (o *observations) observe(op string, took time.Duration, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if took < 0 {
		err = errors.New("negative time")
	}
	o.ops[op] = err
}

func TestObserve(t *testing.T) {
	o := &observations{ops: map[string]error{}}
	v, err := vault.OpenWith(t.Context(), vaulttest.NewStore(t), vaulttest.NewKeys(t), vault.Options{Observe: o.observe})
	wantNil(t, err)
	promoteNew(t, v)
	do := map[string]func() error{
		"get":   func() error { _, err := v.Account(t.Context(), vault.NewAccountID()); return err },
		"find":  func() error { _, err := v.FindConnection(t.Context(), "", "x"); return err },
		"scan":  func() error { _, err := v.Connections(t.Context(), "", vault.PageQuery{}); return err },
		"put":   func() error { return v.PutConnection(t.Context(), &vault.Connection{Name: "x", Connector: "x"}) },
		"ping":  func() error { return v.Check(t.Context()) },
		"lease": func() error { _, err := v.LeaseRefresh(t.Context(), "x", 0); return err },
		"walk":  func() error { _, err := v.CountSealedBy(t.Context(), "x"); return err },
	}
	for round := range 2 {
		for op, f := range do {
			delete(o.ops, op)
			want := f()
			if got, ok := o.ops[op]; !ok || !errors.Is(want, got) || (got == nil) != (want == nil) {
				t.Errorf("round %d, %s: got error %v (told %v), want %v", round, op, got, ok, want)
			}
		}
		wantNil(t, v.Close()) // in the next round, all is an error
	}
	if !errors.Is(o.ops["walk"], vault.ErrClosed) {
		t.Errorf("walk in a closed store: got %v", o.ops["walk"])
	}
}

// What a store can do beside the necessary is not lost by being observed.
func TestObservedStoreKeepsItsAbilities(t *testing.T) {
	v, err := vault.OpenWith(t.Context(), vaulttest.NewStore(t), vaulttest.NewKeys(t), vault.Options{Observe: func(string, time.Duration, error) {}})
	wantNil(t, err)
	s, ok, err := v.Measure(context.Background())
	wantNil(t, err)
	if !ok || s.Records[vault.KindMeta] != 1 {
		t.Errorf("got size %+v (%v), want one record", s, ok)
	}
	ok, err = v.Compact(t.Context())
	wantNil(t, err)
	if !ok {
		t.Error("the store says that it cannot compact")
	}
}
