package declared_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing/synctest"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/internal/problem"
	"github.com/claviger-proxy/claviger/vault"
)

// renews tells whether there is a way to a new token without the user.
func (j *journey) renews() bool {
	if j.connector.RenewsWithoutRefreshToken() {
		return true
	}
	given, ok := j.provider.Issued()
	return ok && given.Refresh != ""
}

// withAccess tells whether the access token itself is exchanged, so that one that is dead cannot be renewed.
func (j *journey) withAccess() bool { return j.connector.Refresh.With == connectors.RefreshWithAccess }

// margin is how long before its end a token is refreshed.
func (j *journey) margin(life time.Duration) time.Duration {
	m := time.Duration(j.connector.Refresh.Margin)
	if m == 0 {
		m = 5 * time.Minute
	}
	return min(m, life/3)
}

// ahead refreshes a token that is still good, twice: the second refresh may be with another refresh token.
func (j *journey) ahead() error {
	for range 2 {
		g, err := j.vault.Grant(j.ctx, j.account)
		if err != nil {
			return err
		}
		if !j.renews() || g.Expires.IsZero() {
			return nil
		}
		time.Sleep(time.Until(g.Expires) - j.margin(g.Expires.Sub(g.ObtainedAt))/2 - 2*time.Second)
		_, c, err := j.credential()
		if err != nil {
			return err
		}
		if err := want(c.Generation == g.Generation, "a good token is not given while it is refreshed"); err != nil {
			return err
		}
		synctest.Wait()
		if err := j.renewed(g.Generation); err != nil {
			return err
		}
	}
	return nil
}

// late refreshes a token that has expired.
func (j *journey) late() error {
	g, err := j.vault.Grant(j.ctx, j.account)
	if err != nil {
		return err
	}
	if !j.renews() || g.Expires.IsZero() || j.withAccess() {
		return nil
	}
	time.Sleep(time.Until(g.Expires) + time.Second)
	return j.renewed(g.Generation)
}

// renewed tells whether there is a token of a later generation, and that it is good.
func (j *journey) renewed(generation uint64) error {
	_, c, err := j.credential()
	if err != nil {
		return fmt.Errorf("%w; %s", err, j.logs.last())
	}
	if err := want(c.Generation > generation, "the token was not refreshed; %s", j.logs.last()); err != nil {
		return err
	}
	if err := j.facts(); err != nil {
		return err
	}
	return j.fine(c, j.plain())
}

// rest waits until a token may be refreshed by force.
func (j *journey) rest() {
	time.Sleep(max(2*time.Minute, time.Duration(j.connector.Refresh.MinAge)+time.Minute))
}

// forced renews a token that the API refuses before its end, once for each way in which it says so.
func (j *journey) forced() error {
	if !j.renews() {
		return nil
	}
	for _, as := range j.refusals() {
		end := j.refused
		if j.withAccess() {
			end = func(as *connectors.Expired) error { return j.again(func() error { return j.lost(as) }) }
		}
		j.rest()
		if err := end(as); err != nil {
			return err
		}
	}
	return nil
}

// refusals are the ways in which the API refuses a token; nil is status 401.
func (j *journey) refusals() []*connectors.Expired {
	all := []*connectors.Expired{nil}
	for _, e := range j.provider.Errors().ExpiredWhen {
		if e.Path == "" {
			all = append(all, &e)
		}
		for _, text := range e.In {
			one := e
			one.In = []string{text}
			all = append(all, &one)
		}
	}
	return all
}

// refused has the API refuse the token, and renews it.
func (j *journey) refused(as *connectors.Expired) error {
	t, c, err := j.refusing(as)
	if err != nil {
		return err
	}
	next, err := j.broker.Renew(j.ctx, t, c)
	if err != nil {
		return fmt.Errorf("%w; %s", err, j.logs.last())
	}
	if err := j.renewed(c.Generation); err != nil {
		return err
	}
	again, err := j.broker.Renew(j.ctx, t, next)
	if err != nil {
		return err
	}
	return want(again.Generation == next.Generation, "a token is renewed by force twice in a minute")
}

// lost has the API refuse a token that a new one is only given for while it is good.
func (j *journey) lost(as *connectors.Expired) error {
	t, c, err := j.refusing(as)
	if err != nil {
		return err
	}
	_, err = j.broker.Renew(j.ctx, t, c)
	return codeIs(err, broker.CodeExpired)
}

// refusing has the API refuse the token, and sees whether that is understood.
func (j *journey) refusing(as *connectors.Expired) (broker.Target, broker.Credential, error) {
	t, c, err := j.credential()
	if err != nil {
		return t, c, err
	}
	j.provider.EndToken(as)
	status, header, body, err := j.send(c, j.plain())
	if err != nil {
		return t, c, err
	}
	refused := j.connector.TokenExpired(status, header, func() []byte { return body })
	return t, c, want(refused, "the answer %d %s is not taken for a refused token", status, body)
}

