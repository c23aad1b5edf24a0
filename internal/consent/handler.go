package consent

import (
	"errors"
	"math"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/internal/problem"
	"github.com/claviger-proxy/claviger/vault"
)

// Names of our pages, beside the callback's own.
const (
	linkSegment = "link"
	doneSegment = "done"
)

// route splits the path of one of our pages. All lie in the directory of the callback URL. None
// has an escape in it, so that a log filter finds the token in the path as it was sent.
func (f *Flow) route(r *http.Request) (name, argument string) {
	rest, ok := strings.CutPrefix(r.URL.Path, f.dir+"/")
	if !ok || r.URL.RawPath != "" {
		return "", ""
	}
	name, argument, _ = strings.Cut(rest, "/")
	return name, argument
}

// ServeHTTP answers the browser.
func (f *Flow) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	private(w.Header())
	if canonicalHost(f.callback.Scheme, r.Host) != canonicalHost(f.callback.Scheme, f.callback.Host) {
		f.showPage(w, f.page(nil), codeWrongHost, r.Host)
		return
	}
	switch name, argument := f.route(r); {
	case name == linkSegment && argument != "":
		f.serveLink(w, r, argument)
	case name == path.Base(f.callback.Path):
		f.serveCallback(w, r, argument)
	case name == doneSegment && argument == "":
		f.serveDone(w, r)
	case name == choiceSegment && argument == "":
		f.serveChoice(w, r)
	case name == formSegment && argument == "":
		f.serveForm(w, r)
	case name == deviceSegment && argument == "":
		f.serveDevice(w, r)
	default:
		f.showCode(w, nil, codeNothingHere)
	}
}

func (f *Flow) serveLink(w http.ResponseWriter, r *http.Request, token string) {
	if !f.allow(w, r, http.MethodGet, http.MethodHead, http.MethodPost) {
		return
	}
	secret := vault.NewSecret(token[:min(len(token), maxSecret)])
	if r.Method != http.MethodPost {
		j, err := f.open(r.Context(), secret)
		if err != nil {
			f.showError(w, err)
			return
		}
		f.showLink(w, j, r.URL.Path)
		return
	}
	if !f.sameOrigin(r) {
		f.showCode(w, nil, codeOrigin)
		return
	}
	start, err := f.Redirect(r.Context(), secret)
	if err != nil {
		f.showError(w, err)
		return
	}
	http.SetCookie(w, start.Cookie)
	seeOther(w, start.Location)
}

// sameOrigin tells whether the button was pressed on our own page. It matters although the link is
// secret: whoever made the link must not be able to start it in somebody else's browser unseen. Our
// pages send no referrer, so that browsers write Origin: null; there Sec-Fetch-Site says it.
func (f *Flow) sameOrigin(r *http.Request) bool {
	site, from := r.Header.Get("Sec-Fetch-Site"), r.Header.Values("Origin")
	switch {
	case site != "" && site != "same-origin" && site != "none":
		return false
	case len(from) == 0 || len(from) == 1 && strings.EqualFold(from[0], origin(&f.callback)):
		return true
	}
	return len(from) == 1 && from[0] == "null" && site != ""
}

func (f *Flow) serveCallback(w http.ResponseWriter, r *http.Request, name string) {
	if !f.allow(w, r, http.MethodGet) {
		return
	}
	c, err := f.set.ByName(name)
	if err != nil {
		f.showCode(w, nil, codeNoConnection)
		return
	}
	result, err := f.Complete(r.Context(), Callback{
		Connection: name, Query: r.URL.RawQuery,
		Browser: func(id vault.LinkID) Proof { return f.Proof(r, id) },
		Holds:   func() []vault.Secret { return f.Held(r) },
	})
	if err != nil {
		f.refuseCallback(w, r, c, err)
		return
	}
	f.goOn(w, &journey{link: result.Link, connection: c}, result)
}

// goOn sends the browser where the journey goes on, or ends.
func (f *Flow) goOn(w http.ResponseWriter, j *journey, result Result) {
	if result.chooses() {
		http.SetCookie(w, f.cookie(j.link)) // it has to live as long as the link does now
		seeOther(w, f.choiceURL(j.link))
		return
	}
	seeOther(w, f.after(j, result))
}

// after is the URL without secrets on which the journey ends: the app's, if that is still allowed,
// or our own page.
func (f *Flow) after(j *journey, result Result) string {
	own := f.at(doneSegment) + "?" + url.Values{"link": {string(j.link.ID)}}.Encode()
	if j.link.ReturnURL == "" {
		return own
	}
	u, ok := f.returns.allowed(j.link.ReturnURL)
	if !ok {
		f.log.Warn("the link's return URL is no longer allowed", j.fields()...)
		return own
	}
	q := u.Query()
	q.Set("connection", j.connection.Name)
	q.Set("identifier", j.link.Identifier)
	q.Set("status", "connected")
	if j.link.AppState != "" {
		q.Set("state", j.link.AppState)
	}
	if result.Code != "" {
		q.Set("status", "failed")
		q.Set("error", result.Code)
	} else {
		q.Set("connected_account_id", string(result.Account.ID))
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// serveDone tells the browser that made the journey what came of it, and any other nothing.
func (f *Flow) serveDone(w http.ResponseWriter, r *http.Request) {
	if !f.allow(w, r, http.MethodGet, http.MethodHead) {
		return
	}
	id := vault.LinkID(r.URL.Query().Get("link"))
	proof := f.Proof(r, id)
	l, err := f.vault.FindLink(r.Context(), proof.token)
	if err != nil || l.ID != id || !proof.proves(l) {
		if err != nil && !errors.Is(err, vault.ErrNotFound) {
			f.showError(w, f.vaultFailed(err))
			return
		}
		f.showCode(w, nil, codeNothingToShow)
		return
	}
	j, err := f.ofLink(l)
	if err != nil {
		f.showError(w, err)
		return
	}
	p, code := f.page(j), codeNothingToShow
	switch l.Status {
	case vault.LinkChoice:
		seeOther(w, f.choiceURL(l))
		return
	case vault.LinkPolled:
		seeOther(w, f.deviceURL(l))
		return
	case vault.LinkFailed:
		code = l.Outcome
	case vault.LinkUsed:
		code = codeConnected
		if a, err := f.vault.Account(r.Context(), l.AccountID); err == nil {
			p.Who = a.Identity
		}
	}
	f.showPage(w, p, code, "")
}

// allow refuses methods that a page does not have, before anything else is looked at.
func (f *Flow) allow(w http.ResponseWriter, r *http.Request, methods ...string) bool {
	if slices.Contains(methods, r.Method) {
		return true
	}
	w.Header().Set("Allow", strings.Join(methods, ", "))
	f.showCode(w, nil, codeMethod)
	return false
}

func (f *Flow) showError(w http.ResponseWriter, err error) {
	var p *problem.Problem
	if !errors.As(err, &p) {
		f.log.Error("a consent page failed", zap.Error(err))
		p = refusal(codeVault)
	}
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(p.RetryAfter.Seconds()))))
	}
	f.showCode(w, nil, p.Code)
}

// seeOther redirects without the body that net/http adds, which repeats the URL.
func seeOther(w http.ResponseWriter, location string) {
	w.Header().Set("Location", location)
	w.WriteHeader(http.StatusSeeOther)
}

var _ http.Handler = (*Flow)(nil)
