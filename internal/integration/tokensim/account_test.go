package tokensim

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/vault"
)

// habit is how often a user comes.
type habit int

const (
	always habit = iota // every minute, without end
	daily               // a few times a day, for a few requests
	rarely              // after one to three weeks
)

// gap is the time to the user's next request.
func (h habit) gap(dice *rand.Rand) time.Duration {
	between := func(from, to time.Duration) time.Duration {
		return from + time.Duration(dice.Float64()*float64(to-from))
	}
	switch {
	case h == always:
		return time.Minute
	case dice.IntN(2) == 0: // the visit goes on
		return between(5*time.Second, 5*time.Minute)
	case h == daily:
		return between(2*time.Hour, 10*time.Hour)
	}
	return between(7*day, 21*day)
}

// first is the time to the first.
func (h habit) first(dice *rand.Rand) time.Duration {
	return time.Duration(dice.Float64() * float64([]time.Duration{time.Minute, 8 * time.Hour, 20 * day}[h]))
}

// account is one user's account, and the user.
type account struct {
	sim      *sim
	name     string
	provider *provider
	habit    habit
	dice     *rand.Rand
	id       vault.AccountID
	// leaves is when the user disconnects; zero is never.
	leaves time.Time

	mu    sync.Mutex
	grant *grant
	// left: the user has disconnected it. ended: the user was told to consent again.
	left, ended bool
	back        time.Time
	last        time.Time
	// learned is the grant whose tokens' life was found out.
	learned *grant
}

// connect consents and stores the grant.
func (s *sim) connect(v *vault.Vault, c vault.ConnectionID, a *account, at time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	g, tokens := a.provider.consent(a, at)
	if a.grant != nil {
		a.provider.leave(a.grant)
	}
	a.grant = g
	stored, err := v.Connect(context.Background(), vault.Link{}, vault.ConnectedAccount{
		Project: vault.DefaultProject, ConnectionID: c, Connector: a.provider.name, Identifier: strings.ReplaceAll(a.name, "/", "-"),
	}, tokens)
	if err != nil {
		return err
	}
	if a.id == "" {
		a.id = stored.ID // it stays for ever
	}
	a.left, a.ended = false, false
	return nil
}

// act is what the user does now.
func (a *account) act() {
	defer a.next()
	p := a.sim.one(a.dice)
	a.mu.Lock()
	away, leaves := a.left || a.ended, !a.left && !a.leaves.IsZero() && time.Now().After(a.leaves)
	a.mu.Unlock()
	switch {
	case p == nil:
		if !away {
			a.sim.tally.add("requests", 1)
			a.sim.tally.add("no token: all our processes down", 1)
		}
	case leaves:
		a.disconnect(p)
	case away:
		a.reconnect(p)
	default:
		a.mu.Lock()
		last := a.last
		a.last = time.Now()
		a.mu.Unlock()
		if a.dice.IntN(10) == 0 { // several at once
			for range 4 {
				a.sim.users.Go(func() { a.request(p, last) })
			}
		}
		a.request(p, last)
	}
}

// next plans what the user does next.
func (a *account) next() {
	a.mu.Lock()
	gap := a.habit.gap(a.dice)
	if a.left || a.ended {
		gap = time.Until(a.back)
	}
	a.mu.Unlock()
	a.sim.after(a, gap)
}

