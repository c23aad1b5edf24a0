package consent

import (
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/problem"
	"github.com/claviger-proxy/claviger/vault"
)

// formSegment is the page that asks for what did not come with a link, and maxForm bounds what is sent from there. Two
// private keys fit into it.
const (
	formSegment = "form"
	maxForm     = 128 << 10
)

func (f *Flow) formURL(l vault.Link) string {
	return f.at(formSegment) + "?" + url.Values{"link": {string(l.ID)}}.Encode()
}

// serveForm asks the browser that started the journey, and shows nothing to any other one.
func (f *Flow) serveForm(w http.ResponseWriter, r *http.Request) {
	if !f.allow(w, r, http.MethodGet, http.MethodHead, http.MethodPost) {
		return
	}
	if r.Method == http.MethodPost && !f.sameOrigin(r) {
		f.showCode(w, nil, codeOrigin)
		return
	}
	id := vault.LinkID(r.URL.Query().Get("link"))
	j, err := f.filling(r.Context(), id, f.Proof(r, id))
	switch {
	case err != nil:
		f.showError(w, err)
	case j.link.Status != vault.LinkStarted:
		f.afterForm(w, j)
	case r.Method == http.MethodPost:
		f.takeForm(w, r, j)
	default:
		f.showForm(w, j, filledIn{values: j.form.Values, code: j.form.Last})
	}
}

// afterForm shows where a journey is that has left the form.
func (f *Flow) afterForm(w http.ResponseWriter, j *journey) {
	switch l := j.link; l.Status {
	case vault.LinkTaken:
		if f.now().Sub(l.Expires) > completeTime {
			f.showCode(w, j, codeLinkExpired) // whoever took it has not come back
			return
		}
		p := f.page(j)
		p.Action = f.formURL(j.link)
		f.show(w, http.StatusOK, "device.html", "'none'", p)
	case vault.LinkPolled:
		seeOther(w, f.deviceURL(l))
	case vault.LinkUsed, vault.LinkFailed, vault.LinkChoice:
		f.goOn(w, j, resultOf(l))
	default:
		f.showCode(w, nil, codeNothingToShow)
	}
}

// takeForm goes on with what was typed in.
func (f *Flow) takeForm(w http.ResponseWriter, r *http.Request, j *journey) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err := r.ParseForm(); err != nil || kind != "application/x-www-form-urlencoded" {
		f.showCode(w, j, codeFormInvalid) // the error may show a value
		return
	}
	typed, ok := j.form.read(r.PostForm)
	if !ok {
		f.showCode(w, j, codeFormInvalid)
		return
	}
	used, wrong := j.form.check(j.connection.Connector(), typed)
	if len(wrong) == 0 {
		fits, err := f.accept(j, used)
		switch {
		case err != nil:
			f.showError(w, err)
			return
		case fits:
			f.sendOn(w, r, j)
			return
		}
	}
	f.showForm(w, j, filledIn{values: typed, wrong: wrong, code: connection.CodeInvalidInputs})
}

// sendOn sends the browser on from a form that is filled in well.
func (f *Flow) sendOn(w http.ResponseWriter, r *http.Request, j *journey) {
	if j.connection.Connector().Mode.NeedsUser() {
		start, err := f.goOnFrom(r.Context(), j)
		if err != nil {
			f.showError(w, err)
			return
		}
		http.SetCookie(w, start.Cookie)
		seeOther(w, start.Location)
		return
	}
	result, again, err := f.try(r.Context(), j)
	switch {
	case err != nil:
		f.showError(w, err)
	case again:
		seeOther(w, f.formURL(j.link)) // so that reloading sends nothing again
	default:
		f.goOn(w, j, result)
	}
}

// showForm shows the form, with what was typed in but for the secrets.
func (f *Flow) showForm(w http.ResponseWriter, j *journey, in filledIn) {
	k := j.connection.Connector()
	p := f.page(j)
	p.Connection, p.Identifier, p.Reconnect = j.connection.Name, j.link.Identifier, j.link.Reconnect
	p.Action, p.Consents = f.formURL(j.link), k.Mode.NeedsUser()
	p.Fields, p.Facts = j.form.fields(in), j.form.facts(k)
	status := http.StatusOK
	if in.code != "" {
		p.Code, p.Title, p.Text = in.code, "Please check what you typed in", ""
		if len(in.wrong) == 0 {
			p.Text = "The values do not go together."
		}
		if m, ok := tried[in.code]; ok {
			fill := strings.NewReplacer("{app}", p.App, "{provider}", p.Provider)
			p.Title, p.Text = fill.Replace(m.title), fill.Replace(m.text)
		} else {
			status = http.StatusUnprocessableEntity
		}
		w.Header().Set(problem.Header, in.code)
	}
	http.SetCookie(w, f.cookie(j.link)) // it has to live as long as the link
	action := formAction(nil, j.link.ReturnURL)
	if p.Consents && f.callback.Scheme == "http" { // and so may be the provider, which is not known yet
		action += " http:"
	}
	f.show(w, status, "form.html", action, p)
}
