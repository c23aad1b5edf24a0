package connectors

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// The names that a template may use beside app.NAME.
const (
	nameToken    = "token"
	nameClientID = "client_id"
	appPrefix    = "app."
)

var inputName = regexp.MustCompile(`\A[a-z][a-z0-9_]{0,62}\z`)

// Values gives the names of templates their values: "app.port", "token".
type Values map[string]string

// Template is text with names in braces: {app.NAME}, {token} and, in revoke.url, {client_id}. No
// other name exists, nothing is evaluated, and "{{" and "}}" stand for single braces. The zero
// Template is empty. A Template does not change and may be used by several goroutines.
type Template struct {
	text  string
	parts []part
}

// part is a literal or a name.
type part struct{ text, name string }

// ParseTemplate reads a template.
func ParseTemplate(text string) (Template, error) {
	t := Template{text: text}
	var literal strings.Builder
	for rest := text; rest != ""; {
		i := strings.IndexAny(rest, "{}")
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
		name, after, ok := strings.Cut(rest, "}")
		if !ok {
			return Template{}, errors.New(`"{" without "}"; write "{{" for a single brace`)
		}
		if !knownName(name) {
			return Template{}, fmt.Errorf("unknown name {%s}; allowed are {app.NAME}, {token} and {client_id}", name)
		}
		if literal.Len() > 0 {
			t.parts = append(t.parts, part{text: literal.String()})
			literal.Reset()
		}
		t.parts = append(t.parts, part{name: name})
		rest = after
	}
	if literal.Len() > 0 {
		t.parts = append(t.parts, part{text: literal.String()})
	}
	return t, nil
}

func knownName(name string) bool {
	if input, ok := strings.CutPrefix(name, appPrefix); ok {
		return inputName.MatchString(input)
	}
	return name == nameToken || name == nameClientID
}

// Expand returns the text with every name replaced by its value. A name without a value, or with an
// empty one, is an error. Values are put in as they are; the caller knows what they must not contain.
func (t Template) Expand(v Values) (string, error) {
	var b strings.Builder
	for _, p := range t.parts {
		if p.name == "" {
			b.WriteString(p.text)
			continue
		}
		value := v[p.name]
		if value == "" {
			return "", fmt.Errorf("no value for {%s}", p.name)
		}
		b.WriteString(value)
	}
	return b.String(), nil
}

// ExpandToken is Expand for a template that names nothing but {token}, as all injections do. It
// allocates the result only. An empty token, one with control characters, and a template with other
// names are errors; none of them shows the token.
func (t Template) ExpandToken(token string) (string, error) {
	if token == "" {
		return "", errors.New("no value for {token}")
	}
	if hasControl(token) {
		return "", errors.New("the value for {token} has control characters")
	}
	var before, after string
	switch p := t.parts; {
	case len(p) == 1 && p[0].name == nameToken:
		return token, nil
	case len(p) == 2 && p[0].name == "" && p[1].name == nameToken:
		before = p[0].text
	case len(p) == 2 && p[0].name == nameToken && p[1].name == "":
		after = p[1].text
	case len(p) == 3 && p[0].name == "" && p[1].name == nameToken && p[2].name == "":
		before, after = p[0].text, p[2].text
	default:
		return t.Expand(Values{nameToken: token})
	}
	return before + token + after, nil
}

// Names returns the names that the template uses, sorted, each once: "app.port", "token".
func (t Template) Names() []string {
	var names []string
	for _, p := range t.parts {
		if p.name != "" {
			names = append(names, p.name)
		}
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

func hasControl(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] == 0x7f {
			return true
		}
	}
	return false
}
