package consent

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

const maxReturnURL = 2048

// returnURLs is the allow-list of where a browser may be sent in the end.
type returnURLs struct {
	origins map[string]bool
	exact   map[string]bool
}

func newReturnURLs(entries []string) (returnURLs, error) {
	list := returnURLs{origins: map[string]bool{}, exact: map[string]bool{}}
	for _, e := range entries {
		u, ok := parseReturnURL(e)
		switch {
		case !ok:
			return returnURLs{}, fmt.Errorf("return URL %q must be an origin such as https://app.example.com, "+
				"or a whole URL; https, or http on a loopback host", e)
		case u.Path == "" && u.RawQuery == "" && !u.ForceQuery:
			list.origins[origin(u)] = true
		default:
			list.exact[u.String()] = true
		}
	}
	return list, nil
}

// allowed returns the URL to send the browser to. It is rebuilt from what was checked, so that
// a browser cannot read it differently.
func (l returnURLs) allowed(s string) (*url.URL, bool) {
	u, ok := parseReturnURL(s)
	if !ok || !l.origins[origin(u)] && !l.exact[u.String()] {
		return nil, false
	}
	return u, true
}

// parseReturnURL reads an absolute URL that every parser reads in the same way. Host and scheme
// come out in lower case, without the scheme's own port.
func parseReturnURL(s string) (*url.URL, bool) {
	if len(s) > maxReturnURL || strings.ContainsAny(s, `\#`) {
		return nil, false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return nil, false
		}
	}
	// Browsers also accept https:host and https:/host; url.Parse reads those as something else.
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || rest == "" || rest[0] == '/' {
		return nil, false
	}
	u, err := url.Parse(s)
	if err != nil || !strings.EqualFold(scheme, u.Scheme) || !webURL(u) {
		return nil, false
	}
	u.Host = canonicalHost(u.Scheme, u.Host)
	return u, true
}

// webURL tells whether u may be shown to a browser: https, or http on a loopback host, and nobody's
// user name in it.
func webURL(u *url.URL) bool {
	host := u.Hostname()
	if host == "" || u.User != nil || u.Opaque != "" || strings.HasSuffix(u.Host, ":") {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && loopback(host)
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func origin(u *url.URL) string { return u.Scheme + "://" + canonicalHost(u.Scheme, u.Host) }

// canonicalHost is the host in lower case without the scheme's own port.
func canonicalHost(scheme, host string) string {
	host = strings.ToLower(host)
	if scheme == "https" {
		return strings.TrimSuffix(host, ":443")
	}
	return strings.TrimSuffix(host, ":80")
}
