package trial

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/vault"
)

// connect connects the account, and tells who it is.
func (t *trial) connect() (string, error) {
	var a vault.ConnectedAccount
	var err error
	switch mode := t.connector.Mode; {
	case mode == connectors.ModeDevice:
		a, err = t.device()
	case mode.Consents():
		a, err = t.consent()
	default:
		a, err = t.flow.Connect(t.ctx, consent.Direct{Connection: connectionName, Identifier: identifier, Inputs: t.client.Account})
	}
	if err != nil {
		return "", err
	}
	t.account = a.ID
	switch {
	case t.connector.Identity == nil:
		return "the account is connected; the connector does not say how to find out whose it is", nil
	case a.Identity.ID == "":
		return "", errors.New("the provider did not say who the account is where the connector looks for it")
	}
	return "the account is connected, as " + a.Identity.ID, nil
}

// consent goes through the user's consent as a browser does.
func (t *trial) consent() (none vault.ConnectedAccount, _ error) {
	issued, err := t.flow.Begin(t.ctx, consent.Request{Connection: connectionName, Identifier: identifier, Inputs: t.client.Account})
	if err != nil {
		return none, err
	}
	start, err := t.flow.Redirect(t.ctx, issued.Link.Token)
	if err != nil {
		return none, err
	}
	r, err := http.NewRequestWithContext(t.ctx, http.MethodGet, start.Location, nil)
	if err != nil {
		return none, err
	}
	if _, query, ok := strings.Cut(r.URL.EscapedFragment(), "?"); ok { // a page of the provider looks for them there
		r.URL.RawQuery = query
	}
	resp, err := t.recorder.RoundTrip(r)
	if err != nil {
		return none, err
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusFound {
		return none, fmt.Errorf("the provider answers the authorization request with status %d", resp.StatusCode)
	}
	back, err := url.Parse(resp.Header.Get("Location"))
	if err != nil {
		return none, err
	}
	browser := &http.Request{Header: http.Header{}}
	browser.AddCookie(start.Cookie)
	result, err := t.flow.Complete(t.ctx, consent.Callback{
		Connection: connectionName, Query: back.RawQuery,
		Browser: func(id vault.LinkID) consent.Proof { return t.flow.Proof(browser, id) },
		Holds:   func() []vault.Secret { return t.flow.Held(browser) },
	})
	if err == nil && result.Code != "" {
		err = errors.New("the consent ends with " + result.Code)
	}
	return result.Account, err
}

// device lets the user consent on another machine, which is at once, and waits until that is noticed.
func (t *trial) device() (none vault.ConnectedAccount, _ error) {
	ctx, cancel := context.WithCancel(t.ctx)
	var tending sync.WaitGroup
	tending.Go(func() { t.flow.Tend(ctx) })
	defer tending.Wait()
	defer cancel()
	d, err := t.flow.BeginDevice(ctx, consent.Request{Connection: connectionName, Identifier: identifier, Inputs: t.client.Account})
	if err != nil {
		return none, err
	}
	t.provider.Allow()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for {
		l, err := t.flow.Link(ctx, d.Link.ID)
		switch {
		case err != nil:
			return none, err
		case l.Status == vault.LinkUsed:
			return t.vault.Account(ctx, l.AccountID)
		case l.Status == vault.LinkFailed:
			return none, errors.New("the consent ends with " + l.Outcome)
		case !t.now().Before(d.Expires):
			return none, errors.New("the code has expired before the provider said that the user has consented")
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return none, ctx.Err()
		}
	}
}

// credential is the account's credential now.
func (t *trial) credential() (broker.Target, broker.Credential, error) {
	target, err := t.broker.Resolve(t.ctx, broker.Ref{Account: t.account})
	if err != nil {
		return target, broker.Credential{}, err
	}
	c, err := t.broker.Credential(t.ctx, target)
	return target, c, err
}

// request sends a request of the app to each base.
func (t *trial) request() (string, error) {
	_, c, err := t.credential()
	if err != nil {
		return "", err
	}
	for base := range t.connector.API.Bases {
		if err := t.fine(c, base); err != nil {
			return "", err
		}
	}
	return "the credential is put on the app's request", t.fine(c, "")
}

// fine sends a request that has to succeed.
func (t *trial) fine(c broker.Credential, base string) error {
	status, _, body, err := t.send(c, base)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("the API answers with status %d: %.200s", status, body)
	}
	return err
}

