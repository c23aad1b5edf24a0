package api_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/internal/api"
	"github.com/claviger-proxy/claviger/internal/connection"
)

const errorsDoc = "../../docs/reference/errors.md"

// TestErrorsDoc holds the reference page against the sources: problem documents link to it.
func TestErrorsDoc(t *testing.T) {
	data, err := os.ReadFile(errorsDoc)
	if err != nil {
		t.Fatal(err)
	}
	sections := sectionsOf(string(data))
	codes := map[string]string{}
	for _, dir := range []string{"../broker", "../connection", "../policy", "../consent", "../../caddymodule", "."} {
		for _, code := range codesOf(t, dir) {
			codes[code] = filepath.Base(dir)
		}
	}
	if len(codes) < 60 {
		t.Errorf("only %d codes found in the sources: %v", len(codes), slices.Sorted(maps.Keys(codes)))
	}
	for code, dir := range codes {
		text, ok := sections[code]
		if !ok {
			t.Errorf("%s of package %s has no section", code, dir)
			continue
		}
		if !statusLine.MatchString(text) {
			t.Errorf("section %s has no item \"Status: \" with a number", code)
		}
		for _, part := range []string{"Meaning: ", "What to do: "} {
			if !strings.Contains(text, "\n- "+part) {
				t.Errorf("section %s has no item %q", code, part)
			}
		}
	}
	for code, text := range sections {
		if _, ok := codes[code]; !ok {
			t.Errorf("section %s is about no code of the sources", code)
		}
		if p := api.Problem(&connection.Error{Code: code}); known(p.Code, p.Status) {
			if got := statusLine.FindStringSubmatch(text); got == nil || got[1] != strconv.Itoa(p.Status) {
				t.Errorf("section %s says %v, the code answers %d", code, got, p.Status)
			}
		}
	}
}

// known tells a status from the table from the one of an unknown code.
func known(code string, status int) bool {
	return status != 500 || code == api.CodeInternal || code == "credential_damaged"
}

var (
	statusLine = regexp.MustCompile(`(?m)^- Status: (\d{3})$`)
	heading    = regexp.MustCompile(`(?m)^### ([a-z_]+)$`)
)

// sectionsOf returns the text under each heading that is a code.
func sectionsOf(doc string) map[string]string {
	sections := map[string]string{}
	at := heading.FindAllStringSubmatchIndex(doc, -1)
	for i, m := range at {
		end := len(doc)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		sections[doc[m[2]:m[3]]] = doc[m[1]:end]
	}
	return sections
}

// codesOf returns the values of all string constants of a package whose names begin with code.
func codesOf(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no sources in %s: %v", dir, err)
	}
	var codes []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for i, name := range spec.Names {
				if !strings.HasPrefix(strings.ToLower(name.Name), "code") || i >= len(spec.Values) {
					continue
				}
				if lit, ok := spec.Values[i].(*ast.BasicLit); ok && lit.Kind == token.STRING {
					code, err := strconv.Unquote(lit.Value)
					if err != nil {
						t.Fatal(err)
					}
					codes = append(codes, code)
				}
			}
			return true
		})
	}
	return codes
}
