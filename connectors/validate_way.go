package connectors

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// ways checks each way as the connector that it makes.
func (v *validator) ways() {
	c := v.c
	if beside := given(c.Scheme); len(beside) > 0 {
		v.fail("auth", "excludes the keys of one way beside it: put %s into its entries", strings.Join(beside, ", "))
	}
	var shared mistakes
	for i, w := range c.Ways {
		at := index("auth", i)
		if !connectorName.MatchString(w.ID) {
			v.fail(at+".id", "must be lower-case letters, digits, '-' and '_'")
		}
		if slices.ContainsFunc(c.Ways[:i], func(earlier Way) bool { return earlier.ID == w.ID }) {
			v.fail(at+".id", "%s is there twice", w.ID)
		}
		if w.Title == "" {
			v.fail(at+".title", "is required")
		}
		one := validator{c: c.only(w)}
		one.scheme()
		for _, e := range one.errs {
			var own bool
			if e.Path, own = c.wayPath(i, e.Path); own {
				v.errs = append(v.errs, e)
			} else {
				shared.add(*e, w.ID)
			}
		}
	}
	v.errs = append(v.errs, shared.all(len(c.Ways))...)
}

// given are the keys of a struct that a file gives, in the order of the fields.
func given(s any) (keys []string) {
	v := reflect.ValueOf(s)
	for i := range v.NumField() {
		if !v.Field(i).IsZero() {
			key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
			keys = append(keys, key)
		}
	}
	return keys
}

// wayPath is where in the file a value of the connector stands that a way makes, and whether that is the
// way's own entry.
func (c *Connector) wayPath(i int, path string) (string, bool) {
	key, rest := path, ""
	if end := strings.IndexAny(path, ".["); end >= 0 {
		key, rest = path[:end], path[end:]
	}
	w, own := c.Ways[i], true
	switch key {
	case "app":
		rest, own = ownInput(rest, len(c.App))
	case "account":
		rest, own = ownInput(rest, len(c.Account))
	case "api":
		own = w.API != nil
	case "verify":
		own = w.Verify != nil
	case "identity":
		own = w.Identity != nil
	case "discover":
		own = len(w.Discover) > 0
	case "errors", "paginate":
		own = false
	}
	if !own {
		return path, false
	}
	return index("auth", i) + "." + key + rest, true
}

// ownInput is the path of an input in the way's list, which follows that of the connector.
func ownInput(path string, shared int) (string, bool) {
	number, rest, ok := strings.Cut(strings.TrimPrefix(path, "["), "]")
	n, err := strconv.Atoi(number)
	if !ok || err != nil {
		return path, true
	}
	return index("", n-shared) + rest, n >= shared
}

// mistakes are those outside of the ways, each with the ways that it is one with.
type mistakes struct {
	errs []*Error
	ways [][]string
}

func (m *mistakes) add(e Error, way string) {
	i := slices.IndexFunc(m.errs, func(known *Error) bool { return *known == e })
	if i < 0 {
		i = len(m.errs)
		m.errs, m.ways = append(m.errs, &e), append(m.ways, nil)
	}
	m.ways[i] = append(m.ways[i], way)
}

// all returns each mistake once. One that is none with all ways says which it is with.
func (m *mistakes) all(ways int) []*Error {
	for i, e := range m.errs {
		if len(m.ways[i]) < ways {
			e.Message += ", with auth " + strings.Join(m.ways[i], ", ")
		}
	}
	return m.errs
}
