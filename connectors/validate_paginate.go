package connectors

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// pageParam is the name of a query parameter, with what those of lists have in them, as in page[size] and $skip.
var pageParam = regexp.MustCompile(`\A[A-Za-z0-9._~$\[\]-]{1,100}\z`)

const maxPageSize = 10_000

// pageKeys are the keys that a style has a use for, and those of them that it needs.
var pageKeys = map[PageStyle]struct{ takes, needs []string }{
	PageCursor:  {[]string{"next", "last", "more", "param", "size_param", "size", "in"}, []string{"param"}},
	PageNextURL: {[]string{"next", "more", "size_param", "size"}, []string{"next"}},
	PageLink:    {[]string{"size_param", "size"}, nil},
	PageNumber:  {[]string{"more", "param", "first", "size_param", "size", "in"}, []string{"param"}},
	PageOffset:  {[]string{"more", "param", "first", "size_param", "size", "in"}, []string{"param"}},
	PageNone:    {},
}

// paginate checks how lists go on, whichever they are.
func (v *validator) paginate(at string, p *Paginate) {
	if p == nil {
		return
	}
	v.oneOf(at+".style", string(p.Style), string(PageCursor), string(PageNextURL), string(PageLink), string(PageNumber), string(PageOffset), string(PageNone))
	keys, known := pageKeys[p.Style]
	if !known {
		return
	}
	has := given(*p)
	for _, key := range has {
		if key != "style" && !slices.Contains(keys.takes, key) {
			v.fail(at+"."+key, "has no use with style %s", p.Style)
		}
	}
	for _, key := range keys.needs {
		if !slices.Contains(has, key) {
			v.fail(at+"."+key, "is required with style %s", p.Style)
		}
	}
	if p.Style == PageCursor && (p.Next == "") == (p.Last == "") {
		v.fail(at, "needs next, where an answer has the cursor, or last, where its last item has it")
	}
	v.member(at+".next", p.Next)
	v.member(at+".last", p.Last)
	v.member(at+".more", p.More)
	v.optional(at+".in", p.In, "query", "body")
	if p.First != nil && *p.First != 0 && *p.First != 1 {
		v.fail(at+".first", "must be 0 or 1")
	}
	v.pageSize(at, p)
	v.pageParam(at+".param", p.Param, p.InBody())
	v.pageParam(at+".size_param", p.SizeParam, p.InBody())
	inPath := func(in Injection) bool { return in.In == InPath }
	if (p.Style == PageNextURL || p.Style == PageLink) && slices.ContainsFunc(v.c.Inject, inPath) {
		v.fail(at+".style", "must be another one where the credential stands in the path: a URL that is followed would have it twice")
	}
}

func (v *validator) pageParam(at, name string, inBody bool) {
	switch {
	case name == "":
	case inBody:
		v.member(at, name)
	case !pageParam.MatchString(name):
		v.fail(at, "%q is not a parameter name", name)
	}
}

func (v *validator) pageSize(at string, p *Paginate) {
	if (p.SizeParam == "") != (p.Size == 0) {
		v.fail(at, "needs both size and size_param, or neither")
	}
	if p.Size < 0 || p.Size > maxPageSize {
		v.fail(at+".size", "must be between 1 and %d", maxPageSize)
	}
	if p.SizeParam != "" && p.SizeParam == p.Param {
		v.fail(at+".size_param", "must be another one than param")
	}
}

// pages checks that the list of a discovery can go on as it is said.
func (v *validator) pages(at string, d Discover) {
	v.paginate(at+".paginate", d.Paginate)
	p := v.c.DiscoverPaging(d)
	if named := d.ItemsAs == ItemsTexts || d.ItemsAs == ItemsMap; named && d.Paginate != nil && d.Paginate.Style != PageNone {
		v.fail(at+".paginate", "must be left out with items_as: %s, which has one page", d.ItemsAs)
	}
	if p == nil {
		return
	}
	fail := func(format string, args ...any) {
		if d.Paginate == nil {
			format += "; the connector's paginate holds here, too: say none if the list has one page"
		}
		v.fail(at+".paginate", format, args...)
	}
	if d.Items == "" && (p.Next != "" || p.More != "") {
		fail("needs items: an answer that is the list has no place for anything else")
	}
	if p.InBody() {
		for _, name := range []string{p.Param, p.SizeParam} {
			if name != "" && !d.JSON.takes(name) {
				fail("puts %s into the body, and needs json with room for it", name)
			}
		}
		return
	}
	_, text, _ := strings.Cut(d.Path.String(), "?")
	query, _ := url.ParseQuery(text) // a bad pair is no name
	for _, name := range []string{p.Param, p.SizeParam} {
		if query.Has(name) && name != "" {
			fail("sets %s, which path has already", name)
		}
	}
}

// takes tells whether a member can be set at a path of the tree: nothing is there, nor anything but members on
// the way.
func (t *Tree) takes(path string) bool {
	for name := range MemberNames(path) {
		switch {
		case t == nil || t.members == nil:
			return false
		case t.members[name] == nil:
			return true
		}
		t = t.members[name]
	}
	return false
}
