package connectors

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

var (
	labelValue = regexp.MustCompile(`\A[a-z0-9-]{1,63}\z`)
	portValue  = regexp.MustCompile(`\A[1-9][0-9]{1,4}\z`)
	plainValue = regexp.MustCompile(`\A[A-Za-z0-9._~-]{1,512}\z`)
)

// place is where in a URL a name stands; it decides which values are good there.
type place int

const (
	inHost  place = iota // the whole host
	inLabel              // part of one label of the host
	inPort
	inRest // path or query
	inPath // segments of the path, with slashes between them
)

// places checks a URL template as far as it can be without values, and returns where each of its
// names stands, in order.
func (t Template) places() ([]place, error) {
	const mark = "\x00"
	var b strings.Builder
	for _, p := range t.parts {
		if !p.isText() {
			b.WriteString(mark)
		} else if hasControl(p.text) {
			return nil, errors.New("must not have control characters")
		}
		b.WriteString(p.text)
	}
	scheme, rest, ok := strings.Cut(b.String(), "://")
	if !ok || strings.Contains(scheme, mark) {
		return nil, errors.New("must be an absolute https URL")
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	host, port := splitPort(rest[:end])
	rest = rest[end:]

	var places []place
	add := func(p place, n int) {
		for range n {
			places = append(places, p)
		}
	}
	switch n := strings.Count(host, mark); {
	case host == mark:
		add(inHost, 1)
		host = "host.example.com"
	case n > 0:
		labels := strings.Split(host, ".")
		if len(labels) < 3 || strings.Contains(strings.Join(labels[len(labels)-2:], ""), mark) {
			return nil, errors.New("a host with a name in it must keep its last two labels fixed, or be the name alone")
		}
		add(inLabel, n)
		host = strings.ReplaceAll(host, mark, "x")
	}
	if strings.Contains(port, mark) {
		if port != ":"+mark {
			return nil, errors.New("a port is either digits or one name")
		}
		add(inPort, 1)
		port = ":8443"
	}
	if err := t.rest(rest, mark, &places); err != nil {
		return nil, err
	}
	_, err := parseURL(scheme + "://" + host + port + strings.ReplaceAll(rest, mark, "x"))
	return places, err
}

// rest adds the places that are behind the host.
func (t Template) rest(rest, mark string, places *[]place) error {
	var names []part
	for _, p := range t.parts {
		if !p.isText() {
			names = append(names, p)
		}
	}
	for i := range rest {
		if rest[i:i+1] != mark {
			continue
		}
		at := inRest
		if names[len(*places)].isPath() {
			at = inPath
			if strings.Contains(rest[:i], "?") || rest[i-1] != '/' || i+1 < len(rest) && !strings.Contains("/?", rest[i+1:i+2]) {
				return errors.New("path(…) may stand in the path only, with a slash before it and one or nothing behind it")
			}
		}
		*places = append(*places, at)
	}
	return nil
}

// isPath tells whether the part gives several segments of a path.
func (p part) isPath() bool { return p.call != nil && p.call.name == "path" }

// expandURL fills a URL template and checks the result. A value can only fill the place it stands
// in: it never ends the host, adds a path segment or opens a query. A host, or part of one, that was captured
// must lie within one of the domains.
func (t Template) expandURL(v Values, within []string) (*url.URL, error) {
	places, err := t.places()
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	captured := false
	for i, p := range t.parts {
		value, err := p.value(v, time.Now())
		if err != nil {
			return nil, err
		}
		b.WriteString(value)
		if p.isText() {
			continue
		}
		ends := places[0] == inPath && value == "" && i == len(t.parts)-1 // it may have no path, and nothing comes behind it
		if err := places[0].check(value); err != nil && !ends {
			return nil, fmt.Errorf("%s: %w", p.shown(value), err)
		}
		if places[0] == inHost && p.isAccounts() && loopback(strings.Trim(value, "[]")) {
			return nil, fmt.Errorf("%s: must not be this machine", p.shown(value))
		}
		captured = captured || places[0] < inRest && p.isCaptured()
		places = places[1:]
	}
	u, err := parseURL(b.String())
	if err != nil {
		return nil, err
	}
	if captured && !isWithin(u.Hostname(), within) {
		return nil, fmt.Errorf("host %.80q is not within %s", u.Hostname(), strings.Join(within, ", "))
	}
	return u, nil
}

// isWithin tells whether a host is one of the domains, or below one.
func isWithin(host string, domains []string) bool {
	return slices.ContainsFunc(domains, func(domain string) bool {
		return host == domain || strings.HasSuffix(host, "."+domain)
	})
}

// isCaptured tells whether what the part gives depends on an answer of the provider.
func (p part) isCaptured() bool {
	return slices.ContainsFunc(p.names(nil), func(name string) bool { return strings.HasPrefix(name, capturedPrefix) })
}

// isAccounts tells whether what the part gives depends on what a user has typed in.
func (p part) isAccounts() bool {
	return slices.ContainsFunc(p.names(nil), func(name string) bool { return strings.HasPrefix(name, accountPrefix) })
}

// shown is the part for messages, with its value if that comes from inputs, which are no secrets in URLs.
func (p part) shown(value string) string {
	names := strings.Join(p.names(nil), ", ")
	if p.isName() && (strings.HasPrefix(names, appPrefix) || strings.HasPrefix(names, accountPrefix)) {
		return fmt.Sprintf("value %.80q for {%s}", value, names)
	}
	return fmt.Sprintf("the value for {%s}", names)
}

func (p place) check(value string) error {
	switch {
	case p == inHost && strings.Contains(value, ":"):
		return errors.New("must be a host without a port")
	case p == inHost:
		return checkHost(value)
	case p == inLabel && !labelValue.MatchString(value):
		return errors.New("must be 1 to 63 lower-case letters, digits and '-'")
	case p == inPort && !portValue.MatchString(value):
		return errors.New("must be a port number")
	case p == inPath:
		return checkSegments(value)
	case p == inRest && (!plainValue.MatchString(value) || strings.Trim(value, ".") == ""):
		return errors.New("must be letters, digits, '-', '_', '.' and '~'")
	}
	return nil
}

// checkSegments accepts a path of segments that have one spelling, and none of which leads elsewhere.
func checkSegments(value string) error {
	if len(value) > 512 || slices.ContainsFunc(strings.Split(value, "/"), func(segment string) bool {
		return !plainValue.MatchString(segment) || strings.Trim(segment, ".") == ""
	}) {
		return errors.New("must be a path whose segments are letters, digits, '-', '_', '.' and '~'")
	}
	return nil
}
