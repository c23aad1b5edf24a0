package declared

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
)

// test tells whether a value is as declared.
type test func(string) error

// fields are the fields, or the headers, that a request must have: all of them, and no others.
type fields struct {
	must, may map[string]test
	// many are the fields that are there several times, with their values in any order.
	many map[string][]string
}

func newFields() *fields { return &fields{map[string]test{}, map[string]test{}, map[string][]string{}} }

// text wants a field to be that text.
func (f *fields) text(name, want string) {
	f.must[name] = func(got string) error {
		if got != want {
			return fmt.Errorf("is %q and not %q", got, want)
		}
		return nil
	}
}

// some wants a field, and gives its value to keep.
func (f *fields) some(name string, keep *string) {
	f.must[name] = func(got string) error {
		if got == "" {
			return errors.New("is empty")
		}
		*keep = got
		return nil
	}
}

// templates wants a field for each template, but for those that are left out.
func (p *Provider) templates(f *fields, named map[string]connectors.Template, values connectors.Values) {
	for name, t := range named {
		if p.leftOut(t) {
			delete(f.must, name)
			continue
		}
		f.must[name] = func(got string) error { return p.fits(t, got, values) }
	}
}

// headers is templates for headers.
func (p *Provider) headers(f *fields, named map[string]connectors.Template, values connectors.Values) {
	for name, t := range named {
		p.templates(f, map[string]connectors.Template{http.CanonicalHeaderKey(name): t}, values)
	}
}

// renamed gives fields the names that the provider has for them, and takes off those that it does not want.
func (f *fields) renamed(names map[string]string, omit []string) {
	must := map[string]test{}
	for name, t := range f.must {
		if slices.Contains(omit, name) {
			continue
		}
		if own, ok := names[name]; ok {
			name = own
		}
		must[name] = t
	}
	may := map[string]test{}
	for name, t := range f.may {
		if own, ok := names[name]; ok {
			name = own
		}
		may[name] = t
	}
	f.must, f.may = must, may
}

// check tells whether the fields are there, each once, and no others.
func (f *fields) check(what string, got url.Values) error {
	for _, name := range slices.Sorted(maps.Keys(f.must)) {
		switch list := got[name]; len(list) {
		case 0:
			return fmt.Errorf("%s %s is missing; there are %s", what, name, names(got))
		case 1:
			if err := f.must[name](list[0]); err != nil {
				return fmt.Errorf("%s %s %w", what, name, err)
			}
		default:
			return fmt.Errorf("%s %s is there %d times", what, name, len(list))
		}
	}
	for name, want := range f.many {
		if !slices.Equal(slices.Sorted(slices.Values(got[name])), slices.Sorted(slices.Values(want))) {
			return fmt.Errorf("%s %s is %q and not %q", what, name, got[name], want)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if f.must[name] != nil || f.many[name] != nil {
			continue
		}
		if f.may[name] == nil || len(got[name]) != 1 {
			return fmt.Errorf("%s %s is not declared", what, name)
		}
		if err := f.may[name](got[name][0]); err != nil {
			return fmt.Errorf("%s %s %w", what, name, err)
		}
	}
	return nil
}

func names(v url.Values) string {
	if len(v) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(v)), ", ")
}

// plainHeaders are those that every request may have.
var plainHeaders = []string{"Accept", "Accept-Encoding", "Connection", "Content-Length", "Content-Type", "User-Agent"}

// checkHeaders is check for the headers of a call of an endpoint.
func (f *fields) checkHeaders(c *call) error {
	got := url.Values{}
	for name, values := range c.Header {
		if f.must[name] == nil && slices.Contains(plainHeaders, name) {
			continue
		}
		got[name] = values
	}
	return f.check("header", got)
}
