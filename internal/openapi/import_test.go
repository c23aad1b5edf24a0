package openapi_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/openapi"
)

var update = flag.Bool("update", false, "write the connectors that the documents give")

// Each document of testdata gives the connector and the notes beside it.
func TestImport(t *testing.T) {
	documents, err := filepath.Glob("testdata/*.in.*")
	if err != nil || len(documents) < 6 {
		t.Fatal(documents, err)
	}
	for _, document := range documents {
		name, _, _ := strings.Cut(filepath.Base(document), ".")
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(document)
			if err != nil {
				t.Fatal(err)
			}
			c, notes, err := openapi.Import(data, openapi.Options{})
			got := ""
			if err != nil {
				got = "error: " + err.Error() + "\n"
			} else {
				text, err := connectors.Encode(c)
				if err != nil {
					t.Fatal(err)
				}
				got = string(text)
			}
			for _, note := range notes {
				got += "# " + note + "\n"
			}
			golden := "testdata/" + name + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What the caller says stands in place of what the document does not say.
func TestImportOptions(t *testing.T) {
	const document = `{"openapi": "3.0.3", "info": {"title": "Ünnamed"}, "components": {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}}}}`
	if _, _, err := openapi.Import([]byte(document), openapi.Options{}); err == nil || !strings.Contains(err.Error(), "give the base URL") {
		t.Fatalf("got %v without a base URL", err)
	}
	c, _, err := openapi.Import([]byte(document), openapi.Options{Name: "mine", BaseURL: "https://api.mine.example/v2/"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Name != "mine" || c.API.BaseURL.String() != "https://api.mine.example/v2" {
		t.Errorf("got %s at %s", c.Name, c.API.BaseURL)
	}
	for _, base := range []string{"http://api.mine.example", "ftp://x", "https://", "https://h ost", "javascript:alert(1)", "https://u:p@host"} {
		if _, _, err := openapi.Import([]byte(document), openapi.Options{BaseURL: base}); err == nil {
			t.Errorf("the base URL %q is taken", base)
		}
	}
}

func TestImportRefuses(t *testing.T) {
	for name, tt := range map[string]struct{ document, want string }{
		"empty":       {"", "neither openapi nor swagger"},
		"not a map":   {"[1, 2]", "cannot be read"},
		"no yaml":     {"openapi: 3.0.0\n\tinfo: x", "cannot be read"},
		"no json":     {`{"openapi": "3.0.0",`, "cannot be read"},
		"another":     {"kind: Deployment", "neither openapi nor swagger"},
		"old":         {`swagger: "1.2"`, "is not known"},
		"next":        {"openapi: 4.0.0", "is not known"},
		"no title":    {"openapi: 3.1.0", "no title"},
		"deep":        {"openapi: 3.0.0\nx: " + strings.Repeat("[", 1<<20), "nested too deeply"},
		"big":         {strings.Repeat("#", openapi.MaxSize+1), "MiB"},
		"loop":        {`{"openapi": "3.0.0", "info": {"title": "Loop"}, "servers": [{"url": "https://a.example"}], "components": {"securitySchemes": {"a": {"$ref": "#/components/securitySchemes/b"}, "b": {"$ref": "#/components/securitySchemes/a"}}}}`, "is not in the document"},
		"null scheme": {`{"swagger": "2.0", "host": "a.example", "info": {"title": "Null"}, "securityDefinitions": {"a": null}}`, "is not in the document"},
		"only oidc":   {`{"openapi": "3.0.0", "info": {"title": "Oidc"}, "servers": [{"url": "https://a.example"}], "components": {"securitySchemes": {"a": {"type": "openIdConnect", "openIdConnectUrl": "https://a.example/x"}}}}`, "says too little"},
		"bad header":  {`{"openapi": "3.0.0", "info": {"title": "Bad"}, "servers": [{"url": "https://a.example"}], "components": {"securitySchemes": {"a": {"type": "apiKey", "in": "header", "name": "a b"}}}}`, "cannot have"},
		"bad place":   {`{"openapi": "3.0.0", "info": {"title": "Bad"}, "servers": [{"url": "https://a.example"}], "components": {"securitySchemes": {"a": {"type": "apiKey", "in": "mind", "name": "a"}}}}`, "cannot have"},
	} {
		c, _, err := openapi.Import([]byte(tt.document), openapi.Options{})
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v and %v, want an error with %q on one line", name, c, err, tt.want)
		}
	}
}

func FuzzImport(f *testing.F) {
	documents, _ := filepath.Glob("testdata/*.in.*")
	for _, document := range documents {
		data, err := os.ReadFile(document)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, _, err := openapi.Import(data, openapi.Options{})
		if err != nil {
			return
		}
		text, err := connectors.Encode(c)
		if err != nil {
			t.Fatal(err)
		}
		again, err := connectors.Decode("x.yaml", text)
		if err != nil {
			t.Fatalf("%v:\n%s", err, text)
		}
		if diff := cmp.Diff(c, again, cmp.Comparer(func(a, b connectors.Template) bool { return a.String() == b.String() })); diff != "" {
			t.Error(diff)
		}
	})
}
