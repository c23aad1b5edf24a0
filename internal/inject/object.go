package inject

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"
)

// space is what JSON takes for it.
const space = " \t\r\n"

// setMembers sets members of a JSON object, and removes those that drop names. Everything else stays as
// it is, byte by byte. An object with two members of one name is refused: which of them counts
// depends on who reads it.
func setMembers(doc []byte, drop func(string) bool, set []member) ([]byte, error) {
	if len(bytes.Trim(doc, space)) == 0 {
		doc = []byte("{}")
	}
	if !json.Valid(doc) || !utf8.Valid(doc) || bytes.TrimLeft(doc, space)[0] != '{' {
		return nil, fmt.Errorf("%w: it is not a JSON object", ErrBody)
	}
	before, members, after := cut(doc)
	kept := members[:0]
	seen := make(map[string]bool, len(members))
	for _, m := range members {
		name := memberName(m)
		if seen[name] {
			return nil, fmt.Errorf("%w: the object has two members of one name", ErrBody)
		}
		seen[name] = true
		if !drop(name) {
			kept = append(kept, m)
		}
	}
	for _, m := range set {
		kept = append(kept, bytes.Join([][]byte{quote(m.name), quote(m.value)}, []byte(":")))
	}
	return slices.Concat(before, bytes.Join(kept, []byte(",")), after), nil
}

// cut takes a valid object apart: what stands before its members and after them, with the braces, and
// between that the members with the space around them.
func cut(doc []byte) (before []byte, members [][]byte, after []byte) {
	depth, start := 0, 0
	inText := false
	for i := 0; i < len(doc); i++ {
		switch c := doc[i]; {
		case inText && c == '\\':
			i++ // what follows does not end the text
		case c == '"':
			inText = !inText
		case inText:
		case c == '{' || c == '[':
			if depth++; depth == 1 {
				start = i + 1
				before = doc[:start]
			}
		case c == ',' && depth == 1:
			members = append(members, doc[start:i])
			start = i + 1
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				if len(bytes.Trim(doc[start:i], space)) > 0 {
					members = append(members, doc[start:i])
				}
				after = doc[i:]
			}
		}
	}
	return before, members, after
}

// memberName is the name of a member, without escapes.
func memberName(m []byte) string {
	m = bytes.TrimLeft(m, space)
	end := 1
	for ; m[end] != '"'; end++ {
		if m[end] == '\\' {
			end++
		}
	}
	var name string
	_ = json.Unmarshal(m[:end+1], &name) // it is part of a valid document
	return name
}

// quote is text as JSON.
func quote(text string) []byte {
	b, _ := json.Marshal(text) // it never fails for text
	return b
}
