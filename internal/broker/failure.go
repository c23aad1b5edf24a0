package broker

import (
	"maps"
	"time"

	"github.com/claviger-proxy/claviger/vault"
)

// forcedEvery is how often a 401 may force a refresh of one account.
const forcedEvery = time.Minute

// failure is a refresh that has failed for now.
type failure struct {
	// until is when it is tried again for who cannot do without, behind when for who can.
	at, until, behind time.Time
	err               *Error
}

// mayForce tells whether a 401 may force a refresh now, and notes that it does. The lock is held.
func (s *Shared) mayForce(id vault.AccountID, now time.Time) bool {
	if s.failing(id, now) != nil {
		return false
	}
	if last, ok := s.forced[id]; ok && within(now.Sub(last), forcedEvery) {
		return false
	}
	s.prune(now)
	s.forced[id] = now
	return true
}

// prune forgets what does not matter any more, once a minute at most. The lock is held.
func (s *Shared) prune(now time.Time) {
	if within(now.Sub(s.pruned), forcedEvery) {
		return
	}
	s.pruned = now
	maps.DeleteFunc(s.forced, func(_ vault.AccountID, last time.Time) bool { return !within(now.Sub(last), forcedEvery) })
	maps.DeleteFunc(s.failed, func(_ vault.AccountID, f failure) bool { return now.After(f.until) && now.After(f.behind) })
}

// within tells whether something has happened less than limit ago. A clock that was set back does not
// make it last.
func within(ago, limit time.Duration) bool { return ago >= 0 && ago < limit }

// recentFailure tells why a token that somebody waits for is not to be had now; nil when it may be tried.
func (s *Shared) recentFailure(id vault.AccountID, now time.Time) *Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failing(id, now)
}

// mayTry tells whether a token that nobody waits for may be asked for now.
func (s *Shared) mayTry(id vault.AccountID, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.failed[id]
	return !ok || !f.lasts(now, f.behind)
}

// lasts tells whether the time until end has not passed yet, nor the clock been set back.
func (f failure) lasts(now, end time.Time) bool { return !now.Before(f.at) && !now.After(end) }

// failing is recentFailure under the lock.
func (s *Shared) failing(id vault.AccountID, now time.Time) *Error {
	if f, ok := s.failed[id]; ok && f.lasts(now, f.until) {
		return f.err
	}
	return nil
}

func (s *Shared) noteFailure(id vault.AccountID, now time.Time, f failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prune(now)
	f.at = now
	s.failed[id] = f
	delete(s.forced, id) // what failed for now may be forced again as soon as it may be tried again
}

// succeeded forgets that a refresh has failed.
func (s *Shared) succeeded(id vault.AccountID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.failed, id)
}

// forget drops everything remembered of an account.
func (s *Shared) forget(id vault.AccountID) {
	s.mu.Lock()
	delete(s.failed, id)
	delete(s.forced, id)
	s.mu.Unlock()
	s.cache.remove(id)
}
