package connectors_test

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
)

// good are the files of testdata/good, which have all that a file may have.
func good(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/good/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in testdata/good: %v", err)
	}
	all := map[string][]byte{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(file)] = data
	}
	return all
}

// Every key of the format is good for something, comes out of a file and goes into one again.
func TestGood(t *testing.T) {
	given := map[string]bool{}
	for file, data := range good(t) {
		t.Run(file, func(t *testing.T) {
			c, err := connectors.Decode(file, data)
			if err != nil {
				t.Fatal(err)
			}
			checkRoundTrip(t, c)
			for _, w := range append(c.Ways, connectors.Way{}) {
				one, ok := c.Way(w.ID)
				if !ok {
					t.Fatalf("there is no way %q", w.ID)
				}
				if err := one.Validate(); err != nil {
					t.Errorf("Validate of way %q: %v", w.ID, err)
				}
				checkRoundTrip(t, one)
			}
			givenKeys(reflect.ValueOf(*c), given)
		})
	}
	for _, key := range allKeys(reflect.TypeFor[connectors.Connector](), nil) {
		if !given[key] && key != "Connector.extends" && key != "Connector.without" {
			t.Errorf("no file has %s", key)
		}
	}
}

// A JSON body comes out of a file, and goes into one again, as it was.
func TestTreeInFiles(t *testing.T) {
	const want = `{"deep":{"list":[1,"x",true]},"kind":"session","team":"7","ttl":3600}`
	c := decode(t, string(good(t)["code.yaml"]))
	text, err := connectors.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*connectors.Connector{c, decode(t, string(text))} {
		got, err := c.Steps[0].Request.JSON.JSON(connectors.Values{"captured.instance": "x", "account.team": "7"}, noon)
		if err != nil || string(got) != want {
			t.Errorf("JSON = %s, %v; want %s", got, err, want)
		}
	}
	other := decode(t, strings.Replace(string(good(t)["code.yaml"]), "ttl: 3600", "ttl: 3601", 1))
	if a, b := c.Steps[0].Request.JSON, other.Steps[0].Request.JSON; !a.Equal(a) || a.Equal(b) || a.Equal(nil) {
		t.Error("Equal does not see the difference")
	}
}

// givenKeys collects the keys that are given: the name of the type and that in the file.
func givenKeys(v reflect.Value, keys map[string]bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			givenKeys(v.Elem(), keys)
		}
	case reflect.Slice:
		for i := range v.Len() {
			givenKeys(v.Index(i), keys)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if !v.Field(i).IsZero() {
				keys[keyOf(v.Type(), i)] = true
				givenKeys(v.Field(i), keys)
			}
		}
	}
}

// allKeys returns all keys that the type can have.
func allKeys(t reflect.Type, seen []reflect.Type) (keys []string) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || slices.Contains(seen, t) {
		return nil
	}
	for i := range t.NumField() {
		if key := keyOf(t, i); !strings.HasSuffix(key, ".") {
			keys = append(keys, key)
		}
		keys = append(keys, allKeys(t.Field(i).Type, append(seen, t))...)
	}
	return keys
}

func keyOf(t reflect.Type, i int) string {
	key, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
	return t.Name() + "." + key
}
