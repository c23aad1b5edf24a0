package consent

import (
	"context"
	"errors"
	"net/http"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/internal/problem"
	"github.com/claviger-proxy/claviger/vault"
)

// Start is the way from a link to the provider.
type Start struct {
	// Location is the provider's authorization URL, or a page of ours that comes first. It may hold the state, so it
	// is not logged.
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
		j.link.Browser = newSecret()
		start, err := f.start(ctx, j)
		if err == nil {
			f.tell(j, "consent_started", "")
		}
		if !errors.Is(err, vault.ErrConflict) {
			return start, err
		}
	}
	return Start{}, refusal(codeBusy)
}

// start leads to the form of a journey, if it has one, and else on. If somebody else has changed the link meanwhile, it
// is [vault.ErrConflict].
func (f *Flow) start(ctx context.Context, j *journey) (Start, error) {
	if j.form != nil {
		return f.startForm(ctx, j)
	}
	return f.leave(ctx, j)
}

// leave leads to where the user consents.
func (f *Flow) leave(ctx context.Context, j *journey) (Start, error) {
	if j.connection.Connector().Mode == connectors.ModeDevice {
		return f.startDevicePage(ctx, j)
	}
	location, code, err := f.prepare(ctx, j)
	if err != nil {
		f.log.Warn("starting a consent", j.fields(zap.Error(err))...)
		return Start{}, refusal(code)
	}
	return f.started(ctx, j, location)
}

// started stores the link of a journey that goes on there.
func (f *Flow) started(ctx context.Context, j *journey, location string) (Start, error) {
	switch err := f.vault.PutLink(ctx, &j.link); {
	case errors.Is(err, vault.ErrConflict):
		return Start{}, err
	case err != nil:
		return Start{}, f.vaultFailed(err)
	}
	return Start{Location: location, Cookie: f.cookie(j.link)}, nil
}

// prepare gives the link what one journey needs, and returns where it leads, or why there is no way.
func (f *Flow) prepare(ctx context.Context, j *journey) (location, code string, err error) {
	l := &j.link
	if l.Status == vault.LinkOpen {
		l.Expires = f.now().Add(timeFor(j.connection.Connector()))
	}
	l.Status = vault.LinkStarted
	l.State = oauth.NewState()
	l.RedirectURI, l.ClientID = f.Callback(j.connection.Name), j.connection.App.ClientID
	req := oauth.AuthorizeRequest{RedirectURI: l.RedirectURI, State: l.State, Scopes: l.Scopes, Reconsent: l.Reconnect}
	if j.connection.Connector().Mode == connectors.ModeOAuth1 {
		if location, err = f.temporary(ctx, j, req); err != nil {
			return "", startCode(err), err
		}
		return location, "", nil
	}
	l.Verifier = oauth.NewVerifier()
	req.Verifier = l.Verifier
	if location, err = f.oauth.AuthorizeURL(j.connection.App, req); err != nil {
		return "", codeConnection, err
	}
	return location, "", nil
}

// open returns the journey of a link that can be started. It changes nothing.
func (f *Flow) open(ctx context.Context, token vault.Secret) (*journey, error) {
	l, err := f.vault.FindLink(ctx, token)
	switch {
	case errors.Is(err, vault.ErrNotFound):
		return nil, refusal(codeLinkUnknown)
	case err != nil:
		return nil, f.vaultFailed(err)
	case l.Status == vault.LinkUsed, l.Status == vault.LinkTaken, l.Status == vault.LinkChoice:
		return nil, refusal(codeLinkUsed)
	case l.Status == vault.LinkFailed:
		return nil, closed(l, codeLinkClosed)
	case f.expired(l):
		return nil, refusal(codeLinkExpired)
	}
	l.ClientID = "" // a new start is one with the client of the moment
	j, err := f.journey(l)
	if err == nil && l.Status == vault.LinkPolled && j.connection.Connector().Mode != connectors.ModeDevice {
		return nil, refusal(codeLinkUsed) // a program waits at it
	}
	return j, err
}

// closed is the refusal for a link that is over. Was it taken back, or too late, it says so, else what code says.
func closed(l vault.Link, code string) *problem.Problem {
	if l.Status == vault.LinkFailed && (l.Outcome == codeRevoked || l.Outcome == codeLinkExpired) {
		code = l.Outcome
	}
	return refusal(code)
}

// journey is that of a link which is not over: it has the connection for the link's account, or that for all of them
// while inputs are missing.
func (f *Flow) journey(l vault.Link) (*journey, error) {
	j, err := f.ofLink(l)
	if err != nil {
		return nil, err
	}
	h, err := heldBy(l)
	if err != nil {
		f.log.Error("reading what a link holds", zap.String("link", string(l.ID)), zap.Error(err))
		return nil, refusal(codeVault)
	}
	j.wanted, j.connection = h.Wanted, j.connection.WithClient(l.ClientID)
	lacks, err := j.connection.Lacks(l.Inputs)
	if err == nil {
		j.form, err = formOf(j.connection, l, h.Form)
	}
	if err == nil && (len(lacks) == 0 || j.form == nil) {
		j.connection, err = j.connection.For(l.Inputs, nil)
	}
	if err != nil {
		f.log.Error("the link's inputs do not fit its connection", zap.String("link", string(l.ID)), zap.Error(err))
		return nil, refusal(codeConnection)
	}
	return j, nil
}

// ofLink is the journey of any link, with the connection for all accounts: a link that is over has no inputs.
func (f *Flow) ofLink(l vault.Link) (*journey, error) {
	c, err := f.set.ByID(l.ConnectionID)
	if err != nil {
		var gone *connection.Error
		if errors.As(err, &gone) {
			return nil, refusal(codeConnection)
		}
		return nil, err
	}
	return &journey{link: l, connection: c}, nil
}

func (f *Flow) vaultFailed(err error) error {
	f.log.Error("the vault cannot be used for a consent", zap.Error(err))
	return refusal(codeVault)
}
