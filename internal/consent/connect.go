package consent

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/vault"
)

// saveTries is how often a write is tried: the code is spent and cannot be asked for again.
const saveTries = 3

// connect writes the account, its grant and the used link at once.
func (f *Flow) connect(ctx context.Context, j *journey, g vault.Grant, who vault.Identity) (vault.ConnectedAccount, string) {
	for try := 1; ; try++ {
		a, code := f.account(ctx, j)
		if code == "" {
			code = identityFault(j, a, who)
		}
		if code != "" && code != codeVault {
			return vault.ConnectedAccount{}, code
		}
		var err error
		if code == "" {
			if a, err = f.save(ctx, j, a, g, who); err == nil {
				return a, ""
			}
			f.log.Warn("saving a connected account", j.fields(zap.Error(err), zap.Int("try", try))...)
		}
		if a, ok := f.saved(ctx, j); ok {
			return a, ""
		}
		if try == saveTries || !pause(ctx, time.Duration(try)*50*time.Millisecond) {
			return vault.ConnectedAccount{}, codeSaveFailed
		}
	}
}

func (f *Flow) save(ctx context.Context, j *journey, a vault.ConnectedAccount, g vault.Grant, who vault.Identity) (vault.ConnectedAccount, error) {
	if g.Refresh.IsZero() && a.Status == vault.StatusActive && who.ID != "" && who.ID == a.Identity.ID {
		if err := f.keepRefresh(ctx, a, &g); err != nil {
			return vault.ConnectedAccount{}, err
		}
	}
	if who != (vault.Identity{}) {
		a.Identity = who
	}
	a.RequestedScopes = j.connection.App.RequestedScopes(j.link.Scopes)
	a.GrantedScopes = g.Scopes
	g.AccountID, j.link.AccountID = a.ID, a.ID
	a, err := f.vault.Connect(ctx, j.link, a, g)
	if err != nil {
		return vault.ConnectedAccount{}, err
	}
	j.link.Status = vault.LinkUsed
	return a, nil
}

// keepRefresh takes over the refresh token of a working grant when the provider, asked again for
// the same account and client, gave no new one. A grant that cannot be opened has none.
func (f *Flow) keepRefresh(ctx context.Context, a vault.ConnectedAccount, g *vault.Grant) error {
	old, err := f.vault.Grant(ctx, a.ID)
	switch {
	case errors.Is(err, vault.ErrNotFound), errors.Is(err, vault.ErrDamaged):
		return nil
	case err != nil:
		return err
	case old.ClientID == g.ClientID:
		g.Refresh, g.RefreshExpires = old.Refresh, old.RefreshExpires
	}
	return nil
}

// saved tells whether a write that was reported as failed has happened after all.
func (f *Flow) saved(ctx context.Context, j *journey) (vault.ConnectedAccount, bool) {
	l, err := f.vault.FindLink(ctx, j.link.Token)
	if err != nil || l.Status != vault.LinkUsed {
		return vault.ConnectedAccount{}, false
	}
	a, err := f.vault.Account(ctx, l.AccountID)
	if err != nil {
		return vault.ConnectedAccount{}, false
	}
	j.link = l
	return a, true
}

// account returns the account of the link's user: the one that exists, or one to be created.
func (f *Flow) account(ctx context.Context, j *journey) (vault.ConnectedAccount, string) {
	a, err := f.vault.FindAccount(ctx, j.link.ConnectionID, j.link.Identifier)
	switch {
	case err == nil && disconnectedSince(a, j.link):
		return vault.ConnectedAccount{}, codeDisconnected
	case err == nil:
		return a, ""
	case !errors.Is(err, vault.ErrNotFound):
		f.log.Error("the vault cannot be used for a consent", j.fields(zap.Error(err))...)
		return vault.ConnectedAccount{}, codeVault
	case j.link.Reconnect: // deleted meanwhile, and IDs are not reused
		return vault.ConnectedAccount{}, codeDisconnected
	}
	return vault.ConnectedAccount{
		ID: j.link.AccountID, Project: j.link.Project, ConnectionID: j.link.ConnectionID,
		Connector: j.connection.Connector().Name, Identifier: j.link.Identifier,
	}, ""
}

// disconnectedSince tells whether the account was ended on purpose after the link was made, which
// then must not bring it back.
func disconnectedSince(a vault.ConnectedAccount, l vault.Link) bool {
	return a.Status == vault.StatusDisconnected && a.UpdatedAt.After(l.CreatedAt)
}

// identityFault refuses to put one person's tokens into another one's account. Where it cannot be
// known who consented, an account of known identity keeps its old grant; and without a state, which would prove that
// it is the user who was sent there, nothing is connected that cannot be compared and named.
func identityFault(j *journey, a vault.ConnectedAccount, who vault.Identity) string {
	switch {
	case j.stateless && (who.ID == "" || nameless(a)):
		return codeIdentityUnknown
	case a.Identity.ID == "" || a.Identity.ID == who.ID:
		return ""
	case who.ID == "":
		return codeIdentityUnknown
	}
	return codeIdentityMismatch
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
