package declared

import (
	"slices"

	"github.com/claviger-proxy/claviger/connectors"
)

// mark writes what makes an answer a success: another value each time where there are several.
func (p *Provider) mark(doc document, path string, c *connectors.Condition) {
	switch {
	case c.Present != nil && *c.Present:
		doc.set(path, list{{"whatever": "it is"}})
	case c.Present != nil:
	case len(c.In) > 0:
		doc.set(path, literal(c.In[len(c.In)-1-p.marks[c]%len(c.In)]))
		p.marks[c]++
	case c.NotEquals != "":
		doc.set(path, near(c.NotEquals))
	default:
		doc.set(path, literal(c.Equals))
	}
}

// unmark writes what makes an answer a failure.
func (p *Provider) unmark(doc document, path string, c *connectors.Condition) {
	switch {
	case c.Present != nil && *c.Present:
	case c.Present != nil:
		doc.set(path, "something")
	case len(c.In) > 0:
		text := "none"
		for slices.Contains(c.In, text) {
			text += " of them"
		}
		doc.set(path, text)
	case c.NotEquals != "":
		doc.set(path, literal(c.NotEquals))
	default:
		doc.set(path, otherThan(c.Equals))
	}
}

// near is a value that is written otherwise, but for as little as can be.
func near(text string) any {
	if len(text) < 2 {
		return otherThan(text)
	}
	return literal(text[:len(text)-1])
}
