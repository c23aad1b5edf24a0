package declared

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
)

// takePath takes the segment with the credential off the path.
func (p *Provider) takePath(c *call, s *session) (string, error) {
	path := c.path
	for _, in := range p.injections("") {
		if in.In != connectors.InPath {
			continue
		}
		segment, rest, _ := strings.Cut(path[1:], "/")
		plain, err := url.PathUnescape(segment)
		if err == nil {
			err = p.fits(in.Template, plain, s.values)
		}
		if err != nil {
			return "/" + rest, fmt.Errorf("the segment of the path %w", err)
		}
		path = "/" + rest
	}
	return path, nil
}

// takeCredential checks everything that belongs to a credential and takes it off; the rest has nothing of it.
func (p *Provider) takeCredential(a *apiCall, s *session, slot string) error {
	rest := *a.call
	rest.Request = a.Request.Clone(a.Context())
	rest.query = maps.Clone(a.query)
	values := s.values
	if slot != "" && slot != "token" {
		values = maps.Clone(values)
		values["token"] = values["token."+slot]
	}
	if err := p.presents(a.call); err != nil {
		return err
	}
	if err := p.takeSignature(a.call, &rest, values); err != nil {
		return err
	}
	for _, in := range p.injections(slot) {
		if in.In == connectors.InPath || in.Basic == nil && (p.leftOut(in.Template) || p.unknownYet(a, in.Template) && !p.has(in, &rest)) {
			continue
		}
		if err := p.take(in, &rest, values); err != nil {
			return fmt.Errorf("the credential in %s %s %w", in.In, in.Name, err)
		}
	}
	own := p.takeOwn(a, &rest)
	for name, t := range p.connector.API.Headers {
		if own[http.CanonicalHeaderKey(name)] || p.leftOut(t) || p.unknownYet(a, t) && len(rest.Header.Values(name)) == 0 {
			continue
		}
		if err := p.takeOne(rest.Header, http.CanonicalHeaderKey(name), t, values); err != nil {
			return fmt.Errorf("header %s %w", name, err)
		}
	}
	return p.nothingLeft(&rest, s)
}

// has tells whether a request has something in the place of an injection.
func (p *Provider) has(in connectors.Injection, c *call) bool {
	switch in.In {
	case connectors.InHeader:
		return len(c.Header.Values(in.Name)) > 0
	case connectors.InQuery:
		return c.query.Has(in.Name)
	case connectors.InCookie:
		_, err := c.Cookie(in.Name)
		return err == nil
	}
	return bytes.Contains(c.body, []byte(in.Name))
}

// take takes one injection off.
func (p *Provider) take(in connectors.Injection, c *call, values connectors.Values) error {
	switch in.In {
	case connectors.InHeader:
		return p.takeOne(c.Header, http.CanonicalHeaderKey(in.Name), in.Template, values)
	case connectors.InQuery:
		return p.takeOne(c.query, in.Name, in.Template, values)
	case connectors.InCookie:
		cookies := c.Cookies()
		c.Header.Del("Cookie")
		for i, cookie := range cookies {
			if cookie.Name == in.Name {
				for _, other := range slices.Delete(cookies, i, i+1) {
					c.AddCookie(other)
				}
				return p.fits(in.Template, cookie.Value, values)
			}
		}
		return errors.New("is missing")
	case connectors.InBasic:
		list := c.Header["Authorization"]
		c.Header.Del("Authorization")
		if len(list) != 1 {
			return fmt.Errorf("is there %d times", len(list))
		}
		user, password, err := splitBasic(list[0], false)
		if err != nil {
			return err
		}
		return p.fitHalves(in.Basic, user, password, values)
	case connectors.InBody:
		return p.takeMember(in, c, values)
	}
	return fmt.Errorf("place %s is not known", in.In)
}

// takeOne takes a value off that is there once.
func (p *Provider) takeOne(from map[string][]string, name string, t connectors.Template, values connectors.Values) error {
	list := from[name]
	delete(from, name)
	if len(list) != 1 {
		return fmt.Errorf("is there %d times", len(list))
	}
	return p.fits(t, list[0], values)
}

// takeMember takes a member off a JSON object, or a field off a form.
func (p *Provider) takeMember(in connectors.Injection, c *call, values connectors.Values) error {
	if form, err := c.form(); err == nil {
		err = p.takeOne(form, in.Name, in.Template, values)
		c.body = []byte(form.Encode())
		return err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(c.body, &members); err != nil {
		return errors.New("has a body that is neither form nor JSON object")
	}
	if n := bytes.Count(c.body, []byte(`"`+in.Name+`":`)); n != 1 {
		return fmt.Errorf("is there %d times", n)
	}
	var got string
	if err := json.Unmarshal(members[in.Name], &got); err != nil {
		return errors.New("is no text")
	}
	delete(members, in.Name)
	c.body, _ = json.Marshal(members) // it was JSON before
	return p.fits(in.Template, got, values)
}

// unknownYet tells whether a request is one of those that find out what a template names, or come before them: it
// goes without it.
func (p *Provider) unknownYet(a *apiCall, t connectors.Template) bool {
	for i, asked := range p.connector.Discover {
		if !p.isList(a, asked) {
			continue
		}
		for _, d := range p.connector.Discover[i:] {
			for _, name := range t.Names() {
				captured, ok := strings.CutPrefix(name, "captured.")
				if _, more := d.Capture[captured]; ok && (captured == d.Into || more) {
					return true
				}
			}
		}
	}
	return false
}
