package connectors

import "slices"

// volatile are the functions whose result is another one each time.
var volatile = []string{"now", "random", "uuid"}

// Volatile tells whether the template's text changes from one expansion to the next though the values are
// the same, because it has the time or something random in it.
func (t Template) Volatile() bool { return slices.ContainsFunc(t.parts, part.volatile) }

func (p part) volatile() bool {
	return p.call != nil && (slices.Contains(volatile, p.call.name) || slices.ContainsFunc(p.call.args, part.volatile))
}
