package broker

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
)

const (
	tick      = 250 * time.Millisecond
	lookEvery = 30 * time.Second // what others have written is seen by then
	recent    = 10 * time.Minute
	batch     = 64
	// perConnection bounds what is done at once for one connection, so that a slow provider does not
	// take all workers.
	perConnection = 8
	saveUseEvery  = time.Minute
)

// Tend looks after the accounts of all connections until ctx ends: tokens are refreshed before they
// expire, grants are kept alive, credentials are checked, ends are warned of. One Tend for all
// configurations of a process is enough; two do no harm.
func (b *Broker) Tend(ctx context.Context) {
	w := &tender{Broker: b, turn: make(chan struct{}, b.schedule.Workers), broken: map[vault.AccountID]bool{}}
	defer w.running.Wait()
	for saved := b.now(); ctx.Err() == nil; {
		now := b.now()
		look := now.Add(lookEvery)
		for _, c := range b.set.All() {
			p := b.shared.pace(c, b.schedule)
			if p.begin(now) {
				w.running.Go(func() {
					next := w.work(ctx, c, p)
					if ctx.Err() != nil {
						next = time.Time{} // the next Tend looks at once
					}
					p.end(next)
					b.shared.wakeUp()
				})
			}
			look = earlier(look, p.looksAt())
		}
		if now.Sub(saved) >= saveUseEvery {
			saved = now
			w.running.Go(func() { b.saveUse(ctx) })
		}
		select {
		case <-time.After(max(look.Sub(b.now()), tick)):
		case <-b.shared.wake:
		case <-ctx.Done():
		}
	}
}

// Look has Tend look at once for what is due at a connection, as when an account has been connected. It
// does not wait.
func (s *Shared) Look(c vault.ConnectionID) {
	s.mu.Lock()
	p := s.paces[c]
	s.mu.Unlock()
	if p != nil && p.sooner(longAgo) {
		s.wakeUp()
	}
}

var longAgo = time.Unix(0, 0)

// tender is one run of Tend.
type tender struct {
	*Broker
	turn    chan struct{}
	running sync.WaitGroup

	mu sync.Mutex
	// broken are accounts that cannot be read, and so not be moved out of the way.
	broken map[vault.AccountID]bool
}

// work does what is due at one connection, and returns when to look again.
func (w *tender) work(ctx context.Context, c *connection.Connection, p *pace) time.Time {
	for ctx.Err() == nil {
		now := w.now()
		until, trouble := p.resting(now)
		if !until.IsZero() {
			return until
		}
		due, err := w.due(ctx, c, now)
		if err != nil {
			w.log.Warn("looking for what is due", zap.String("connection", c.Name), zap.Error(err))
			return now.Add(lookEvery)
		}
		if len(due) == 0 {
			return w.next(ctx, c, now)
		}
		if trouble {
			due = due[:1]
		}
		if wait := w.batch(ctx, c, p, due); wait > 0 {
			return w.now().Add(wait)
		}
	}
	return time.Time{}
}

// due lists what is due now. What has become due lately comes first: its token may still be good, and
// nobody has to wait if it is refreshed now; what is due for long has waited already.
func (w *tender) due(ctx context.Context, c *connection.Connection, now time.Time) ([]vault.Due, error) {
	from := now.Add(-recent)
	due, err := w.readable(ctx, c, from, now, batch)
	if err != nil || len(due) >= batch {
		return due, err
	}
	old, err := w.readable(ctx, c, time.Time{}, from, batch-len(due))
	return append(due, old...), err
}

// readable lists what is due but for what is broken.
func (w *tender) readable(ctx context.Context, c *connection.Connection, from, to time.Time, limit int) ([]vault.Due, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	due, err := w.vault.Due(ctx, c.ID, from, to, limit+len(w.broken))
	due = slices.DeleteFunc(due, func(d vault.Due) bool { return w.broken[d.ID] })
	shuffle(due)
	return due, err
}

// shuffle keeps several processes from running side by side.
func shuffle(due []vault.Due) {
	rand.Shuffle(len(due), func(i, j int) { due[i], due[j] = due[j], due[i] })
}

// next is when something will be due, and soon in any case.
func (w *tender) next(ctx context.Context, c *connection.Connection, now time.Time) time.Time {
	look := now.Add(lookEvery)
	due, err := w.vault.Due(ctx, c.ID, now, look, 1)
	if err != nil || len(due) == 0 {
		return look
	}
	return due[0].At
}

// batch looks after some accounts at once. It returns how long to wait before the next, zero when all
// of them have been seen to.
func (w *tender) batch(ctx context.Context, c *connection.Connection, p *pace, due []vault.Due) time.Duration {
	var running sync.WaitGroup
	var wait atomic.Int64
	slots := make(chan struct{}, perConnection)
	for _, d := range due {
		if !take(ctx, slots) || !take(ctx, w.turn) {
			break
		}
		if until, _ := p.resting(w.now()); !until.IsZero() {
			<-w.turn
			break // the provider has got into trouble meanwhile
		}
		running.Go(func() {
			defer func() { <-w.turn; <-slots }()
			if d := int64(w.visit(ctx, c, p, d.ID)); d > 0 {
				for longest := wait.Load(); longest < d && !wait.CompareAndSwap(longest, d); longest = wait.Load() {
				}
			}
		})
	}
	running.Wait()
	return time.Duration(wait.Load())
}

