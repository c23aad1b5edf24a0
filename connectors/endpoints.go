package connectors

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Endpoints are a connector's URLs for one connection, checked and without names left in them.
// They do not change and may be used by several goroutines.
type Endpoints struct {
	// Authorize and Token are always set. Issuer is empty when the connector has none.
	Authorize, Issuer, Token string
	// Refresh is the token endpoint unless the connector has another one for refreshes.
	Refresh string
	// Introspect is empty when the connector has no such endpoint.
	Introspect string
	// Bases are the API's base URLs by name, without trailing slash; the default one is under "".
	Bases map[string]*url.URL
	// Hosts are the lower-case host[:port] of all bases and of api.hosts. The port is left out when
	// it is the scheme's own.
	Hosts map[string]bool

	revoke Template
	values Values
}

// Endpoints fills the connector's templates with the parameters of a connection, by the names of
// the connector's inputs. Defaults are applied; a missing, unknown or unfit parameter is an *[Error].
func (c *Connector) Endpoints(params map[string]string) (*Endpoints, error) {
	values, err := c.appValues(params)
	if err != nil {
		return nil, err
	}
	f := filler{values: values}
	e := &Endpoints{
		Authorize: f.text("authorize.url", c.Authorize.URL),
		Issuer:    f.text("authorize.issuer", c.Authorize.Issuer),
		Token:     f.text("token.url", c.Token.URL),
		Refresh:   f.text("refresh.url", c.Refresh.URL),
		Bases:     map[string]*url.URL{"": f.base("api.base_url", c.API.BaseURL)},
		Hosts:     map[string]bool{},
		values:    values,
	}
	if e.Refresh == "" {
		e.Refresh = e.Token
	}
	for _, name := range slices.Sorted(maps.Keys(c.API.Bases)) {
		e.Bases[name] = f.base("api.bases."+name, c.API.Bases[name])
	}
	if c.Introspect != nil {
		e.Introspect = f.text("introspect.url", c.Introspect.URL)
	}
	if c.Revoke != nil {
		e.revoke = c.Revoke.URL
		if _, err := e.RevokeURL("x"); err != nil {
			f.fail("revoke.url", err)
		}
	}
	if err := join(f.errs); err != nil {
		return nil, err
	}
	for _, u := range e.Bases {
		e.Hosts[canonicalHost(u)] = true
	}
	for _, h := range c.API.Hosts {
		e.Hosts[strings.TrimSuffix(h, ":443")] = true
	}
	return e, nil
}

// RevokeURL returns the revocation endpoint for the OAuth client with that ID, or the empty string
// when the connector has none.
func (e *Endpoints) RevokeURL(clientID string) (string, error) {
	if e.revoke.IsZero() {
		return "", nil
	}
	v := maps.Clone(e.values)
	v[nameClientID] = clientID
	u, err := e.revoke.expandURL(v)
	if err != nil {
		return "", err
	}
	return u.String(), nil
}

// appValues checks the parameters against the connector's inputs.
func (c *Connector) appValues(params map[string]string) (Values, error) {
	var errs []*Error
	fail := func(name, format string, args ...any) {
		errs = append(errs, &Error{Path: name, Message: fmt.Sprintf(format, args...)})
	}
	values := Values{}
	var allowed []string
	for _, in := range c.App {
		allowed = append(allowed, in.Name)
		value, given := params[in.Name]
		if !given || value == "" {
			value = in.Default
		}
		if value == "" {
			fail(in.Name, "connector %s needs this parameter%s", c.Name, in.hint())
			continue
		}
		re, err := in.compile()
		if err != nil {
			fail(in.Name, "%v", err)
			continue
		}
		if !re.MatchString(value) || hasControl(value) {
			fail(in.Name, "value %.80q does not match the pattern %s%s", value, in.Pattern, in.hint())
			continue
		}
		values[appPrefix+in.Name] = value
	}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if slices.Contains(allowed, name) {
			continue
		}
		if len(allowed) == 0 {
			fail(name, "unknown parameter; connector %s has none", c.Name)
			continue
		}
		fail(name, "unknown parameter; connector %s has: %s", c.Name, strings.Join(allowed, ", "))
	}
	return values, join(errs)
}

// compile returns the pattern, anchored at both ends.
func (in Input) compile() (*regexp.Regexp, error) {
	// Alone first, so that the pattern cannot close the group around it.
	if _, err := regexp.Compile(in.Pattern); err != nil {
		return nil, fmt.Errorf("must be an RE2 expression: %w", err)
	}
	return regexp.Compile(`\A(?:` + in.Pattern + `)\z`)
}

func (in Input) hint() string {
	if in.Example == "" {
		return ""
	}
	return "; for example " + in.Example
}

// filler fills URL templates and collects what goes wrong.
type filler struct {
	values Values
	errs   []*Error
}

func (f *filler) fail(path string, err error) {
	f.errs = append(f.errs, &Error{Path: path, Message: err.Error()})
}

func (f *filler) url(path string, t Template) *url.URL {
	u, err := t.expandURL(f.values)
	if err != nil {
		f.fail(path, err)
		return &url.URL{}
	}
	return u
}

func (f *filler) text(path string, t Template) string {
	if t.IsZero() {
		return ""
	}
	return f.url(path, t).String()
}

func (f *filler) base(path string, t Template) *url.URL {
	u := f.url(path, t)
	u.Host = canonicalHost(u)
	u.Path = strings.TrimSuffix(u.Path, "/")
	u.RawPath = strings.TrimSuffix(u.RawPath, "/")
	return u
}

func canonicalHost(u *url.URL) string {
	if u.Scheme == "https" {
		return strings.TrimSuffix(u.Host, ":443")
	}
	return u.Host
}
