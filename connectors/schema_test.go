package connectors_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/claviger-proxy/claviger/connectors"
)

const schemaFile = "../docs/reference/connector.schema.json"

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("https://example.com/connector.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("https://example.com/connector.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// validate checks a file against the schema.
func validate(t testing.TB, s *jsonschema.Schema, file []byte) error {
	t.Helper()
	text, err := yaml.YAMLToJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(doc)
}

// The published schema is that of the types: `go test ./connectors -run Schema -update` writes it.
func TestSchema(t *testing.T) {
	want := generate(t)
	if *update {
		if err := os.WriteFile(schemaFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("%s is out of date; run the test with -update (-want +got):\n%s", schemaFile, diff)
	}
}

// Every key is explained.
func TestSchemaDescriptions(t *testing.T) {
	g := comments(t)
	seen := map[reflect.Type]bool{}
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || seen[typ] {
			return
		}
		seen[typ] = true
		if g[typ.Name()] == "" {
			t.Errorf("%s has no comment", typ.Name())
		}
		for _, f := range keyed(typ) {
			if g[f.in.Name()+"."+f.Name] == "" && f.in != reflect.TypeFor[connectors.Request]() { // as in HTTP
				t.Errorf("%s.%s has no comment", f.in.Name(), f.Name)
			}
			walk(f.Type)
		}
	}
	walk(reflect.TypeFor[connectors.Connector]())
}

// Every file that is good passes the schema.
func TestSchemaAccepts(t *testing.T) {
	s := schema(t)
	files := good(t)
	for name, data := range catalogue(t) {
		files[name] = data
	}
	files["minimal.yaml"], files["base.yaml"], files["force.yaml"] = []byte(minimal), []byte(base), []byte(force)
	files["variant.yaml"] = []byte("schema: 1\nname: x\nextends: base\nwithout: [identity]\nrevoke: {method: GET}\napi: {hosts: [a.example.com]}\n")
	for name, data := range files {
		if err := validate(t, s, data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func catalogue(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("catalog/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	all := map[string][]byte{}
	for _, file := range files {
		if all[file], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// What is wrong with a file's shape is refused by the schema, too.
func TestSchemaRefuses(t *testing.T) {
	s := schema(t)
	files, err := filepath.Glob("testdata/bad/*.err")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	shape := []string{"unknown key", `" is not allowed; use`, "must be a list", "must be a mapping", "must be text; put it in quotes", "must be true or false", "must be a whole number", "must not be empty; leave"}
	n := 0
	for _, file := range files {
		message, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(shape, func(part string) bool { return strings.Contains(string(message), part) }) {
			continue
		}
		data, err := os.ReadFile(strings.TrimSuffix(file, ".err") + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		n++
		if validate(t, s, data) == nil {
			t.Errorf("%s passes the schema, and should not: %s", file, message)
		}
	}
	if n < 20 {
		t.Errorf("%d files only", n)
	}
	for _, text := range []string{
		"{}", "[]", minimal + "title2: x", strings.Replace(minimal, "title: Minimal", "", 1), strings.Replace(minimal, "schema: 1", "schema: 2", 1),
		minimal + "verify: {base: a}", minimal + "refresh: {margin: 1 hour}", minimal + "errors: {permanent_when: [1]}", minimal + "notes: [null]",
		strings.Replace(minimal, "minimal", "Minimal", 1), minimal + "callback: {capture: {A: b}}", minimal + "without: [name]",
		minimal + "auth: [{id: a, title: A, modes: none}]", minimal + "tested: checked", strings.Replace(minimal, "https://api", "ftp://api", 1),
	} {
		if validate(t, s, []byte(text)) == nil {
			t.Errorf("the schema accepts %s", text)
		}
	}
}

// The schema is never stricter than the decoder: what it refuses of a good file with one value changed is refused there, too.
func TestSchemaIsNotStricter(t *testing.T) {
	s := schema(t)
	values := []string{"nonsense", "", "é ü", "A-B.c_1", "https://x.example.com/", "/path", "POST", "2026-01-01"}
	n, seen := 0, map[string]bool{}
	files := good(t)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		c := decode(t, string(files[name]))
		texts(reflect.ValueOf(c).Elem(), func(f keyedField, v reflect.Value) {
			if seen[f.name()] {
				return
			}
			seen[f.name()] = true
			before := reflect.New(v.Type()).Elem()
			before.Set(v)
			for _, value := range values {
				if v.Kind() == reflect.String {
					v.SetString(value)
				} else {
					tmpl, err := connectors.ParseTemplate(value)
					if err != nil {
						continue
					}
					v.Set(reflect.ValueOf(tmpl))
				}
				if c.Validate() != nil {
					continue
				}
				n++
				if err := s.Validate(document(reflect.ValueOf(c))); err != nil {
					t.Errorf("%s with %s %q is good, but not by the schema: %v", name, f.name(), value, err)
				}
			}
			v.Set(before)
		})
	}
	if n < 400 {
		t.Errorf("%d changes were good", n)
	}
}

// document is a value as JSON has it. A JSON body, of which the schema says nothing, is left out.
func document(v reflect.Value) any {
	switch value := v.Interface().(type) {
	case connectors.Template:
		return value.String()
	case connectors.Duration:
		return value.String()
	}
	switch v.Kind() {
	case reflect.Pointer:
		return document(v.Elem())
	case reflect.Slice:
		list := []any{}
		for i := range v.Len() {
			list = append(list, document(v.Index(i)))
		}
		return list
	case reflect.Map:
		m := object{}
		for it := v.MapRange(); it.Next(); {
			m[it.Key().String()] = document(it.Value())
		}
		return m
	case reflect.Struct:
		m := object{}
		for _, k := range keyed(v.Type()) {
			if field := v.FieldByName(k.Name); !field.IsZero() && k.name() != "Request.json" {
				m[k.key] = document(field)
			}
		}
		return m
	case reflect.String:
		return v.String()
	}
	return v.Interface()
}

// texts calls f for all fields of text that are given.
func texts(v reflect.Value, f func(keyedField, reflect.Value)) {
	var walk func(keyedField, reflect.Value)
	walk = func(at keyedField, v reflect.Value) {
		switch {
		case v.Type() == reflect.TypeFor[connectors.Template]() || v.Kind() == reflect.String:
			if !v.IsZero() && v.CanSet() {
				f(at, v)
			}
		case v.Type() == reflect.TypeFor[connectors.Tree]():
		case v.Kind() == reflect.Pointer && !v.IsNil():
			walk(at, v.Elem())
		case v.Kind() == reflect.Slice:
			for i := range v.Len() {
				walk(at, v.Index(i))
			}
		case v.Kind() == reflect.Struct:
			for _, k := range keyed(v.Type()) {
				walk(k, v.FieldByName(k.Name))
			}
		}
	}
	walk(keyedField{}, v)
}

// The closed sets of the schema are those that the validation names.
func TestSchemaSets(t *testing.T) {
	found := map[string]string{}
	for _, data := range good(t) {
		c := decode(t, string(data))
		texts(reflect.ValueOf(c).Elem(), func(f keyedField, v reflect.Value) {
			if v.Kind() != reflect.String {
				return
			}
			before := v.String()
			v.SetString("nonsense")
			for _, e := range all(c.Validate()) {
				if set, ok := strings.CutPrefix(e.Message, `"nonsense" is not allowed; use `); ok {
					found[f.name()] = set
				}
			}
			v.SetString(before)
		})
	}
	for name, set := range found {
		if want := strings.Join(closed[name], ", "); set != want {
			t.Errorf("%s may be %s; the schema has %s", name, set, want)
		}
	}
	for name := range closed {
		if found[name] == "" && !slices.Contains([]string{"Connector.without", "Authorize.param_names", "TokenCall.field_names", "Refresh.field_names", "Register.field_names"}, name) {
			t.Errorf("nothing says what %s may be", name)
		}
	}
	for key, names := range map[string]string{"authorize: {param_names": "Authorize.param_names", "token: {field_names": "TokenCall.field_names", "refresh: {field_names": "Refresh.field_names", "register: {field_names": "Register.field_names"} {
		_, err := on(t, key+": {nonsense: a}}")
		if want := `"nonsense" is not allowed; use ` + strings.Join(closed[names], ", "); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v, want %q", names, err, want)
		}
	}
	_, err := on(t, "without: [nonsense]")
	if want := `"nonsense" is not allowed; use ` + strings.Join(slices.Sorted(slices.Values(closed["Connector.without"])), ", "); err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("without: %v, want %q", err, want)
	}
}
