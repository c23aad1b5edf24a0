package consent

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/internal/problem"
	"github.com/claviger-proxy/claviger/vault"
)

// Direct asks for an account whose credential needs no browser: an API key, a login, a client of its own.
type Direct struct {
	// Connection is the connection's name, Identifier the app's name for its user.
	Connection, Identifier string
	// Inputs are the values of the connector's account inputs.
	Inputs map[string]string
	// Choice is as in [Request]. Without it a problem lists what there is to choose from.
	Choice map[string]string
}

// Connect makes the account, or gives it another credential. That is tried out first, as far as the connector
// says how: one that the provider refuses is not kept. A connection that cannot be used, or inputs that it
// does not take, are a *connection.Error, everything else, such as what the provider thinks of the
// credential, a *[problem.Problem]. The work is not cancelled with ctx.
func (f *Flow) Connect(ctx context.Context, r Direct) (vault.ConnectedAccount, error) {
	ctx, cancel := detached(ctx, completeTime)
	defer cancel()
	c, err := f.set.ByName(r.Connection)
	if err != nil {
		return vault.ConnectedAccount{}, err
	}
	switch {
	case !vault.ValidIdentifier(r.Identifier):
		return vault.ConnectedAccount{}, refusal(codeIdentifierInvalid)
	case c.Connector().Mode.NeedsUser():
		return vault.ConnectedAccount{}, refusal(codeConsentNeeded)
	}
	j := &journey{
		link: vault.Link{
			Project: c.Project, ConnectionID: c.ID, Identifier: r.Identifier, AccountID: vault.NewAccountID(),
			CreatedAt: f.now(), Inputs: vault.NewSecrets(r.Inputs),
		},
		wanted: r.Choice,
	}
	if j.connection, err = c.For(j.link.Inputs, nil); err != nil {
		return vault.ConnectedAccount{}, err
	}
	if err := checkChoice(c, r.Choice); err != nil {
		return vault.ConnectedAccount{}, err
	}
	a, offered, code := f.direct(ctx, j)
	if code != "" {
		p := refusedDirectly(code)
		p.RetryAfter = j.wait
		if offered != nil {
			p.Choices, p.MoreChoices = offered.choices(c.Connector().Discover[offered.Entry].Into), offered.More
		}
		return vault.ConnectedAccount{}, p
	}
	f.log.Info("account connected", j.fields()...)
	f.onConnected(a)
	return a, nil
}

// direct gets the credential, tries it out and stores it, or says why not, and what there is to choose from if it
// is for that.
func (f *Flow) direct(ctx context.Context, j *journey) (a vault.ConnectedAccount, offered *heldChoice, code string) {
	g, told, code := f.obtain(ctx, j)
	if code == "" {
		return f.tryOut(ctx, j, g, told, 0)
	}
	if !g.Access.IsZero() {
		f.discardUnused(ctx, j, g)
	}
	return a, nil, code
}

// tryOut finds out what the account of a credential has, from that entry of the connector's discovery on, tries the
// credential out and stores it. When there is a user who has to choose first, the link holds the grant.
func (f *Flow) tryOut(ctx context.Context, j *journey, g vault.Grant, told vault.Identity, entry int) (a vault.ConnectedAccount, offered *heldChoice, code string) {
	offered, code = f.discover(ctx, j, &g, entry)
	switch code {
	case "":
		code = f.probe(ctx, j, j.connection, g)
	case codeSeveralFound:
		if j.link.Browser.IsZero() { // there is nowhere to choose
			break
		}
		offered.Grant, offered.Told = holdGrant(g), told
		unkept := f.hold(ctx, j, offered)
		if unkept == "" {
			return a, nil, code
		}
		code = unkept
	case codeDiscoverFailed: // it may be for the credential
		if c, err := j.connection.Discovering(); err == nil && f.probe(ctx, j, c, g) == codeCredentialRefused {
			code = codeCredentialRefused
		}
	}
	if code != "" {
		if !g.Access.IsZero() {
			f.discardUnused(ctx, j, g)
		}
		return a, offered, code
	}
	who, err := f.identify(ctx, j.connection, g, told)
	if err != nil {
		f.log.Warn("asking the provider who the account is", j.fields(zap.Error(err))...)
	}
	a, code = f.connect(ctx, j, g, who)
	if code == codeIdentityUnknown {
		j.wait, code = waitOf(err), unlessLimited(err, code)
	}
	if code == codeIdentityMismatch { // with others it may be stored, or be that of the account all the same
		f.discard(ctx, j, g)
	}
	return a, nil, code
}

