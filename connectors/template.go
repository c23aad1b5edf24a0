package connectors

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// Template is text with expressions in braces: {app.NAME}, {account.NAME}, {captured.NAME}, {token},
// {token.SLOT}, {refresh_token}, {client_id}, {client_secret}, {assertion}, and calls of functions such
// as {b64(account.user, ":", account.password)}; see docs/reference/connector-file.md for those. No other
// name and no other function exists, nothing that a caller sends is evaluated, and "{{" and "}}" stand for
// single braces. The zero Template is empty. A Template does not change and may be used by several
// goroutines.
type Template struct {
	text  string
	parts []part
}

// ParseTemplate reads a template.
func ParseTemplate(text string) (Template, error) {
	t := Template{text: text}
	var literal strings.Builder
	for rest := text; rest != ""; {
		i := strings.IndexAny(rest, "{}")
		if i < 0 && literal.Len() == 0 {
			t.parts = append(t.parts, part{text: rest})
			return t, nil
		}
		if i < 0 {
			literal.WriteString(rest)
			break
		}
		literal.WriteString(rest[:i])
		brace := rest[i]
		rest = rest[i+1:]
		if rest != "" && rest[0] == brace {
			literal.WriteByte(brace)
			rest = rest[1:]
			continue
		}
		if brace == '}' {
			return Template{}, errors.New(`"}" without "{"; write "}}" for a single brace`)
		}
		e, after, err := parseExpression(rest)
		if err != nil {
			return Template{}, err
		}
		if literal.Len() > 0 {
			t.parts = append(t.parts, part{text: literal.String()})
			literal.Reset()
		}
		t.parts = append(t.parts, e)
		rest = after
	}
	if literal.Len() > 0 {
		t.parts = append(t.parts, part{text: literal.String()})
	}
	return t, nil
}

// Expand returns the text with every expression replaced by its value. A name without a value, or with an
// empty one, is an error. Values are put in as they are; the caller knows what they must not contain.
func (t Template) Expand(v Values) (string, error) { return t.ExpandAt(v, time.Now()) }

// ExpandAt is Expand with the time that the function now gives.
func (t Template) ExpandAt(v Values, now time.Time) (string, error) {
	var b strings.Builder
	for _, p := range t.parts {
		value, err := p.value(v, now)
		if err != nil {
			return "", err
		}
		b.WriteString(value)
	}
	return b.String(), nil
}

// Names returns the names that the template uses, sorted, each once: "app.port", "token".
func (t Template) Names() []string {
	var names []string
	for _, p := range t.parts {
		names = p.names(names)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// String returns the template as it was written.
func (t Template) String() string { return t.text }

// IsZero reports whether the template is empty.
func (t Template) IsZero() bool { return t.text == "" }

// Equal reports whether both templates were written alike.
func (t Template) Equal(other Template) bool { return t.text == other.text }

// MarshalYAML writes the template as text.
func (t Template) MarshalYAML() (any, error) { return t.text, nil }

// UnmarshalYAML reads the template from text.
func (t *Template) UnmarshalYAML(unmarshal func(any) error) error {
	var text string
	if err := unmarshal(&text); err != nil {
		return err
	}
	v, err := ParseTemplate(text)
	if err != nil {
		return err
	}
	*t = v
	return nil
}
