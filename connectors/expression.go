package connectors

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxCallDepth = 8
	maxCallArgs  = 16
)

// call is a function with its arguments.
type call struct {
	name string
	args []part
}

var errOpen = errors.New(`"{" without "}"; write "{{" for a single brace`)

// parseExpression reads what stands after an opening brace, and returns what follows the closing one.
func parseExpression(text string) (p part, rest string, err error) {
	if p, rest, err = parseValue(text, 0); err != nil {
		return part{}, "", err
	}
	rest, closed := strings.CutPrefix(rest, "}")
	switch {
	case p.isText():
		return part{}, "", errors.New("text in quotes stands in the arguments of a function only")
	case !closed && rest == "":
		return part{}, "", errOpen
	case !closed:
		return part{}, "", errors.New(`an expression ends with "}" after its name or function`)
	case p.givesBytes():
		return part{}, "", p.needsText()
	}
	return p, rest, nil
}

// parseValue reads a name, a call, or text in quotes.
func parseValue(text string, depth int) (p part, rest string, err error) {
	if quoted, ok := strings.CutPrefix(text, `"`); ok {
		literal, rest, ok := strings.Cut(quoted, `"`)
		if !ok {
			return part{}, "", errors.New("text in an expression ends with a quote")
		}
		return part{text: literal}, rest, nil
	}
	end := strings.IndexAny(text, "(),}")
	if end < 0 {
		return part{}, "", errOpen
	}
	name, rest := text[:end], text[end:]
	if args, ok := strings.CutPrefix(rest, "("); ok {
		return parseCall(name, args, depth)
	}
	if !knownName(name) {
		return part{}, "", fmt.Errorf("unknown name {%.80s}; allowed are {app.NAME}, {account.NAME}, {captured.NAME}, {token.SLOT}, {%s}",
			name, strings.Join(fixed, "}, {"))
	}
	return part{name: name}, rest, nil
}

func parseCall(name, text string, depth int) (p part, rest string, err error) {
	f, ok := functions[name]
	if !ok {
		return part{}, "", fmt.Errorf("unknown function %.80s; there are %s", name, strings.Join(slices.Sorted(maps.Keys(functions)), ", "))
	}
	if depth >= maxCallDepth {
		return part{}, "", fmt.Errorf("functions are nested more than %d deep", maxCallDepth)
	}
	c := &call{name: name}
	rest, closed := strings.CutPrefix(text, ")")
	for !closed {
		var a part
		if a, rest, err = parseValue(rest, depth+1); err != nil {
			return part{}, "", err
		}
		c.args = append(c.args, a)
		if len(c.args) > maxCallArgs {
			return part{}, "", fmt.Errorf("function %s has more than %d arguments", name, maxCallArgs)
		}
		if rest, closed = strings.CutPrefix(rest, ")"); closed {
			break
		}
		if rest, ok = strings.CutPrefix(rest, ","); !ok {
			return part{}, "", fmt.Errorf(`the arguments of %s are separated by commas and end with ")"`, name)
		}
		rest = strings.TrimLeft(rest, " ")
	}
	if err := f.check(c); err != nil {
		return part{}, "", err
	}
	return part{call: c}, rest, nil
}

// check checks the arguments of a call of the function.
func (f function) check(c *call) error {
	if n := len(c.args); n < f.least || n > f.most {
		return fmt.Errorf("function %s takes %s arguments, not %d", c.name, count(f.least, f.most), n)
	}
	for i, a := range c.args {
		if a.givesBytes() && !f.takesBytes {
			return a.needsText()
		}
		literal := f.literals[i]
		if literal == nil {
			continue
		}
		if !a.isText() {
			return fmt.Errorf("argument %d of %s must be text in quotes", i+1, c.name)
		}
		if err := literal(a.text); err != nil {
			return fmt.Errorf("function %s: %w", c.name, err)
		}
	}
	return nil
}

func count(least, most int) string {
	if least == most {
		return strconv.Itoa(least)
	}
	return fmt.Sprintf("%d to %d", least, most)
}

// givesBytes tells whether the value of the part is no text.
func (p part) givesBytes() bool { return p.call != nil && functions[p.call.name].givesBytes }

func (p part) needsText() error {
	return fmt.Errorf("function %s gives bytes, not text: put it into hex, b64 or b64url", p.call.name)
}

func (c *call) value(v Values, now time.Time) (string, error) {
	args := make([]string, len(c.args))
	for i, a := range c.args {
		var err error
		if args[i], err = a.value(v, now); err != nil {
			return "", err
		}
	}
	return functions[c.name].do(args, now)
}
