package consent

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/problem"
	"github.com/claviger-proxy/claviger/vault"
)

// This file is about users who come from a provider's install page, which does not follow RFC 6749: it may
// drop the state, and it may never have been given one. docs/decisions/0018-installs.md says what that costs.

// maxPassed bounds a value that a browser takes along to the app.
const maxPassed = 256

// timeFor is how long a user may take from the button to the callback.
func timeFor(k *connectors.Connector) time.Duration {
	if k.Callback.State == connectors.StateInstall {
		return installTime
	}
	return journeyTime
}

// unasked tells whether a query is that of an install which began at the provider: no answer at all, or one that
// can belong to no journey.
func unasked(query string, k *connectors.Connector) bool {
	if !k.Install.Inbound || len(query) > maxQuery {
		return false
	}
	q, err := url.ParseQuery(query)
	if err != nil {
		return false
	}
	answers := slices.Concat([]string{cmp.Or(k.Callback.CodeParam, "code"), "error"}, k.Callback.ErrorParams)
	return !slices.ContainsFunc(answers, q.Has) || k.Callback.State != connectors.StateInstall && !q.Has("state")
}

// onlyPending finds the link of a callback without a state: the one, and only one, of that connection whose
// journey this browser has started and not finished. Of several none is taken, and all are closed, so that a new
// one can be alone.
func (f *Flow) onlyPending(ctx context.Context, cb Callback) (vault.Link, error) {
	var tokens []vault.Secret
	if cb.Holds != nil {
		tokens = cb.Holds()
	}
	var pending []*journey
	taken := false
	for _, token := range tokens {
		l, err := f.vault.FindLink(ctx, token)
		switch {
		case errors.Is(err, vault.ErrNotFound):
			continue
		case err != nil:
			return vault.Link{}, f.vaultFailed(err)
		case f.expired(l), cb.Browser == nil || !cb.Browser(l.ID).proves(l):
			continue
		}
		j, err := f.ofLink(l)
		if err != nil || j.connection.Name != cb.Connection {
			continue
		}
		if l.Status == vault.LinkStarted && !l.State.IsZero() { // without one, its user is at our form
			pending = append(pending, j)
		}
		taken = taken || l.Status == vault.LinkTaken
	}
	switch {
	case len(pending) == 1 && len(tokens) <= maxHeld:
		f.log.Info("a callback without a state is taken for the one journey of its browser", pending[0].fields()...)
		return pending[0].link, nil
	case len(pending) > 0:
		for _, j := range pending {
			f.fail(ctx, j, codeInstallSeveral)
		}
		return vault.Link{}, refusal(codeInstallSeveral)
	case taken: // the same answer once more, while the first one is being worked on
		return vault.Link{}, refusal(codeAlreadyDone)
	}
	return vault.Link{}, refusal(codeInstallUnasked)
}

// nameless tells whether an account has been connected and nobody knows to whom at the provider, so that it cannot be
// known again: it was imported so, or the provider did not say.
func nameless(a vault.ConnectedAccount) bool { return a.Generation > 0 && a.Identity.ID == "" }

// refuseCallback answers a callback that nothing comes of. Of an install that nobody waits for it sends the browser on to
// the app, if the connection has a page there for that.
func (f *Flow) refuseCallback(w http.ResponseWriter, r *http.Request, c *connection.Connection, err error) {
	var p *problem.Problem
	if !errors.As(err, &p) || p.Code != codeInstallUnasked && p.Code != codeInstallSeveral {
		f.showError(w, err)
		return
	}
	if p.Code == codeInstallUnasked && navigated(r) {
		if to, ok := installPage(c, r.URL.RawQuery); ok {
			f.log.Info("an install that began at the provider goes on at the app", zap.String("connection", c.Name))
			seeOther(w, to)
			return
		}
	}
	f.showCode(w, &journey{connection: c}, p.Code)
}

// installPage is the app's page for installs that begin at the provider, with the parameters of the query that the
// connector passes on, as far as they are given once, short and printable. What the page's own URL says stays.
func installPage(c *connection.Connection, query string) (string, bool) {
	page, err := url.Parse(c.InstallURL)
	if err != nil || c.InstallURL == "" {
		return "", false
	}
	came, err := url.ParseQuery(query)
	if err != nil || len(query) > maxQuery {
		return "", false
	}
	own := page.Query()
	for _, name := range c.Connector().Install.Pass {
		values := came[name]
		if len(values) == 1 && values[0] != "" && len(values[0]) <= maxPassed && printable(values[0]) && !own.Has(name) {
			own.Set(name, values[0])
		}
	}
	page.RawQuery = own.Encode()
	return page.String(), true
}

// navigated tells whether a user is about to see the answer, as far as the browser says so: it is not for a frame, an
// image or a script of another page, nor fetched ahead.
func navigated(r *http.Request) bool {
	mode, dest := r.Header.Get("Sec-Fetch-Mode"), r.Header.Get("Sec-Fetch-Dest")
	return (mode == "" || mode == "navigate") && (dest == "" || dest == "document") &&
		r.Header.Get("Sec-Purpose") == "" && r.Header.Get("Purpose") == ""
}
