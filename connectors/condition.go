package connectors

import (
	"bytes"
	"encoding/json"
	"slices"
)

// Condition is a test on a member of a JSON document. It has one of Equals, NotEquals, In and Present.
type Condition struct {
	// Path is where the member stands.
	Path string `yaml:"path"`
	// Equals is what the member has to be, written as text: true, 0, ok.
	Equals string `yaml:"equals,omitempty" scalar:"any"`
	// NotEquals is what the member must not be. One that is not there is no success either.
	NotEquals string `yaml:"not_equals,omitempty" scalar:"any"`
	// In are texts of which the member has to be one.
	In []string `yaml:"in,omitempty" scalar:"any"`
	// Present says that the member must be there, whatever it is, or must not. One that is null is not there.
	Present *bool `yaml:"present,omitempty"`
}

// Holds tells whether a whole JSON body meets the condition. What is not one JSON object or list does not.
func (c *Condition) Holds(body []byte) bool {
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	if len(trimmed) == 0 || trimmed[0] != '{' && trimmed[0] != '[' || c.Present != nil && !json.Valid(body) {
		return false
	}
	raw := bytes.TrimSpace(find(body, c.Path))
	text, isText := writtenAs(raw)
	return c.Met(len(raw) > 0 && !bytes.Equal(raw, []byte("null")), text, isText)
}

// Met tells whether a member of a document meets the condition: whether it is there, and what it is written as
// if that is a text.
func (c *Condition) Met(there bool, text string, isText bool) bool {
	switch {
	case c.Present != nil:
		return there == *c.Present
	case !isText:
		return false
	case c.NotEquals != "":
		return text != c.NotEquals
	case len(c.In) > 0:
		return slices.Contains(c.In, text)
	}
	return text == c.Equals
}

func (v *validator) condition(path string, c *Condition) {
	if c == nil {
		return
	}
	if c.Path == "" {
		v.fail(path+".path", "is required")
	}
	v.member(path+".path", c.Path)
	tests := 0
	for _, given := range []bool{c.Equals != "", c.NotEquals != "", len(c.In) > 0, c.Present != nil} {
		if given {
			tests++
		}
	}
	if tests != 1 {
		v.fail(path, `must have one of equals, not_equals, in and present; an empty text is in: [""]`)
	}
}
