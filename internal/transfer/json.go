package transfer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// maxDepth is how deep JSON may nest.
const maxDepth = 64

var errNotJSON = errors.New("not JSON, or not in UTF-8")

// parseJSON reads one value into string, json.Number, bool, nil, []any and map[string]any. It
// refuses what two parsers could read differently: duplicate members and text that is not UTF-8.
func parseJSON(data []byte) (any, error) {
	// This tells everything that is wrong with the form, so that no token can be missing below.
	if !utf8.Valid(data) || !json.Valid(data) {
		return nil, errNotJSON
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return parseValue(d, "", 0)
}

func parseValue(d *json.Decoder, path string, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxDepth)
	}
	t, err := d.Token()
	if err != nil {
		return nil, errNotJSON
	}
	switch t {
	case json.Delim('{'):
		return parseMembers(d, path, depth)
	case json.Delim('['):
		return parseList(d, path, depth)
	}
	return t, nil
}

func parseList(d *json.Decoder, path string, depth int) (any, error) {
	list := []any{}
	for d.More() {
		v, err := parseValue(d, path, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	if _, err := d.Token(); err != nil { // the bracket
		return nil, errNotJSON
	}
	return list, nil
}

func parseMembers(d *json.Decoder, path string, depth int) (any, error) {
	members := map[string]any{}
	for {
		t, err := d.Token()
		if err != nil {
			return nil, errNotJSON
		}
		name, ok := t.(string)
		if !ok {
			return members, nil // the brace
		}
		at := join(path, name)
		if _, twice := members[name]; twice {
			return nil, &mistake{at, "the member is there twice"}
		}
		if members[name], err = parseValue(d, at, depth+1); err != nil {
			return nil, err
		}
	}
}

// join is the path of a member. A name from the file is cut and quoted where it is not plain.
func join(path, name string) string {
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c > '~' || c == '"' || i >= 64 {
			name = fmt.Sprintf("%.64q", name)
			break
		}
	}
	switch {
	case path == "":
		return name
	case name == "":
		return path
	}
	return path + "." + name
}
