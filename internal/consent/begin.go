package consent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
)

const (
	maxAppState = 512
	maxScopes   = 100
	maxScope    = 256
)

// Request asks for an authorization link.
type Request struct {
	// Connection is the connection's name.
	Connection string
	// Identifier is the app's name for its user.
	Identifier string
	// Scopes are asked for beside the connection's.
	Scopes []string
	// Inputs are values of the connector's account inputs. Without any, an account that exists keeps its own, unless
	// they are its credential. The user of a link is asked for those that are missing.
	Inputs map[string]string
	// ReturnURL is where the browser goes in the end; empty means our own page. It must be allowed
	// by [Options].ReturnURLs.
	ReturnURL string
	// State is handed back in the return URL: at most 512 printable ASCII characters.
	State string
	// Choice has the IDs of the items that are to be used where an account has several, such as a site, by the
	// names that the connector captures them under; the name may be empty where there is one only. Without it
	// the user is asked.
	Choice map[string]string
}

// Issued is an authorization link to send to a user.
type Issued struct {
	Link vault.Link
	// URL is secret: whoever opens it can connect an account for the user.
	URL     string
	Expires time.Time
}

// Begin issues a link. An account that exists keeps its ID; for a new one an ID is reserved, and
// nothing is stored of it before its user has consented. A connection that cannot be used, or inputs that
// it does not take, are a *connection.Error, any other mistake in the request a *[problem.Problem].
func (f *Flow) Begin(ctx context.Context, r Request) (Issued, error) {
	l, err := f.invite(ctx, r, f.linkable, true)
	if err != nil {
		return Issued{}, err
	}
	return f.issue(ctx, l)
}

// invite is the link for a request, not stored yet. possible refuses connections that it can lead nowhere at, and ask
// says that the user can be asked for inputs that are missing.
func (f *Flow) invite(ctx context.Context, r Request, possible func(*connection.Connection) error, ask bool) (vault.Link, error) {
	c, err := f.set.ByName(r.Connection)
	if err != nil {
		return vault.Link{}, err
	}
	l := vault.Link{
		Project: c.Project, ConnectionID: c.ID, Identifier: r.Identifier,
		Scopes: r.Scopes, AppState: r.State,
	}
	if l.ReturnURL, err = f.checkRequest(r); err != nil {
		return vault.Link{}, err
	}
	if err := possible(c); err != nil {
		return vault.Link{}, err
	}
	a, err := f.vault.FindAccount(ctx, c.ID, r.Identifier)
	switch {
	case errors.Is(err, vault.ErrNotFound):
		l.AccountID = vault.NewAccountID()
	case err != nil:
		return vault.Link{}, fmt.Errorf("looking for the account: %w", err)
	default:
		l.AccountID, l.Reconnect = a.ID, true
		l.Scopes = withGranted(c, a, l.Scopes)
	}
	if l.Inputs, err = f.inputs(ctx, c, l, r.Inputs, ask); err != nil {
		return vault.Link{}, err
	}
	if err := checkChoice(c, r.Choice); err != nil {
		return vault.Link{}, err
	}
	if l.Held, err = (held{Wanted: r.Choice}).secret(); err != nil {
		return vault.Link{}, err
	}
	return l, nil
}

// linkable refuses a link where there are no pages that it could lead to.
func (f *Flow) linkable(c *connection.Connection) error {
	if f.hasCallback() {
		return nil
	}
	p := refusal(codeNoCallback)
	if !c.Connector().Mode.NeedsUser() {
		p.Next += "; or connect the account without a link: `claviger accounts add`"
	}
	return p
}

