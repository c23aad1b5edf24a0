package declared

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
)

// answerAPI answers a request that has a credential as declared.
func (p *Provider) answerAPI(a *apiCall, s *session) *answer {
	if p.limit != nil {
		return p.limited()
	}
	if !s.live(p.now()) || p.closed || p.over[p.shown] {
		return p.expired(a)
	}
	p.answered["api "+a.base+" "+a.slot]++
	doc := document{}
	k := p.connector
	if v := k.Verify; v != nil && p.isFor(a, v.Ask) {
		p.answered["verify"]++
		if v.OKWhen != nil {
			p.mark(doc, v.OKWhen.Path, v.OKWhen)
		}
	}
	if i := k.Identity; i != nil && i.From == "" && p.isFor(a, i.Ask) {
		p.answered["identity"]++
		p.person.write(doc, "", i)
	}
	for i, d := range k.Discover {
		if !p.isList(a, d) {
			continue
		}
		if p.pagingOf(d) != nil {
			if paged := p.answerList(a, i, doc); paged != nil {
				return paged
			}
			continue
		}
		p.answered["discover"]++
		items := p.listing(d)
		if d.Items == "" {
			return answerValue(items)
		}
		doc.set(d.Items, items)
	}
	if !doc.isList() {
		doc.set("fine", true)
	}
	if a.Method == http.MethodHead {
		return &answer{http.StatusOK, http.Header{}, nil}
	}
	return doc.answerJSON(http.StatusOK)
}

// isFor tells whether a request is the one that is declared.
func (p *Provider) isFor(a *apiCall, ask connectors.Ask) bool {
	for name, t := range ask.Headers {
		if !p.leftOut(t) && (len(a.Header.Values(name)) != 1 || p.fits(t, a.Header.Get(name), p.values) != nil) {
			return false
		}
	}
	kind := cmp.Or(ask.ContentType, "application/json")
	base, err := p.bases()[ask.Base].ExpandAt(p.values, p.now())
	if err != nil {
		return false
	}
	path, err := p.escaped(ask.Path.String())
	if err != nil {
		return false
	}
	u, err := url.Parse(strings.TrimSuffix(base, "/") + path)
	return err == nil && a.Method == cmp.Or(ask.Method, http.MethodGet) && strings.HasSuffix(a.origin(), "://"+strings.TrimSuffix(u.Host, ":443")) &&
		a.path == u.EscapedPath() && contains(a.query, u.Query()) && (ask.JSON == nil || p.fitsJSON(ask.JSON, kind, a.call, p.values) == nil)
}

// asks are the requests that the connector makes by itself.
func (p *Provider) asks() (all []connectors.Ask) {
	k := p.connector
	if k.Verify != nil {
		all = append(all, k.Verify.Ask)
	}
	if k.Identity != nil && k.Identity.From == "" {
		all = append(all, k.Identity.Ask)
	}
	for _, d := range k.Discover {
		all = append(all, d.Ask)
	}
	return all
}

// takeOwn takes the headers off that a request of the connector's own has for itself, and returns their names.
func (p *Provider) takeOwn(a *apiCall, rest *call) map[string]bool {
	own := map[string]bool{}
	for _, ask := range p.asks() {
		if len(ask.Headers) == 0 || !p.isFor(a, ask) {
			continue
		}
		for name, t := range ask.Headers {
			if !p.leftOut(t) {
				own[http.CanonicalHeaderKey(name)] = true
				rest.Header.Del(name)
			}
		}
	}
	return own
}

// escaped fills a path, whose values are parts of a segment, or of a parameter behind a question mark.
func (p *Provider) escaped(path string) (string, error) {
	filled, escape := "", url.PathEscape
	for _, piece := range pieces(path) {
		if strings.Contains(piece.text, "?") {
			escape = url.QueryEscape
		}
		filled += piece.text
		if piece.expression == "" {
			continue
		}
		t, err := connectors.ParseTemplate("{" + piece.expression + "}")
		if err != nil {
			return "", err
		}
		value, err := t.ExpandAt(p.values, p.now())
		if err != nil {
			return "", err
		}
		filled += escape(value)
	}
	return filled, nil
}

// contains tells whether all parameters are among the given ones.
func contains(all, some url.Values) bool {
	for name, values := range some {
		if all.Get(name) != values[0] {
			return false
		}
	}
	return true
}

// expired refuses a credential that is no longer good: with status 401, or as was asked for.
func (p *Provider) expired(a *apiCall) *answer {
	doc, status := document{"error": "no longer good"}, http.StatusUnauthorized
	header := http.Header{}
	if e := p.refusedAs; e != nil {
		status = e.Status
		if status == 0 {
			status = http.StatusForbidden
		}
		if e.Header != nil {
			header.Set(e.Header.Name, "It is "+e.Header.Contains+", so")
		}
		if e.Path != "" {
			doc = document{}
			doc.set(e.Path, literal(e.In[0]))
		}
	}
	if v := p.connector.Verify; v != nil && v.OKWhen != nil && p.isFor(a, v.Ask) {
		p.unmark(doc, v.OKWhen.Path, v.OKWhen)
	}
	answered := doc.answerJSON(status)
	for name, values := range header {
		answered.header[name] = values
	}
	return answered
}