// disconnect ends the account's use, now and then while its token is being refreshed.
func (a *account) disconnect(p *process) {
	if a.dice.IntN(2) == 0 {
		a.provider.allow(a.grant)
		a.sim.users.Go(func() { p.broker.RefreshNow(context.Background(), a.id) })
		time.Sleep(time.Duration(a.dice.IntN(200)) * time.Millisecond)
	}
	_, err := p.broker.Disconnect(context.Background(), a.id)
	time.Sleep(time.Minute)
	target, after := p.broker.Resolve(context.Background(), broker.Ref{Account: a.id})
	if after == nil {
		_, after = p.broker.Credential(context.Background(), target)
	}
	if p.dead.Load() {
		return // the user tries again
	}
	if be := new(broker.Error); err != nil || !errors.As(after, &be) || be.Code != broker.CodeDisconnected {
		a.sim.wrong("account %s: disconnecting: %v, and its credential after that: %v", a.name, err, after)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.left, a.leaves = true, time.Time{}
	a.back = time.Now().Add(time.Duration(a.dice.Float64() * float64(20*day)))
	a.provider.leave(a.grant)
	a.sim.tally.add("disconnected", 1)
}

func (a *account) reconnect(p *process) {
	old, err := p.vault.Account(context.Background(), a.id)
	if err == nil {
		err = a.sim.connect(p.vault, old.ConnectionID, a, time.Now())
	}
	if p.dead.Load() {
		return
	}
	if err != nil {
		a.sim.wrong("account %s: connecting again: %v", a.name, err)
		return
	}
	p.broker.Forget(a.id)
	a.sim.tally.add("connected again", 1)
}

// request asks for a credential as the proxy does, and goes with it to the provider. The request before
// was at last.
func (a *account) request(p *process, last time.Time) {
	ctx, count, start := context.Background(), a.sim.tally.add, time.Now()
	count("requests", 1)
	var c broker.Credential
	target, err := p.broker.Resolve(ctx, broker.Ref{Account: a.id})
	if err == nil {
		c, err = p.broker.Credential(ctx, target)
	}
	if p.dead.Load() {
		count("no token: our process was killed", 1)
		return
	}
	if waited := time.Since(start); waited > 0 {
		count("waited", 1)
		count("waited: "+a.sim.circumstances(a, last), 1)
	}
	if err != nil {
		a.refused(p, err)
		return
	}
	time.Sleep(10*time.Millisecond + time.Duration(start.UnixNano()%200)*time.Millisecond)
	v := a.provider.judge(c.Token.Reveal())
	if v == good {
		return
	}
	a.met(v, last)
	renewed, err := p.broker.Renew(ctx, target, c)
	switch {
	case p.dead.Load():
		count("no token: our process was killed", 1)
	case err != nil:
		a.refused(p, err)
	case renewed.Generation != c.Generation && a.provider.judge(renewed.Token.Reveal()) == good:
		count("served at the second try", 1)
	default:
		count("401 passed on: "+string(v), 1)
	}
}

// met counts a token that the provider did not take.
func (a *account) met(v verdict, last time.Time) {
	count := a.sim.tally.add
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case v != expired:
		count("token "+string(v), 1)
	case !a.provider.silent:
		count("token expired", 1)
		if a.provider.outage(time.Now(), 0) == nil {
			a.sim.wrong("account %s: a request met an expired token", a.name)
		}
	case a.learned != a.grant:
		a.learned = a.grant
		count("untold life: found out", 1)
	default:
		count("untold life: "+a.sim.circumstances(a, last), 1)
	}
}

// circumstances say why an account has no good token.
func (s *sim) circumstances(a *account, last time.Time) string {
	now := time.Now()
	s.mu.Lock()
	trouble := now.Before(s.trouble)
	s.mu.Unlock()
	switch {
	case now.Sub(last) > s.idleAfter-2*time.Hour:
		return "idle before"
	case a.provider.outage(now, 2*time.Hour) != nil:
		return "outage"
	case trouble:
		return "we were down"
	}
	return "calm"
}

// refused looks at a request that gets no token.
func (a *account) refused(p *process, err error) {
	count := a.sim.tally.add
	var be *broker.Error
	if !errors.As(err, &be) {
		a.sim.wrong("account %s: %v", a.name, err)
		return
	}
	now, verr := p.vault.Account(context.Background(), a.id)
	if verr != nil {
		return // killed
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case be.Code == broker.CodeRefreshFailed && a.provider.outage(time.Now(), 11*time.Minute) != nil:
		count("no token: provider's outage", 1)
	case be.Code == broker.CodeRefreshFailed:
		count("no token: provider's fault", 1)
	case be.Code == broker.CodeExpired && now.Status == vault.StatusExpired:
		count("no token: to consent again", 1)
		if !a.ended {
			a.ended, a.back = true, time.Now().Add(time.Hour+time.Duration(now.Version%48)*time.Hour)
			a.provider.lost(a, now)
		}
	case be.Code == broker.CodeDisconnected && (a.left || now.Status == vault.StatusDisconnected):
		count("no token: disconnected", 1)
	case (be.Code == broker.CodeExpired || be.Code == broker.CodeDisconnected) && now.Status == vault.StatusActive:
		count("no token: status of before from a cache", 1)
	default:
		a.sim.wrong("account %s, %s: %s (%v)", a.name, now.Status, be.Code, errors.Unwrap(be))
	}
}
