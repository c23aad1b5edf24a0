package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/vault"
)

// runtimes holds one runtime for each physical store, however many configurations use it.
var runtimes = caddy.NewUsagePool()

// drainTime is how long refreshes under way may take to finish and be saved when the process ends.
const drainTime = 20 * time.Second

// runtime is what survives a reload: the open vault, refreshes under way, opened credentials, what is done
// for accounts without being asked, and the delivery of events.
type runtime struct {
	shared  *broker.Shared
	started time.Time
	log     *zap.Logger
	tending tending // of accounts
	polling tending // for users who consent on another machine
	events  *eventQueue
	// delivering is there from when the vault is open.
	delivering delivering

	mu          sync.Mutex
	vault       *vault.Vault
	closed      bool
	maintenance *maintenance
}

func newRuntime(cacheSize int, log *zap.Logger) *runtime {
	return &runtime{
		shared: broker.NewShared(cacheSize), started: time.Now(), log: log,
		events: newEventQueue(log.Named("events")), maintenance: newMaintenance(),
	}
}

// hold takes hold of the runtime of this app's store.
func (a *App) hold() error {
	id := a.store.Identity()
	got, _, err := runtimes.LoadOrNew(id, func() (caddy.Destructor, error) {
		return newRuntime(a.CacheSize, caddy.Log().Named("claviger")), nil
	})
	if err != nil {
		return err
	}
	a.runtime, a.held = got.(*runtime), id
	return nil
}

// release gives back what hold took, if it did: Cleanup also runs when Provision has failed.
func (a *App) release() error {
	if a.held == "" {
		return nil
	}
	id := a.held
	a.held = ""
	_, err := runtimes.Delete(id)
	return err
}

// open opens the vault once. A failure is not remembered, so that the next request tries again.
func (r *runtime) open(ctx context.Context, a *App) (*vault.Vault, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.vault != nil {
		return r.vault, nil
	}
	if r.closed {
		return nil, vault.ErrClosed
	}
	start := time.Now()
	s, err := a.store.OpenStore(ctx, a.log)
	if err != nil {
		return nil, fmt.Errorf("opening vault: %w", err)
	}
	v, err := vault.OpenWith(ctx, s, a.key.KeyProvider(), vault.Options{
		Log: r.log.Named("vault"), ClearIdentifiers: !a.sealIdentifiers(), Observe: observeVault,
		Notify: r.accountEvent,
	})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	vaultOpened.Set(time.Since(start).Seconds())
	r.vault = v
	r.delivering.start(r.newDeliverer(v))
	r.maintenance.start(v)
	r.events.start(r.emit)
	return v, nil
}

// Destruct runs when the last configuration has let go: nothing new is begun, refreshes under way are
// finished and saved, then the vault is closed.
func (r *runtime) Destruct() error {
	r.tending.stop()
	r.polling.stop()
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	if err := r.shared.Drain(ctx); err != nil {
		r.log.Error("refreshes did not finish in time", zap.Duration("waited", drainTime))
	}
	if n := r.shared.Unsaved(); n > 0 {
		r.log.Error("refreshed tokens could not be saved and are lost; their users may have to consent again", zap.Int("accounts", n))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true // before maintenance is stopped, so that nobody starts it again
	r.events.stop()
	r.delivering.stop()
	r.maintenance.stop()
	if r.vault == nil {
		return nil
	}
	return r.vault.Close()
}
