package declared_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

// connect connects the account, in the way of the connector's mode.
func (j *journey) connect() error {
	var a vault.ConnectedAccount
	var err error
	switch mode := j.connector.Mode; {
	case j.device || mode == connectors.ModeDevice:
		a, err = j.byDevice()
	case mode.Consents():
		var r consent.Result
		if r, err = j.byConsent(); err == nil && j.several {
			r, err = j.chooses(r)
		}
		if err == nil && r.Code != "" {
			err = fmt.Errorf("consent ends with %s; %s", r.Code, j.logs.last())
		}
		a = r.Account
	default:
		a, err = j.direct()
		if err != nil {
			err = fmt.Errorf("%w; %s", err, j.logs.last())
		}
	}
	if err != nil {
		return err
	}
	if j.account != "" && j.account != a.ID {
		return fmt.Errorf("the account is %s, and was %s", a.ID, j.account)
	}
	j.account = a.ID
	j.broker.Forget(a.ID)
	return j.status(vault.StatusActive)
}

// byConsent walks through the consent of the provider like a browser.
func (j *journey) byConsent() (consent.Result, error) {
	issued, err := j.flow.Begin(j.ctx, consent.Request{
		Connection: connected, Identifier: identifier, Inputs: j.client.Account, Scopes: j.client.More,
	})
	if err != nil {
		return consent.Result{}, err
	}
	start, err := j.flow.Redirect(j.ctx, issued.Link.Token)
	if err != nil {
		return consent.Result{}, err
	}
	r, err := http.NewRequestWithContext(j.ctx, http.MethodGet, start.Location, nil)
	if err != nil {
		return consent.Result{}, err
	}
	if own := j.played.Authorize.Fragment; own != "" { // the page that is there looks nowhere else
		path, query, _ := strings.Cut(r.URL.EscapedFragment(), "?")
		if path != own {
			query = ""
		}
		r.URL.RawQuery = query
	}
	resp, err := j.provider.RoundTrip(r)
	if err != nil {
		return consent.Result{}, err
	}
	back, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || resp.StatusCode != http.StatusFound {
		return consent.Result{}, fmt.Errorf("the provider does not send the browser back: status %d", resp.StatusCode)
	}
	browser, err := http.NewRequestWithContext(j.ctx, http.MethodGet, back.String(), nil)
	if err != nil {
		return consent.Result{}, err
	}
	browser.AddCookie(start.Cookie)
	j.cookie = start.Cookie
	return j.flow.Complete(j.ctx, consent.Callback{
		Connection: connected, Query: back.RawQuery,
		Browser: func(id vault.LinkID) consent.Proof { return j.flow.Proof(browser, id) },
		Holds:   func() []vault.Secret { return j.flow.Held(browser) },
	})
}

// byDevice lets the user consent elsewhere while the flow asks whether that has happened.
func (j *journey) byDevice() (vault.ConnectedAccount, error) {
	ctx, cancel := context.WithCancel(j.ctx)
	var tending sync.WaitGroup
	tending.Go(func() { j.flow.Tend(ctx) })
	defer tending.Wait()
	defer cancel()
	d, err := j.flow.BeginDevice(ctx, consent.Request{
		Connection: connected, Identifier: identifier, Inputs: j.client.Account, Scopes: j.client.More,
	})
	if err != nil {
		return vault.ConnectedAccount{}, fmt.Errorf("%w; %s", err, j.logs.last())
	}
	// One poll before the consent, and one after it.
	for _, status := range []vault.LinkStatus{vault.LinkPolled, vault.LinkUsed} {
		time.Sleep(d.Interval + time.Second)
		l, err := j.flow.Link(ctx, d.Link.ID)
		if err != nil {
			return vault.ConnectedAccount{}, err
		}
		if l.Status != status {
			return vault.ConnectedAccount{}, fmt.Errorf("the link is %s (%s), want %s; %s", l.Status, l.Outcome, status, j.logs.last())
		}
		j.provider.Allow()
	}
	return j.vault.Account(ctx, d.Link.AccountID)
}

// deny lets the user refuse, in each way that the provider has for that.
func (j *journey) deny() error {
	if !j.connector.Mode.Consents() {
		return nil
	}
	for n := j.provider.Deny(0); n > 0; n-- {
		j.provider.Deny(n)
		r, err := j.byConsent()
		j.provider.Deny(0)
		if err != nil {
			return fmt.Errorf("%w; %s", err, j.logs.last())
		}
		if r.Code != "access_denied" {
			return fmt.Errorf("when the user refuses, the consent ends with %q", r.Code)
		}
	}
	return nil
}

// outcomes are what a consent ends with when the code is refused.
var outcomes = map[oauth.Class]string{
	oauth.ClassTransient: "provider_unavailable", oauth.ClassOperator: "oauth_client_rejected", oauth.ClassPermanent: "exchange_failed",
}

// refuse has the provider refuse the code, or a step after it, for every reason that there is.
func (j *journey) refuse() error {
	if !j.connector.Mode.Consents() {
		return nil
	}
	for class, cases := range j.troubles() {
		for i := range cases {
			for _, inSteps := range []bool{false, true}[:1+min(1, len(j.connector.Steps))] {
				j.provider.Trouble(&cases[i], inSteps)
				r, err := j.byConsent()
				j.provider.Trouble(nil, false)
				if err != nil {
					return err
				}
				if r.Code != outcomes[class] {
					return fmt.Errorf("with the refusal %s the consent ends with %q, want %s; %s", cases[i], r.Code, outcomes[class], j.logs.last())
				}
			}
		}
	}
	return nil
}

// reconnect connects the account once more, while it works.
func (j *journey) reconnect() error {
	if !j.connector.Mode.Consents() {
		return nil
	}
	if err := j.connect(); err != nil {
		return err
	}
	return j.facts()
}

// status tells whether the account has that status.
func (j *journey) status(s vault.Status) error {
	a, err := j.vault.Account(j.ctx, j.account)
	if err != nil {
		return err
	}
	return want(a.Status == s, "the account is %s (%s), want %s; %s", a.Status, a.Reason, s, j.logs.last())
}
