package connectors

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

var (
	connectorName = regexp.MustCompile(`\A[a-z0-9][a-z0-9_-]{0,62}\z`)
	baseName      = regexp.MustCompile(`\A[a-z][a-z0-9-]{0,62}\z`)
	headerName    = regexp.MustCompile("\\A[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}\\z")
	paramName     = regexp.MustCompile(`\A[A-Za-z0-9._~-]{1,100}\z`)
	memberPath    = regexp.MustCompile(`\A(?:[A-Za-z0-9_$@:-]|\\\.)+(?:\.(?:[A-Za-z0-9_$@:-]|\\\.)+)*\z`)
	scopeList     = regexp.MustCompile(`\A[A-Za-z0-9_]+(?: [A-Za-z0-9_]+)*\z`)
	scopeToken    = regexp.MustCompile(`\A[!#-\[\]-~]+\z`) // RFC 6749 section 3.3
	fragmentPath  = regexp.MustCompile(`\A(?:/[A-Za-z0-9._~-]+)+\z`)
	errorCode     = regexp.MustCompile(`\A[A-Za-z0-9_.-]{1,100}\z`)
)

// Validate returns nil when the connector may be used, and else an *[Error] or several joined ones.
// It makes sure that a credential can only go to https URLs, or to loopback, that are fixed but for
// the declared inputs and for what a provider's answer fills in within the declared domains.
func (c *Connector) Validate() error { return join(c.validate()) }

func (c *Connector) validate() []*Error {
	v := validator{c: c}
	v.head()
	if len(c.Ways) > 0 {
		v.ways()
	} else {
		v.scheme()
	}
	return v.errs
}

// validator collects the mistakes of one connector.
type validator struct {
	c    *Connector
	errs []*Error
	// declared are the names that have values, and now is when the templates that are checked are filled.
	declared map[string]declaration
	now      stage
}

// scheme checks all that depends on how an account is connected.
func (v *validator) scheme() {
	v.declare()
	v.inputs("app", v.c.App)
	v.inputs("account", v.c.Account)
	v.mode()
	v.oauth1()
	v.now = atConsent
	v.authorize()
	v.callback()
	v.install()
	v.register()
	v.now = atToken
	v.token()
	v.clientCert()
	v.saml()
	v.steps()
	v.now = v.signsAt()
	v.assertion("assertion", v.c.Assertion)
	v.now = atRequest
	v.refresh()
	v.limits()
	v.introspect()
	v.revoke()
	v.signer()
	v.inject()
	v.api()
	v.probes()
	v.paginate("paginate", v.c.Paginate)
	v.discover()
	v.foundLater()
	v.errors()
	v.rate()
	if len(v.errs) == 0 {
		v.example()
	}
}

func (v *validator) fail(path, format string, args ...any) {
	v.errs = append(v.errs, &Error{Path: path, Message: fmt.Sprintf(format, args...)})
}

func (v *validator) required(path string, t Template) {
	if t.IsZero() {
		v.fail(path, "is required")
	}
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

// param checks the name of a parameter, which may be left out.
func (v *validator) param(path, name string) {
	if name != "" && !paramName.MatchString(name) {
		v.fail(path, "%q is not a parameter name", name)
	}
}

func (v *validator) member(path, value string) {
	if value != "" && !memberPath.MatchString(value) {
		v.fail(path, "must be member names separated by dots, such as data.user.id")
	}
}

func (v *validator) duration(path string, d Duration, limit time.Duration) {
	if d < 0 || time.Duration(d) > limit {
		v.fail(path, "must be between 0 and %s", limit)
	}
}

// index is the path of an element of a list.
func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }
