package client

import (
	"encoding/json"
	"reflect"
)

// Choice says which of several items an account is to use, such as one of its sites: the item's ID by the name
// that the connector has for its kind. For connectors with one kind the name may be empty; [Choose] makes such
// a one. An [Error] with the code choice_needed lists the items.
type Choice map[string]string

// Choose is the choice of the item with that ID.
func Choose(id string) Choice { return Choice{"": id} }

// MarshalJSON writes the ID alone where there is no name.
func (c Choice) MarshalJSON() ([]byte, error) {
	if id, ok := c[""]; ok && len(c) == 1 {
		return json.Marshal(id)
	}
	return json.Marshal(map[string]string(c))
}

// UnmarshalJSON takes an object of IDs by name, or an ID alone.
func (c *Choice) UnmarshalJSON(data []byte) error {
	var id string
	if json.Unmarshal(data, &id) == nil {
		*c = nil
		if string(data) != "null" {
			*c = Choose(id)
		}
		return nil
	}
	var named map[string]string
	if json.Unmarshal(data, &named) != nil { // its error would be about an object alone
		return &json.UnmarshalTypeError{Value: "value", Type: reflect.TypeFor[Choice]()}
	}
	*c = named
	return nil
}

// Item is one of several that an account has at a provider.
type Item struct {
	// Name is what the connector calls the item's kind.
	Name  string `json:"name"`
	ID    string `json:"id"`
	Label string `json:"label,omitempty"`
}

var (
	_ json.Marshaler   = Choice(nil)
	_ json.Unmarshaler = (*Choice)(nil)
)
