package inject

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
)

// headerName is a token of RFC 9110 section 5.6.2.
var headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

// fixedHeaders cannot be injected: they say how the request is read, not who sends it. Cookies are
// injected one by one.
var fixedHeaders = []string{
	"Connection", "Content-Length", "Cookie", "Host", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// place is where one value goes.
type place struct {
	in, name, slot string
	value          connectors.Template
	basic          *connectors.Basic // in place of value
	needs          []need
	index          int // of its header in the route
}

// need is a name that a place's template uses.
type need struct {
	name     string
	optional bool // it may have no value, and then nothing goes to the place
	secret   bool // a token or a secret input: where there is one, it is sent or nothing is
}

func compile(in connectors.Injection, c *connectors.Connector) (place, error) {
	p := place{in: in.In, name: in.Name, slot: in.Slot, value: in.Template}
	switch in.In {
	case connectors.InHeader:
		p.name = textproto.CanonicalMIMEHeaderKey(in.Name)
	case connectors.InBasic:
		if in.Basic == nil {
			return place{}, errors.New("the user and the password are missing")
		}
		p.name, p.basic = "Authorization", in.Basic
	case connectors.InPath:
		p.name = ""
	case connectors.InCookie:
		if !headerName.MatchString(in.Name) {
			return place{}, errors.New("not a cookie name")
		}
	case connectors.InQuery, connectors.InBody:
		if in.Name == "" {
			return place{}, errors.New("the parameter has no name")
		}
	default:
		return place{}, fmt.Errorf("unknown place %q", in.In)
	}
	if err := p.compile(c, true); err != nil {
		return place{}, err
	}
	if len(p.needs) == 0 {
		return place{}, errors.New("the template must have a name in it")
	}
	return p, nil
}

// compile checks the names of a place, and its header. A default header has no secrets: the caller
// may send another value for it.
func (p *place) compile(c *connectors.Connector, secrets bool) error {
	inputs := map[string]connectors.Input{}
	for _, in := range c.App {
		inputs["app."+in.Name] = in
	}
	for _, in := range c.Account {
		inputs["account."+in.Name] = in
	}
	for _, t := range p.templates() {
		if err := plain(t.String()); err != nil {
			return err
		}
		for _, name := range t.Names() {
			in := inputs[name]
			n := need{name: name, optional: in.MayLack() && p.in != connectors.InPath, secret: in.Secret || isToken(name)}
			if !sendable(name) || n.secret && !secrets {
				return fmt.Errorf("{%s} must not be sent", name)
			}
			p.needs = append(p.needs, n)
		}
	}
	if p.in != connectors.InHeader {
		return nil
	}
	if !headerName.MatchString(p.name) {
		return errors.New("not a header name")
	}
	if slices.Contains(fixedHeaders, p.name) {
		return errors.New("this header cannot be set")
	}
	return headerText(p.value.String())
}

func (p place) templates() []connectors.Template {
	if p.basic != nil {
		return []connectors.Template{p.basic.User, p.basic.Password}
	}
	return []connectors.Template{p.value}
}

func (p place) volatile() bool {
	return slices.ContainsFunc(p.templates(), connectors.Template.Volatile)
}

// header is the name of the header that the place is in, if it is in one.
func (p place) header() string {
	switch p.in {
	case connectors.InHeader, connectors.InBasic:
		return p.name
	case connectors.InCookie:
		return "Cookie"
	}
	return ""
}

// where is the place for people. No two with the same name are on one request.
func (p place) where() string {
	if p.in == connectors.InBasic {
		return connectors.InHeader + " " + p.name
	}
	return strings.TrimSpace(p.in + " " + p.name)
}

// text returns what goes to the place, or nothing for one that is left out.
func (p place) text(v connectors.Values, now time.Time) (string, error) {
	if sent, err := p.sent(v); !sent {
		return "", err
	}
	text, err := p.expand(v, now)
	if err == nil {
		err = p.fits(text)
	}
	if err != nil {
		return "", fmt.Errorf("%w: %s: %w", ErrBadToken, p.where(), err)
	}
	return text, nil
}

// sent tells whether all values are there, or with what error they are not.
func (p place) sent(v connectors.Values) (bool, error) {
	var missing, optional string
	secret := false
	for _, n := range p.needs {
		there := v[n.name] != ""
		secret = secret || n.secret && (there || !n.optional)
		switch {
		case there:
		case n.optional:
			optional = n.name
		default:
			missing = n.name
		}
	}
	switch {
	case missing == "" && optional == "":
		return true, nil
	case optional != "" && !secret:
		return false, nil
	case missing == connectors.NameToken && p.slot != "":
		missing = connectors.SlotName(p.slot)
	}
	return false, &NoValueError{Name: cmp.Or(missing, optional)}
}

func (p place) expand(v connectors.Values, now time.Time) (string, error) {
	for _, n := range p.needs {
		if isToken(n.name) && !visible(v[n.name]) {
			return "", errors.New("a token is visible ASCII without spaces")
		}
	}
	if p.basic == nil {
		return p.value.ExpandAt(v, now)
	}
	user, err := p.basic.User.ExpandAt(v, now)
	if err != nil {
		return "", err
	}
	password, err := p.basic.Password.ExpandAt(v, now)
	if err != nil {
		return "", err
	}
	if strings.Contains(user, ":") {
		return "", errors.New("the user must not have a colon, where the password begins")
	}
	pair := user + ":" + password
	if err := plain(pair); err != nil {
		return "", err
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)), nil
}

// sendable tells whether what a name stands for may be on a request: not a refresh token, nor a client
// secret.
func sendable(name string) bool {
	kind, _, _ := strings.Cut(name, ".")
	return slices.Contains([]string{"app", "account", "captured", connectors.NameToken, connectors.NameClientID}, kind)
}

// isToken tells whether a name is that of a token.
func isToken(name string) bool {
	return name == connectors.NameToken || strings.HasPrefix(name, connectors.SlotName(""))
}
