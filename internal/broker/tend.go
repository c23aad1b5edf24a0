package broker

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
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
		if ctx.Err() != nil {
			break
		}
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
	limit += len(w.broken)
	w.mu.Unlock()
	due, err := w.vault.Due(ctx, c.ID, from, to, limit)
	w.mu.Lock()
	due = slices.DeleteFunc(due, func(d vault.Due) bool { return w.broken[d.ID] })
	w.mu.Unlock()
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

// batch looks after some accounts at once, but for what is just becoming due: that it spreads over a tick,
// because what many refreshes at one instant take of the processor is taken from requests. It returns how
// long to wait before the next, zero when all of them have been seen to.
func (w *tender) batch(ctx context.Context, c *connection.Connection, p *pace, due []vault.Due) time.Duration {
	var running sync.WaitGroup
	var mu sync.Mutex
	var longest time.Duration
	slots := make(chan struct{}, perConnection)
	for i, d := range due {
		if i > 0 && len(due) < batch && !pause(ctx, tick/time.Duration(len(due))) {
			break
		}
		if !take(ctx, slots) || !take(ctx, w.turn) {
			break
		}
		if until, _ := p.resting(w.now()); !until.IsZero() {
			<-w.turn
			break // the provider has got into trouble meanwhile
		}
		running.Go(func() {
			defer func() { <-w.turn; <-slots }()
			wait := w.visit(ctx, c, p, d.ID)
			mu.Lock()
			defer mu.Unlock()
			longest = max(longest, wait)
		})
	}
	running.Wait()
	return longest
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

// pause waits.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
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
