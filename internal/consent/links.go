package consent

import (
	"context"
	"errors"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/internal/problem"
	"github.com/claviger-proxy/claviger/vault"
)

// Link returns the link with that ID, and has a device journey gone on with that nobody polls for. One that is
// not there is a *[problem.Problem].
func (f *Flow) Link(ctx context.Context, id vault.LinkID) (vault.Link, error) {
	l, err := f.vault.Link(ctx, id)
	switch {
	case errors.Is(err, vault.ErrNotFound):
		return vault.Link{}, noSuchLink()
	case err != nil:
		return vault.Link{}, err
	}
	if l.Status == vault.LinkPolled {
		f.devices.see(id)
	}
	return l, nil
}

func noSuchLink() *problem.Problem {
	p := refusal(codeLinkUnknown)
	p.Detail, p.Next = "there is no such link, or it is not kept any more", "links are kept for a day after they have expired"
	return p
}

// Revoke closes a link that is not over. A link that is, or whose account is just being connected, is a
// *[problem.Problem].
func (f *Flow) Revoke(ctx context.Context, id vault.LinkID) (vault.Link, error) {
	for range startTries {
		l, err := f.Link(ctx, id)
		if err != nil {
			return vault.Link{}, err
		}
		switch {
		case l.Status == vault.LinkUsed, l.Status == vault.LinkTaken:
			return vault.Link{}, over(codeLinkUsed)
		case l.Status == vault.LinkFailed:
			return vault.Link{}, over(codeLinkClosed)
		}
		ended, err := f.closeLink(ctx, l, codeRevoked)
		switch {
		case errors.Is(err, vault.ErrConflict):
			continue
		case err != nil:
			return vault.Link{}, err
		}
		f.drop(ctx, l)
		return ended, nil
	}
	return vault.Link{}, over(codeBusy)
}

// over are the refusals to revoke.
func over(code string) *problem.Problem {
	p := refusal(code)
	switch code {
	case codeLinkUsed:
		p.Detail, p.Next = "the link has been used", "disconnect the account if it is not to be used: `claviger accounts disconnect`"
	case codeLinkClosed:
		p.Detail, p.Next = "the link is closed already", ""
	case codeBusy:
		p.Detail, p.Next = "the link is in use at this moment", "send the request again"
	}
	return p
}

// closeLink closes the link l, as it was read, for a reason that is not its user's.
func (f *Flow) closeLink(ctx context.Context, l vault.Link, code string) (vault.Link, error) {
	l.Status, l.Outcome = vault.LinkFailed, code
	l.Verifier, l.Inputs, l.Held = vault.Secret{}, nil, vault.Secret{}
	if err := f.vault.PutLink(ctx, &l); err != nil {
		return vault.Link{}, err
	}
	e := Event{Name: "consent_failed", Link: l.ID, Account: l.AccountID, Reason: code}
	if c, err := f.set.ByID(l.ConnectionID); err == nil {
		e.Connection, e.Connector = c.Name, c.Connector().Name
	}
	f.log.Info("link closed", zap.String("link", string(l.ID)), zap.String("account", string(l.AccountID)), zap.String("code", code))
	f.notify(e)
	return l, nil
}

// drop revokes what the provider has given already for a link that is closed now, as it was before.
func (f *Flow) drop(ctx context.Context, l vault.Link) {
	h, err := heldBy(l)
	if err != nil || h.Choice == nil {
		return
	}
	g := h.Choice.Grant.grant(l.Inputs)
	j, err := f.journey(l)
	if err != nil {
		f.log.Warn("a token that is not kept cannot be revoked", zap.String("link", string(l.ID)), zap.Error(err))
		return
	}
	f.with(j, g.Captured)
	f.discard(ctx, j, g)
}
