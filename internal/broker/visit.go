package broker

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
)

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
	return w.look(ctx, c, p, a, g)
}

// look does what is due for an ACTIVE account.
func (w *tender) look(ctx context.Context, c *connection.Connection, p *pace, a vault.ConnectedAccount, g vault.Grant) time.Duration {
	id, t := a.ID, Target{Account: a.ID, Identifier: a.Identifier, Connection: c}
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
