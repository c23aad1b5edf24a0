package consent

import (
	"context"
	"errors"
	"net/http"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// Start is the way from a link to the provider.
type Start struct {
	// Location is the provider's authorization URL. It holds the state, so it is not logged.
	Location string
	// Cookie binds the journey to the browser.
	Cookie *http.Cookie
}

// startTries is how often a start is tried against others of the same link: a double click is one.
const startTries = 3

// Redirect starts the journey of the link with that token, or starts it anew: then the state of
// the earlier start is dead. A link that cannot be started is a *[problem.Problem].
func (f *Flow) Redirect(ctx context.Context, token vault.Secret) (Start, error) {
	for range startTries {
		j, err := f.open(ctx, token)
		if err != nil {
			return Start{}, err
		}
		location, err := f.prepare(j)
		if err != nil {
			f.log.Error("making an authorization URL", j.fields(zap.Error(err))...)
			return Start{}, refusal(codeConnection)
		}
		switch err := f.vault.PutLink(ctx, &j.link); {
		case err == nil:
			f.tell(j, "consent_started", "")
			return Start{Location: location, Cookie: f.cookie(j.link)}, nil
		case !errors.Is(err, vault.ErrConflict):
			return Start{}, f.vaultFailed(err)
		}
	}
	return Start{}, refusal(codeBusy)
}

// prepare gives the link what one journey needs, and returns where it leads.
func (f *Flow) prepare(j *journey) (location string, err error) {
	l := &j.link
	if l.Status == vault.LinkOpen {
		l.Expires = f.now().Add(journeyTime)
	}
	l.Status = vault.LinkStarted
	l.State, l.Verifier, l.Browser = oauth.NewState(), oauth.NewVerifier(), newSecret()
	l.RedirectURI = f.Callback(j.connection.Name)
	return f.oauth.AuthorizeURL(j.connection.App, oauth.AuthorizeRequest{
		RedirectURI: l.RedirectURI, State: l.State, Verifier: l.Verifier,
		Scopes: l.Scopes, Reconsent: l.Reconnect,
	})
}

// open returns the journey of a link that can be started. It changes nothing.
func (f *Flow) open(ctx context.Context, token vault.Secret) (*journey, error) {
	l, err := f.vault.FindLink(ctx, token)
	switch {
	case errors.Is(err, vault.ErrNotFound):
		return nil, refusal(codeLinkUnknown)
	case err != nil:
		return nil, f.vaultFailed(err)
	case l.Status == vault.LinkUsed, l.Status == vault.LinkTaken:
		return nil, refusal(codeLinkUsed)
	case l.Status == vault.LinkFailed:
		return nil, refusal(codeLinkClosed)
	case f.expired(l):
		return nil, refusal(codeLinkExpired)
	}
	return f.journey(l)
}

func (f *Flow) journey(l vault.Link) (*journey, error) {
	c, err := f.set.ByID(l.ConnectionID)
	if err != nil {
		var gone *connection.Error
		if errors.As(err, &gone) {
			return nil, refusal(codeConnection)
		}
		return nil, err
	}
	own, err := c.For(l.Inputs, nil)
	if err != nil {
		f.log.Error("the link's inputs do not fit its connection", zap.String("link", string(l.ID)), zap.Error(err))
		return nil, refusal(codeConnection)
	}
	return &journey{link: l, connection: own}, nil
}

func (f *Flow) vaultFailed(err error) error {
	f.log.Error("the vault cannot be used for a consent", zap.Error(err))
	return refusal(codeVault)
}
