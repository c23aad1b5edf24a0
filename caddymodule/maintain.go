package caddymodule

import (
	"context"
	"runtime/debug"
	"sync"
	"time"

	"github.com/claviger-proxy/claviger/vault"
)

// maintenance is what a vault does by itself beside all requests: it goes on with re-sealing
// whenever there is something to seal anew.
type maintenance struct {
	wake   chan struct{}
	cancel context.CancelFunc
	done   chan struct{}
}

// maintainEvery is how long a change of the keys that came from elsewhere may go unnoticed.
const maintainEvery = time.Minute

func newMaintenance() *maintenance { return &maintenance{wake: make(chan struct{}, 1)} }

// wakeUp lets it look for work now.
func (m *maintenance) wakeUp() {
	select {
	case m.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// start begins with an open vault.
func (m *maintenance) start(v *vault.Vault) {
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel, m.done = cancel, make(chan struct{})
	go m.run(ctx, v)
}

func (m *maintenance) run(ctx context.Context, v *vault.Vault) {
	defer close(m.done)
	for {
		if s, err := v.ResealState(ctx); err == nil && s.Needed && !s.Paused {
			reseal(ctx, v)
		}
		select {
		case <-ctx.Done():
			return
		case <-m.wake:
		case <-time.After(maintainEvery):
		}
	}
}

// resealPercent is how much the heap may grow before it is collected while files are merged, which
// takes large buffers. Serving requests does with fewer collections.
const resealPercent = 100

// resealing is how many vaults are re-sealed now. The collector's setting is of the process, so the first
// changes it, and the last puts it back.
var resealing struct {
	mu      sync.Mutex
	vaults  int
	percent int // before the first
}

func reseal(ctx context.Context, v *vault.Vault) {
	collectMore()
	defer collectAsBefore()
	_ = v.Reseal(ctx) // the vault has logged what came of it; the next turn goes on
}

func collectMore() {
	resealing.mu.Lock()
	defer resealing.mu.Unlock()
	if resealing.vaults++; resealing.vaults > 1 {
		return
	}
	resealing.percent = debug.SetGCPercent(resealPercent)
	if p := resealing.percent; p >= 0 && p < resealPercent {
		debug.SetGCPercent(p) // the operator's own
	}
}

func collectAsBefore() {
	resealing.mu.Lock()
	defer resealing.mu.Unlock()
	if resealing.vaults--; resealing.vaults == 0 {
		debug.SetGCPercent(resealing.percent)
	}
}

// stop ends it where it is and waits for that. It may be called without start.
func (m *maintenance) stop() {
	if m.cancel != nil {
		m.cancel()
		<-m.done
	}
}
