package consent

import (
	"context"
	"errors"
	"maps"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// Result is what came of a journey.
type Result struct {
	Link vault.Link
	// Account is set when it is connected.
	Account vault.ConnectedAccount
	// Code says why it is not; empty means connected. While the link's status is [vault.LinkChoice] it is
	// not over: the user has to choose, see [Flow.Choose].
	Code string
}

// resultOf is what has come of the journey of a link that is over, or waits for a choice.
func resultOf(l vault.Link) Result {
	r := Result{Link: l, Code: l.Outcome}
	switch l.Status {
	case vault.LinkUsed:
		r.Account.ID = l.AccountID
	case vault.LinkChoice:
		r.Code = codeSeveralFound
	}
	return r
}

// chooses tells whether the journey waits for its user's choice.
func (r Result) chooses() bool {
	return r.Code == codeSeveralFound && r.Link.Status == vault.LinkChoice
}

// Complete finishes a journey. A callback that belongs to none, or to one that is over, is
// a *[problem.Problem]; a journey that ends without an account is a Result with a Code. Of several
// callbacks with the same state exactly one gets to the provider. The work is not cancelled with ctx.
func (f *Flow) Complete(ctx context.Context, cb Callback) (Result, error) {
	ctx, cancel := detached(ctx, completeTime)
	defer cancel()
	how := &connectors.Connector{}
	if c, err := f.set.ByName(cb.Connection); err == nil { // else no journey fits
		how = c.Connector()
	}
	if unasked(cb.Query, how) {
		return Result{}, refusal(codeInstallUnasked)
	}
	r, ok := parseResponse(cb.Query, how)
	if !ok {
		return Result{}, refusal(codeCallbackInvalid)
	}
	j, err := f.take(ctx, cb, r)
	if err != nil {
		return Result{}, err
	}
	j.stateless = r.state.IsZero()
	a, code := f.finish(ctx, j, r)
	return f.ended(ctx, j, a, code), nil
}

// ended says what has come of a journey, and closes a link that has failed.
func (f *Flow) ended(ctx context.Context, j *journey, a vault.ConnectedAccount, code string) Result {
	if code != "" {
		if j.link.Status != vault.LinkChoice {
			f.fail(ctx, j, code)
		}
		return Result{Link: j.link, Code: code}
	}
	f.log.Info("account connected", j.fields()...)
	f.onConnected(a)
	return Result{Link: j.link, Account: a}
}

// take finds the journey of a callback and makes it this callback's alone.
func (f *Flow) take(ctx context.Context, cb Callback, r response) (*journey, error) {
	l, err := f.linkFor(ctx, cb, r)
	if err != nil {
		return nil, err
	}
	j, err := f.ofLink(l)
	if err != nil {
		return nil, err
	}
	switch {
	case j.connection.Name != cb.Connection:
		return nil, refusal(codeStateUnknown)
	case f.expired(l):
		return nil, refusal(codeLinkExpired)
	case cb.Browser == nil || !cb.Browser(l.ID).proves(l):
		if l.Status == vault.LinkStarted {
			f.fail(ctx, j, codeWrongBrowser)
		}
		return nil, refusal(codeWrongBrowser)
	case l.Status != vault.LinkStarted:
		return nil, closed(l, codeAlreadyDone)
	}
	if j, err = f.journey(l); err != nil {
		return nil, err
	}
	j.link.Status = vault.LinkTaken
	switch err := f.vault.PutLink(ctx, &j.link); {
	case errors.Is(err, vault.ErrConflict):
		return nil, refusal(codeAlreadyDone)
	case err != nil:
		return nil, f.vaultFailed(err)
	}
	return j, nil
}

// linkFor finds the link whose journey a callback is of.
func (f *Flow) linkFor(ctx context.Context, cb Callback, r response) (vault.Link, error) {
	if r.state.IsZero() {
		return f.onlyPending(ctx, cb)
	}
	l, err := f.vault.FindLinkByState(ctx, r.state)
	switch {
	case errors.Is(err, vault.ErrNotFound):
		return vault.Link{}, refusal(codeStateUnknown)
	case err != nil:
		return vault.Link{}, f.vaultFailed(err)
	}
	return l, nil
}

// finish turns the response into a connected account, or says why not.
func (f *Flow) finish(ctx context.Context, j *journey, r response) (vault.ConnectedAccount, string) {
	switch {
	case !r.issuerFits(j.connection):
		return vault.ConnectedAccount{}, codeIssuer
	case r.failed:
		return vault.ConnectedAccount{}, r.failure
	}
	// Asked before the code is spent; connect asks again.
	a, code := f.account(ctx, j)
	if code == "" && j.stateless && nameless(a) {
		code = codeIdentityUnknown
	}
	if code != "" {
		return vault.ConnectedAccount{}, code
	}
	if !f.with(j, r.captured) {
		return vault.ConnectedAccount{}, codeConnection
	}
	token, code := f.exchange(ctx, j, r)
	if code != "" {
		return vault.ConnectedAccount{}, code
	}
	g := f.grantOf(j, token, r.captured)
	if !f.with(j, g.Captured) {
		f.discardUnused(ctx, j, g)
		return vault.ConnectedAccount{}, codeExchangeFailed
	}
	return f.settle(ctx, j, g, token.Identity, 0)
}

// grantOf is the grant of a journey's token. captured is what was known before.
func (f *Flow) grantOf(j *journey, t oauth.Token, captured map[string]string) vault.Grant {
	return vault.Grant{
		Access: t.Access, Refresh: t.Refresh, IDToken: t.IDToken, Scopes: t.Scopes,
		ObtainedAt: f.now(), Expires: t.Expires, RefreshExpires: t.RefreshExpires,
		ClientID: j.connection.App.ClientID, RedirectURI: j.link.RedirectURI, Slots: t.Slots, Inputs: j.link.Inputs,
		Captured: merged(captured, t.Captured),
	}
}

// exchange turns what the user brought back into a token, or says why not.
func (f *Flow) exchange(ctx context.Context, j *journey, r response) (oauth.Token, string) {
	if j.connection.Connector().Mode == connectors.ModeOAuth1 {
		return f.exchangeTemporary(ctx, j, r)
	}
	token, err := f.oauth.Exchange(ctx, j.connection.App, oauth.Code{
		Code: r.code, Verifier: j.link.Verifier, RedirectURI: j.link.RedirectURI, State: j.link.State,
	})
	if err != nil {
		f.log.Warn("exchanging an authorization code", j.fields(zap.Error(err))...)
		f.discardLost(ctx, j, err, r.captured)
		return oauth.Token{}, exchangeCode(err)
	}
	return token, ""
}

// settle looks whether a grant is enough, finds out what its account has, from that entry of the connector's discovery
// on, and who it is, and stores it. When the user has to choose first, and can, the link holds the grant and the code says so. told is who the
// account is, as far as that was told with the token.
func (f *Flow) settle(ctx context.Context, j *journey, g vault.Grant, told vault.Identity, entry int) (vault.ConnectedAccount, string) {
	if missing := j.connection.App.MissingScopes(g.Scopes); entry == 0 && len(missing) > 0 {
		f.log.Warn("the user has not granted what is needed", j.fields(zap.Strings("scopes", missing))...)
		f.discardUnused(ctx, j, g)
		return vault.ConnectedAccount{}, codeScopesMissing
	}
	offered, code := f.discover(ctx, j, &g, entry)
	if code == codeSeveralFound && !j.link.Browser.IsZero() { // without a browser there is nowhere to choose
		offered.Grant, offered.Told, offered.Stateless = holdGrant(g), told, j.stateless
		unkept := f.hold(ctx, j, offered)
		if unkept == "" {
			return vault.ConnectedAccount{}, code
		}
		code = unkept
	}
	if code != "" {
		f.discardUnused(ctx, j, g)
		return vault.ConnectedAccount{}, code
	}
	who, err := f.identify(ctx, j.connection, g, told)
	if err != nil {
		f.log.Warn("asking the provider who the account is", j.fields(zap.Error(err))...)
	}
	a, code := f.connect(ctx, j, g, who)
	switch code {
	case "":
	case codeIdentityUnknown:
		// It may be the account's own user, whose working grant some providers would end as well.
		if j.stateless {
			f.discardUnused(ctx, j, g)
		}
		code = unlessLimited(err, code)
	case codeIdentityMismatch: // it is of somebody else
		f.discard(ctx, j, g)
	default:
		f.discardUnused(ctx, j, g)
	}
	return a, code
}

// with puts what was captured into the journey's connection; false if it does not fit there, such as a host
// that is not the provider's.
func (f *Flow) with(j *journey, captured map[string]string) bool {
	own, err := j.connection.WithClient(j.link.ClientID).For(j.link.Inputs, captured)
	if err != nil {
		f.log.Error("what the provider told does not fit its connector", j.fields(zap.Error(err))...)
		return false
	}
	j.connection = own
	return true
}

// merged is both maps in one, nil if there is nothing in them.
func merged(a, b map[string]string) map[string]string {
	if len(a)+len(b) == 0 {
		return nil
	}
	all := maps.Clone(a)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, b)
	return all
}

