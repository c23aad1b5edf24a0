package connectors

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

var (
	hostLabel  = regexp.MustCompile(`\A[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\z`)
	numeric    = regexp.MustCompile(`\A(?:[0-9]+|0x[0-9a-f]*)\z`)
	labelValue = regexp.MustCompile(`\A[a-z0-9-]{1,63}\z`)
	portValue  = regexp.MustCompile(`\A[1-9][0-9]{1,4}\z`)
	plainValue = regexp.MustCompile(`\A[A-Za-z0-9._~-]{1,512}\z`)
)

// parseURL reads an absolute URL that a credential may be sent to. There is one way to write each:
// https, or http to a loopback host; a lower-case host; no user, no fragment, no dot segments.
func parseURL(raw string) (*url.URL, error) {
	for i := range len(raw) {
		if raw[i] <= 0x20 || raw[i] >= 0x7f || raw[i] == '\\' {
			return nil, errors.New("must be printable ASCII without spaces and backslashes; write a host in its xn-- form")
		}
	}
	scheme, rest, _ := strings.Cut(raw, "://")
	if scheme != "https" && scheme != "http" {
		return nil, errors.New("must be an absolute https URL")
	}
	authority, _, _ := strings.Cut(rest, "/")
	authority, _, _ = strings.Cut(authority, "?")
	switch {
	case strings.Contains(raw, "#"):
		return nil, errors.New("must not have a fragment")
	case strings.Contains(authority, "@"):
		return nil, errors.New("must not have a user name or password")
	case authority == "":
		return nil, errors.New("must have a host")
	}
	host, err := checkAuthority(authority)
	if err != nil {
		return nil, err
	}
	if scheme == "http" && !loopback(host) {
		return nil, errors.New("must be https; http is for 127.0.0.0/8, [::1] and localhost only")
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host != authority || u.Opaque != "" || u.User != nil {
		return nil, errors.New("must be an absolute https URL")
	}
	if err := checkPath(u); err != nil {
		return nil, err
	}
	return u, nil
}

// checkAuthority checks host[:port] and returns the host without brackets.
func checkAuthority(authority string) (string, error) {
	host, port := splitPort(authority)
	if port == ":" {
		return "", errors.New("must not have an empty port")
	}
	if port != "" {
		n, err := strconv.ParseUint(port[1:], 10, 16)
		if err != nil || strconv.FormatUint(n, 10) != port[1:] || n != 443 && n < 1024 {
			return "", fmt.Errorf("port %s is not allowed; use none, 443, or 1024 to 65535", port[1:])
		}
	}
	return strings.Trim(host, "[]"), checkHost(host)
}

// splitPort cuts authority before the colon of its port. The port keeps the colon.
func splitPort(authority string) (host, port string) {
	i := strings.LastIndexByte(authority, ':')
	if i < 0 || strings.HasSuffix(authority, "]") {
		return authority, ""
	}
	return authority[:i], authority[i:]
}

// checkHost accepts DNS names in one form and the loopback addresses.
func checkHost(host string) error {
	if loopback(strings.Trim(host, "[]")) {
		if strings.Contains(host, ":") != strings.HasPrefix(host, "[") {
			return errors.New("an IPv6 address stands in brackets")
		}
		return nil
	}
	if strings.Contains(host, ":") {
		return fmt.Errorf("host %q must be a DNS name; of the IP addresses only loopback is allowed", host)
	}
	labels := strings.Split(host, ".")
	if strings.HasSuffix(host, ".") {
		return fmt.Errorf("host %q must not end with a dot", host)
	}
	if numeric.MatchString(labels[len(labels)-1]) {
		return fmt.Errorf("host %q must be a DNS name; of the IP addresses only loopback, in its usual form, is allowed", host)
	}
	if len(labels) < 2 || len(host) > 253 {
		return fmt.Errorf("host %q must be a full DNS name", host)
	}
	for _, l := range labels {
		if !hostLabel.MatchString(l) {
			return fmt.Errorf("host %q must be a DNS name of lower-case letters, digits and '-'", host)
		}
	}
	return nil
}

// loopback reports whether host, without brackets, is a loopback host in its canonical form.
func loopback(host string) bool {
	if host == "localhost" || host == "::1" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Is4() && a.IsLoopback()
}

// checkPath refuses paths that two parsers may read differently.
func checkPath(u *url.URL) error {
	path := u.EscapedPath()
	if path == "" || path == "/" {
		return nil
	}
	for _, segment := range strings.Split(strings.TrimSuffix(path[1:], "/"), "/") {
		plain, err := url.PathUnescape(segment)
		if err != nil || plain == "" || plain == "." || plain == ".." || hasControl(plain) ||
			strings.ContainsAny(plain, `/\`) {
			return errors.New("the path must not have empty, '.' or '..' segments or encoded separators")
		}
	}
	return nil
}

// place is where in a URL a name stands; it decides which values are good there.
type place int

const (
	inHost  place = iota // the whole host
	inLabel              // part of one label of the host
	inPort
	inRest // path or query
)

// places checks a URL template as far as it can be without values, and returns where each of its
// names stands, in order.
func (t Template) places() ([]place, error) {
	const mark = "\x00"
	var b strings.Builder
	for _, p := range t.parts {
		if p.name != "" {
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
	add(inRest, strings.Count(rest, mark))
	_, err := parseURL(scheme + "://" + host + port + strings.ReplaceAll(rest, mark, "x"))
	return places, err
}

// expandURL fills a URL template and checks the result. A value can only fill the place it stands
// in: it never ends the host, adds a path segment or opens a query.
func (t Template) expandURL(v Values) (*url.URL, error) {
	places, err := t.places()
	if err != nil {
		return nil, err
	}
	for _, p := range t.parts {
		if p.name == "" {
			continue
		}
		value := v[p.name]
		if value == "" {
			return nil, fmt.Errorf("no value for {%s}", p.name)
		}
		if err := places[0].check(value); err != nil {
			return nil, fmt.Errorf("value %.80q for {%s}: %w", value, p.name, err)
		}
		places = places[1:]
	}
	text, err := t.Expand(v)
	if err != nil {
		return nil, err
	}
	return parseURL(text)
}

func (p place) check(value string) error {
	switch {
	case p == inHost:
		return checkHost(value)
	case p == inLabel && !labelValue.MatchString(value):
		return errors.New("must be 1 to 63 lower-case letters, digits and '-'")
	case p == inPort && !portValue.MatchString(value):
		return errors.New("must be a port number")
	case p == inRest && (!plainValue.MatchString(value) || strings.Trim(value, ".") == ""):
		return errors.New("must be letters, digits, '-', '_', '.' and '~'")
	}
	return nil
}
