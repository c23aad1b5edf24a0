package inject

import (
	"net/http"
	"net/url"
	"strings"
)

// Strip removes the caller's own credentials from r: Authorization, Cookie, Proxy-Authorization,
// the access_token parameter, and every header and query parameter that the connector injects for
// some slot, in any spelling that some server takes for the same name. All other bytes of the query
// stay as they are. What is in the body is removed by [Prepared.Body]. r is the caller's private copy; its Header is changed, its URL replaced where needed.
func (p *Plan) Strip(r *http.Request) {
	for name := range r.Header {
		if p.strips(name) {
			delete(r.Header, name)
		}
	}
	stripConnection(r.Header)
	if r.URL == nil || r.URL.RawQuery == "" {
		return
	}
	if query := removePairs(r.URL.RawQuery, p.named); query != r.URL.RawQuery {
		u := *r.URL
		u.RawQuery = query
		r.URL = &u
	}
}

// strips tells whether a header of that name is removed. Gateways that turn headers into variables
// read X_Api_Key as X-Api-Key.
func (p *Plan) strips(name string) bool {
	for _, s := range p.stripHeaders {
		if len(s) == len(name) && sameHeader(s, name) {
			return true
		}
	}
	return false
}

func sameHeader(a, b string) bool {
	for i := range len(a) {
		if foldByte(a[i]) != foldByte(b[i]) {
			return false
		}
	}
	return true
}

func foldByte(c byte) byte {
	switch {
	case c == '_':
		return '-'
	case 'A' <= c && c <= 'Z':
		return c + 'a' - 'A'
	}
	return c
}

// StripTrailer removes the same names from trailers (RFC 9110 section 6.5.1). Trailers are complete
// only when the body has been read to its end.
func (p *Plan) StripTrailer(trailer http.Header) {
	for name := range trailer {
		if p.strips(name) {
			delete(trailer, name)
		}
	}
}

// stripConnection leaves in the Connection header only what speaks of the connection. The other
// names in it ask the next hop to drop those headers, ours among them (RFC 9110 section 7.6.1).
func stripConnection(h http.Header) {
	values := h["Connection"]
	if len(values) == 0 {
		return
	}
	var kept []string
	for _, value := range values {
		for option := range strings.SplitSeq(value, ",") {
			switch option = strings.TrimSpace(option); strings.ToLower(option) {
			case "close", "keep-alive", "upgrade":
				kept = append(kept, option)
			}
		}
	}
	if len(kept) == 0 {
		delete(h, "Connection")
		return
	}
	h["Connection"] = []string{strings.Join(kept, ", ")}
}

// named tells whether a query parameter of that name is removed. Names are compared without case,
// as some servers do.
func (p *Plan) named(name string) bool { return containsFold(p.stripParams, name) }

// member likewise for members of a body.
func (p *Plan) member(name string) bool { return containsFold(p.stripMembers, name) }

func containsFold(list []string, name string) bool {
	for _, s := range list {
		if strings.EqualFold(s, name) {
			return true
		}
	}
	return false
}

// removePairs returns the query without the pairs whose decoded name is one to drop. A semicolon
// separates as well: older servers read it so, and would find the pair.
func removePairs(query string, drop func(string) bool) string {
	var b strings.Builder
	changed, kept := false, false // kept: a pair stands before the present one
	separator := ""
	for start := 0; start <= len(query); {
		end := len(query)
		if i := strings.IndexAny(query[start:], "&;"); i >= 0 {
			end = start + i
		}
		pair := query[start:end]
		switch {
		case !drop(pairName(pair)):
			if changed {
				if kept {
					b.WriteString(separator)
				}
				b.WriteString(pair)
			}
			kept = true
		case !changed:
			changed = true
			b.Grow(len(query))
			b.WriteString(query[:max(start-1, 0)])
		}
		if end < len(query) {
			separator = query[end : end+1]
		}
		start = end + 1
	}
	if !changed {
		return query
	}
	return b.String()
}

// pairName is the decoded name of a pair; one that cannot be decoded is taken as it stands.
func pairName(pair string) string {
	name, _, _ := strings.Cut(pair, "=")
	if strings.ContainsAny(name, "%+") {
		if decoded, err := url.QueryUnescape(name); err == nil {
			name = decoded
		}
	}
	return strings.TrimSpace(name)
}