func exchangeCode(err error) string {
	var e *oauth.Error
	if errors.As(err, &e) {
		switch e.Class {
		case oauth.ClassOperator:
			return codeClientRejected
		case oauth.ClassTransient:
			if e.Code == oauth.CodeRateLimited {
				return codeRateLimited
			}
			return codeProviderUnavailable
		}
	}
	return codeExchangeFailed
}

// fail closes the link, and tells whether it was still open. Its state is dead then, whatever it failed for.
func (f *Flow) fail(ctx context.Context, j *journey, code string) (closed bool) {
	j.link.Status, j.link.Outcome = vault.LinkFailed, code
	j.link.Verifier, j.link.Inputs, j.link.Held = vault.Secret{}, nil, vault.Secret{}
	switch err := f.vault.PutLink(ctx, &j.link); {
	case errors.Is(err, vault.ErrConflict):
		return false // somebody else has ended it
	case err != nil:
		f.log.Error("closing a failed link", j.fields(zap.Error(err))...)
	}
	f.log.Info("consent failed", j.fields(zap.String("code", code))...)
	f.tell(j, "consent_failed", code)
	return true
}

// discard revokes a token that is not kept.
func (f *Flow) discard(ctx context.Context, j *journey, g vault.Grant) {
	ctx, cancel := detached(ctx, revokeTime)
	defer cancel()
	if _, err := f.oauth.Revoke(ctx, j.connection.App, g); err != nil {
		f.log.Warn("revoking a token that is not kept", j.fields(zap.Error(err))...)
	}
}

// discardUnused revokes a token that is not kept, unless the account works with an earlier one: some providers would
// end that as well.
func (f *Flow) discardUnused(ctx context.Context, j *journey, g vault.Grant) {
	if a, code := f.account(ctx, j); code != codeVault && a.Status != vault.StatusActive {
		f.discard(ctx, j, g)
	}
}

// discardLost does so with a token that came before the error of a call.
func (f *Flow) discardLost(ctx context.Context, j *journey, err error, captured map[string]string) {
	if t, ok := lost(err); ok {
		g := f.grantOf(j, t, captured)
		f.with(j, g.Captured)
		f.discardUnused(ctx, j, g)
	}
}

// lost is the token that came before the error of a call.
func lost(err error) (oauth.Token, bool) {
	var e *oauth.Error
	if !errors.As(err, &e) {
		return oauth.Token{}, false
	}
	return e.Lost()
}
