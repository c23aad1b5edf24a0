package declared

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
)

func (p *Provider) fitsForm(form map[string]connectors.Template, c *call, values connectors.Values) error {
	got, err := c.form()
	if err != nil {
		return err
	}
	f := newFields()
	p.templates(f, form, values)
	return f.check("field", got)
}

// fitsJSON compares a JSON body with what is declared, value by value.
func (p *Provider) fitsJSON(tree *connectors.Tree, kind string, c *call, values connectors.Values) error {
	if got := c.Header.Get("Content-Type"); got != kind {
		return fmt.Errorf("the body is %q and not %s", got, kind)
	}
	source, err := tree.MarshalYAML()
	if err != nil {
		return err
	}
	want, err := decodeJSON(source)
	if err != nil {
		return err
	}
	got, err := decodeJSON(c.body)
	if err != nil {
		return err
	}
	return p.same(want, got, values)
}

func decodeJSON(text []byte) (v any, err error) {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

// same compares a declared value with one that was sent.
func (p *Provider) same(want, got any, values connectors.Values) error {
	switch want := want.(type) {
	case string:
		t, err := connectors.ParseTemplate(want)
		text, ok := got.(string)
		if err != nil || !ok {
			return fmt.Errorf("the body has %v where a text is declared", got)
		}
		return p.fits(t, text, values)
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return errors.New("the body has another list than declared")
		}
		for i := range want {
			if err := p.same(want[i], list[i], values); err != nil {
				return err
			}
		}
		return nil
	case map[string]any:
		return p.sameMembers(want, got, values)
	}
	if want != got {
		return fmt.Errorf("the body has %v and not %v", got, want)
	}
	return nil
}

func (p *Provider) sameMembers(want map[string]any, got any, values connectors.Values) error {
	members, ok := got.(map[string]any)
	if !ok {
		return errors.New("the body has no object where one is declared")
	}
	left := url.Values{}
	for name := range members {
		left[name] = nil
	}
	for _, name := range sorted(want) {
		if text, ok := want[name].(string); ok {
			if t, err := connectors.ParseTemplate(text); err == nil && p.leftOut(t) {
				continue
			}
		}
		value, ok := members[name]
		if !ok {
			return fmt.Errorf("member %s is missing", name)
		}
		if err := p.same(want[name], value, values); err != nil {
			return fmt.Errorf("member %s %w", name, err)
		}
		delete(left, name)
	}
	if len(left) > 0 {
		return fmt.Errorf("member %s is not declared", names(left))
	}
	return nil
}
