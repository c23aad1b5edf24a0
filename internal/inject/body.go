package inject

import (
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// member is a member of a JSON object, or a field of a form.
type member struct{ name, value string }

// NeedsBody tells whether the credential goes into the body of requests, so that bodies have to be
// read whole, with a limit, and passed to [Prepared.Body].
func (p *Plan) NeedsBody() bool { return len(p.stripMembers) > 0 }

// Body returns a body with the credential for requests of a slot in it, in place of what the caller
// sent there; all other bytes stay as they are. It has to be a JSON object or a form, as
// Content-Type in h says, and not encoded otherwise; else the error is ErrBody. An empty body
// becomes one with the credential alone. The errors of [Prepared.ApplySlot] are errors here too.
func (c *Prepared) Body(slot string, h http.Header, body []byte) ([]byte, error) {
	own, err := c.of(slot)
	if err != nil {
		return nil, err
	}
	plan := own.route.plan
	if !plan.NeedsBody() {
		return body, nil
	}
	var members []member
	if own = own.current(); own.more != nil {
		members = own.more.members
	}
	if len(body) == 0 && len(members) == 0 {
		return body, nil
	}
	kind, err := bodyType(h)
	if err != nil {
		return nil, err
	}
	if kind == "application/json" {
		return setMembers(body, plan.member, members)
	}
	return setFields(body, plan.member, members)
}

// bodyType returns the type of a body that a member can be set in.
func bodyType(h http.Header) (string, error) {
	for _, coding := range h["Content-Encoding"] {
		if !strings.EqualFold(coding, "identity") {
			return "", fmt.Errorf("%w: it must have no Content-Encoding", ErrBody)
		}
	}
	if types := h["Content-Type"]; len(types) == 1 {
		kind, params, err := mime.ParseMediaType(types[0])
		charset := params["charset"]
		if err == nil && (kind == "application/json" || kind == "application/x-www-form-urlencoded") &&
			(charset == "" || strings.EqualFold(charset, "utf-8")) {
			return kind, nil
		}
	}
	return "", fmt.Errorf("%w: its one Content-Type must be application/json or application/x-www-form-urlencoded, in UTF-8", ErrBody)
}

// setFields sets fields of a form, and removes those that drop names.
func setFields(form []byte, drop func(string) bool, set []member) ([]byte, error) {
	if err := oneLine(string(form)); err != nil {
		return nil, fmt.Errorf("%w: it is not a form", ErrBody)
	}
	out := removePairs(string(form), drop)
	for _, m := range set {
		out = joined(out, "&", url.QueryEscape(m.name)+"="+url.QueryEscape(m.value))
	}
	return []byte(out), nil
}
