package connectors

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

var (
	connectorName = regexp.MustCompile(`\A[a-z0-9][a-z0-9_-]{0,62}\z`)
	baseName      = regexp.MustCompile(`\A[a-z][a-z0-9-]{0,62}\z`)
	headerName    = regexp.MustCompile("\\A[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}\\z")
	paramName     = regexp.MustCompile(`\A[A-Za-z0-9._~-]{1,100}\z`)
	memberPath    = regexp.MustCompile(`\A[A-Za-z0-9_$-]+(?:\.[A-Za-z0-9_$-]+)*\z`)
	scopeToken    = regexp.MustCompile(`\A[!#-\[\]-~]+\z`) // RFC 6749 section 3.3
	errorCode     = regexp.MustCompile(`\A[A-Za-z0-9_.-]{1,100}\z`)
)

// Validate returns nil when the connector may be used, and else an *[Error] or several joined ones.
// It makes sure that a credential can only go to https URLs, or to loopback, that are fixed but for
// the declared inputs.
func (c *Connector) Validate() error { return join(c.validate()) }

func (c *Connector) validate() []*Error {
	v := validator{c: c}
	v.head()
	v.inputs()
	v.authorize()
	v.token()
	v.refresh()
	v.introspect()
	v.revoke()
	v.inject()
	v.api()
	v.probes()
	v.errors()
	if len(v.errs) == 0 {
		v.example()
	}
	return v.errs
}

// validator collects the mistakes of one connector.
type validator struct {
	c    *Connector
	errs []*Error
}

func (v *validator) fail(path, format string, args ...any) {
	v.errs = append(v.errs, &Error{Path: path, Message: fmt.Sprintf(format, args...)})
}

func (v *validator) head() {
	c := v.c
	if c.Schema != SchemaVersion {
		v.fail("schema", "must be %d", SchemaVersion)
	}
	if !connectorName.MatchString(c.Name) {
		v.fail("name", "must be 1 to 63 lower-case letters, digits, '-' and '_', and begin with a letter or digit")
	}
	if c.Title == "" {
		v.fail("title", "is required")
	}
	if c.Docs != "" {
		if u, err := url.Parse(c.Docs); err != nil || u.Scheme != "https" || u.Host == "" {
			v.fail("docs", "must be an absolute https URL")
		}
	}
	for i, name := range c.Categories {
		if !connectorName.MatchString(name) {
			v.fail(fmt.Sprintf("categories[%d]", i), "must be lower-case letters, digits, '-' and '_'")
		}
	}
	for i, note := range c.Notes {
		if note == "" {
			v.fail(fmt.Sprintf("notes[%d]", i), "must not be empty")
		}
	}
}

func (v *validator) inputs() {
	seen := map[string]bool{}
	for i, in := range v.c.App {
		at := fmt.Sprintf("app[%d]", i)
		if !inputName.MatchString(in.Name) {
			v.fail(at+".name", "must begin with a lower-case letter and have lower-case letters, digits and '_' only")
		}
		if seen[in.Name] {
			v.fail(at+".name", "is declared twice")
		}
		seen[in.Name] = true
		if in.Pattern == "" {
			v.fail(at+".pattern", "is required: an RE2 expression that the whole value must match")
			continue
		}
		re, err := in.compile()
		if err != nil {
			v.fail(at+".pattern", "%v", err)
			continue
		}
		if in.Default != "" && !re.MatchString(in.Default) {
			v.fail(at+".default", "must match the pattern %s", in.Pattern)
		}
		if in.Example != "" && !re.MatchString(in.Example) {
			v.fail(at+".example", "must match the pattern %s", in.Pattern)
		}
	}
}

// url checks a URL template that may name inputs and, beside them, the given names.
func (v *validator) url(path string, t Template, names ...string) {
	if t.IsZero() {
		v.fail(path, "is required")
		return
	}
	for _, name := range t.Names() {
		v.name(path, name, names)
	}
	places, err := t.places()
	if err != nil {
		v.fail(path, "%v", err)
		return
	}
	i := 0
	for _, p := range t.parts {
		if p.name == "" {
			continue
		}
		if p.name == nameClientID && places[i] != inRest {
			v.fail(path, "{client_id} may stand in the path and the query only")
		}
		i++
	}
}

// fixedPath refuses a query in a URL that paths are added to or that is compared.
func (v *validator) fixedPath(path string, t Template) {
	if strings.Contains(t.String(), "?") {
		v.fail(path, "must not have a query")
	}
}

func (v *validator) name(path, name string, allowed []string) {
	input, isInput := strings.CutPrefix(name, appPrefix)
	declared := slices.ContainsFunc(v.c.App, func(in Input) bool { return in.Name == input })
	if isInput && declared || slices.Contains(allowed, name) {
		return
	}
	if isInput {
		v.fail(path, "{%s} is not declared under app", name)
		return
	}
	v.fail(path, "{%s} must not be used here", name)
}

func (v *validator) oneOf(path, value string, allowed ...string) {
	if value == "" {
		v.fail(path, "is required; use %s", strings.Join(allowed, ", "))
		return
	}
	if !slices.Contains(allowed, value) {
		v.fail(path, "%q is not allowed; use %s", value, strings.Join(allowed, ", "))
	}
}

// optional is oneOf for a value that may be left out.
func (v *validator) optional(path, value string, allowed ...string) {
	if value != "" {
		v.oneOf(path, value, allowed...)
	}
}

func (v *validator) member(path, value string) {
	if value != "" && !memberPath.MatchString(value) {
		v.fail(path, "must be member names separated by dots, such as data.user.id")
	}
}

func (v *validator) condition(path string, c *Condition) {
	if c == nil {
		return
	}
	if c.Path == "" {
		v.fail(path+".path", "is required")
	}
	v.member(path+".path", c.Path)
}

// example fills the URLs as a connection would, if defaults and examples give every input a value.
func (v *validator) example() {
	params := map[string]string{}
	for _, in := range v.c.App {
		switch {
		case in.Default != "":
		case in.Example != "":
			params[in.Name] = in.Example
		default:
			return
		}
	}
	if _, err := v.c.Endpoints(params); err != nil {
		v.fail("app", "the URLs are not good with the defaults and examples: %v", err)
	}
}
