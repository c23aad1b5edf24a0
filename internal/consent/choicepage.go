package consent

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/claviger-proxy/claviger/vault"
)

// choiceSegment is the page that lets a user choose, and maxChoice bounds its form.
const (
	choiceSegment = "choice"
	maxChoice     = 8 << 10
)

func (f *Flow) choiceURL(l vault.Link) string {
	return f.at(choiceSegment) + "?" + url.Values{"link": {string(l.ID)}}.Encode()
}

// serveChoice lets the browser that made the journey choose, and any other one nothing.
func (f *Flow) serveChoice(w http.ResponseWriter, r *http.Request) {
	if !f.allow(w, r, http.MethodGet, http.MethodHead, http.MethodPost) {
		return
	}
	id := vault.LinkID(r.URL.Query().Get("link"))
	proof := f.Proof(r, id)
	if r.Method != http.MethodPost {
		j, offered, err := f.offered(r.Context(), id, proof)
		if err != nil {
			f.showError(w, err)
			return
		}
		f.showChoice(w, j, offered)
		return
	}
	if !f.sameOrigin(r) {
		f.showCode(w, nil, codeOrigin)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxChoice)
	entry, err := strconv.Atoi(r.PostFormValue("entry"))
	if err != nil {
		f.showCode(w, nil, codeNotOffered)
		return
	}
	result, err := f.Choose(r.Context(), Choice{Link: id, Browser: proof, Entry: entry, Item: r.PostFormValue("item")})
	if err != nil {
		f.showError(w, err)
		return
	}
	j, err := f.ofLink(result.Link)
	if err != nil {
		f.showError(w, err)
		return
	}
	f.goOn(w, j, result)
}

// showChoice shows what there is to choose from.
func (f *Flow) showChoice(w http.ResponseWriter, j *journey, c *heldChoice) {
	p := f.page(j)
	p.Connection, p.Identifier = j.connection.Name, j.link.Identifier
	p.Action, p.Entry, p.Items, p.More = f.choiceURL(j.link), c.Entry, c.Items, c.More
	f.show(w, http.StatusOK, "choice.html", formAction(nil, j.link.ReturnURL), p)
}
