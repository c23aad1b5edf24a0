package broker

import (
	"context"
	"sync"
	"time"

	"github.com/claviger-proxy/claviger/vault"
)

const (
	usedEvery = 10 * time.Minute // how often the use of one account is looked at
	usedSaved = time.Hour        // how often it is saved
)

// used remembers when accounts were used, until that is saved. The hot path comes here once in ten
// minutes for an account.
type used struct {
	mu    sync.Mutex
	times map[vault.AccountID]time.Time
}

func newUsed() *used { return &used{times: map[vault.AccountID]time.Time{}} }

func (u *used) note(id vault.AccountID, at time.Time) {
	u.mu.Lock()
	u.times[id] = at
	u.mu.Unlock()
}

// last is zero when nothing is remembered.
func (u *used) last(id vault.AccountID) time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.times[id]
}

// noted forgets the use of an account that has been saved as of that time.
func (u *used) noted(id vault.AccountID, saved time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.times[id].After(saved) {
		delete(u.times, id)
	}
}

// take returns all that is remembered and forgets it.
func (u *used) take() map[vault.AccountID]time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	times := u.times
	u.times = map[vault.AccountID]time.Time{}
	return times
}

// touch notes that an account's credential is wanted now.
func (b *Broker) touch(e *entry, now time.Time) {
	if at := now.Unix(); at-e.usedAt.Load() >= int64(usedEvery/time.Second) {
		e.usedAt.Store(at)
		b.shared.used.note(e.id, now)
	}
}

// saveUse saves the use of accounts for whom that is due, and has those that were idle looked at.
func (b *Broker) saveUse(ctx context.Context) {
	for id, at := range b.shared.used.take() {
		now := b.now()
		_, err := b.vault.Note(ctx, id, 0, func(f *vault.Facts) []vault.Event {
			idle := b.schedule.IdleAfter > 0 && at.Sub(f.LastUsedAt) > b.schedule.IdleAfter
			if at.Sub(f.LastUsedAt) < usedSaved {
				return nil
			}
			f.LastUsedAt = at
			if idle {
				f.DueAt = now
			}
			return nil
		})
		if err != nil && ctx.Err() != nil {
			return
		}
	}
}
