package broker

import (
	"context"
	"errors"
	"fmt"

	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// Credential returns the credential of an ACTIVE account. A token close to its expiry is returned
// and refreshed behind the request; a dead one is refreshed first, once for all who wait. The
// refresh is not cancelled with ctx.
func (b *Broker) Credential(ctx context.Context, t Target) (Credential, error) {
	return b.credential(ctx, t, true)
}

// credential is Credential. used says that somebody uses the account, as a check does not.
func (b *Broker) credential(ctx context.Context, t Target, used bool) (Credential, error) {
	e, err := b.current(ctx, &t)
	if err != nil {
		return Credential{}, err
	}
	now := b.now()
	if used {
		b.touch(e, now)
	}
	if e.renewAt.IsZero() || now.Before(e.renewAt) {
		return e.credential, nil
	}
	if e.deadAt.IsZero() || now.Before(e.deadAt) {
		if b.shared.mayTry(t.Account, now) {
			b.refresh(t, e.credential.Generation)
		}
		return e.credential, nil
	}
	if failed := b.shared.recentFailure(t.Account, now); failed != nil {
		return Credential{}, failed
	}
	if id := e.credential.Connection.App.ClientID; id == t.Connection.App.ClientID {
		if refused := b.shared.pace(t.Connection, b.schedule).clientRefused(now); refused != nil {
			return Credential{}, refreshError(&t, refused, id)
		}
	}
	return b.landed(ctx, &t, b.refresh(t, e.credential.Generation))
}

// Renew replaces a credential that the provider refused. If another caller, or another process,
// has replaced it already, that one is returned and the provider is not asked; a refresh under way
// is waited for. One is forced at most once a minute for an account; within that minute the refused
// credential comes back, and the provider's refusal stands.
func (b *Broker) Renew(ctx context.Context, t Target, refused Credential) (Credential, error) {
	e, err := b.current(ctx, &t)
	if err != nil {
		return Credential{}, err
	}
	if e.credential.Generation != refused.Generation {
		return e.credential, nil
	}
	if e, err = b.reread(ctx, t); err != nil || e.credential.Generation != refused.Generation {
		return credentialOf(e, err)
	}
	if f := b.forced(t, refused.Generation); f != nil {
		return b.landed(ctx, &t, f)
	}
	// The flight that was forced lately may have landed since the look above.
	return credentialOf(b.current(ctx, &t))
}

func credentialOf(e *entry, err error) (Credential, error) {
	if err != nil {
		return Credential{}, err
	}
	return e.credential, nil
}

// reread is current from the vault: another process may have refreshed the token.
func (b *Broker) reread(ctx context.Context, t Target) (*entry, error) {
	e, err := b.read(ctx, t.Account)
	if err != nil {
		return nil, err
	}
	if err := e.fault(&t); err != nil {
		return nil, err
	}
	return e, nil
}

// current returns the entry of an account that is ACTIVE now.
func (b *Broker) current(ctx context.Context, t *Target) (*entry, error) {
	e := t.entry
	if e == nil || e.gone.Load() {
		e = b.shared.cache.get(t.Account)
	}
	if e == nil || e.status != vault.StatusActive || e.of() != t.Connection {
		var err error // another process may have connected it again, or the configuration is another one
		if e, err = b.read(ctx, t.Account); err != nil {
			return nil, err
		}
	}
	if err := e.fault(t); err != nil {
		return nil, err
	}
	return e, nil
}

// fault says why the account has no credential now; nil if it has one.
func (e *entry) fault(t *Target) error {
	if err := statusError(t, e.status, e.reason); err != nil {
		return err
	}
	if e.unfit != nil {
		return unfitError(t, e.unfit)
	}
	if c := e.credential.Connection; c != nil && !c.ClientKnown() && c.SignsWithClient() {
		return clientUnknown(t, c.App.ClientID)
	}
	return nil
}

// of is the connection for all accounts that the entry was made with.
func (e *entry) of() *connection.Connection {
	if e.credential.Connection == nil {
		return nil
	}
	return e.credential.Connection.All()
}

// read reads an account that is not in the cache, or not any more.
func (b *Broker) read(ctx context.Context, id vault.AccountID) (*entry, error) {
	e, err := b.load(ctx, id, nameKey{})
	if err != nil {
		return nil, b.notFound(Ref{Account: id}, err)
	}
	return e, nil
}

// landed waits for a refresh and looks at what the account is then.
func (b *Broker) landed(ctx context.Context, t *Target, f *flight) (Credential, error) {
	b.observe.Waiting(1)
	e, err := f.wait(ctx)
	b.observe.Waiting(-1)
	if err != nil {
		return Credential{}, err
	}
	if err := e.fault(t); err != nil {
		return Credential{}, err
	}
	return e.credential, nil
}

// SecretInUse tells which of the app's client secrets is sent, from 1; see [oauth.Client.SecretInUse].
func (b *Broker) SecretInUse(app oauth.App) int { return b.oauth.SecretInUse(app) }

// Forget drops what is remembered of an account whose records were changed by someone else.
func (b *Broker) Forget(id vault.AccountID) { b.shared.forget(id) }

// Disconnection is what came of a disconnect.
type Disconnection struct {
	Account vault.ConnectedAccount
	// Revoked tells that the provider has ended the grant; RevokeError why it has not.
	Revoked     bool
	RevokeError string
}

// Disconnect stops the use of an account at once, revokes its grant at the provider where there is
// an endpoint, and deletes its tokens. The account's record stays, as DISCONNECTED. A provider
// that cannot be reached does not keep the tokens alive here, and a caller that goes away does not
// keep the provider from being told.
func (b *Broker) Disconnect(ctx context.Context, id vault.AccountID) (Disconnection, error) {
	a, err := b.vault.SetStatus(ctx, id, 0, vault.StatusDisconnected, "disconnected")
	b.shared.forget(id)
	if err != nil {
		return Disconnection{}, b.notFound(Ref{Account: id}, err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshTime)
	defer cancel()
	return b.endGrant(ctx, a)
}

// endGrant revokes and deletes the grant of an account that has just been disconnected.
func (b *Broker) endGrant(ctx context.Context, a vault.ConnectedAccount) (Disconnection, error) {
	id, d := a.ID, Disconnection{Account: a}
	c, known := b.set.ByID(a.ConnectionID)
	g, err := b.lastGrant(ctx, a)
	switch {
	case errors.Is(err, vault.ErrNotFound):
		return d, nil // disconnected before
	case errors.Is(err, vault.ErrConflict):
		d.RevokeError = "the account has been connected again in the meantime"
		return d, nil
	case err != nil:
		d.RevokeError = "the stored grant cannot be opened"
	case known != nil:
		d.RevokeError = "the connection is not in the configuration any more"
	default:
		if d.Revoked, err = b.revoke(ctx, c, g); err != nil {
			d.RevokeError = err.Error()
		} else if !d.Revoked {
			d.RevokeError = "the provider has no revocation endpoint; the user can remove the app there"
		}
	}
	// A conflict: connected again meanwhile, and that grant stays.
	if err := b.vault.DropGrant(ctx, id); err != nil && !errors.Is(err, vault.ErrConflict) {
		return d, vaultError(err)
	}
	return d, nil
}

// revoke ends a grant at the provider.
func (b *Broker) revoke(ctx context.Context, c *connection.Connection, g vault.Grant) (bool, error) {
	own, err := c.ForGrant(g)
	if err != nil {
		return false, err
	}
	revoked, err := b.oauth.Revoke(ctx, own.App, g)
	if err != nil && !own.ClientKnown() {
		err = fmt.Errorf("the account was connected with OAuth client %.200q, which is not known any more", g.ClientID)
	}
	return revoked, err
}

// lastGrant returns the grant that the provider knows of an account as it was when its use was
// stopped, and [vault.ErrConflict] if it has been connected again since.
func (b *Broker) lastGrant(ctx context.Context, a vault.ConnectedAccount) (vault.Grant, error) {
	if g, ok := b.shared.unsavedGrant(a.ID); ok {
		b.shared.dropUnsaved(g)
		if g.Generation > a.Generation {
			return g, nil // the stored one is spent
		}
	}
	g, err := b.vault.Grant(ctx, a.ID)
	if err == nil && g.Generation != a.Generation {
		return vault.Grant{}, vault.ErrConflict
	}
	return g, err
}
