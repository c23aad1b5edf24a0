package connectors

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"github.com/goccy/go-yaml"
)

// Encode writes a connector as text that [Decode] reads into the same value. All text is in quotes, so
// that it does not depend on what YAML takes for a number, a date or a mark.
func Encode(c *Connector) ([]byte, error) {
	return yaml.MarshalWithOptions(c, yaml.CustomMarshaler(func(s string) ([]byte, error) {
		return json.Marshal(s)
	}))
}

// Equal reports whether both trees were written alike, but for the order of members.
func (t *Tree) Equal(other *Tree) bool {
	if t == nil || other == nil {
		return t == other
	}
	return bytes.Equal(t.source(), other.source())
}

// MarshalYAML writes the tree as JSON, which is YAML.
func (t *Tree) MarshalYAML() ([]byte, error) { return t.source(), nil }

// source is the tree with its templates as they were written.
func (t *Tree) source() []byte {
	switch {
	case t.text != nil:
		text, _ := json.Marshal(t.text.String()) // text always can be written
		return text
	case t.list != nil:
		text := []byte("[")
		for i, one := range t.list {
			if i > 0 {
				text = append(text, ", "...)
			}
			text = append(text, one.source()...)
		}
		return append(text, ']')
	case t.members != nil:
		text := []byte("{")
		for i, name := range slices.Sorted(maps.Keys(t.members)) {
			if i > 0 {
				text = append(text, ", "...)
			}
			key, _ := json.Marshal(name)
			text = append(append(append(text, key...), ": "...), t.members[name].source()...)
		}
		return append(text, '}')
	}
	return []byte(t.literal)
}

// Same tells whether two connectors say the same.
func (c *Connector) Same(other *Connector) bool {
	if c == other || c == nil || other == nil {
		return c == other
	}
	a, err := Encode(c)
	if err != nil {
		return false
	}
	b, err := Encode(other)
	return err == nil && bytes.Equal(a, b)
}
