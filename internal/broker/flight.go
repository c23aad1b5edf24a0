package broker

import (
	"context"
	"sync"
	"time"

	"github.com/claviger-proxy/claviger/vault"
)

// Shared is what all configurations of one process have in common: opened credentials, refreshes
// under way, and the memory of failed ones. During a reload two configurations serve requests at
// the same time; without it a rotating refresh token would be spent twice.
type Shared struct {
	cache *cache

	mu      sync.Mutex
	flights map[vault.AccountID]*flight
	// failed remembers when a refresh failed for now, forced when one was last forced by a 401.
	failed map[vault.AccountID]failure
	forced map[vault.AccountID]time.Time
	paces  map[vault.ConnectionID]*pace
	used   *used
	// wake tells Tend that there is something to do sooner than it knew.
	wake chan struct{}
	// unsaved are refreshed grants that the vault has not taken yet.
	unsaved map[vault.AccountID]unsaved
	pruned  time.Time
	running sync.WaitGroup
	closed  bool
}

// flight is one refresh under way; many callers wait for it, none can cancel it.
type flight struct {
	done  chan struct{}
	entry *entry
	err   error
}

// DefaultCacheBytes bounds the opened credentials kept in memory.
const DefaultCacheBytes = 24 << 20

// NewShared returns an empty one. cacheBytes bounds the memory of opened credentials; 0 means
// [DefaultCacheBytes].
func NewShared(cacheBytes int) *Shared {
	if cacheBytes == 0 {
		cacheBytes = DefaultCacheBytes
	}
	return &Shared{
		cache:   newCache(cacheBytes),
		flights: map[vault.AccountID]*flight{}, failed: map[vault.AccountID]failure{},
		forced: map[vault.AccountID]time.Time{}, unsaved: map[vault.AccountID]unsaved{},
		paces: map[vault.ConnectionID]*pace{}, used: newUsed(), wake: make(chan struct{}, 1),
	}
}

// fly joins the flight of an account, or starts one with run. It never waits.
func (s *Shared) fly(id vault.AccountID, run func() (*entry, error)) *flight {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.start(id, run)
}

// force is fly for a credential that the provider has refused. It starts no flight, and returns nil,
// if one was forced lately and has landed, or has failed for now.
func (s *Shared) force(id vault.AccountID, now time.Time, run func() (*entry, error)) *flight {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flights[id] == nil && !s.mayForce(id, now) {
		return nil
	}
	return s.start(id, run)
}

// start is fly under the lock.
func (s *Shared) start(id vault.AccountID, run func() (*entry, error)) *flight {
	if f := s.flights[id]; f != nil {
		return f
	}
	f := &flight{done: make(chan struct{})}
	if s.closed {
		f.err = vaultError(vault.ErrClosed)
		close(f.done)
		return f
	}
	s.flights[id] = f
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		f.entry, f.err = run()
		s.mu.Lock()
		delete(s.flights, id)
		s.mu.Unlock()
		close(f.done)
	}()
	return f
}

// wait returns the flight's outcome, or the caller's own end.
func (f *flight) wait(ctx context.Context) (*entry, error) {
	select {
	case <-f.done:
		return f.entry, f.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// wakeUp lets Tend look at once.
func (s *Shared) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// Drain lets running refreshes finish and be saved, tries once more to save what is unsaved, and
// starts no more. It returns when nothing is left to wait for or ctx ends.
func (s *Shared) Drain(ctx context.Context) error {
	s.mu.Lock()
	for id, u := range s.unsaved {
		s.start(id, u.save)
	}
	s.closed = true
	s.mu.Unlock()
	done := make(chan struct{})
	go func() { s.running.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