// send sends a request of the app. One whose credential goes into the body has one.
func (t *trial) send(c broker.Credential, name string) (status int, header http.Header, body []byte, err error) {
	base, ok := c.Connection.Base(name)
	if !ok {
		return 0, nil, nil, fmt.Errorf("there is no base %q", name)
	}
	method, content := http.MethodGet, []byte(nil)
	if c.NeedsBody() {
		method, content = http.MethodPost, []byte("{}")
	}
	r, err := http.NewRequestWithContext(t.ctx, method, base.URL.String()+"/path/of/the/app", bytes.NewReader(content))
	if err != nil {
		return 0, nil, nil, err
	}
	if content != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	slot, err := c.Connection.Inject.Slot(r.URL.Path[len(base.URL.Path):], "")
	if err != nil {
		return 0, nil, nil, err
	}
	whole, err := c.Inject(r, slot, content)
	if err != nil {
		return 0, nil, nil, err
	}
	if c.NeedsBody() {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(whole)), int64(len(whole))
	}
	api, err := c.Connection.Transport(t.transport)
	if err != nil {
		return 0, nil, nil, err
	}
	resp, err := api.RoundTrip(r)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, body, err
}

// check asks whether the credential is good.
func (t *trial) check() (string, error) {
	done, err := t.broker.Check(t.ctx, t.account)
	switch {
	case err != nil:
		return "", err
	case done.Code == broker.CheckNone:
		return "the connector has no verify and no identity to check a credential with", nil
	case !done.OK:
		return "", fmt.Errorf("a good credential does not pass the check: %s", done.Code)
	}
	return "a good credential passes", nil
}

// renews tells whether there is a way to a new token without the user.
func (t *trial) renews() bool {
	given, ok := t.provider.Issued()
	return t.connector.RenewsWithoutRefreshToken() || ok && given.Refresh != ""
}

// refresh lets the token expire.
func (t *trial) refresh() (string, error) {
	g, err := t.vault.Grant(t.ctx, t.account)
	switch {
	case err != nil:
		return "", err
	case g.Expires.IsZero():
		return "the token does not expire", nil
	case !t.renews():
		return "there is no refresh token: the user consents again when the token expires", nil
	}
	left := g.Expires.Sub(t.now())
	if t.connector.RefreshesWith() == connectors.RefreshWithAccess {
		left -= min(time.Minute, left/10) // a dead one is not exchanged
	}
	t.wait(left + time.Second)
	_, c, err := t.credential()
	if err != nil {
		return "", err
	}
	if c.Generation == g.Generation {
		return "a refresh was not due", nil
	}
	return "an expired token is replaced", t.fine(c, "")
}

// refused has the API refuse a token before it expires.
func (t *trial) refused() (string, error) {
	target, c, err := t.credential()
	if err != nil {
		return "", err
	}
	if !t.renews() || t.connector.RefreshesWith() == connectors.RefreshWithAccess {
		return "there is nothing to renew a refused credential with", nil
	}
	t.wait(max(2*time.Minute, time.Duration(t.connector.Refresh.MinAge)+time.Minute))
	t.provider.EndToken(nil)
	status, header, body, err := t.send(c, "")
	if err != nil {
		return "", err
	}
	if !t.connector.TokenExpired(status, header, func() []byte { return body }) {
		return "", fmt.Errorf("the answer with status %d is not taken for a refused token", status)
	}
	next, err := t.broker.Renew(t.ctx, target, c)
	if err != nil {
		return "", err
	}
	return "a token that the API refuses is replaced", t.fine(next, "")
}

// disconnect ends it.
func (t *trial) disconnect() (string, error) {
	d, err := t.broker.Disconnect(t.ctx, t.account)
	switch {
	case err != nil:
		return "", err
	case t.connector.Revoke == nil:
		return "the connector has no revocation: the grant goes on at the provider", nil
	case !d.Revoked:
		return "", errors.New("the grant was not revoked: " + d.RevokeError)
	}
	return "the grant is revoked", nil
}
