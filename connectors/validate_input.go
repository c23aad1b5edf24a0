package connectors

import (
	"maps"
	"slices"
)

func (v *validator) inputs(list string, inputs []Input) {
	for i, in := range inputs {
		at := index(list, i)
		if !inputName.MatchString(in.Name) {
			v.fail(at+".name", "must begin with a lower-case letter and have lower-case letters, digits and '_' only")
		}
		if slices.ContainsFunc(inputs[:i], func(earlier Input) bool { return earlier.Name == in.Name }) {
			v.fail(at+".name", "%s is declared twice", in.Name)
		}
		v.input(at, in)
		v.visibleWhen(at+".visible_when", in, inputs[:i])
	}
}

func (v *validator) input(at string, in Input) {
	if in.Pattern == "" && !in.Secret && len(in.Enum) == 0 {
		v.fail(at+".pattern", "is required: an RE2 expression that the whole value must match")
		return
	}
	if in.Multiline && !in.Secret {
		v.fail(at+".multiline", "is for secrets only")
	}
	if in.Secret && in.Default != "" {
		v.fail(at+".default", "must be left out: a secret has no default")
	}
	if in.Default != "" && in.Optional {
		v.fail(at+".optional", "must be left out: with a default there is always a value")
	}
	if in.Help != "" && !absolute(in.Help) {
		v.fail(at+".help", "must be an absolute https URL")
	}
	for i, n := range in.Normalize {
		v.oneOf(index(at+".normalize", i), n, normalizeTrim, normalizeLower, normalizeHost)
	}
	re, err := in.compile()
	if err != nil {
		v.fail(at+".pattern", "%v", err)
		return
	}
	for i, value := range in.Enum {
		if clean, err := in.check(value, re); err != nil || clean != value {
			v.fail(index(at+".enum", i), "can never be given: it is not as normalize, prefix, suffix and pattern want it")
		}
		if slices.Contains(in.Enum[:i], value) {
			v.fail(index(at+".enum", i), "is there twice")
		}
	}
	if _, err := in.check(in.Default, re); in.Default != "" && err != nil {
		v.fail(at+".default", "%v", err)
	}
	if _, err := in.check(in.Example, re); in.Example != "" && err != nil {
		v.fail(at+".example", "%v", err)
	}
}

// example fills the URLs as a connection would, if defaults and examples give every input a value.
func (v *validator) example() {
	if len(v.c.App)+len(v.c.Account) == 0 {
		return
	}
	values, app := v.c.examples(appPrefix, v.c.App)
	more, account := v.c.examples(accountPrefix, v.c.Account)
	if !app || !account {
		return
	}
	maps.Copy(values, more)
	_, err := v.c.Endpoints(values)
	for _, e := range Mistakes(err) {
		v.fail(e.Path, "is not good with the defaults and examples: %s", e.Message)
	}
}

// examples are the inputs' defaults and examples, and whether all that can stand in a URL have one.
func (c *Connector) examples(prefix string, inputs []Input) (Values, bool) {
	given := map[string]string{}
	for _, in := range inputs {
		if in.Default == "" && in.Example == "" && !in.MayLack() && !in.Secret {
			return nil, false
		}
		if in.Default == "" && in.Example != "" {
			given[in.Name] = in.Example
		}
	}
	values, _ := c.values(prefix, inputs, given) // of secrets there may be none
	return values, true
}
