package broker

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// A provider in trouble is left alone for a while by everything that nobody waits for.
const (
	troubleAfter = 3 // failures in a row
	restTime     = 5 * time.Second
	maxRest      = 5 * time.Minute
)

// pace is how fast the tokens of one connection are refreshed without being asked.
type pace struct {
	limit *rate.Limiter

	mu sync.Mutex
	// failures counts those in a row, of whatever accounts.
	failures int
	// rests is until when nothing is done, checksRest until when nothing is checked.
	rests, checksRest time.Time
	// next is when there is something to do, as far as is known; working tells that somebody does it,
	// and meanwhile is what has become known since he has looked.
	next      time.Time
	working   bool
	meanwhile time.Time
	// refused is the provider's refusal of the connection's OAuth client, and what those who need a
	// token are told for a while.
	refused      *oauth.Error
	refusedUntil time.Time
	client       vault.OAuthClient
}

// pace returns the pace of a connection.
func (s *Shared) pace(c *connection.Connection, how Schedule) *pace {
	limit, burst := rate.Limit(how.Rate), max(1, int(how.Rate))
	if l := c.Connector().Refresh.Limit; l.Requests > 0 {
		limit = rate.Limit(float64(l.Requests) / time.Duration(l.Per).Seconds())
		burst = max(1, min(l.Requests/10, int(how.Rate)))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.paces[c.ID]
	if p == nil || !p.client.Equal(c.CurrentClient()) { // mended
		p = &pace{limit: rate.NewLimiter(limit, burst), client: c.CurrentClient()}
		s.paces[c.ID] = p
	}
	if p.limit.Limit() != limit { // changed by a reload
		p.limit.SetLimit(limit)
		p.limit.SetBurst(burst)
	}
	return p
}

// failed notes a failed refresh. client says that the OAuth client itself is refused, which concerns
// every account.
func (p *pace) failed(now time.Time, err *oauth.Error, client bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failures++
	var rest time.Duration
	if p.failures >= troubleAfter || client {
		rest = double(restTime, maxRest, p.failures-troubleAfter+1)
		rest += rand.N(rest / 4)
	}
	p.rests, p.refused = later(p.rests, now.Add(max(rest, err.RetryAfter))), nil
	if client {
		p.refused, p.refusedUntil = err, now.Add(min(rest, maxCooldown))
	}
}

// refusesClient tells whether a refusal is of the OAuth client. Other codes that are the operator's to
// look at may be about one account.
func refusesClient(c *connection.Connection, err *oauth.Error) bool {
	if err.Class != oauth.ClassOperator {
		return false
	}
	return err.Code == "invalid_client" || err.Code == "unauthorized_client" ||
		slices.ContainsFunc(c.Connector().Errors.OperatorWhen, func(e connectors.ErrorCase) bool { return strings.EqualFold(e.Code, err.Code) })
}

// restChecks stops the checks of credentials for a while, because the API asks for that.
func (p *pace) restChecks(until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.checksRest = later(p.checksRest, until)
}

// checksResting returns until when nothing is to be checked.
func (p *pace) checksResting() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.checksRest
}

// clientRefused returns why the provider has refused the OAuth client just now: it would refuse it for
// every account.
func (p *pace) clientRefused(now time.Time) *oauth.Error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Before(p.refusedUntil) {
		return p.refused
	}
	return nil
}

// sooner says that there will be something to do at that time, zero for never. It tells whether that is
// sooner than was known.
func (p *pace) sooner(at time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case at.IsZero():
		return false
	case p.working:
		p.meanwhile = earlier(p.meanwhile, at)
		return false
	case !at.Before(p.next):
		return false
	}
	p.next = at
	return true
}

// looksAt is when there is something to do, as far as is known; zero while somebody does it.
func (p *pace) looksAt() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.working {
		return time.Time{}
	}
	return p.next
}

func (p *pace) succeeded() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failures, p.rests, p.refused = 0, time.Time{}, nil
}

// resting returns until when nothing is to be done, zero for now; and whether the provider was in
// trouble, so that one try has to show that it is not any more.
func (p *pace) resting(now time.Time) (until time.Time, trouble bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Before(p.rests) {
		return p.rests, true
	}
	return time.Time{}, p.failures >= troubleAfter
}

// begin tells whether there may be something to do that nobody does.
func (p *pace) begin(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.working || now.Before(p.next) {
		return false
	}
	p.working = true
	return true
}

// end says when to look again, unless there is something to do sooner.
func (p *pace) end(next time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.meanwhile.IsZero() || next.Before(p.meanwhile) {
		p.meanwhile = next
	}
	p.working, p.next, p.meanwhile = false, p.meanwhile, time.Time{}
}

// wait is how long it takes until one more may be done.
func (p *pace) wait() time.Duration {
	return min(max(time.Duration(float64(time.Second)/float64(p.limit.Limit())), tick), lookEvery)
}
