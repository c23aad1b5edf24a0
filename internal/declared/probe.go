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
	if !s.live(p.now()) || p.closed || p.over[p.shown] {
		return p.expired(a)
	}
	p.answered["api "+a.base+" "+a.slot]++
	doc := document{"fine": true}
	k := p.connector
	if v := k.Verify; v != nil && p.isFor(a, v.Method, v.Base, v.Path) {
		p.answered["verify"]++
		if v.OKWhen != nil {
			doc.set(v.OKWhen.Path, literal(v.OKWhen.Equals))
		}
	}
	if i := k.Identity; i != nil && i.From == "" && p.isFor(a, i.Method, i.Base, i.Path) {
		p.answered["identity"]++
		p.person.write(doc, "", i)
	}
	for _, d := range k.Discover {
		if !p.isFor(a, d.Method, d.Base, d.Path) {
			continue
		}
		p.answered["discover"]++
		if d.Items == "" {
			return list{p.item(d)}.answerJSON()
		}
		doc.set(d.Items, list{p.item(d)})
	}
	if a.Method == http.MethodHead {
		return &answer{http.StatusOK, http.Header{}, nil}
	}
	return doc.answerJSON(http.StatusOK)
}

// isFor tells whether a request is the one that is declared.
func (p *Provider) isFor(a *apiCall, method, base, path string) bool {
	text, err := p.bases()[base].ExpandAt(p.values, p.now())
	if err != nil {
		return false
	}
	u, err := url.Parse(strings.TrimSuffix(text, "/") + path)
	return err == nil && a.Method == cmp.Or(method, http.MethodGet) && strings.HasSuffix(a.origin(), "://"+strings.TrimSuffix(u.Host, ":443")) &&
		a.path == u.EscapedPath() && contains(a.query, u.Query())
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

// item is the one thing of its kind that the user has at the provider.
func (p *Provider) item(d connectors.Discover) document {
	one := document{}
	one.set(d.ID, p.values["captured."+d.Into])
	for _, name := range sorted(d.Capture) {
		one.set(d.Capture[name], p.values["captured."+name])
	}
	if d.Label != "" {
		one.set(d.Label, "the first one")
	}
	return one
}

// list is a JSON list of documents.
type list []document

func (l list) answerJSON() *answer {
	a := document{}.answerJSON(http.StatusOK)
	a.body = []byte(text(l))
	return a
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
	if v := p.connector.Verify; v != nil && v.OKWhen != nil && p.isFor(a, v.Method, v.Base, v.Path) {
		doc.set(v.OKWhen.Path, otherThan(v.OKWhen.Equals))
	}
	answered := doc.answerJSON(status)
	for name, values := range header {
		answered.header[name] = values
	}
	return answered
}
