package declared

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/claviger-proxy/claviger/connectors"
)

// place is one page of what a discovery lists, counted from 0.
type place struct{ list, page int }

// continued is the parameter of the URLs of further pages; it stands alone in them.
const continued = "continued"

// pagingOf is how a discovery's list goes on; nil if it has one page.
func (p *Provider) pagingOf(d connectors.Discover) *connectors.Paginate {
	how := d.Paginate
	if how == nil {
		how = p.connector.Paginate
	}
	if how == nil || how.Style == "none" || d.ItemsAs == "texts" || d.ItemsAs == "map" {
		return nil
	}
	return how
}

func byURL(how *connectors.Paginate) bool { return how.Style == "next_url" || how.Style == "link" }

// pages are those that the list of a discovery has. One that is counted ends with an empty page, if it does not say
// itself where it ends, and has an item three times, so that pages are not items; other ones have their empty page before
// the end.
func (p *Provider) pages(d connectors.Discover, how *connectors.Paginate) []list {
	all := []list{{p.item(d)}}
	if p.several {
		all = []list{{p.otherItem(d)}, {p.item(d)}}
	}
	switch {
	case byURL(how) || how.Next != "":
		return slices.Insert(all, len(all)-1, list{})
	case how.More == "":
		all = append(all, list{})
	}
	all[0] = append(all[0], all[0][0], all[0][0])
	return all
}

// isList tells whether a request is for a page of a discovery.
func (p *Provider) isList(a *apiCall, d connectors.Discover) bool {
	how := p.pagingOf(d)
	if how == nil {
		return p.isFor(a, d.Ask)
	}
	own, ok := p.without(a, d, how)
	return ok && p.isFor(own, d.Ask)
}

// without is a request for a page without what it has of that, so that it is the declared one.
func (p *Provider) without(a *apiCall, d connectors.Discover, how *connectors.Paginate) (*apiCall, bool) {
	own, rest := *a, *a.call
	own.call = &rest
	switch {
	case byURL(how) && a.query.Has(continued):
		path, err := p.escaped(d.Path.String())
		u, bad := url.Parse("https://example.com" + path)
		if err != nil || bad != nil {
			return nil, false
		}
		rest.query = u.Query()
	case how.In == "body":
		doc, err := decodeJSON(a.body)
		members, ok := doc.(map[string]any)
		if err != nil || !ok {
			return nil, false
		}
		source, _ := d.JSON.MarshalYAML() // a tree always can be written
		declared, _ := decodeJSON(source)
		for _, path := range []string{how.Param, how.SizeParam} {
			takeOff(members, path, declared)
		}
		rest.body = []byte(text(members))
	}
	return &own, true
}

// takeOff removes the member at a path, with what had to be made on the way to it, and returns it.
func takeOff(members map[string]any, path string, declared any) any {
	name, rest, deeper := cutPath(path)
	if !deeper {
		value := members[name]
		delete(members, name)
		return value
	}
	inner, ok := members[name].(map[string]any)
	if !ok {
		return nil
	}
	there, _ := declared.(map[string]any)
	value := takeOff(inner, rest, there[name])
	if _, asked := there[name]; len(inner) == 0 && !asked {
		delete(members, name)
	}
	return value
}

// params are the parameters that a request has beside the declared ones, and its credential. What is in a body has the
// type that it has there.
func (p *Provider) params(a *apiCall, d connectors.Discover, how *connectors.Paginate) map[string]any {
	found := map[string]any{}
	if how.In == "body" {
		doc, _ := decodeJSON(a.body) // without has read it
		for _, path := range []string{how.Param, how.SizeParam} {
			if value := takeOff(doc.(map[string]any), path, nil); path != "" && value != nil {
				found[path] = value
			}
		}
		return found
	}
	extra := maps.Clone(a.query)
	path, _ := p.escaped(d.Path.String()) // it is the one that was asked for
	u, _ := url.Parse("https://example.com" + path)
	if !byURL(how) || !a.query.Has(continued) {
		for name := range u.Query() {
			delete(extra, name)
		}
	}
	for _, in := range p.injections(a.slot) {
		if in.In == connectors.InQuery {
			delete(extra, in.Name)
		}
	}
	for name, values := range extra {
		found[name] = fmt.Sprint(values[0])
		if len(values) > 1 {
			found[name] = values
		}
	}
	return found
}

