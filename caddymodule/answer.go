package caddymodule

import (
	"net/http"
	"net/url"
	"strings"

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
// there through the proxy. Others, and paths relative to the request's, are left alone.
func (h *hop) back(text string) (string, bool) {
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
	base, ok := h.target.Connection.BaseFor(u)
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
