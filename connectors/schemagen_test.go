package connectors_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/comment"
)

// object is a JSON object.
type object = map[string]any

// generator makes the JSON Schema of connector files out of the types and their comments.
type generator struct {
	comments map[string]string // by type, and by type and field
	defs     object
}

func generate(t *testing.T) []byte {
	t.Helper()
	g := generator{comments: comments(t), defs: object{}}
	root := reflect.TypeFor[connectors.Connector]()
	g.typ(root, "")
	schema := g.defs["Connector"].(object)
	delete(g.defs, "Connector")
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["$id"] = "connector.schema.json"
	schema["title"] = "Connector file"
	schema["required"] = []string{"schema", "name"}
	schema["if"] = object{"not": object{"required": []string{"extends"}}}
	schema["then"] = g.strict(root)
	schema["$defs"] = g.defs
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(schema); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// comments returns the comments of types and fields as text.
func comments(t *testing.T) map[string]string {
	t.Helper()
	all, err := comment.Read(".", "yaml")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// typ returns the schema of a value of the type; field is the one that it is in.
func (g *generator) typ(t reflect.Type, field string) object {
	switch t.Name() {
	case "Template":
		return g.text("template", field)
	case "Duration":
		return g.text("duration", field)
	case "Tree":
		if g.defs["json"] == nil {
			again := object{"$ref": "#/$defs/json"}
			g.defs["json"] = object{"description": "A JSON value whose texts are templates.", "anyOf": []object{
				g.text("template", ""),
				{"type": []string{"number", "boolean"}},
				{"type": "array", "items": again},
				{"type": "object", "additionalProperties": again},
			}}
		}
		return object{"$ref": "#/$defs/json"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return g.typ(t.Elem(), field)
	case reflect.Slice:
		return object{"type": "array", "items": g.typ(t.Elem(), field)}
	case reflect.Map:
		m := object{"type": "object", "additionalProperties": g.typ(t.Elem(), "")}
		if names := g.narrow(object{}, field); len(names) > 0 {
			m["propertyNames"] = names
		}
		return m
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int:
		return object{"type": "integer"}
	case reflect.Struct:
		g.structure(t)
		return object{"$ref": "#/$defs/" + t.Name()}
	}
	return g.text("text", field)
}

// text is text of a kind, narrowed to what the field may be.
func (g *generator) text(kind, field string) object {
	g.defs["text"] = object{"type": "string", "maxLength": 1000, "pattern": `^[^\x00-\x1f\x7f]*$`}
	if kind == "template" {
		g.defs["template"] = object{"$ref": "#/$defs/text", "description": "Text in which {…} stands for a value: see connector-file.md. {{ and }} are single braces."}
	}
	if kind == "duration" {
		g.defs["duration"] = object{"$ref": "#/$defs/text", "description": "A duration, such as 90s, 30m or 24h.", "pattern": `^\+?(0|([0-9.]+(ns|us|µs|μs|ms|s|m|h))+)$`}
	}
	return g.narrow(object{"$ref": "#/$defs/" + kind}, field)
}

func (g *generator) narrow(schema object, field string) object {
	if values := closed[field]; values != nil {
		delete(schema, "$ref")
		schema["enum"] = values
	}
	if form := forms[field]; form != "" {
		schema["pattern"] = form
	}
	return schema
}

func (g *generator) structure(t reflect.Type) {
	if g.defs[t.Name()] != nil {
		return
	}
	properties := object{}
	schema := object{"type": "object", "additionalProperties": false, "properties": properties, "description": g.comments[t.Name()]}
	g.defs[t.Name()] = schema
	for _, f := range keyed(t) {
		p := g.typ(f.Type, f.name())
		if f.Tag.Get("scalar") == "any" {
			scalar := object{"type": []string{"string", "number", "boolean"}}
			if p = scalar; f.Type.Kind() == reflect.Slice {
				p = object{"type": "array", "items": scalar}
			}
		}
		if f.name() == "Connector.schema" {
			p = object{"const": connectors.SchemaVersion}
		}
		p["description"] = g.comments[f.in.Name()+"."+f.Name]
		properties[f.key] = p
	}
	if slices.Contains(shorthands, t.Name()) {
		delete(schema, "description")
		short := g.text("text", "")
		if field := map[string]string{"Tested": "Tested.how", "Paginate": "Paginate.style"}[t.Name()]; field != "" {
			short = g.text("text", field)
		}
		g.defs[t.Name()] = object{"description": g.comments[t.Name()], "anyOf": []object{short, schema}}
	}
}

// strict returns what a value of the type must have, or nil.
func (g *generator) strict(t reflect.Type) object {
	switch t.Kind() {
	case reflect.Pointer:
		return g.strict(t.Elem())
	case reflect.Slice:
		if of := g.strict(t.Elem()); of != nil {
			return object{"items": of}
		}
		return nil
	case reflect.Struct:
	default:
		return nil
	}
	schema, properties := object{}, object{}
	if must := musts[t.Name()]; must != nil {
		schema["required"] = must
	}
	for _, f := range keyed(t) {
		if of := g.strict(f.Type); of != nil {
			properties[f.key] = of
		}
	}
	if len(properties) > 0 {
		schema["properties"] = properties
	}
	if len(schema) == 0 {
		return nil
	}
	return schema
}

// keyedField is a field with its key in files, and the type that declares it.
type keyedField struct {
	reflect.StructField
	in  reflect.Type
	key string
}

func (f keyedField) name() string { return f.in.Name() + "." + f.key }

// keyed returns the fields that a file can give, those of inline structs among them.
func keyed(t reflect.Type) (fields []keyedField) {
	for i := range t.NumField() {
		f := t.Field(i)
		key, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case options == "inline":
			fields = append(fields, keyed(f.Type)...)
		case key != "":
			fields = append(fields, keyedField{f, t, key})
		}
	}
	return fields
}
