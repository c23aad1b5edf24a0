// Package inject puts a credential on a request in the way that a connector declares.
//
// Compile a [Plan] once per connection. For each request make a private copy, [Plan.Strip] what
// the caller sent in the credential's place, then [Plan.Apply] the token. The token is only ever
// on the copy, and a token that cannot be sent as it is makes an error instead of a request.
package inject

import (
	"errors"
	"fmt"
	"net/textproto"
	"regexp"
	"slices"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
)

// ErrNoToken is returned for an empty token: a request never goes out with half a credential.
var ErrNoToken = errors.New("no token to inject")

// ErrBadToken is returned for a token that cannot stand in a header: it has a line break, another
// control character, a space, or something that is not ASCII.
var ErrBadToken = errors.New("token has characters that cannot be sent")

var errNotPrintable = errors.New("the value must be printable ASCII on one line")

// headerName is a token of RFC 9110 section 5.6.2.
var headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

// credentialHeaders hold a caller's own credentials whatever the connector injects.
var credentialHeaders = []string{"Authorization", "Cookie", "Proxy-Authorization"}

// credentialParams likewise; RFC 6750 section 2.3 gives bearer tokens this door everywhere.
var credentialParams = []string{"access_token"}

// framingHeaders cannot be injected: they say how the request is read, not who sends it.
var framingHeaders = []string{
	"Connection", "Content-Length", "Host", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// Plan is a connector's injections and default headers, compiled. It does not change and may be
// used by several goroutines.
type Plan struct {
	headers  []slot
	params   []slot
	defaults []ready
	// stripHeaders and stripParams are what Strip removes.
	stripHeaders []string
	stripParams  []string
}

// slot is one place for the token: the text of its template, cut where the token stands.
type slot struct {
	name  string
	parts []string
}

// New compiles the injections of a connector. One that cannot be sent is an error naming it.
func New(c *connectors.Connector) (*Plan, error) {
	p := &Plan{
		stripHeaders: slices.Clone(credentialHeaders),
		stripParams:  slices.Clone(credentialParams),
	}
	for _, in := range c.Inject {
		if err := p.add(in); err != nil {
			return nil, fmt.Errorf("connector %s: injection %s: %w", c.Name, in.Name, err)
		}
	}
	if len(c.Inject) == 0 {
		p.headers = []slot{{name: "Authorization", parts: []string{"Bearer ", ""}}}
	}
	for name, value := range c.API.Headers {
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		if err := checkHeader(canonical, value); err != nil {
			return nil, fmt.Errorf("connector %s: header %s: %w", c.Name, name, err)
		}
		p.defaults = append(p.defaults, ready{canonical, []string{value}})
	}
	slices.SortFunc(p.defaults, func(a, b ready) int { return strings.Compare(a.name, b.name) })
	return p, nil
}

func (p *Plan) add(in connectors.Injection) error {
	s, err := compile(in.Template)
	if err != nil {
		return err
	}
	switch in.In {
	case connectors.InHeader:
		s.name = textproto.CanonicalMIMEHeaderKey(in.Name)
		if err := checkHeader(s.name, ""); err != nil {
			return err
		}
		p.headers = append(p.headers, s)
		p.stripHeaders = appendNew(p.stripHeaders, s.name)
	case connectors.InQuery:
		if in.Name == "" {
			return errors.New("the parameter has no name")
		}
		s.name = in.Name
		p.params = append(p.params, s)
		p.stripParams = appendNew(p.stripParams, s.name)
	default:
		return fmt.Errorf("unknown place %q", in.In)
	}
	return nil
}

// compile cuts a template at its token, by expanding it with a mark that is not ASCII and so cannot
// be in its text.
func compile(t connectors.Template) (slot, error) {
	const mark = "\uE000"
	if names := t.Names(); len(names) != 1 || names[0] != "token" {
		return slot{}, errors.New("the template must have {token} in it and no other name")
	}
	if !printable(t.String()) {
		return slot{}, errNotPrintable
	}
	text, err := t.ExpandToken(mark)
	if err != nil {
		return slot{}, err
	}
	return slot{parts: strings.Split(text, mark)}, nil
}

// value returns the template's text with the token in it.
func (s slot) value(token string) string {
	if len(s.parts) == 2 {
		return s.parts[0] + token + s.parts[1]
	}
	return strings.Join(s.parts, token)
}

func checkHeader(name, value string) error {
	if !headerName.MatchString(name) {
		return errors.New("not a header name")
	}
	if slices.Contains(framingHeaders, name) {
		return errors.New("this header cannot be set")
	}
	if !printable(value) {
		return errNotPrintable
	}
	return nil
}

// printable tells whether s is ASCII without control characters.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
