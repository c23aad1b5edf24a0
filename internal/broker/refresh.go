package broker

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// refresh joins or starts the refresh of an account whose token of that generation is no longer
// good enough.
func (b *Broker) refresh(t Target, seen uint64) *flight {
	return b.shared.fly(t.Account, func() (*entry, error) { return b.flight(t, seen) })
}

// forced is refresh for a token that the provider has refused; nil when that was tried lately.
func (b *Broker) forced(t Target, seen uint64) *flight {
	return b.shared.force(t.Account, b.now(), func() (*entry, error) { return b.flight(t, seen) })
}

// flight runs apart from the callers that wait for it.
func (b *Broker) flight(t Target, seen uint64) (*entry, error) {
	ctx, cancel := context.WithTimeout(context.Background(), refreshTime)
	defer cancel()
	return b.renew(ctx, t, seen)
}

// renew is one flight: lease, read again, ask the provider, save, and only then use.
func (b *Broker) renew(ctx context.Context, t Target, seen uint64) (*entry, error) {
	release, err := b.lease(ctx, t.Account)
	if err != nil {
		return nil, vaultError(err)
	}
	defer release()

	if g, ok := b.shared.unsavedGrant(t.Account); ok {
		return b.save(ctx, t, g)
	}
	b.shared.cache.remove(t.Account)
	e, err := b.read(ctx, t.Account)
	if err != nil {
		return nil, err
	}
	if e.status != vault.StatusActive || e.credential.Generation > seen {
		return e, nil
	}
	g, err := b.vault.Grant(ctx, t.Account)
	if err != nil {
		return nil, b.notFound(Ref{Account: t.Account}, err)
	}
	if g.Refresh.IsZero() {
		if e.deadAt.IsZero() || b.now().Before(e.deadAt) {
			return e, nil // a 401 may mean one URL only; the token may be good for all others
		}
		return b.expire(ctx, t, g, oauth.CodeNoRefreshToken)
	}
	if err := b.vault.CheckStore(ctx); err != nil {
		// A refresh token is not spent when its successor could not be saved.
		failed := vaultError(err)
		b.shared.noteFailure(t.Account, b.now(), b.now().Add(cooldown), failed)
		return nil, failed
	}
	start := b.now()
	tok, err := b.oauth.Refresh(ctx, t.Connection.App, g.Refresh)
	if err != nil {
		return b.refused(ctx, t, g, err)
	}
	e, err = b.save(ctx, t, next(g, tok, b.now()))
	if err == nil && e.status == vault.StatusActive {
		b.tell(t, "grant_refreshed", "", b.now().Sub(start))
	}
	return e, err
}

// next is the grant that follows g.
func next(g vault.Grant, tok oauth.Token, now time.Time) vault.Grant {
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
	return g
}

// save writes the new grant, trying again while there is time: the old refresh token may be dead
// already. What cannot be saved is kept in memory and not used; it is tried again until it is saved,
// whether or not anybody asks for it.
func (b *Broker) save(ctx context.Context, t Target, g vault.Grant) (*entry, error) {
	again := func() (*entry, error) { return b.flight(t, g.Generation-1) }
	for wait := 50 * time.Millisecond; ; wait *= 2 {
		epoch := b.shared.cache.now() // before the write, so that a disconnect right after it counts
		a, err := b.vault.ReplaceGrant(ctx, t.Account, g)
		if err == nil {
			b.shared.dropUnsaved(g)
			e := b.entryOf(a, g)
			b.shared.cache.put(e, epoch)
			return e, nil
		}
		if errors.Is(err, vault.ErrConflict) || errors.Is(err, vault.ErrNotFound) {
			var saved bool
			if saved, err = b.holds(ctx, g); err == nil {
				return b.overtaken(ctx, t, g, saved)
			}
		}
		if b.shared.keepUnsaved(g, again) {
			b.log.Error("saving a refreshed grant; it is kept in memory", zap.String("account", string(t.Account)), zap.Error(err))
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			time.AfterFunc(saveEvery, func() { b.shared.fly(t.Account, again) }) // nothing after Drain
			return nil, vaultError(err)
		}
	}
}

// holds tells whether the vault has the grant g itself: an earlier write may have been done although
// it was reported as failed.
func (b *Broker) holds(ctx context.Context, g vault.Grant) (bool, error) {
	stored, err := b.vault.Grant(ctx, g.AccountID)
	if errors.Is(err, vault.ErrNotFound) || errors.Is(err, vault.ErrDamaged) {
		return false, nil
	}
	return stored.Generation == g.Generation && stored.Access.Equal(g.Access), err
}

// overtaken looks at an account that the new token g is not, or no longer, to be written to. Unless
// it is saved already, the account has been disconnected, or connected again, meanwhile, and the
// token is of no use to anybody. After a disconnect it is revoked. After a new connection it is only
// dropped: at some providers, Google among them, revoking one token of a user ends the others too.
func (b *Broker) overtaken(ctx context.Context, t Target, g vault.Grant, saved bool) (*entry, error) {
	b.shared.dropUnsaved(g)
	b.shared.cache.remove(t.Account)
	e, err := b.read(ctx, t.Account)
	if !saved && (err != nil || e.status != vault.StatusActive) {
		if _, err := b.oauth.Revoke(ctx, t.Connection.App, g); err != nil {
			b.log.Warn("revoking a token that came too late", zap.String("account", string(t.Account)), zap.Error(err))
		}
	}
	return e, err
}

// refused sorts a failed refresh: a dead grant ends the account, anything else leaves it as it is.
func (b *Broker) refused(ctx context.Context, t Target, g vault.Grant, err error) (*entry, error) {
	var oe *oauth.Error
	if !errors.As(err, &oe) {
		oe = &oauth.Error{Class: oauth.ClassTransient, Code: "refresh_interrupted"}
	}
	if oe.Class == oauth.ClassPermanent {
		return b.expire(ctx, t, g, oe.Code)
	}
	be := refreshError(&t, oe)
	now := b.now()
	b.shared.noteFailure(t.Account, now, now.Add(max(cooldown, oe.RetryAfter)), be)
	if err := b.vault.NoteError(ctx, t.Account, oe.Code); err != nil {
		b.log.Warn("noting a failed refresh", zap.String("account", string(t.Account)), zap.Error(err))
	}
	b.tell(t, "grant_refresh_failed", oe.Code, 0)
	return nil, be
}

// expire turns the account EXPIRED, unless someone has replaced the grant meanwhile.
func (b *Broker) expire(ctx context.Context, t Target, g vault.Grant, reason string) (*entry, error) {
	_, err := b.vault.SetStatus(ctx, t.Account, g.Generation, vault.StatusExpired, reason)
	b.shared.cache.remove(t.Account)
	if err != nil && !errors.Is(err, vault.ErrConflict) {
		return nil, b.notFound(Ref{Account: t.Account}, err)
	}
	if err == nil {
		b.tell(t, "account_expired", reason, 0)
	}
	return b.read(ctx, t.Account)
}

// lease waits for the right to refresh this account's grant.
func (b *Broker) lease(ctx context.Context, id vault.AccountID) (func(), error) {
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

func (b *Broker) tell(t Target, name, reason string, took time.Duration) {
	b.log.Info(name, zap.String("account", string(t.Account)), zap.String("connection", t.Connection.Name), zap.String("reason", reason))
	b.notify(Event{
		Name: name, Account: t.Account, Connection: t.Connection.Name,
		Connector: t.Connection.Connector().Name, Reason: reason, Took: took,
	})
}
