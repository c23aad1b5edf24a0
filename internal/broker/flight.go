package broker

import (
	"context"
	"maps"
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
	// unsaved are refreshed grants that the vault has not taken yet.
	unsaved map[vault.AccountID]unsaved
	pruned  time.Time
	running sync.WaitGroup
	closed  bool
}

type failure struct {
	until time.Time
	err   *Error
}

// unsaved is a refreshed grant that is in memory only, and the flight that saves it.
type unsaved struct {
	grant vault.Grant
	save  func() (*entry, error)
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

// mayForce tells whether a 401 may force a refresh now, and notes that it does. The lock is held.
func (s *Shared) mayForce(id vault.AccountID, now time.Time) bool {
	if s.failing(id, now) != nil {
		return false
	}
	if last, ok := s.forced[id]; ok && now.Sub(last) < forcedEvery {
		return false
	}
	s.prune(now)
	s.forced[id] = now
	return true
}

// prune forgets what does not matter any more, once a minute at most. The lock is held.
func (s *Shared) prune(now time.Time) {
	if now.Sub(s.pruned) < forcedEvery {
		return
	}
	s.pruned = now
	maps.DeleteFunc(s.forced, func(_ vault.AccountID, last time.Time) bool { return now.Sub(last) >= forcedEvery })
	maps.DeleteFunc(s.failed, func(_ vault.AccountID, f failure) bool { return now.After(f.until) })
}

func (s *Shared) recentFailure(id vault.AccountID, now time.Time) *Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failing(id, now)
}

// failing is recentFailure under the lock.
func (s *Shared) failing(id vault.AccountID, now time.Time) *Error {
	f, ok := s.failed[id]
	if !ok {
		return nil
	}
	if now.After(f.until) {
		delete(s.failed, id)
		return nil
	}
	return f.err
}

func (s *Shared) noteFailure(id vault.AccountID, now, until time.Time, err *Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prune(now)
	s.failed[id] = failure{until, err}
	delete(s.forced, id) // what failed for now may be forced again as soon as it may be tried again
}

// forget drops everything remembered of an account.
func (s *Shared) forget(id vault.AccountID) {
	s.mu.Lock()
	delete(s.failed, id)
	delete(s.forced, id)
	s.mu.Unlock()
	s.cache.remove(id)
}

// Unsaved counts accounts whose newest token is only in memory because the vault does not take it.
func (s *Shared) Unsaved() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.unsaved)
}

// keepUnsaved keeps a grant in memory, and the flight that tries to save it again. It tells whether
// the grant was not known to be unsaved before.
func (s *Shared) keepUnsaved(g vault.Grant, save func() (*entry, error)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.unsaved[g.AccountID].grant.Generation == g.Generation
	s.unsaved[g.AccountID] = unsaved{g, save}
	return !known
}

func (s *Shared) unsavedGrant(id vault.AccountID) (vault.Grant, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.unsaved[id]
	return u.grant, ok
}

// dropUnsaved forgets a grant that has been saved, or is of no use any more.
func (s *Shared) dropUnsaved(g vault.Grant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unsaved[g.AccountID].grant.Generation == g.Generation {
		delete(s.unsaved, g.AccountID)
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