// obtain gets the first token, where there is one, and who the account is if that was told with it. A token beside
// a code is one that is not kept.
func (f *Flow) obtain(ctx context.Context, j *journey) (g vault.Grant, told vault.Identity, code string) {
	g = vault.Grant{ObtainedAt: f.now(), ClientID: j.connection.App.ClientID, Inputs: j.link.Inputs}
	switch j.connection.Connector().Mode {
	case connectors.ModeStatic, connectors.ModeNone:
		return g, told, ""
	}
	token, err := f.oauth.Obtain(ctx, j.connection.App, g)
	if err != nil {
		f.log.Warn("asking for a token", j.fields(zap.Error(err))...)
		j.wait = waitOf(err)
		if t, ok := lost(err); ok {
			g = f.grantOf(j, t, nil)
			f.with(j, g.Captured)
		}
		return g, told, obtainCode(j.connection.Connector(), err)
	}
	g = f.grantOf(j, token, nil)
	if !f.with(j, g.Captured) {
		return g, told, codeExchangeFailed
	}
	return g, token.Identity, ""
}

// obtainCode says why there is no token. Where the account brings the credential, a refusal is one of that:
// nobody else's was sent.
func obtainCode(k *connectors.Connector, err error) string {
	var e *oauth.Error
	if !errors.As(err, &e) || len(k.Account) == 0 {
		return exchangeCode(err)
	}
	client, clientSecret := k.NeedsClient()
	secret := func(in connectors.Input) bool { return in.Secret }
	operators := (clientSecret || slices.ContainsFunc(k.App, secret)) && !slices.ContainsFunc(k.Account, secret)
	switch {
	case !operators && e.Unsent && slices.Contains([]string{oauth.CodeNoValue, oauth.CodeBadKey}, e.Code):
		return codeCredentialUnfit
	case operators && (e.Status == http.StatusUnauthorized || e.Code == "invalid_client"):
		return exchangeCode(err) // who asks was refused, and not what was asked for
	case e.Class == oauth.ClassPermanent, e.Class == oauth.ClassOperator && !e.Unsent && !client:
		return codeCredentialRefused
	}
	return exchangeCode(err)
}

// probe tells whether the provider refuses the credential. One that cannot be asked does not refuse.
func (f *Flow) probe(ctx context.Context, j *journey, c *connection.Connection, g vault.Grant) string {
	k := c.Connector()
	call, ok := probeCall(k)
	if !ok {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, identityTime)
	defer cancel()
	a, err := f.ask(ctx, c, call, g)
	if err == nil {
		err = f.limit(c, a)
	}
	switch {
	case errors.Is(err, errIdentityRequest):
		return codeCredentialUnfit
	case err != nil:
		f.log.Warn("trying a credential out", j.fields(zap.Error(err))...)
		return j.untried(err, 0)
	case a.refuses(k):
		return codeCredentialRefused
	case a.status < 200 || a.status > 299:
		f.log.Warn("trying a credential out", j.fields(zap.Error(fmt.Errorf("status %d", a.status)))...)
		return j.untried(nil, a.status)
	}
	return ""
}

// probeCall is the request that shows whether a credential is good.
func probeCall(k *connectors.Connector) (connectors.Ask, bool) {
	if v := k.Verify; v != nil {
		return v.Ask, true
	}
	if i := k.Identity; i != nil && i.From == "" {
		return i.Ask, true
	}
	return connectors.Ask{}, false
}