// inputs are those of a new link: the given ones, or else those of the account's last grant, unless they are its
// credential, of which the user is to give another one. With ask there need not be all of them: the link has a form then.
func (f *Flow) inputs(ctx context.Context, c *connection.Connection, l vault.Link, given map[string]string, ask bool) (vault.Secrets, error) {
	inputs := vault.NewSecrets(given)
	if len(inputs) == 0 && l.Reconnect && len(c.Connector().Account) > 0 && c.Connector().Mode.NeedsUser() {
		g, err := f.vault.Grant(ctx, l.AccountID)
		switch {
		case err == nil:
			inputs = g.Inputs
		case !errors.Is(err, vault.ErrNotFound) && !errors.Is(err, vault.ErrDamaged):
			return nil, fmt.Errorf("reading the account's inputs: %w", err)
		}
	}
	if ask {
		if missing, err := c.Lacks(inputs); err != nil || len(missing) > 0 {
			return inputs, err
		}
	}
	_, err := c.For(inputs, nil)
	return inputs, err
}

func (f *Flow) issue(ctx context.Context, l vault.Link) (Issued, error) {
	l.Token = newSecret()
	l.Expires = f.now().Add(f.linkTTL)
	if err := f.vault.CreateLink(ctx, &l); err != nil {
		return Issued{}, fmt.Errorf("storing the authorization link: %w", err)
	}
	return f.issued(l), nil
}

func (f *Flow) issued(l vault.Link) Issued {
	return Issued{Link: l, URL: f.linkURL(l), Expires: l.Expires}
}

// checkRequest returns the return URL as it will be used.
func (f *Flow) checkRequest(r Request) (returnURL string, err error) {
	if !vault.ValidIdentifier(r.Identifier) {
		return "", refusal(codeIdentifierInvalid)
	}
	if len(r.State) > maxAppState || !printable(r.State) {
		return "", refusal(codeAppStateInvalid)
	}
	if !validScopes(r.Scopes) {
		return "", refusal(codeScopesInvalid)
	}
	if r.ReturnURL == "" {
		return "", nil
	}
	u, ok := f.returns.allowed(r.ReturnURL)
	if !ok {
		return "", refusal(codeReturnURL)
	}
	return u.String(), nil
}

// validScopes follows RFC 6749 section 3.3.
func validScopes(scopes []string) bool {
	for _, s := range scopes {
		if s == "" || len(s) > maxScope {
			return false
		}
		for i := range len(s) {
			if c := s[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' {
				return false
			}
		}
	}
	return len(scopes) <= maxScopes
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// Reissue returns a link for an account whose user must consent again: the account's open link
// while that has more than two minutes left, else a new one that asks for what was asked before.
// Callers at the same time get the same link.
func (f *Flow) Reissue(ctx context.Context, a vault.ConnectedAccount) (Issued, error) {
	flight := f.reissues.DoChan(string(a.ID), func() (any, error) {
		ctx, cancel := detached(ctx, reissueTime)
		defer cancel()
		return f.reissue(ctx, a)
	})
	select {
	case landed := <-flight:
		if landed.Err != nil {
			return Issued{}, landed.Err
		}
		return landed.Val.(Issued), nil
	case <-ctx.Done():
		return Issued{}, ctx.Err()
	}
}

func (f *Flow) reissue(ctx context.Context, a vault.ConnectedAccount) (Issued, error) {
	c, err := f.set.ByID(a.ConnectionID)
	if err != nil {
		return Issued{}, err
	}
	if err := f.linkable(c); err != nil {
		return Issued{}, err
	}
	l, err := f.vault.OpenLink(ctx, a.ID)
	switch {
	case err == nil && l.Expires.Sub(f.now()) > reuseLeft && !disconnectedSince(a, l):
		return f.issued(l), nil
	case err != nil && !errors.Is(err, vault.ErrNotFound):
		return Issued{}, fmt.Errorf("looking for an open link: %w", err)
	}
	l = vault.Link{
		Project: a.Project, ConnectionID: c.ID, Identifier: a.Identifier,
		AccountID: a.ID, Reconnect: true, Scopes: withGranted(c, a, a.RequestedScopes),
	}
	if l.Inputs, err = f.inputs(ctx, c, l, nil, true); err != nil {
		return Issued{}, err
	}
	return f.issue(ctx, l)
}
