package declared

import (
	"cmp"
	"net/http"

	"github.com/claviger-proxy/claviger/connectors"
)

// deadGrant is how RFC 6749 section 5.2 says that a grant is no good.
var deadGrant = connectors.ErrorCase{Code: "invalid_grant"}

// refuse answers a call of the token endpoint, or a step, with an error as the connector declares it.
func (p *Provider) refuse(r *connectors.TokenResponse, e connectors.ErrorCase) *answer {
	w := &saying{Provider: p, doc: document{}}
	if r != nil {
		w.TokenResponse = *r
	}
	status := cmp.Or(e.Status, http.StatusBadRequest)
	if e.Status == 0 && w.SuccessWhen != nil {
		status = http.StatusOK
	}
	beside := w.beside()
	w.doc.set(beside(cmp.Or(w.ErrorPath, "error")), literal(cmp.Or(e.Code, "refused")))
	if e.Text != "" {
		w.doc.set("error_description", "Sorry: "+e.Text+", says the provider.")
	}
	if ok := w.SuccessWhen; ok != nil {
		w.unmark(w.doc, beside(ok.Path), ok)
	}
	if w.Format == "form" {
		return w.doc.answerForm(status)
	}
	return w.doc.answerJSON(status)
}

// refused answers instead of a token, if there is a reason to: trouble that was asked for, or an account
// that has ended.
func (p *Provider) refused(r *connectors.TokenResponse, dead bool) *answer {
	switch {
	case p.limit != nil:
		return p.limited()
	case p.trouble != nil && !p.inSteps:
		return p.refuse(r, *p.trouble)
	case dead && p.deadAs != nil:
		return p.refuse(r, *p.deadAs)
	case dead:
		return p.refuse(r, deadGrant)
	}
	return nil
}
