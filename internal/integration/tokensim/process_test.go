package tokensim

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// moment is when a process is to be killed.
type moment int32

const (
	never     moment = iota
	atBegin          // a refresh has been noted in the vault, and nothing sent
	atAnswer         // the provider has answered, and nothing is saved
	atSave           // the new grant is saved, and nobody knows
	anyMoment        // now
)

// life of a process; what it was part of may be gone long before it is asked about.
type life struct {
	dead atomic.Bool
	// back is when the next process was up, in nanoseconds since 1970; helped tells that another one
	// was all the time.
	back   atomic.Int64
	helped atomic.Bool
}

// process is one of our processes: its own memory, and a vault on the store that outlives it. Once it
// is dead, its store and its network answer nothing more.
type process struct {
	*life
	sim *sim
	// kill is the moment at which it is to be killed, anywhere that of any refresh, not only of one that
	// rotates.
	kill     atomic.Int32
	anywhere atomic.Bool
	vault    *vault.Vault
	shared   *broker.Shared
	broker   *broker.Broker
	cancel   context.CancelFunc
	tend     sync.WaitGroup
}

// start starts a process on the store.
func (s *sim) start() *process {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{life: new(life), sim: s, shared: broker.NewShared(0), cancel: cancel}
	var err error
	if p.vault, err = vault.OpenWith(ctx, view{s.store, p}, s.keys, vault.Options{KeepEvents: -1}); err != nil {
		s.t.Fatal(err)
	}
	set, err := connection.NewSet(ctx, p.vault, s.catalog, s.connections())
	if err != nil {
		s.t.Fatal(err)
	}
	p.broker = broker.New(broker.Options{
		Vault: p.vault, Connections: set, Shared: p.shared, Observe: watcher{s: s}, Schedule: broker.Schedule{IdleAfter: s.idleAfter},
		OAuth: oauth.New(oauth.Options{Transport: network{p}}),
	})
	p.tend.Go(func() { p.broker.Tend(ctx) })
	return p
}

// die ends the process between two instructions.
func (p *process) die() {
	if p.dead.Swap(true) {
		return
	}
	p.sim.tally.add("kills", 1)
	p.bury()
}

// bury ends the goroutines of a dead process, which cannot do anything any more.
func (p *process) bury() {
	p.cancel()
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	go p.shared.Drain(ended)
}

// stop ends the process in order.
func (p *process) stop() {
	p.cancel()
	p.tend.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := p.shared.Drain(ctx); err != nil {
		p.sim.tally.add("processes that did not stop in time", 1)
	}
	p.dead.Store(true)
}

// reached kills the process if this moment of a refresh is the one for it, and tells whether it is dead.
func (p *process) reached(m moment, at *provider) bool {
	if (at.rotates || p.anywhere.Load()) && p.kill.CompareAndSwap(int32(m), int32(never)) {
		p.sim.tally.add([]string{atBegin: "killed before sending", atAnswer: "killed before saving", atSave: "killed after saving"}[m], 1)
		p.die()
	}
	return p.dead.Load()
}

// view is the store as a process sees it.
type view struct {
	vault.Store
	p *process
}

func (v view) Get(ctx context.Context, k vault.Key) (vault.Record, error) {
	if v.p.dead.Load() {
		return vault.Record{}, vault.ErrClosed
	}
	return v.Store.Get(ctx, k)
}

func (v view) Find(ctx context.Context, e vault.IndexEntry) (vault.Record, error) {
	if v.p.dead.Load() {
		return vault.Record{}, vault.ErrClosed
	}
	return v.Store.Find(ctx, e)
}

func (v view) Scan(ctx context.Context, index, prefix string, after vault.Cursor, limit int) ([]vault.Entry, error) {
	if v.p.dead.Load() {
		return nil, vault.ErrClosed
	}
	return v.Store.Scan(ctx, index, prefix, after, limit)
}

func (v view) Apply(ctx context.Context, changes ...vault.Change) error {
	if v.p.dead.Load() {
		return vault.ErrClosed
	}
	err := v.Store.Apply(ctx, changes...)
	m := never
	if err == nil && !changes[0].Delete {
		switch changes[0].Kind {
		case vault.KindRefresh:
			m = atBegin
		case vault.KindGrant:
			m = atSave
		}
	}
	if m != never && v.p.reached(m, v.p.sim.byID[vault.AccountID(changes[0].ID)].provider) || v.p.dead.Load() {
		return vault.ErrClosed
	}
	return err
}

func (v view) Lease(ctx context.Context, name string, ttl time.Duration) (func(), error) {
	if v.p.dead.Load() {
		return nil, vault.ErrClosed
	}
	release, err := v.Store.Lease(ctx, name, ttl)
	if err != nil {
		return nil, err
	}
	return func() {
		if !v.p.dead.Load() {
			release()
		}
	}, nil
}

func (v view) Ping(ctx context.Context) error {
	if v.p.dead.Load() {
		return vault.ErrClosed
	}
	return v.Store.Ping(ctx)
}

// network is what a process has of the world outside.
type network struct{ p *process }

func (n network) RoundTrip(r *http.Request) (*http.Response, error) {
	if n.p.dead.Load() {
		return nil, errDead
	}
	at := n.p.sim.byHost[r.URL.Host]
	resp, err := at.serve(r, n.p.life)
	if err == nil && resp.StatusCode == http.StatusOK && r.URL.Path == "/token" {
		n.p.reached(atAnswer, at)
	}
	if n.p.dead.Load() {
		return nil, errDead
	}
	return resp, err
}

// watcher counts what a broker tells.
type watcher struct {
	s *sim
}

func (w watcher) Refreshed(_, _, outcome string, _ time.Duration) {
	w.s.tally.add("refresh "+outcome, 1)
}
func (w watcher) Forced(string)      { w.s.tally.add("forced", 1) }
func (watcher) Waiting(int)          {}
func (watcher) Checked(string, bool) {}

var (
	_ http.RoundTripper = network{}
	_ broker.Observer   = watcher{}
)
