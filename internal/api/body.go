package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

const maxBody = 64 << 10

// readBody decodes the request's one JSON object, strictly: every member is known, by its exact
// name, and comes once. Errors name members, never values, because a value may be a secret.
func readBody[T any](w http.ResponseWriter, r *http.Request) (T, error) {
	var in, zero T
	if err := checkContentType(r); err != nil {
		return zero, err
	}
	data, err := readAll(w, r)
	if err != nil {
		return zero, err
	}
	if err := checkObject(data, members(reflect.TypeFor[T]())); err != nil {
		return zero, err
	}
	if err := json.Unmarshal(data, &in); err != nil {
		var te *json.UnmarshalTypeError
		if errors.As(err, &te) {
			return zero, refuse(CodeField, fmt.Sprintf("field %s must be %s", te.Field, nameOf(te.Type)), "")
		}
		return zero, refuse(CodeBody, "the body is not JSON", "")
	}
	return in, nil
}

// noBody refuses a request that brings a body where none is read.
func noBody(w http.ResponseWriter, r *http.Request) error {
	data, err := readAll(w, r)
	if err != nil {
		return err
	}
	if len(data) == 0 {
		return nil
	}
	if err := checkContentType(r); err != nil {
		return err
	}
	return checkObject(data, nil)
}

func checkContentType(r *http.Request) error {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset, given := params["charset"]
	if err != nil || kind != "application/json" || given && !strings.EqualFold(charset, "utf-8") {
		return refuse(CodeContentType, "the body must be application/json", "")
	}
	return nil
}

func readAll(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, refuse(CodeBodyTooLarge, "the body is larger than 64 KiB", "")
	}
	if err != nil {
		return nil, refuse(CodeBody, "the body did not arrive in full", "send it again")
	}
	return data, nil
}

// members are the names of T's JSON members.
func members(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// checkObject tells whether data is exactly one JSON object with no other than the known members,
// and without repeated ones at any depth. encoding/json would take the last of several, and names
// in any case.
func checkObject(data []byte, known []string) error {
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
	if err := checkMembers(d, known, true); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return refuse(CodeBody, "there is something after the JSON object", "")
	}
	return nil
}

// checkMembers reads an object up to its end. Only the outermost one has known members.
func checkMembers(d *json.Decoder, known []string, outermost bool) error {
	seen := map[string]bool{}
	for {
		t, err := d.Token()
		if err != nil {
			return refuse(CodeBody, "the body is not JSON", "")
		}
		name, ok := t.(string)
		if !ok {
			return nil // the closing brace
		}
		switch {
		case seen[name]:
			return refuse(CodeBody, fmt.Sprintf("field %.64q is there twice", name), "")
		case outermost && !slices.Contains(known, name):
			next := "send no fields"
			if len(known) > 0 {
				next = "the fields are " + strings.Join(known, ", ")
			}
			return refuse(CodeFieldUnknown, fmt.Sprintf("unknown field %.64q", name), next)
		}
		seen[name] = true
		if err := checkValue(d); err != nil {
			return err
		}
	}
}

func checkValue(d *json.Decoder) error {
	t, err := d.Token()
	if err != nil {
		return refuse(CodeBody, "the body is not JSON", "")
	}
	switch t {
	case json.Delim('{'):
		return checkMembers(d, nil, false)
	case json.Delim('['):
		for d.More() {
			if err := checkValue(d); err != nil {
				return err
			}
		}
		if _, err := d.Token(); err != nil {
			return refuse(CodeBody, "the body is not JSON", "")
		}
	}
	return nil
}

// nameOf says in JSON's words what a Go type takes.
func nameOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Slice:
		return "a list of strings"
	case reflect.Map:
		return "an object with string values"
	}
	return "of another type"
}
