package broker

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// reasonRotationLost: the provider has taken the refresh token in an attempt whose answer was lost, and
// takes it no more.
const reasonRotationLost = "rotation_lost"

// refresh joins or starts the refresh of an account whose token of that generation is no longer
// good enough.
func (b *Broker) refresh(t Target, seen uint64) *flight {
	return b.shared.fly(t.Account, func() (*entry, error) { return b.flight(t, seen, false) })
}

// forced is refresh for a token that the provider has refused; nil when that was tried lately.
func (b *Broker) forced(t Target, seen uint64) *flight {
	return b.shared.force(t.Account, b.now(), func() (*entry, error) {
		b.observe.Forced(t.Connection.Connector().Name)
		return b.flight(t, seen, true)
	})
}

// flight runs apart from the callers that wait for it: lease, and then the refresh, which has its whole
// time however long the lease took.
func (b *Broker) flight(t Target, seen uint64, refused bool) (*entry, error) {
	release, err := b.lease(t.Account)
	if err != nil {
		return nil, vaultError(err)
	}
	defer release()
	ctx, cancel := context.WithTimeout(context.Background(), refreshTime)
	defer cancel()
	return b.renew(ctx, t, seen, refused)
}

// renewal is one flight's work.
type renewal struct {
	*Broker
	target  Target
	account vault.ConnectedAccount
	grant   vault.Grant
	// app is the OAuth client and the endpoints for this account.
	app oauth.App
	// refused tells that the provider has refused the token before its end.
	refused bool
	start   time.Time
	// attempts is how often this refresh token was sent as far as the vault knows; zero where refresh
	// tokens do not rotate.
	attempts int
}

// renew is what is done under the lease: read again, ask the provider, save, and only then use.
func (b *Broker) renew(ctx context.Context, t Target, seen uint64, refused bool) (*entry, error) {
	if g, ok := b.shared.unsavedGrant(t.Account); ok {
		return b.saveAgain(ctx, t, g)
	}
	b.shared.cache.remove(t.Account)
	e, a, g, err := b.stored(ctx, t.Account, nameKey{})
	if err != nil {
		return nil, b.notFound(Ref{Account: t.Account}, err)
	}
	if e.status != vault.StatusActive || e.credential.Generation > seen {
		return e, nil
	}
	r := &renewal{Broker: b, target: t, account: a, grant: g, refused: refused, start: b.now()}
	if r.grant.Generation != r.account.Generation {
		return b.read(ctx, t.Account) // connected again this very moment
	}
	if !b.renewable(t.Connection, g) {
		if e.deadAt.IsZero() || b.now().Before(e.deadAt) {
			if refused {
				b.checkSoon(t) // a 401 may mean one URL only; the token may be good for all others
			}
			return e, nil
		}
		return r.failed(ctx, &oauth.Error{Class: oauth.ClassPermanent, Code: oauth.CodeNoRefreshToken, Op: "refresh", Unsent: true})
	}
	if age := b.now().Sub(r.grant.ObtainedAt); within(age, time.Duration(t.Connection.Connector().Refresh.MinAge)) {
		return e, nil // the provider would refuse
	}
	own, err := t.Connection.ForGrant(g)
	if err != nil {
		return nil, unfitError(&t, err)
	}
	if r.app = own.App; len(a.RequestedScopes) > 0 {
		r.app.Scopes = a.RequestedScopes // what was consented to, with what a link asked for
	}
	if !own.ClientKnown() {
		return r.failed(ctx, &oauth.Error{Class: oauth.ClassOperator, Code: string(CodeClientUnknown), Op: "refresh", Unsent: true})
	}
	tok, err := r.ask(ctx)
	if err != nil {
		r.keepRotated(ctx, err)
		return r.failed(ctx, err)
	}
	e, err = b.save(ctx, t, r.next(tok))
	if err == nil && e.status == vault.StatusActive {
		b.refreshed(t, OutcomeRefreshed, "", b.now().Sub(r.start))
		e = r.introspect(ctx, e)
	}
	return e, err
}

// errNotBegun marks an error of the vault before anything was sent.
type errNotBegun struct{ error }

// ask spends the refresh token. A lost answer is asked for once more, at once: the provider may have
// taken the token, and many of them take it again for a moment.
func (r *renewal) ask(ctx context.Context) (oauth.Token, error) {
	for again := false; ; again = true {
		// A refresh token is not spent when its successor could not be saved.
		if err := r.begin(ctx); err != nil {
			return oauth.Token{}, errNotBegun{err}
		}
		tok, err := r.oauth.Refresh(ctx, r.app, r.grant)
		var oe *oauth.Error
		if err == nil || again || r.attempts > 1 || !errors.As(err, &oe) || !lost(oe) || oe.Code == oauth.CodeTimeout || rotated(oe) {
			return tok, err
		}
	}
}

// rotated tells whether a new refresh token came before the error.
func rotated(err *oauth.Error) bool {
	refresh, _ := err.Rotated()
	return !refresh.IsZero()
}

// keepRotated saves a refresh token that came before one of the connector's steps failed: the one before may
// be spent. The access token stays what it is.
func (r *renewal) keepRotated(ctx context.Context, err error) {
	var oe *oauth.Error
	if !errors.As(err, &oe) || !rotated(oe) {
		return
	}
	g := r.grant
	g.Generation++
	g.Refresh, g.RefreshExpires = oe.Rotated()
	if e, err := r.save(ctx, r.target, g); err == nil && e.credential.Generation == g.Generation {
		r.grant, r.attempts = g, 0
	}
}

