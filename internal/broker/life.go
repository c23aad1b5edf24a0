package broker

import (
	"hash/fnv"
	"time"

	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
)

// Times of the token's life.
const (
	defaultMargin = 5 * time.Minute  // refresh this long before expiry
	skew          = 2 * time.Second  // do not use a token this close to its expiry
	refreshTime   = 45 * time.Second // one refresh, its save included
	leaseTime     = 60 * time.Second
	// minLearned is the shortest life that a refused token may teach: one that is refused sooner was
	// ended for some other reason.
	minLearned = 30 * time.Minute
	// minLife is the least life of a token that is refreshed without being asked.
	minLife = 2 * time.Second
	// lookAgain is when an account is looked at that nothing is to be done for: the settings may have
	// changed by then.
	lookAgain = 24 * time.Hour
)

// Schedule says what is done for accounts without being asked. The zero value is the default.
type Schedule struct {
	// Ahead is how long before its expiry a token is refreshed where the connector does not say; five
	// minutes when zero, and never more than a third of the token's life.
	Ahead time.Duration
	// IdleAfter is after how long without a request an account's token is not refreshed any more until
	// the next one; seven days when zero, never when negative.
	IdleAfter time.Duration
	// CheckEvery is how often the provider is asked whether it still takes the credential; zero is
	// never.
	CheckEvery time.Duration
	// WarnBefore is how long before the end of a refresh token its coming end is told; seven days when
	// zero, never when negative.
	WarnBefore time.Duration
	// Workers bounds what is done at once; 16 when zero.
	Workers int
	// Rate bounds the refreshes of one connection in a second where the connector does not say; 50 when
	// zero.
	Rate float64
}

func (s Schedule) filled() Schedule {
	s.Ahead = or(s.Ahead, defaultMargin)
	s.IdleAfter = or(s.IdleAfter, 7*24*time.Hour)
	s.WarnBefore = or(s.WarnBefore, 7*24*time.Hour)
	s.Workers = or(s.Workers, 16)
	s.Rate = or(s.Rate, 50)
	return s
}

func or[T int | float64 | time.Duration](v, standard T) T {
	if v == 0 {
		return standard
	}
	return v
}

// life is how long a token is good for.
type life struct {
	// renewAt is when it should be refreshed, deadAt when it may no longer be used. Both are zero for
	// a token that does not expire, and deadAt for one whose end is only suspected.
	renewAt, deadAt time.Time
	// whole is the token's life.
	whole time.Duration
}

// lifeOf tells how long the token of g is good for.
func (b *Broker) lifeOf(c *connection.Connection, g vault.Grant) life {
	margin, minAge := b.schedule.Ahead, time.Duration(0)
	if c != nil {
		how := c.Connector().Refresh
		margin, minAge = or(time.Duration(how.Margin), margin), time.Duration(how.MinAge)
	}
	var l life
	switch {
	case !g.Expires.IsZero():
		l.whole = g.Expires.Sub(g.ObtainedAt)
		l.deadAt = g.Expires.Add(-min(skew, l.whole/10))
		if !b.renewable(c, g) {
			l.renewAt = l.deadAt // there is nothing to do before the end
			return l
		}
		l.renewAt = l.deadAt.Add(-min(margin, l.whole/3))
	case g.Learned > 0 && b.renewable(c, g):
		l.whole = g.Learned
		l.renewAt = g.ObtainedAt.Add(l.whole - min(margin, l.whole/3))
	default:
		return l
	}
	if young := g.ObtainedAt.Add(minAge); l.renewAt.Before(young) {
		l.renewAt = young
	}
	return l
}

// plan is what is to be done for an account without being asked, and when; zero is never.
type plan struct {
	refresh, warn, check time.Time
}

// due is when the first of it is to be done.
func (p plan) due() time.Time { return earlier(earlier(p.refresh, p.warn), p.check) }

// dueAt is when an ACTIVE account is to be looked at next.
func (b *Broker) dueAt(c *connection.Connection, a vault.ConnectedAccount, g vault.Grant) time.Time {
	now := b.now()
	return b.planFor(c, a, g, now).dueOr(g, now)
}

// dueOr is due, or when to look again if there is nothing to do.
func (p plan) dueOr(g vault.Grant, now time.Time) time.Time {
	if due := p.due(); !due.IsZero() {
		return due
	}
	return now.Add(lookAgain + spread(g, lookAgain/10))
}

// planFor decides what is next for an ACTIVE account.
func (b *Broker) planFor(c *connection.Connection, a vault.ConnectedAccount, g vault.Grant, now time.Time) plan {
	var p plan
	if b.schedule.CheckEvery > 0 && (c.Connector().Verify != nil || c.Connector().Identity != nil) {
		every := b.schedule.CheckEvery
		p.check = later(a.CheckedAt, a.ConnectedAt).Add(every - spread(g, every/10))
	}
	l := b.lifeOf(c, g)
	if !b.renewable(c, g) {
		p.refresh = l.deadAt // which ends the account
		return p
	}
	if end := g.RefreshExpires; !end.IsZero() && b.schedule.WarnBefore > 0 && !a.ExpiryTold.Equal(end) {
		p.warn = end.Add(-min(b.schedule.WarnBefore, end.Sub(g.ObtainedAt)/2))
	}
	idle := b.schedule.IdleAfter > 0 && now.Sub(later(a.LastUsedAt, a.ConnectedAt)) > b.schedule.IdleAfter
	if !idle && l.whole >= minLife {
		minAge := time.Duration(c.Connector().Refresh.MinAge)
		p.refresh = later(l.renewAt.Add(-spread(g, l.whole/10)), g.ObtainedAt.Add(minAge))
	}
	if keep := time.Duration(c.Connector().Refresh.Keepalive); keep > 0 {
		p.refresh = earlier(p.refresh, g.ObtainedAt.Add(keep-spread(g, keep/10)))
	}
	// What has failed is not tried again before its time.
	if a.Failures > 0 && !p.refresh.IsZero() && p.refresh.Before(a.DueAt) {
		p.refresh = a.DueAt
	}
	return p
}

// spread is a part of d that is the grant's own, and another one for each of its tokens: tokens that
// were given at one moment are not all refreshed at one.
func spread(g vault.Grant, d time.Duration) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(g.AccountID))
	_, _ = h.Write([]byte{byte(g.Generation), byte(g.Generation >> 8), byte(g.Generation >> 16)})
	return time.Duration(float64(d) * float64(h.Sum64()>>11) / (1 << 53))
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// earlier is the earlier of two times; zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Waits after failed refreshes: how long nobody is let through who needs a new token, and how long
// the next try without need waits.
const (
	cooldown    = 2 * time.Second
	maxCooldown = 30 * time.Second
	backoff     = 15 * time.Second
	maxBackoff  = 15 * time.Minute
)

// double is first for one failure, twice that for two, and so on to limit.
func double(first, limit time.Duration, failures int) time.Duration {
	for d := first; d < limit; d *= 2 {
		if failures--; failures <= 0 {
			return d
		}
	}
	return limit
}
