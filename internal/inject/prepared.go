package inject

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
)

// Prepared is a credential in the form in which it goes onto requests, checked once. It holds the
// credential, so it is printed like one. It may be used by several goroutines.
type Prepared struct {
	route *route
	// first is the value of the route's first header: an array, so that slices of it cost nothing.
	// Others are those of the other headers. The empty ones are left out.
	first  [1]string
	others []string
	params string // "name=value&…", escaped
	more   *more  // nil where there is none of it, as with most connectors
}

// more is what few connectors have.
type more struct {
	defaults         []ready
	segment, escaped string // of the path
	members          []member
	slots            []choice          // those of the plan
	values           connectors.Values // of a volatile plan
}

// choice is what a request of one slot gets: a credential, or the error that there is none.
type choice struct {
	prepared Prepared
	err      error
}

// ready is a header with its one value. The slice is shared by requests and never appended to.
type ready struct {
	name   string
	values []string
}

// Prepare puts values into the plan's templates: "token", "token.SLOT", "client_id", and those of
// inputs and of what was captured. A place whose template names an optional input without a value is
// left out, unless half a credential would be left out with it. It returns ErrNoToken or
// ErrBadToken, which show no value. What a slot lacks is an error of [Prepared.ApplySlot] only.
func (p *Plan) Prepare(values connectors.Values) (Prepared, error) {
	if p.volatile {
		values = maps.Clone(values)
	}
	now := time.Now()
	c, err := p.own.prepare(values, now)
	if err != nil || len(p.slots) == 0 {
		return c, err
	}
	for i := range p.slots {
		var one choice
		one.prepared, one.err = p.slots[i].prepare(values, now)
		c.rare().slots = append(c.rare().slots, one)
	}
	return c, nil
}

func (rt *route) prepare(values connectors.Values, now time.Time) (Prepared, error) {
	c := Prepared{route: rt}
	if rt.plan.volatile {
		c.rare().values = values
	}
	if len(rt.headers) > 1 {
		c.others = make([]string, len(rt.headers)-1)
	}
	v := rt.values(values)
	for _, p := range rt.places {
		text, err := p.text(v, now)
		if err != nil {
			return Prepared{}, err
		}
		if text != "" {
			c.put(p, text)
		}
	}
	for _, p := range rt.plan.headers {
		text, err := p.text(v, now)
		if err != nil {
			return Prepared{}, err
		}
		if text != "" {
			c.rare().defaults = append(c.rare().defaults, ready{p.name, []string{text}})
		}
	}
	return c, nil
}

// values are those for requests of the slot: {token} stands for the slot's token, which may be
// missing. A slot called token is {token} itself.
func (rt *route) values(v connectors.Values) connectors.Values {
	if rt.slot == "" || rt.slot == connectors.NameToken {
		return v
	}
	own := connectors.Values{}
	maps.Copy(own, v)
	own[connectors.NameToken] = v[connectors.SlotName(rt.slot)]
	return own
}

// put keeps the text that goes to a place.
func (c *Prepared) put(p place, text string) {
	switch p.in {
	case connectors.InQuery:
		c.params = joined(c.params, "&", url.QueryEscape(p.name)+"="+url.QueryEscape(text))
	case connectors.InPath:
		c.rare().segment, c.rare().escaped = text, url.PathEscape(text)
	case connectors.InBody:
		c.rare().members = append(c.rare().members, member{p.name, text})
	default:
		at := &c.first[0]
		if p.index > 0 {
			at = &c.others[p.index-1]
		}
		if p.in == connectors.InCookie {
			text = joined(*at, "; ", p.name+"="+text)
		}
		*at = text
	}
}

func joined(list, separator, one string) string {
	if list == "" {
		return one
	}
	return list + separator + one
}

func (c *Prepared) rare() *more {
	if c.more == nil {
		c.more = new(more)
	}
	return c.more
}

// Apply puts the credential for requests of no slot on r, where it replaces whatever stood in its
// place, and adds the connector's default headers that r lacks. A segment of the path goes before the
// whole path of r, that of a base included. r is the caller's private copy; its Header is changed,
// its URL replaced.
func (c *Prepared) Apply(r *http.Request) {
	c = c.current()
	if r.Header == nil {
		r.Header = make(http.Header, len(c.route.headers)+len(c.route.defaults))
	}
	addDefaults(r.Header, c.route.defaults)
	if c.more != nil {
		addDefaults(r.Header, c.more.defaults)
	}
	for i, name := range c.route.headers {
		value := c.first[:]
		if i > 0 {
			value = c.others[i-1 : i : i]
		}
		if value[0] != "" {
			r.Header[name] = value
		}
	}
	if c.params != "" || c.more != nil && c.more.escaped != "" {
		r.URL = c.url(r.URL)
	}
}

// current returns c, or with a volatile plan what it is now. A text that became unfit by chance
// keeps its earlier form, for the provider to refuse.
func (c *Prepared) current() *Prepared {
	if !c.route.plan.volatile {
		return c
	}
	again, err := c.route.prepare(c.more.values, time.Now())
	if err != nil {
		return c
	}
	return &again
}

func addDefaults(h http.Header, defaults []ready) {
	for _, d := range defaults {
		if absent(h[d.name]) {
			h[d.name] = d.values
		}
	}
}

// absent tells whether a header is not there. reverse_proxy sets User-Agent to one empty value when
// the caller sent none, to keep net/http from adding its own.
func absent(values []string) bool {
	return len(values) == 0 || len(values) == 1 && values[0] == ""
}

func (c *Prepared) url(in *url.URL) *url.URL {
	u := *in
	if c.params != "" {
		u.RawQuery = joined(removePairs(u.RawQuery, c.route.plan.named), "&", c.params)
	}
	if c.more != nil && c.more.escaped != "" {
		raw := "/" + c.more.escaped + rooted(u.EscapedPath())
		u.Path, u.RawPath = "/"+c.more.segment+rooted(u.Path), ""
		if u.EscapedPath() != raw {
			u.RawPath = raw
		}
	}
	return &u
}

func rooted(path string) string {
	if path == "" || path[0] == '/' {
		return path
	}
	return "/" + path
}

// Format writes REDACTED for every verb.
func (c Prepared) Format(f fmt.State, _ rune) { io.WriteString(f, "REDACTED") }

// MarshalText makes encoders write REDACTED.
func (c Prepared) MarshalText() ([]byte, error) { return []byte("REDACTED"), nil }
