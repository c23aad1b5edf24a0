package tokensim

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/claviger-proxy/claviger/vault"
)

// cause is why a provider has ended a grant.
type cause string

const (
	byUser cause = "the provider's own doing"
	byUs   cause = "disconnected"
	idle   cause = "refresh token idle for too long"
	again  cause = "spent twice without need"
	// rotation, with how it was lost, is what nobody can avoid where there is no grace.
	rotation = "rotation lost, "
)

// provider is a token endpoint, and the judge of the tokens that it gives.
type provider struct {
	kind
	sim     *sim
	outages []outage

	mu     sync.Mutex
	grants []*grant
	minute minute
	// usual is the busiest second, herd that of the hour after a stop of all our processes.
	usual, herd peak
}

// grant is what a provider knows of one consent.
type grant struct {
	number  int
	account *account
	// ends is when the provider ends it by itself; over is why it has ended.
	ends time.Time
	over cause
	// serial is that of the refresh token that is good now, spent when the one before was exchanged.
	serial int
	spent  time.Time
	used   time.Time
	calls  uint64

	// version is that of the vault's record of this grant when the refresh token was last exchanged,
	// how the answer was lost, and by which process has asked.
	version uint64
	how     fault
	by      *life
	// left is when we had no more right to it: disconnected, or replaced by another consent.
	left time.Time
	// allowed is until when it may be refreshed before its time: somebody has asked for it.
	allowed time.Time
	// counted: its loss has been.
	counted bool
}

// untouched is the version of a grant whose refresh token was not exchanged yet. Zero is that of one that
// the vault has dropped.
const untouched = math.MaxUint64

// consent makes a grant, as of that time.
func (p *provider) consent(a *account, at time.Time) (*grant, vault.Grant) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := &grant{number: len(p.grants), account: a, used: at, version: untouched, by: new(life)}
	dice := p.sim.dice("consent", p.name, g.number)
	g.ends = at.Add(time.Duration(dice.ExpFloat64() * float64(1500*day)))
	p.grants = append(p.grants, g)
	tokens := vault.Grant{
		Access: vault.NewSecret(p.access(g, at)), Refresh: vault.NewSecret(p.refreshToken(g)),
		ObtainedAt: at, Expires: at.Add(p.life), ClientID: "client",
	}
	if p.silent {
		tokens.Expires = time.Time{}
	}
	return g, tokens
}

// access is an access token that says when it was given, and so when it dies.
func (p *provider) access(g *grant, at time.Time) string {
	return fmt.Sprintf("a.%d.%d", g.number, at.UnixNano())
}

func (p *provider) refreshToken(g *grant) string { return fmt.Sprintf("r.%d.%d", g.number, g.serial) }

// parse reads a token.
func (p *provider) parse(token string) (*grant, int64) {
	_, rest, _ := strings.Cut(token, ".")
	number, serial, _ := strings.Cut(rest, ".")
	n, err := strconv.Atoi(number)
	s, err2 := strconv.ParseInt(serial, 10, 64)
	if err != nil || err2 != nil || n >= len(p.grants) {
		return nil, 0
	}
	return p.grants[n], s
}

// ended tells whether the grant is over. The lock is held.
func (g *grant) ended(now time.Time) bool {
	if g.over == "" && now.After(g.ends) {
		g.over = byUser
	}
	return g.over != ""
}

// outage returns the one under way, or that was until lately.
func (p *provider) outage(now time.Time, lately time.Duration) *outage {
	for i := range p.outages {
		if o := &p.outages[i]; !now.Before(o.from) && now.Before(o.to.Add(lately)) {
			return o
		}
	}
	return nil
}

// serve answers a call of the process with that life.
func (p *provider) serve(r *http.Request, by *life) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	token := form.Get("refresh_token") + form.Get("token")
	p.mu.Lock()
	g, serial := p.parse(token)
	if g == nil {
		p.mu.Unlock()
		return nil, fmt.Errorf("no token of this provider: %s", token)
	}
	g.calls++
	dice := p.sim.dice(p.name, "call", g.number, g.calls)
	p.mu.Unlock()

	f := p.fault(dice, r.URL.Path == "/token")
	dialed(r, f != unreachable)
	if err := pause(r, 20*time.Millisecond+time.Duration(dice.ExpFloat64()*float64(80*time.Millisecond))); err != nil {
		return nil, err
	}
	if f != none && !f.after() {
		return f.fails(r, dice)
	}
	answer := ""
	if r.URL.Path == "/token" {
		answer = p.refresh(g, int(serial), by, f)
	} else {
		p.revoke(g)
	}
	if f != none {
		return f.fails(r, dice)
	}
	if answer == invalidGrant {
		return respond(r, http.StatusBadRequest, answer), nil
	}
	return respond(r, http.StatusOK, answer), nil
}

const invalidGrant = `{"error":"invalid_grant"}`

// fault decides how a call ends.
func (p *provider) fault(dice *rand.Rand, refresh bool) fault {
	now := time.Now()
	f := anyFault(dice)
	if o := p.outage(now, 0); o != nil {
		f = o.how
		if o.how == badGateway {
			f = broken // nothing behind the gateway does anything
		}
	}
	if !refresh {
		return f
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sim.called(p, now)
	if p.capacity > 0 && p.minute.count(now) > p.capacity {
		p.sim.tally.add("calls over the provider's limit", 1)
		return limited
	}
	return f
}

// refresh exchanges a refresh token, and returns the answer, which may be lost on its way.
func (p *provider) refresh(g *grant, serial int, by *life, f fault) string {
	version := p.sim.grantVersion(g.account)
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if !g.ended(now) && p.idle > 0 && now.Sub(g.used) > p.idle {
		g.over = idle
	}
	if !g.left.IsZero() && now.Sub(g.left) > time.Minute { // what was under way then may still come
		p.sim.wrong("account %s: a grant is refreshed that was disconnected or replaced", g.account.name)
	}
	if g.over != "" {
		return invalidGrant
	}
	excused := g.version != version || g.how != none || g.by.dead.Load()
	switch {
	case g.version != version:
	case excused:
		p.sim.tally.add("repeated", 1)
	default:
		p.sim.tally.add("duplicates", 1)
		p.sim.wrong("account %s: the refresh token of generation %d is spent twice, and nothing was lost", g.account.name, version)
	}
	if p.rotates && serial != g.serial && (serial != g.serial-1 || now.Sub(g.spent) > p.grace) {
		g.over = again
		if excused {
			g.over = p.lostBy(g)
		}
		return invalidGrant
	}
	if p.early(g, version, now) {
		p.sim.wrong("account %s: refreshed %s after the refresh before, and nobody has asked for it", g.account.name, now.Sub(g.used))
	}
	if p.rotates && serial == g.serial {
		g.serial++
		g.spent = now
	}
	g.used, g.version, g.how, g.by = now, version, f, by
	p.sim.tally.add("refreshes", 1)
	expires := fmt.Sprintf(`,"expires_in":%d`, int(p.life.Seconds()))
	if p.silent {
		expires = ""
	}
	next := ""
	if p.rotates {
		next = fmt.Sprintf(`,"refresh_token":%q`, p.refreshToken(g))
	}
	return fmt.Sprintf(`{"access_token":%q,"token_type":"bearer"%s%s}`, p.access(g, now), expires, next)
}

// early tells whether a refresh comes long before it is due, and not because the provider has forgotten
// the token. How long silent providers' tokens live is guessed, so it may come at any time.
func (p *provider) early(g *grant, version uint64, now time.Time) bool {
	if p.silent || g.version == version || g.version == untouched || now.Sub(g.used) > p.life/2 || now.Before(g.allowed) {
		return false
	}
	return !slices.ContainsFunc(p.outages, func(o outage) bool { return o.forgets && g.used.Before(o.to) && now.After(o.to) })
}

// allow lets somebody ask for a refresh.
func (p *provider) allow(g *grant) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g.allowed = time.Now().Add(time.Minute)
}

// lostBy says how the answer with the newest refresh token was lost.
func (p *provider) lostBy(g *grant) cause {
	how := map[fault]string{none: "killed", cut: "answer cut off", badGateway: "502 of a gateway", hungAfter: "no answer in time"}[g.how]
	switch {
	case p.grace == 0:
		how += ", no grace"
	case g.by.dead.Load() && g.by.helped.Load():
		how += ", the lease of the dead outlived the grace"
	case g.by.dead.Load() && g.spent.Add(p.grace).UnixNano() > g.by.back.Load():
		how += ", back within the grace"
	default:
		how += ", back after the grace"
	}
	return cause(rotation + how)
}

// leave notes that the account has no more right to the grant.
func (p *provider) leave(g *grant) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g.left.IsZero() {
		g.left = time.Now()
	}
}

func (p *provider) revoke(g *grant) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !g.ended(time.Now()) {
		g.over = byUs
	}
}

// verdict is what the provider's API says to a token.
type verdict string

const (
	good      verdict = "good"
	expired   verdict = "expired"
	forgotten verdict = "forgotten by a provider that was restarted"
	revoked   verdict = "of a grant that is over"
)

// judge tells whether an access token is good now.
func (p *provider) judge(token string) verdict {
	p.mu.Lock()
	defer p.mu.Unlock()
	g, nanos := p.parse(token)
	now, given := time.Now(), time.Unix(0, nanos)
	if g == nil || g.ended(now) {
		return revoked
	}
	if now.Sub(given) >= p.life {
		return expired
	}
	for _, o := range p.outages {
		if o.forgets && given.Before(o.to) && !now.Before(o.to) {
			return forgotten
		}
	}
	return good
}

// lost looks at an account that has been given up.
func (p *provider) lost(a *account, stored vault.ConnectedAccount) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := a.grant
	if g.counted {
		return
	}
	g.counted = true
	if !g.ended(time.Now()) {
		p.sim.wrong("account %s is EXPIRED (%s) although its grant is alive", a.name, stored.Reason)
		return
	}
	p.sim.tally.add("lost: "+string(g.over), 1)
	p.sim.tally.add("reason "+stored.Reason, 1)
	switch {
	case g.over == again, g.over == idle, g.over == byUs:
		p.sim.wrong("account %s was lost: %s", a.name, g.over)
	case strings.HasPrefix(string(g.over), rotation) && stored.Reason != "rotation_lost":
		p.sim.wrong("account %s: %s, and its reason is %s", a.name, g.over, stored.Reason)
	}
}

// holds fails unless the vault has the refresh token that is good now, or has lost it on the way.
func (p *provider) holds(a *account, stored vault.Grant) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g, serial := p.parse(stored.Refresh.Reveal())
	if g != a.grant {
		p.sim.wrong("account %s has a refresh token of another grant", a.name)
		return
	}
	now := time.Now()
	if !g.ended(now) && p.idle > 0 && now.Sub(g.used) > p.idle {
		p.sim.wrong("account %s: its refresh token has died of idleness", a.name)
	}
	if g.ended(now) || int(serial) == g.serial {
		return
	}
	if g.how == none && !g.by.dead.Load() {
		p.sim.wrong("account %s: the vault has refresh token %d, the provider %d, and nothing was lost", a.name, serial, g.serial)
	}
	p.sim.tally.add("at the end without the newest refresh token", 1)
}