// trouble has the provider refuse calls for tokens for every reason that is not the end of the grant.
func (j *journey) trouble() error {
	if !j.renews() || j.connector.Mode == connectors.ModeJWT {
		return nil
	}
	for class, cases := range j.troubles() {
		for i := range cases {
			if err := j.troubled(class, &cases[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// troubles are the refusals of calls for tokens, by what they mean.
func (j *journey) troubles() map[oauth.Class][]connectors.ErrorCase {
	e := j.provider.Errors()
	return map[oauth.Class][]connectors.ErrorCase{
		oauth.ClassTransient: slices.Concat([]connectors.ErrorCase{{Status: http.StatusServiceUnavailable}}, e.TransientWhen),
		oauth.ClassOperator:  slices.Concat([]connectors.ErrorCase{{Code: "invalid_client"}}, e.OperatorWhen),
		oauth.ClassPermanent: slices.Concat([]connectors.ErrorCase{{Code: "invalid_grant"}}, e.PermanentWhen),
	}
}

func (j *journey) troubled(class oauth.Class, as *connectors.ErrorCase) error {
	j.rest()
	j.provider.Trouble(as, false)
	oe, err := j.failing()
	j.provider.Trouble(nil, false)
	return want(err == nil && oe.Class == class, "the refusal %s is taken for %v, want %s; %v", as, oe, class, err)
}

// failing is how a refresh fails.
func (j *journey) failing() (*oauth.Error, error) {
	g, err := j.vault.Grant(j.ctx, j.account)
	if err != nil {
		return nil, err
	}
	c, err := j.set.ByName(connected)
	if err != nil {
		return nil, err
	}
	own, err := c.For(g.Inputs, g.Captured)
	if err != nil {
		return nil, err
	}
	a, err := j.vault.Account(j.ctx, j.account)
	if err != nil {
		return nil, err
	}
	own.App.Scopes = a.RequestedScopes
	_, err = j.oauth.Refresh(j.ctx, own.App, g)
	if oe, ok := errors.AsType[*oauth.Error](err); ok {
		return oe, nil
	}
	return nil, fmt.Errorf("the refresh ends with %w", err)
}

// end has the user end the grant at the provider, once for each way in which that is said.
func (j *journey) end() error {
	if !j.renews() || j.connector.Mode == connectors.ModeJWT {
		for _, as := range j.refusals() {
			if err := j.again(func() error { return j.endsByCheck(as) }); err != nil {
				return err
			}
		}
		return nil
	}
	cases := []*connectors.ErrorCase{nil}
	for _, e := range j.provider.Errors().PermanentWhen {
		cases = append(cases, &e)
	}
	for _, as := range cases {
		if err := j.again(func() error { return j.ended(as) }); err != nil {
			return err
		}
	}
	return nil
}

// again connects the account again after it has ended.
func (j *journey) again(end func() error) error {
	j.rest()
	if err := end(); err != nil {
		return err
	}
	if err := j.closed(); err != nil {
		return err
	}
	j.provider.Reopen()
	if err := j.connect(); err != nil {
		return fmt.Errorf("connecting again: %w", err)
	}
	_, c, err := j.credential()
	if err != nil {
		return err
	}
	return j.fine(c, j.plain())
}

// closed tries to connect while the user's account is closed.
func (j *journey) closed() error {
	if j.connector.Mode.NeedsUser() || !j.renews() || j.connector.Mode == connectors.ModeJWT {
		return nil
	}
	_, err := j.flow.Connect(j.ctx, consent.Direct{Connection: connected, Identifier: identifier, Inputs: j.client.Account})
	refused, ok := errors.AsType[*problem.Problem](err)
	mine := len(j.connector.Account) > 0 // else it is not the account's credential that is refused
	return want(ok && (refused.Code == "credential_refused" || !mine), "connecting a closed account gives %v; %s", err, j.logs.last())
}

func (j *journey) ended(as *connectors.ErrorCase) error {
	t, c, err := j.credential()
	if err != nil {
		return err
	}
	j.provider.End(as)
	_, err = j.broker.Renew(j.ctx, t, c)
	if wrong := codeIs(err, broker.CodeExpired); wrong != nil {
		return fmt.Errorf("after the end of the grant: %w; %s", wrong, j.logs.last())
	}
	if err := j.status(vault.StatusExpired); err != nil {
		return err
	}
	_, _, err = j.credential()
	return codeIs(err, broker.CodeExpired)
}

// endsByCheck finds out by a check that a credential is no longer good.
func (j *journey) endsByCheck(as *connectors.Expired) error {
	if !j.checks() || j.connector.Mode == connectors.ModeNone {
		return nil
	}
	j.provider.End(nil)
	j.provider.EndToken(as)
	done, err := j.broker.Check(j.ctx, j.account)
	if err != nil {
		return err
	}
	if err := want(done.Code == broker.CheckRefused, "the check of a dead credential gives %+v", done); err != nil {
		return err
	}
	return j.status(vault.StatusExpired)
}
