package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// maxDepth and maxEntries are far more than any body needs. What is decoded takes many times the
	// room of its text: an empty account of an import is two bytes there, and hundreds in memory.
	maxDepth   = 16
	maxEntries = 1000
)

// checkObject tells whether data is exactly one JSON object that t can take: with no other than the
// known members, and without repeated ones, at any depth. encoding/json would take the last of
// several, names in any case, and pass by those that it does not know.
func checkObject(data []byte, t reflect.Type) error {
	if !utf8.Valid(data) {
		return refuse(CodeBody, "the body is not UTF-8", "")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	first, err := d.Token()
	if err != nil {
		return refuse(CodeBody, "the body is not JSON", "")
	}
	if first != json.Delim('{') {
		return refuse(CodeBody, "the body is not a JSON object", "")
	}
	if err := checkMembers(d, t, 1); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return refuse(CodeBody, "there is something after the JSON object", "")
	}
	return nil
}

// checkMembers reads an object up to its end. Where t is no struct, it may have any members.
func checkMembers(d *json.Decoder, t reflect.Type, depth int) error {
	known, seen := members(t), map[string]bool{}
	for {
		token, err := d.Token()
		if err != nil {
			return refuse(CodeBody, "the body is not JSON", "")
		}
		name, ok := token.(string)
		if !ok {
			return nil // the closing brace
		}
		i := slices.IndexFunc(known, func(f field) bool { return f.name == name })
		switch {
		case len(seen) == maxEntries:
			return tooMany()
		case seen[name]:
			return refuse(CodeBody, fmt.Sprintf("field %.64q is there twice", name), "")
		case known != nil && i < 0:
			return unknownField(name, known)
		}
		seen[name] = true
		var of reflect.Type
		if i >= 0 {
			of = known[i].of
		}
		if err := checkValue(d, of, depth); err != nil {
			return err
		}
	}
}

func unknownField(name string, known []field) error {
	next := "send no fields"
	if len(known) > 0 {
		names := make([]string, len(known))
		for i, f := range known {
			names[i] = f.name
		}
		next = "the fields are " + strings.Join(names, ", ")
	}
	return refuse(CodeFieldUnknown, fmt.Sprintf("unknown field %.64q", name), next)
}

// checkValue reads a value that t is to take; nil takes any.
func checkValue(d *json.Decoder, t reflect.Type, depth int) error {
	token, err := d.Token()
	if err != nil {
		return refuse(CodeBody, "the body is not JSON", "")
	}
	if _, opens := token.(json.Delim); opens && depth == maxDepth {
		return refuse(CodeBody, "the body is nested too deeply", "")
	}
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch token {
	case json.Delim('{'):
		return checkMembers(d, t, depth+1)
	case json.Delim('['):
		var of reflect.Type
		if t != nil && t.Kind() == reflect.Slice {
			of = t.Elem()
		}
		for n := 0; d.More(); n++ {
			if n == maxEntries {
				return tooMany()
			}
			if err := checkValue(d, of, depth+1); err != nil {
				return err
			}
		}
		if _, err := d.Token(); err != nil {
			return refuse(CodeBody, "the body is not JSON", "")
		}
	}
	return nil
}

func tooMany() error {
	return refuse(CodeBody, fmt.Sprintf("a list or an object in the body has more than %d entries", maxEntries), "send less at once")
}

// field is a member that a struct takes.
type field struct {
	name string
	of   reflect.Type
}

// members are those that t takes; nil means any.
func members(t reflect.Type) []field {
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	known := []field{}
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" && name != "-" {
			known = append(known, field{name, t.Field(i).Type})
		}
	}
	return known
}
