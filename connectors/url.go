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

// numeric is the last label of what some parsers take for an IP address.
var numeric = regexp.MustCompile(`\A(?:[0-9]+|0x[0-9a-f]*)\z`)

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
	if last := labels[len(labels)-1]; last != "" && '0' <= last[0] && last[0] <= '9' && numeric.MatchString(last) {
		return fmt.Errorf("host %q must be a DNS name; of the IP addresses only loopback, in its usual form, is allowed", host)
	}
	if len(labels) < 2 || len(host) > 253 {
		return fmt.Errorf("host %q must be a full DNS name", host)
	}
	for _, l := range labels {
		if !isHostLabel(l) {
			return fmt.Errorf("host %q must be a DNS name of lower-case letters, digits and '-'", host)
		}
	}
	return nil
}

// isHostLabel accepts lower-case letters, digits and, between them, '-'.
func isHostLabel(label string) bool {
	if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for i := range len(label) {
		if c := label[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// loopback reports whether host, without brackets, is a loopback host in its canonical form.
func loopback(host string) bool {
	if host == "localhost" || host == "::1" {
		return true
	}
	if !strings.HasPrefix(host, "127.") {
		return false
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Is4()
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