// take waits for a place.
func take(ctx context.Context, places chan<- struct{}) bool {
	select {
	case places <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// visit does what is due for one account, and notes when the next thing is. What it returns is how long
// to wait when that could not be done now.
func (w *tender) visit(ctx context.Context, c *connection.Connection, p *pace, id vault.AccountID) time.Duration {
	a, err := w.vault.Account(ctx, id)
	switch {
	case errors.Is(err, vault.ErrDamaged):
		w.mu.Lock()
		w.broken[id] = true
		w.mu.Unlock()
		return 0
	case errors.Is(err, vault.ErrNotFound):
		return 0 // deleted meanwhile
	case err != nil:
		return lookEvery
	case a.Status == vault.StatusDisconnected && !a.DueAt.After(w.now()):
		return unless(w.finish(ctx, a))
	case a.Status != vault.StatusActive:
		return 0
	}
	g, err := w.vault.Grant(ctx, id)
	if errors.Is(err, vault.ErrDamaged) || errors.Is(err, vault.ErrNotFound) {
		return unless(w.move(ctx, a, w.now().Add(lookAgain))) // whoever asks for it is told
	}
	if err != nil {
		return lookEvery
	}
	t := Target{Account: id, Identifier: a.Identifier, Connection: c}
	a.LastUsedAt = later(a.LastUsedAt, w.shared.used.last(id))
	now := w.now()
	if a.DueAt.After(now) {
		return 0 // somebody was faster
	}
	if w.wantsIntrospection(c, g) {
		if !p.limit.AllowN(now, 1) {
			return p.wait()
		}
		if _, ok := w.noteIntrospected(ctx, t, g); ok {
			return 0
		}
	}
	todo := w.planFor(c, a, g, now)
	if isDue(todo.refresh, now) && w.shared.mayTry(id, now) {
		if !p.limit.AllowN(now, 1) {
			return p.wait()
		}
		e, err := w.refresh(t, g.Generation).wait(ctx)
		if err == nil && (e.credential.Generation > g.Generation || e.status != vault.StatusActive) {
			return 0
		}
		return unless(w.settle(ctx, t))
	}
	if rest := p.checksResting(); isDue(todo.check, now) && rest.After(now) {
		todo.check = rest
	}
	if isDue(todo.check, now) {
		if !p.limit.AllowN(now, 1) {
			return p.wait()
		}
		if done, err := w.Check(ctx, id); err == nil && done.RetryAfter > 0 { // it notes what came of it
			p.restChecks(w.now().Add(done.RetryAfter))
		}
		return unless(w.settle(ctx, t))
	}
	return unless(w.note(ctx, c, a, g, todo, now))
}

// unless is the wait for a vault that has not taken what was to be noted.
func unless(done bool) time.Duration {
	if done {
		return 0
	}
	return lookEvery
}

func isDue(at, now time.Time) bool { return !at.IsZero() && !at.After(now) }

// settle sees to it that an account that was looked after is not due still.
func (w *tender) settle(ctx context.Context, t Target) bool {
	a, err := w.vault.Account(ctx, t.Account)
	if err != nil {
		return false
	}
	now := w.now()
	if a.Status != vault.StatusActive || a.DueAt.IsZero() || a.DueAt.After(now) {
		return true
	}
	g, err := w.vault.Grant(ctx, t.Account)
	if err != nil {
		return false
	}
	return w.note(ctx, t.Connection, a, g, w.planFor(t.Connection, a, g, now), now)
}

// note writes when the next thing is due, with a warning if that is due now.
func (w *tender) note(ctx context.Context, c *connection.Connection, a vault.ConnectedAccount, g vault.Grant, todo plan, now time.Time) bool {
	_, err := w.vault.Note(ctx, a.ID, a.Generation, func(f *vault.Facts) []vault.Event {
		if !f.DueAt.Equal(a.DueAt) {
			return nil // something has come up meanwhile
		}
		var events []vault.Event
		if isDue(todo.warn, now) {
			f.ExpiryTold = g.RefreshExpires
			events = []vault.Event{{Type: vault.EventRefreshTokenExpiring, Expires: g.RefreshExpires}}
			todo.warn = time.Time{}
		}
		f.DueAt = todo.dueOr(g, now)
		if w.wantsIntrospection(c, g) {
			f.DueAt = earlier(f.DueAt, now.Add(maxBackoff+rand.N(maxBackoff/4)))
		}
		if isDue(f.DueAt, now) { // it could not be done now
			f.DueAt = now.Add(backoff + rand.N(backoff))
		}
		return events
	})
	return err == nil
}

// move has an account looked at at another time, zero for never.
func (w *tender) move(ctx context.Context, a vault.ConnectedAccount, at time.Time) bool {
	_, err := w.vault.Note(ctx, a.ID, a.Generation, func(f *vault.Facts) []vault.Event {
		f.DueAt = at
		return nil
	})
	return err == nil
}

// finish ends the grant of an account whose disconnection was broken off.
func (w *tender) finish(ctx context.Context, a vault.ConnectedAccount) bool {
	if _, err := w.endGrant(ctx, a); err != nil {
		return false
	}
	return w.move(ctx, a, time.Time{})
}

// NextDue is when the first account of any connection is due; in the past when work has piled up, zero
// when nothing is due at all.
func (b *Broker) NextDue(ctx context.Context) (time.Time, error) {
	var first time.Time
	for _, c := range b.set.All() {
		due, err := b.vault.Due(ctx, c.ID, time.Time{}, endOfTime, 1)
		if err != nil {
			return time.Time{}, err
		}
		if len(due) > 0 {
			first = earlier(first, due[0].At)
		}
	}
	return first, nil
}

var endOfTime = time.Date(9999, time.December, 31, 0, 0, 0, 0, time.UTC)
