package declared_test

import (
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/internal/declared"
	"github.com/claviger-proxy/claviger/internal/problem"
	"github.com/claviger-proxy/claviger/vault"
)

// chooses goes on with a consent whose user has several of what the connector discovers. One that has chosen
// before is not asked.
func (j *journey) chooses(r consent.Result) (consent.Result, error) {
	if j.chosen || r.Code != "choice_needed" {
		return r, want(j.chosen, "the user is not asked to choose, the consent ends with %q; %s", r.Code, j.logs.last())
	}
	for entry, how := range j.connector.Discover {
		if r.Link.Status != vault.LinkChoice {
			return r, fmt.Errorf("the user is not asked for %s; %s", how.Into, j.logs.last())
		}
		given, err := j.shown(r.Link.ID, how)
		if err != nil {
			return r, err
		}
		browser := httptest.NewRequest(http.MethodGet, callback, nil)
		browser.AddCookie(j.cookie)
		r, err = j.flow.Choose(j.ctx, consent.Choice{Link: r.Link.ID, Browser: j.flow.Proof(browser, r.Link.ID), Entry: entry, Item: given})
		if err != nil {
			return r, err
		}
	}
	j.chosen = true
	return r, nil
}

// shown is the ID of the item to use, after a look whether the page offers it by its name.
func (j *journey) shown(link vault.LinkID, how connectors.Discover) (string, error) {
	own := j.provider.Captured()[how.Into]
	u, err := url.Parse(callback)
	if err != nil {
		return "", err
	}
	r := httptest.NewRequest(http.MethodGet, u.JoinPath("../choice").String()+"?link="+string(link), nil)
	r.AddCookie(j.cookie)
	page := httptest.NewRecorder()
	j.flow.ServeHTTP(page, r)
	text := html.UnescapeString(page.Body.String())
	for _, part := range []string{`value="` + own + `"`, `value="other-item"`} {
		if !strings.Contains(text, part) {
			return "", fmt.Errorf("the page for %s, status %d, does not have %s", how.Into, page.Code, part)
		}
	}
	return own, want(how.Label == "" || strings.Contains(text, declared.OwnLabel), "the page for %s has no labels", how.Into)
}

// direct connects without a browser, and says which of several items is used when that is asked.
func (j *journey) direct() (vault.ConnectedAccount, error) {
	d := consent.Direct{Connection: connected, Identifier: identifier, Inputs: j.client.Account}
	a, err := j.flow.Connect(j.ctx, d)
	if !j.several || j.chosen {
		return a, err
	}
	for range j.connector.Discover {
		p, ok := errors.AsType[*problem.Problem](err)
		if !ok || p.Code != "choice_needed" || len(p.Choices) != 2 {
			return a, fmt.Errorf("connecting gives %w, and not what to choose from", err)
		}
		into := p.Choices[0].Name
		at := slices.IndexFunc(p.Choices, func(c problem.Choice) bool { return c.ID == j.provider.Captured()[into] })
		if at < 0 {
			return a, fmt.Errorf("there are %+v to choose from", p.Choices)
		}
		own := p.Choices[at]
		for _, how := range j.connector.Discover {
			if how.Into == into && how.Label != "" && own.Label != declared.OwnLabel {
				return a, fmt.Errorf("the item to choose is called %q", own.Label)
			}
		}
		if d.Choice == nil {
			d.Choice = map[string]string{}
		}
		d.Choice[into] = own.ID
		a, err = j.flow.Connect(j.ctx, d)
	}
	j.chosen = err == nil
	return a, err
}

// chosenAgain connects the account once more: what was chosen stays.
func (j *journey) chosenAgain() error {
	if !j.several {
		return nil
	}
	if err := j.connect(); err != nil {
		return err
	}
	return j.facts()
}
