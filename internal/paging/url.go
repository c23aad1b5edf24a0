package paging

import (
	"net/url"
	"slices"
	"strings"
)

// url goes on to a URL of the answer.
func (w *Walk) url(p Page, found any, more bool) error {
	text, ok := cursorText(found)
	switch {
	case !ok || text == "" && more:
		return ErrCursor
	case text == "":
		return nil
	}
	return w.to(p, text)
}

// link goes on to the header's next link.
func (w *Walk) link(p Page) error {
	text, found, err := nextLink(p.Header.Values("Link"))
	if err != nil || !found {
		return err
	}
	return w.to(p, text)
}

// to goes on to a URL.
func (w *Walk) to(p Page, text string) error {
	u, err := under(w.base, p.URL, text)
	if err != nil {
		return err
	}
	w.seen[p.URL.String()] = true
	if w.fresh(u.String()) {
		w.goOn(Request{URL: u})
	}
	return nil
}

// under is a reference that was found in the answer to a request for from, if it leads to a place under base. It has
// no fragment, and no dot segments.
func under(base, from *url.URL, text string) (*url.URL, error) {
	ref, err := url.Parse(text)
	if err != nil {
		return nil, ErrURL
	}
	u := from.ResolveReference(ref)
	u.Fragment, u.RawFragment = "", ""
	u.RawQuery = visible(u.RawQuery)
	if u.Opaque != "" || u.User != nil || !strings.EqualFold(u.Scheme, base.Scheme) || origin(u) != origin(base) {
		return nil, ErrHost
	}
	u.Scheme, u.Host = base.Scheme, base.Host
	if len(text) > maxCursor || len(u.String()) > maxCursor {
		return nil, ErrURL
	}
	root, path := strings.TrimSuffix(base.EscapedPath(), "/"), u.EscapedPath()
	if path != root && !strings.HasPrefix(path, root+"/") || climbs(path) {
		return nil, ErrPath
	}
	return u, nil
}

// origin is the host in lower case, without a port that is the scheme's own.
func origin(u *url.URL) string {
	host, port := strings.ToLower(u.Host), ":443"
	if strings.EqualFold(u.Scheme, "http") {
		port = ":80"
	}
	return strings.TrimSuffix(host, port)
}

// climbs tells whether a server that decodes a path before it looks for dot segments might find one.
func climbs(path string) bool {
	plain, err := url.PathUnescape(path)
	separator := func(r rune) bool { return r == '/' || r == '\\' }
	return err != nil || slices.ContainsFunc(strings.FieldsFunc(plain, separator), func(s string) bool { return s == "." || s == ".." })
}

// visible is a query with what must not stand in a request line percent-encoded.
func visible(query string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(query) {
		if c := query[i]; c <= ' ' || c >= 0x7f {
			b.WriteString(string([]byte{'%', hex[c>>4], hex[c&15]}))
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
