package caddymodule

import (
	"cmp"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/claviger-proxy/claviger/internal/policy"
	"github.com/claviger-proxy/claviger/internal/problem"
)

// cleanAnswer takes out of a provider's answer what is between the provider and us, and turns its
// own links so that they come back through the proxy.
func cleanAnswer(resp *http.Response, h *hop) {
	delete(resp.Header, "Set-Cookie")
	delete(resp.Header, "Alt-Svc")
	delete(resp.Header, problem.Header) // only we say what our errors are
	for _, name := range [...]string{"Location", "Content-Location"} {
		if values := resp.Header[name]; len(values) == 1 {
			if back, ok := h.back(values[0]); ok {
				resp.Header[name] = []string{back}
			}
		}
	}
	if links := resp.Header["Link"]; len(links) > 0 {
		turned := make([]string, len(links))
		for i, line := range links {
			turned[i] = h.turnLinks(line)
		}
		resp.Header["Link"] = turned
	}
}

// back turns a URL at one of the connection's bases, or a path at this one, into the URL that leads
// there through the proxy. Others, and paths relative to the request's, are left alone, as long as
// they cannot name an account of this proxy.
func (h *hop) back(text string) (string, bool) {
	if i := strings.IndexAny(text, "@?#"); i >= 0 && text[i] == '@' {
		return h.backWithAt(text)
	}
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" {
		return "", false
	}
	if u.Host == "" {
		if u.Scheme != "" || !strings.HasPrefix(text, "/") {
			return "", false
		}
		u.Host = h.base.URL.Host
	}
	if u.Scheme == "" {
		u.Scheme = h.base.URL.Scheme
	}
	return h.throughProxy(u)
}

// throughProxy is the URL that leads to u through the proxy, if u lies below one of the bases.
func (h *hop) throughProxy(u *url.URL) (string, bool) {
	base, ok := h.credential.Connection.BaseFor(u)
	if !ok {
		return "", false
	}
	out := origin(h.inbound) + h.tag.wayTo(base.Name) + u.EscapedPath()[len(base.URL.EscapedPath()):]
	if u.RawQuery != "" || u.ForceQuery {
		out += "?" + u.RawQuery
	}
	if u.Fragment != "" {
		out += "#" + u.EscapedFragment()
	}
	return out, true
}

// backWithAt is back for a URL with an @ before its query. A path of this proxy names an account with
// one, and a provider must not lead its caller to another account. So the URL is resolved as seen
// from the provider, nothing relative is left, and what leads to this proxy, or is read differently
// by different clients, becomes the base.
func (h *hop) backWithAt(text string) (string, bool) {
	u, err := url.Parse(text)
	if err == nil && u.Opaque != "" && u.Scheme != "http" && u.Scheme != "https" {
		return "", false // mailto: and the like
	}
	if err != nil || u.Scheme != "" && u.Host == "" || strings.ContainsAny(text, "\t \\") {
		return h.base.URL.String(), true
	}
	u = h.url(h.inbound.URL).ResolveReference(u)
	back, ok := h.throughProxy(u)
	switch {
	case h.leadsHere(u), ok && policy.CheckPath(u.EscapedPath()) != nil:
		return h.base.URL.String(), true
	case ok:
		return back, true
	}
	return u.String(), true
}

// leadsHere tells whether u is at the address that the caller has used, or at another one of the
// same listener.
func (h *hop) leadsHere(u *url.URL) bool {
	if strings.EqualFold(u.Host, h.inbound.Host) {
		return true
	}
	local, ok := h.inbound.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return false
	}
	_, port, err := net.SplitHostPort(local.String())
	if err != nil || cmp.Or(u.Port(), defaultPort[u.Scheme]) != port {
		return false
	}
	named := *h.inbound
	named.Host = u.Host
	return policy.CheckHost(&named, nil) == nil
}

var defaultPort = map[string]string{"http": "80", "https": "443"}

// turnLinks turns the targets of a Link header's value (RFC 8288), which stand in angle brackets.
func (h *hop) turnLinks(value string) string {
	var out strings.Builder
	for {
		start := strings.IndexByte(value, '<')
		if start < 0 {
			break
		}
		end := strings.IndexByte(value[start:], '>')
		if end < 0 {
			break
		}
		end += start
		out.WriteString(value[:start+1])
		if back, ok := h.back(value[start+1 : end]); ok {
			out.WriteString(back)
		} else {
			out.WriteString(value[start+1 : end])
		}
		value = value[end:]
	}
	out.WriteString(value)
	return out.String()
}
