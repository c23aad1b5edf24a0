package connectors

import (
	"net/url"
	"slices"
	"strings"
)

// filler fills URL templates and collects what goes wrong.
type filler struct {
	values Values
	within []string
	errs   []*Error
}

func (f *filler) fail(path string, err error) {
	f.errs = append(f.errs, &Error{Path: path, Message: err.Error()})
}

// waits tells whether a template names something that was not captured yet.
func (f *filler) waits(t Template) bool {
	return slices.ContainsFunc(t.Names(), func(name string) bool {
		return strings.HasPrefix(name, capturedPrefix) && f.values[name] == ""
	})
}

// url is nil for a template that is empty, waits, or cannot be filled.
func (f *filler) url(path string, t Template) *url.URL {
	if t.IsZero() || f.waits(t) {
		return nil
	}
	u, err := t.expandURL(f.values, f.within)
	if err != nil {
		f.fail(path, err)
		return nil
	}
	return u
}

func (f *filler) text(path string, t Template) string {
	if u := f.url(path, t); u != nil {
		return u.String()
	}
	return ""
}

func (f *filler) base(bases map[string]*url.URL, name, path string, t Template) {
	u := f.url(path, t)
	if u == nil {
		return
	}
	u.Host = canonicalHost(u)
	u.Path = strings.TrimSuffix(u.Path, "/")
	u.RawPath = strings.TrimSuffix(u.RawPath, "/")
	bases[name] = u
}

func canonicalHost(u *url.URL) string {
	if u.Scheme == "https" {
		return strings.TrimSuffix(u.Host, ":443")
	}
	return u.Host
}
