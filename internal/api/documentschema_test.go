package api_test

import (
	"cmp"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/client"
)

// object is a JSON object.
type object = map[string]any

// schemas makes JSON Schemas of the types of package client and their comments.
type schemas struct {
	comments map[string]string // by type, and by type and field
	defs     object
	// sent are the types that requests have, answered those that answers have.
	sent, answered map[reflect.Type]bool
}

// of returns the schema of a value of the type; field is the one that it is in.
func (s *schemas) of(t reflect.Type, field string) object {
	switch t {
	case reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case reflect.TypeFor[json.RawMessage](): // of metadata
		if nulled[field] {
			return object{"type": []string{"object", "null"}}
		}
		return object{"type": "object"}
	case reflect.TypeFor[client.Choice]():
		s.defs["Choice"] = object{"description": s.comments["Choice"], "anyOf": []object{
			{"type": "string"}, {"type": "object", "additionalProperties": object{"type": "string"}}, {"type": "null"},
		}}
		return ref("Choice")
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.of(t.Elem(), field)
	case reflect.Slice:
		return object{"type": "array", "items": s.of(t.Elem(), field)}
	case reflect.Map:
		if t.Elem().Kind() == reflect.Interface {
			return object{"type": "object"}
		}
		if t.Elem().Kind() == reflect.Pointer { // null has a meaning there
			return object{"type": "object", "additionalProperties": object{"type": []string{"string", "null"}}}
		}
		return object{"type": "object", "additionalProperties": s.of(t.Elem(), "")}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int:
		return object{"type": "integer"}
	case reflect.Int64:
		return object{"type": "integer", "format": "int64"}
	case reflect.Uint64:
		return object{"type": "integer", "format": "int64", "minimum": 0}
	case reflect.Struct:
		s.structure(t)
		return ref(nameOf(t))
	}
	text := object{"type": "string"}
	if values := closed[field]; values != nil {
		text["enum"] = values
	}
	return text
}

func ref(name string) object { return object{"$ref": "#/components/schemas/" + name} }

// nameOf is the type's name in the document: a page of accounts is an AccountPage.
func nameOf(t reflect.Type) string {
	if t == reflect.TypeFor[client.Error]() {
		return "Problem"
	}
	if name, of, ok := strings.Cut(t.Name(), "["); ok {
		return of[strings.LastIndex(of, ".")+1:len(of)-1] + name
	}
	return t.Name()
}

func (s *schemas) structure(t reflect.Type) {
	name := nameOf(t)
	if s.defs[name] != nil {
		return
	}
	properties, required := object{}, []string{}
	schema := object{"type": "object", "properties": properties}
	if text := cmp.Or(s.comments[t.Name()], s.comments[strings.Split(t.Name(), "[")[0]]); text != "" {
		schema["description"] = text
	}
	s.defs[name] = schema
	for _, f := range jsonFields(t) {
		p := s.of(f.Type, f.name())
		if text := s.comments[f.in+"."+f.Name]; text != "" {
			p["description"] = text
		}
		if secrets[f.name()] {
			p["x-secret"] = true
			if p["type"] == "string" {
				p["format"] = "password"
			}
		}
		properties[f.key] = p
		if !f.optional {
			required = append(required, f.key)
		}
	}
	if len(required) > 0 {
		schema["required"] = required
	}
	// The server takes no other members, but may say more one day.
	if s.sent[t] && !s.answered[t] {
		schema["additionalProperties"] = false
	}
}

// jsonField is a field with its key in JSON, and the type that declares it.
type jsonField struct {
	reflect.StructField
	in, key  string
	optional bool
}

func (f jsonField) name() string { return f.in + "." + f.key }

// jsonFields returns the fields of a type as they are in JSON, those of embedded structs among them.
func jsonFields(t reflect.Type) (fields []jsonField) {
	in, _, _ := strings.Cut(t.Name(), "[")
	for i := range t.NumField() {
		f := t.Field(i)
		key, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous:
			fields = append(fields, jsonFields(f.Type)...)
		case key != "-":
			fields = append(fields, jsonField{f, in, key, options != ""})
		}
	}
	return fields
}

// reach adds the structs that a value of the type has in it.
func reach(t reflect.Type, into map[reflect.Type]bool) {
	for slices.Contains([]reflect.Kind{reflect.Pointer, reflect.Slice, reflect.Map}, t.Kind()) {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[time.Time]() || into[t] {
		return
	}
	into[t] = true
	for _, f := range jsonFields(t) {
		reach(f.Type, into)
	}
}
