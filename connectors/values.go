package connectors

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Values gives the names of templates their values: "app.port", "token". Secrets are among them, so that
// formatters and encoders show REDACTED.
type Values map[string]string

// Format writes REDACTED for every verb.
func (v Values) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "REDACTED") }

// MarshalText makes encoders write REDACTED.
func (v Values) MarshalText() ([]byte, error) { return []byte("REDACTED"), nil }

// AppValues checks what an operator gave for the connector's App inputs, and returns it for templates.
// Defaults are applied; a missing, unknown or unfit value is an *[Error]. No error shows a secret.
func (c *Connector) AppValues(given map[string]string) (Values, error) {
	return orError(c.values(appPrefix, c.App, given))
}

// AccountValues is AppValues for the Account inputs.
func (c *Connector) AccountValues(given map[string]string) (Values, error) {
	return orError(c.values(accountPrefix, c.Account, given))
}

func orError(values Values, errs []*Error) (Values, error) {
	if err := join(errs); err != nil {
		return nil, err
	}
	return values, nil
}

// values returns what is good even if something is not.
func (c *Connector) values(prefix string, inputs []Input, given map[string]string) (Values, []*Error) {
	var errs []*Error
	fail := func(name, format string, args ...any) {
		errs = append(errs, &Error{Path: name, Message: fmt.Sprintf(format, args...)})
	}
	values := Values{}
	var known []string
	for _, in := range inputs {
		known = append(known, in.Name)
		value := given[in.Name]
		blank := in.normalized(value) == ""
		if !in.asked(inputs, given) {
			// Where the other value is not good, that has been said.
			if !blank && !slices.ContainsFunc(errs, func(e *Error) bool { return e.Path == in.VisibleWhen.Input }) {
				fail(in.Name, "must be left out: connector %s takes it only when %s", c.Name, in.VisibleWhen)
			}
			continue
		}
		if blank {
			value = in.Default
		}
		if value == "" {
			if !in.Optional {
				fail(in.Name, "connector %s needs this parameter%s", c.Name, in.hint())
			}
			continue
		}
		clean, err := in.Clean(value)
		if err != nil {
			fail(in.Name, "%v%s", err, in.hint())
			continue
		}
		values[prefix+in.Name] = clean
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		switch {
		case slices.Contains(known, name):
		case len(known) == 0:
			fail(name, "unknown parameter; connector %s has none", c.Name)
		default:
			fail(name, "unknown parameter; connector %s has: %s", c.Name, strings.Join(known, ", "))
		}
	}
	return values, errs
}
