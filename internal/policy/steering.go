package policy

import "net/http"

// DropSteering deletes from an outgoing header what would steer the provider, or tell it about the
// caller's surroundings: cookies, forwarding and override headers, browser context, trace context,
// proxy headers, and this proxy's own. An underscore counts as a hyphen, as it does for CGI-like
// servers. It does not allocate.
func DropSteering(h http.Header) {
	for name := range h {
		if steers(name) {
			delete(h, name)
		}
	}
}

// steers tells whether a header with that name is dropped.
func steers(name string) bool {
	if name == "" {
		return false
	}
	switch name[0] | 0x20 {
	case 'b':
		return same(name, "baggage") || same(name, "base-url-override")
	case 'c':
		return same(name, "cookie") || same(name, "connected-account") || same(name, "connected-base") ||
			same(name, "connected-slot")
	case 'e':
		return same(name, "early-data")
	case 'f':
		return same(name, "forwarded")
	case 'o':
		return same(name, "origin")
	case 'p':
		return begins(name, "proxy-")
	case 'r':
		return same(name, "referer")
	case 's':
		return begins(name, "sec-fetch-")
	case 't':
		return same(name, "traceparent") || same(name, "tracestate")
	case 'v':
		return same(name, "via")
	case 'x':
		return steersX(name)
	}
	return false
}

func steersX(name string) bool {
	return begins(name, "x-forwarded-") ||
		same(name, "x-real-ip") ||
		same(name, "x-original-url") ||
		same(name, "x-rewrite-url") ||
		same(name, "x-http-method-override") ||
		same(name, "x-http-method") ||
		same(name, "x-method-override") ||
		same(name, "x-upstream-url")
}

// same tells whether name is lower, which is in lower case, apart from case and underscores.
func same(name, lower string) bool {
	return len(name) == len(lower) && begins(name, lower)
}

// begins tells whether name has the prefix lower, which is in lower case, apart from case and
// underscores.
func begins(name, lower string) bool {
	if len(name) < len(lower) {
		return false
	}
	for i := range len(lower) {
		c := name[i]
		switch {
		case 'A' <= c && c <= 'Z':
			c |= 0x20
		case c == '_':
			c = '-'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
