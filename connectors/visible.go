package connectors

import (
	"fmt"
	"slices"
	"strings"
)

// VisibleWhen says when an input is asked for: only if another one has a certain value.
type VisibleWhen struct {
	// Input is the name of the other one: an earlier one of the same list, with an Enum or a Default, which is
	// no secret and is asked for always.
	Input string `yaml:"input"`
	// Equals is the value that it must have, and In are several that it may have. One of the two is given.
	Equals string   `yaml:"equals,omitempty" scalar:"any"`
	In     []string `yaml:"in,omitempty" scalar:"any"`
}

// Values are those of the other input with which this one is asked for.
func (w *VisibleWhen) Values() []string {
	if w.Equals != "" {
		return []string{w.Equals}
	}
	return w.In
}

// String is the condition for people, such as "kind is key or token".
func (w *VisibleWhen) String() string { return w.Input + " is " + strings.Join(w.Values(), " or ") }

// MayLack tells whether there may be no value: the input is optional, or is not always asked for.
func (in Input) MayLack() bool { return in.Optional || in.VisibleWhen != nil }

// Asked returns those of the inputs that are asked for where these values are given.
func Asked(inputs []Input, given map[string]string) []Input {
	var asked []Input
	for _, in := range inputs {
		if in.asked(inputs, given) {
			asked = append(asked, in)
		}
	}
	return asked
}

// asked tells whether the input is asked for. It is not where the value that this depends on is not good.
func (in Input) asked(inputs []Input, given map[string]string) bool {
	w := in.VisibleWhen
	if w == nil {
		return true
	}
	at := slices.IndexFunc(inputs, func(other Input) bool { return other.Name == w.Input })
	if at < 0 {
		return false
	}
	other := inputs[at]
	value := given[w.Input]
	if other.normalized(value) == "" {
		value = other.Default
	}
	clean, err := other.Clean(value)
	return err == nil && slices.Contains(w.Values(), clean)
}

// visibleWhen checks the condition of an input; before are the inputs ahead of it in the same list.
func (v *validator) visibleWhen(at string, in Input, before []Input) {
	w := in.VisibleWhen
	if w == nil {
		return
	}
	i := slices.IndexFunc(before, func(other Input) bool { return other.Name == w.Input })
	if i < 0 {
		v.fail(at+".input", "must name an input that stands before this one in the same list")
		return
	}
	switch other := before[i]; {
	case other.VisibleWhen != nil:
		v.fail(at+".input", "%s has a visible_when of its own; name one that is always asked for", w.Input)
	case other.Secret:
		v.fail(at+".input", "%s is a secret, and what is asked for would tell its value", w.Input)
	case len(other.Enum) == 0 && other.Default == "":
		v.fail(at+".input", "%s has neither enum nor default, so that nobody could tell what is asked for", w.Input)
	case (w.Equals != "") == (len(w.In) > 0):
		v.fail(at, "must have either equals or in")
	default:
		v.valuesOf(at, other, *w)
	}
}

// valuesOf checks the values of a condition: each can be given.
func (v *validator) valuesOf(at string, other Input, w VisibleWhen) {
	for i, value := range w.Values() {
		path := at + ".equals"
		if w.Equals == "" {
			path = index(at+".in", i)
		}
		if clean, err := other.Clean(value); err != nil || clean != value {
			v.fail(path, "%q is no value of %s%s", value, other.Name, other.choices())
		}
		if slices.Contains(w.In[:min(i, len(w.In))], value) {
			v.fail(path, "is there twice")
		}
	}
}

func (in Input) choices() string {
	if len(in.Enum) == 0 {
		return ""
	}
	return fmt.Sprintf("; use %s", strings.Join(in.Enum, ", "))
}
