package inject

import (
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/claviger-proxy/claviger/vault"
)

// Prepared is a token in the form in which it goes onto requests, checked once. It holds the token,
// so it is printed like one. It may be used by several goroutines.
type Prepared struct {
	plan   *Plan
	first  [1]string // the value of the plan's first header: an array, so that slices of it cost nothing
	others []string  // the values of the others
	params string    // "name=value&…", escaped
}

// ready is a header with its one value. The slice is shared by requests and never appended to.
type ready struct {
	name   string
	values []string
}

// Prepare puts a token into the plan's templates. It returns ErrNoToken or ErrBadToken.
func (p *Plan) Prepare(token vault.Secret) (Prepared, error) {
	secret := token.Reveal()
	if secret == "" {
		return Prepared{}, ErrNoToken
	}
	if !sendable(secret) {
		return Prepared{}, ErrBadToken
	}
	out := Prepared{plan: p}
	for i, s := range p.headers {
		if i == 0 {
			out.first[0] = s.value(secret)
		} else {
			out.others = append(out.others, s.value(secret))
		}
	}
	for _, s := range p.params {
		if out.params != "" {
			out.params += "&"
		}
		out.params += url.QueryEscape(s.name) + "=" + url.QueryEscape(s.value(secret))
	}
	return out, nil
}

// Of tells whether it was prepared by that plan. After a reload the connector may inject in another
// way.
func (c *Prepared) Of(p *Plan) bool { return c != nil && c.plan == p }

// Apply puts the token on r, where it replaces whatever stood in its place, and adds the
// connector's default headers that r lacks. r is the caller's private copy; its Header is changed,
// its URL replaced.
func (c *Prepared) Apply(r *http.Request) {
	if r.Header == nil {
		r.Header = make(http.Header, len(c.plan.headers)+len(c.plan.defaults))
	}
	for _, d := range c.plan.defaults {
		if absent(r.Header[d.name]) {
			r.Header[d.name] = d.values
		}
	}
	for i, s := range c.plan.headers {
		if i == 0 {
			r.Header[s.name] = c.first[:]
		} else {
			r.Header[s.name] = c.others[i-1 : i : i]
		}
	}
	if c.params == "" {
		return
	}
	u := *r.URL
	u.RawQuery = removePairs(u.RawQuery, c.plan.named)
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += c.params
	r.URL = &u
}

// Format writes REDACTED for every verb.
func (c Prepared) Format(f fmt.State, _ rune) { io.WriteString(f, "REDACTED") }

// MarshalText makes encoders write REDACTED.
func (c Prepared) MarshalText() ([]byte, error) { return []byte("REDACTED"), nil }