// begin notes that the refresh token is about to be sent; that shows as well that the vault takes
// writes.
func (r *renewal) begin(ctx context.Context) (err error) {
	if r.target.Connection.Connector().Refresh.Rotates == "never" {
		return r.vault.CheckStore(ctx)
	}
	r.attempts, err = r.vault.BeginRefresh(ctx, r.account)
	return err
}

// next is the grant that follows.
func (r *renewal) next(tok oauth.Token) vault.Grant {
	g, now := r.grant, r.now()
	if r.refused && g.Expires.IsZero() && r.target.Connection.Connector().Token.TTL != connectors.TTLNever {
		if age := now.Sub(g.ObtainedAt); age >= minLearned && (g.Learned == 0 || age < g.Learned) {
			g.Learned = age
		}
	}
	g.Generation++
	g.Access, g.ObtainedAt, g.Expires = tok.Access, now, tok.Expires
	if !tok.Refresh.IsZero() {
		g.Refresh = tok.Refresh
		g.RefreshExpires = tok.RefreshExpires
	}
	if !tok.IDToken.IsZero() {
		g.IDToken = tok.IDToken
	}
	if tok.Scopes != nil {
		g.Scopes = tok.Scopes
	}
	if len(tok.Slots) > 0 {
		g.Slots = merged(g.Slots, tok.Slots)
	}
	if len(tok.Captured) > 0 {
		g.Captured = merged(g.Captured, tok.Captured)
	}
	return g
}

// merged is a copy of old with what is new in it.
func merged[M ~map[string]V, V any](old, more M) M {
	all := make(M, len(old)+len(more))
	maps.Copy(all, old)
	maps.Copy(all, more)
	return all
}

// renewable tells whether there is something to get a new token with.
func (b *Broker) renewable(c *connection.Connection, g vault.Grant) bool {
	return !g.Refresh.IsZero() || c != nil && c.Connector().RenewsWithoutRefreshToken()
}

// failed sorts a failed refresh: a dead grant ends the account, anything else leaves it as it is.
func (r *renewal) failed(ctx context.Context, err error) (*entry, error) {
	now := r.now()
	if nb, ok := errors.AsType[errNotBegun](err); ok {
		failed := vaultError(nb.error)
		r.shared.noteFailure(r.target.Account, now, failure{until: now.Add(cooldown), behind: now.Add(cooldown), err: failed})
		return nil, failed
	}
	var oe *oauth.Error
	if !errors.As(err, &oe) {
		oe = &oauth.Error{Class: oauth.ClassTransient, Code: "refresh_interrupted"}
	}
	if oe.Class == oauth.ClassPermanent {
		code := oe.Code
		if r.attempts > 1 {
			code = reasonRotationLost
		}
		return r.expire(ctx, code)
	}
	n := r.account.Failures + 1
	wait := max(double(backoff, maxBackoff, n), oe.RetryAfter)
	f := failure{
		until:  now.Add(max(double(cooldown, maxCooldown, n), oe.RetryAfter)),
		behind: now.Add(wait + rand.N(wait/4)),
		err:    refreshError(&r.target, oe, r.app.ClientID),
	}
	if oe.Code == string(CodeClientUnknown) {
		f.err = clientUnknown(&r.target, r.app.ClientID)
	}
	r.shared.noteFailure(r.target.Account, now, f)
	// An earlier client, or an account's own, that is refused concerns no other account.
	refused, theirs := refusesClient(r.target.Connection, oe), r.app.ClientID == r.target.Connection.App.ClientID
	if theirs || !refused && oe.Code != string(CodeClientUnknown) {
		r.shared.pace(r.target.Connection, r.schedule).failed(now, oe, refused)
	}
	_, err = r.vault.EndRefresh(ctx, r.target.Account, vault.Failure{
		Generation: r.grant.Generation, Code: oe.Code, Class: string(oe.Class), Answered: !lost(oe) && r.attempts <= 1, DueAt: f.behind,
	})
	if err != nil {
		r.log.Warn("noting a failed refresh", zap.String("account", string(r.target.Account)), zap.Error(err))
	}
	r.refreshed(r.target, string(oe.Class), oe.Code, now.Sub(r.start))
	return nil, f.err
}

// lost tells whether the provider may have exchanged the refresh token all the same: there was no
// answer, a gateway's, or one that cannot be read.
func lost(err *oauth.Error) bool {
	switch err.Status {
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		return true
	}
	return !err.Unsent && (err.Status == 0 || err.Status < 400 && err.Class == oauth.ClassMalformed)
}

// expire turns the account EXPIRED, unless someone has replaced the grant meanwhile.
func (r *renewal) expire(ctx context.Context, reason string) (*entry, error) {
	id := r.target.Account
	a, err := r.vault.EndRefresh(ctx, id, vault.Failure{
		Generation: r.grant.Generation, Code: reason, Class: string(oauth.ClassPermanent), Expired: true,
	})
	r.shared.cache.remove(id)
	if err != nil {
		return nil, r.notFound(Ref{Account: id}, err)
	}
	if a.Status == vault.StatusExpired {
		r.refreshed(r.target, string(oauth.ClassPermanent), reason, r.now().Sub(r.start))
	}
	return r.read(ctx, id)
}

// lease waits for the right to refresh this account's grant.
func (b *Broker) lease(id vault.AccountID) (func(), error) {
	ctx, cancel := context.WithTimeout(context.Background(), leaseTime)
	defer cancel()
	for {
		release, err := b.vault.LeaseRefresh(ctx, id, leaseTime)
		if !errors.Is(err, vault.ErrLeased) {
			return release, err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