// pageOf is the page that a request is for, or says which status it gets instead, and why.
func (p *Provider) pageOf(a *apiCall, i int) (n, status int, err error) {
	d := p.connector.Discover[i]
	how := p.pagingOf(d)
	got := p.params(a, d, how)
	wrong := func(why string) (int, int, error) { return 0, http.StatusBadRequest, errors.New(why) }
	if byURL(how) && a.query.Has(continued) {
		at, ok := p.continued[fmt.Sprint(got[continued])]
		switch {
		case len(got) != 1:
			return wrong("the URL of the next page is not asked for as it is")
		case !ok || at.list != i:
			return 0, http.StatusNotFound, errors.New("there is no page at this URL")
		}
		return at.page, 0, nil
	}
	if how.SizeParam != "" {
		if !counts(how, got[how.SizeParam], how.Size) {
			return wrong(fmt.Sprintf("the size of a page is %v", got[how.SizeParam]))
		}
		delete(got, how.SizeParam)
	}
	value, further := got[how.Param]
	if delete(got, how.Param); len(got) > 0 {
		return wrong(fmt.Sprintf("there are further parameters: %v", sorted(got)))
	}
	if !further || how.Param == "" {
		return 0, 0, nil
	}
	if n = p.further(i, how, value); n < 1 {
		return 0, http.StatusNotFound, fmt.Errorf("there is no page %v", value)
	}
	return n, 0, nil
}

// further is the page that a value of the parameter stands for, 0 if it stands for none after the first.
func (p *Provider) further(i int, how *connectors.Paginate, value any) int {
	if how.Style == "cursor" {
		if cursor, ok := value.(string); ok && p.continued[cursor].list == i {
			return p.continued[cursor].page
		}
		return 0
	}
	number := 0
	if how.Style == "page" {
		number = 1
	}
	if how.First != nil {
		number = *how.First
	}
	for n, items := range p.pages(p.connector.Discover[i], how) {
		if n > 0 && counts(how, value, number) {
			return n
		}
		if how.Style == "page" {
			number++
		} else {
			number += len(items)
		}
	}
	return 0
}

// counts tells whether a parameter is that number.
func counts(how *connectors.Paginate, value any, number int) bool {
	if how.In == "body" {
		return value == json.Number(strconv.Itoa(number))
	}
	return value == strconv.Itoa(number)
}

// answerList answers a request for a page of a list. One for none is refused, unless it is good for something else.
func (p *Provider) answerList(a *apiCall, i int, doc document) *answer {
	n, status, err := p.pageOf(a, i)
	if err == nil {
		p.answered["discover"]++
		return p.answerPage(a, i, n, doc)
	}
	k := p.connector
	if v := k.Verify; v != nil && p.isFor(a, v.Ask) || k.Identity != nil && k.Identity.From == "" && p.isFor(a, k.Identity.Ask) {
		return nil
	}
	p.violations = append(p.violations, Violation{"discover", err.Error()})
	return document{"error": "no such page"}.answerJSON(status)
}

// answerPage answers a request for a page; doc is what is in the answer beside that.
func (p *Provider) answerPage(a *apiCall, i, n int, doc document) *answer {
	d := p.connector.Discover[i]
	how := p.pagingOf(d)
	all := p.pages(d, how)
	items, last := all[n], n == len(all)-1
	p.minted++
	cursor := fmt.Sprintf("a %d/b+c&d=é%%", p.minted) // it has to be escaped
	if how.Last != "" && len(items) > 0 {
		cursor = text(items[len(items)-1].set(how.Last, cursor))
	}
	if !last {
		p.continued[cursor] = place{i, n + 1}
	}
	header := http.Header{}
	switch {
	case how.More == "" && last:
		if how.Next != "" {
			doc.set(how.Next, nil)
		}
	case how.Style == "link":
		header.Add("Link", `<https://example.com/a,b;c>; rel="first prev"; title="a \"<next>\", b; rel=next"`)
		header.Add("Link", `</x>; rel=help, <`+nextURL(a, cursor, n)+`> ; title=x; rel="Other NEXT"`)
	case how.Style == "next_url":
		doc.set(how.Next, nextURL(a, cursor, n))
	case how.Style == "cursor" && how.Next != "":
		doc.set(how.Next, cursor)
	}
	if how.More != "" {
		doc.set(how.More, !last)
	}
	answered := answerValue(items)
	if d.Items != "" {
		doc.set(d.Items, items)
		answered = doc.answerJSON(http.StatusOK)
	}
	maps.Copy(answered.header, header)
	return answered
}

// nextURL is the URL of a further page, absolute or not.
func nextURL(a *apiCall, cursor string, n int) string {
	query := "?" + url.Values{continued: {cursor}}.Encode()
	if n%2 == 1 {
		return query
	}
	return a.origin() + a.path + query
}