// refuses tells whether the answer to that request says that the credential is not good. Every good one may
// do a verify, but not what an identity asks.
func (a answer) refuses(k *connectors.Connector) bool {
	if k.TokenExpired(a.status, a.header, func() []byte { return a.body }) {
		return true
	}
	v := k.Verify
	switch {
	case v == nil:
		return false
	case a.status == http.StatusForbidden:
		return true
	}
	return a.status >= 200 && a.status <= 299 && v.OKWhen != nil && !v.OKWhen.Holds(a.body)
}

// directly are the messages that are other ones where nobody sits before a page.
var directly = map[string]message{
	codeCredentialRefused: {
		http.StatusUnprocessableEntity, "Credential refused", "the provider refuses this credential; nothing was saved",
		"check the values: `claviger connectors show NAME` tells where they are found",
	},
	codeCredentialUnfit: {
		http.StatusUnprocessableEntity, "Credential not fit", "a value cannot be sent to the provider as it is; nothing was saved",
		"check for spaces and line breaks that were copied along",
	},
	codeProviderUnavailable: {
		http.StatusBadGateway, "Provider unavailable", "the provider did not give a token: it does not answer; nothing was saved",
		"try again in a few minutes",
	},
	codeRateLimited: {
		http.StatusServiceUnavailable, "Requests limited", "the provider limits requests now; nothing was saved",
		"try again later, after the time in Retry-After if there is one",
	},
	codeClientRejected: {
		http.StatusBadGateway, "OAuth client rejected", "the provider refuses the OAuth client of the connection, or what is sent with it; nothing was saved",
		"check client_id, client_secret and params of the connection; the log says more",
	},
	codeExchangeFailed: {
		http.StatusBadGateway, "No token", "the provider's answer has no token that can be used; nothing was saved",
		"look at the log, and at the connector: `claviger connectors show NAME`",
	},
	codeDiscoverFailed: {
		http.StatusBadGateway, "Discovery failed", "the provider did not say what the account has access to; nothing was saved",
		"try again in a few minutes; the log says more",
	},
	codeNothingFound: {
		http.StatusConflict, "Nothing to use", "the account has no site or organization at the provider that could be used; nothing was saved",
		"use the credential of an account that has one",
	},
	codeSeveralFound: {
		http.StatusConflict, "Choice needed", "the account has several sites or organizations at the provider, and which one is meant was not said; nothing was saved",
		"send the request again with the ID of one of them as `choice`; `claviger accounts add` has --choose for it",
	},
	codeNotOffered: {
		http.StatusConflict, "Not among the choices", "the account has no access to what the request has chosen; nothing was saved",
		"send the request again with one of those that it has access to, or use another credential",
	},
	codeNotReached: {
		http.StatusConflict, "Not found among the choices",
		"the account has access to more at the provider than is looked through, and what the request has chosen was not found among the first; nothing was saved",
		"send the request again with one of the choices, or use a credential that has access to less",
	},
	codeIdentityMismatch: {
		http.StatusConflict, "Another account", "the credential is that of another account at the provider than before; nothing was saved",
		"use the credential of the same account, or another identifier",
	},
	codeIdentityUnknown: {
		http.StatusBadGateway, "Identity unconfirmed", "the provider did not say whose credential it is, so it may be that of another account than before; nothing was saved",
		"try again in a few minutes",
	},
	codeDisconnected: {
		http.StatusConflict, "Disconnected meanwhile", "the account was disconnected while the credential was tried out; nothing was saved",
		"send the request again if it is to be used",
	},
	codeSaveFailed: {
		http.StatusServiceUnavailable, "Not saved", "the credential is good, but could not be saved",
		"run `claviger doctor` on the host, then send the request again",
	},
}

// refusedDirectly is refusal for a program.
func refusedDirectly(code string) *problem.Problem {
	if m, ok := directly[code]; ok {
		return m.problem(code)
	}
	return refusal(code)
}
