package caddymodule

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/seal"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// slowGuests are a store that takes its time to open, and a key.
type slowGuests struct {
	store   vault.Store
	keys    seal.KeyProvider
	opening chan struct{}
	proceed chan struct{}
}

func (*slowGuests) CaddyModule() caddy.ModuleInfo { return caddy.ModuleInfo{} }

func (*slowGuests) Identity() string { return "slow" }

func (g *slowGuests) OpenStore(context.Context, *zap.Logger) (vault.Store, error) {
	close(g.opening)
	<-g.proceed
	return g.store, nil
}

func (g *slowGuests) KeyProvider() seal.KeyProvider { return g.keys }

// The process ends while the first request opens the vault: nothing goes on with it afterwards.
func TestDestructWhileOpening(t *testing.T) {
	g := &slowGuests{store: vaulttest.NewStore(t), keys: vaulttest.NewKeys(t), opening: make(chan struct{}), proceed: make(chan struct{})}
	a := &App{store: g, key: g, log: zap.NewNop()}
	r := newRuntime(0, zap.NewNop())
	opened, ended := make(chan error, 1), make(chan error, 1)
	go func() { _, err := r.open(t.Context(), a); opened <- err }()
	<-g.opening
	go func() { ended <- r.Destruct() }()
	<-time.After(20 * time.Millisecond) // for it to come as far as it can
	close(g.proceed)
	if err := errors.Join(<-opened, <-ended); err != nil {
		t.Fatal(err)
	}
	for what, done := range map[string]chan struct{}{
		"re-sealing": r.maintenance.done, "delivering": r.delivering.done, "telling events": r.events.done,
	} {
		select {
		case <-done:
		default:
			t.Errorf("%s goes on with a vault that is closed", what)
		}
	}
}
