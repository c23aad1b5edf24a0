// Package inject puts a credential on a request in the way that a connector declares.
//
// Compile a [Plan] once per connection, and [Plan.Prepare] each account's values when they change.
// For each request make a private copy, [Plan.Strip] what the caller sent in the credential's
// place, then [Prepared.Apply], or [Prepared.ApplySlot] where the account has several tokens. When
// [Plan.NeedsBody] the credential goes into the body too: [Prepared.Body]. The credential is only
// ever on the copy, and one that cannot be sent as it is makes an error instead of a request.
package inject

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
)

var (
	// ErrNoToken is returned when there is no value for a name that has to be sent; the error that
	// wraps it says which. A request never goes out with half a credential.
	ErrNoToken = errors.New("no credential to inject")
	// ErrBadToken is returned for a value that cannot stand where it goes: it has a line break in
	// a header, a slash in a path, or is too long for any place.
	ErrBadToken = errors.New("the credential cannot be sent where it goes")
	// ErrUnknownSlot is returned for a slot that the connector does not declare.
	ErrUnknownSlot = errors.New("the connector has no such slot")
	// ErrBody is returned for a request's body that cannot take the credential. The caller of the
	// API has to send another one.
	ErrBody = errors.New("the body cannot take the credential")
)

// NoValueError is an [ErrNoToken] that says which name has no value.
type NoValueError struct{ Name string }

func (e *NoValueError) Error() string {
	return fmt.Sprintf("%s: there is no value for {%s}", ErrNoToken, e.Name)
}
func (e *NoValueError) Unwrap() error { return ErrNoToken }

// credentialHeaders hold a caller's own credentials whatever the connector injects.
var credentialHeaders = []string{"Authorization", "Cookie", "Proxy-Authorization"}

// credentialParams likewise; RFC 6750 section 2.3 gives bearer tokens this door everywhere.
var credentialParams = []string{"access_token"}

// Plan is a connector's injections and default headers, compiled. It does not change and may be
// used by several goroutines.
type Plan struct {
	own   route
	slots []route // those of api.slots, in their order
	// headers are the default headers whose values are filled in; the others are in the routes.
	headers []place
	// volatile says that there is something to fill in anew for each request, such as the time.
	volatile bool
	// These are what Strip and Body remove.
	stripHeaders, stripParams, stripMembers []string
}

// route is what requests of one slot get. The slot is empty for those of none.
type route struct {
	plan     *Plan
	slot     string
	paths    []string
	places   []place
	headers  []string // the names of the headers that places go to
	defaults []ready
}

// New compiles the injections of a connector, which has no Ways any more. One that cannot be sent
// is an error naming it.
func New(c *connectors.Connector) (*Plan, error) {
	p := &Plan{
		stripHeaders: slices.Clone(credentialHeaders),
		stripParams:  slices.Clone(credentialParams),
	}
	var all []place
	for _, in := range c.Injections() {
		one, err := compile(in, c)
		if err == nil {
			err = checkAmong(one, all, c.API.Slots)
		}
		if err != nil {
			return nil, fmt.Errorf("connector %s: injection %s: %w", c.Name, cmp.Or(in.Name, in.In), err)
		}
		p.strip(one)
		all = append(all, one)
	}
	defaults, err := p.defaults(c)
	if err != nil {
		return nil, err
	}
	p.volatile = slices.ContainsFunc(slices.Concat(all, p.headers), place.volatile)
	p.own = p.route(connectors.Slot{}, all, defaults)
	if len(all) > 0 && len(p.own.places) == 0 {
		return nil, fmt.Errorf("connector %s: all injections have a slot, so there is none for requests of no slot", c.Name)
	}
	for _, s := range c.API.Slots {
		p.slots = append(p.slots, p.route(s, all, defaults))
	}
	return p, nil
}

// checkAmong refuses a place that is taken by one of the others, and one of a slot that there is not.
func checkAmong(p place, others []place, slots []connectors.Slot) error {
	if slices.ContainsFunc(others, func(o place) bool { return o.slot == p.slot && o.where() == p.where() }) {
		return errors.New("is there twice")
	}
	if p.slot != "" && !slices.ContainsFunc(slots, func(s connectors.Slot) bool { return s.Name == p.slot }) {
		return fmt.Errorf("slot %s is not declared", p.slot)
	}
	return nil
}

// strip notes that what a caller sends in that place is to be removed.
func (p *Plan) strip(one place) {
	switch one.in {
	case connectors.InQuery:
		p.stripParams = append(p.stripParams, one.name)
	case connectors.InBody:
		p.stripMembers = append(p.stripMembers, one.name)
	default:
		if name := one.header(); name != "" && !slices.Contains(p.stripHeaders, name) {
			p.stripHeaders = append(p.stripHeaders, name)
		}
	}
}

// defaults returns the default headers that are always the same. The others are put into the plan.
func (p *Plan) defaults(c *connectors.Connector) ([]ready, error) {
	var constant []ready
	for _, name := range slices.Sorted(maps.Keys(c.API.Headers)) {
		one := place{in: connectors.InHeader, name: textproto.CanonicalMIMEHeaderKey(name), value: c.API.Headers[name]}
		err := one.compile(c, false)
		var text string
		if err == nil && len(one.needs) == 0 {
			text, err = one.text(nil, time.Now())
		}
		switch {
		case err != nil:
			return nil, fmt.Errorf("connector %s: header %s: %w", c.Name, name, err)
		case len(one.needs) > 0 || one.volatile():
			p.headers = append(p.headers, one)
		default:
			constant = append(constant, ready{one.name, []string{text}})
		}
	}
	return constant, nil
}

// route collects the places of a slot: those of its own, and those of no slot in whose place there
// is none of its own.
func (p *Plan) route(s connectors.Slot, all []place, defaults []ready) route {
	rt := route{plan: p, slot: s.Name, defaults: defaults}
	for _, path := range s.Paths {
		rt.paths = append(rt.paths, strings.TrimSuffix(path, "/"))
	}
	for _, one := range all {
		replaced := slices.ContainsFunc(all, func(o place) bool {
			return o.slot == s.Name && o.where() == one.where()
		})
		if one.slot != s.Name && (one.slot != "" || replaced) {
			continue
		}
		one.slot = ""
		if s.Name != connectors.NameToken {
			one.slot = s.Name
		}
		if name := one.header(); name != "" {
			if one.index = slices.Index(rt.headers, name); one.index < 0 {
				one.index = len(rt.headers)
				rt.headers = append(rt.headers, name)
			}
		}
		rt.places = append(rt.places, one)
	}
	return rt
}
