//go:build pages

package pages

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

const consent = "../../consent"

// elsewhere are the outcomes that no browser can be brought to here, with the reason, and the test of internal/consent
// that shows them.
var elsewhere = map[string]struct{ why, test string }{
	"link_busy":          {"somebody else has to write the link three times between a read and a write", "TestBusy"},
	"too_many_devices":   {"200 others have to be under way", "TestDevicePageNoRoom"},
	"save_failed":        {"the vault has to fail after the exchange", "TestSaveFails"},
	"vault_unavailable":  {"the vault has to fail", "TestVaultUnavailable"},
	"choice_needed":      {"a browser that came to it is asked instead", "TestDeviceChoice"},
	"form_invalid":       {"no page of ours sends what the form does not ask for", "TestFormForged"},
	"choice_not_reached": {"the provider has to list more than 50 pages of items", "TestPagedEndless"},
}

// outcomes reads from the code which outcomes there are for users, and their headings. Those for programs begin with a
// lower case letter, and are on no page.
func outcomes(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(consent, "outcome.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes, list := map[string]string{}, map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Names) != 1 || len(spec.Values) != 1 {
			return true
		}
		name := spec.Names[0].Name
		if strings.HasPrefix(name, "code") {
			codes[name] = text(spec.Values[0])
		}
		all, ok := spec.Values[0].(*ast.CompositeLit)
		if name != "messages" || !ok {
			return true
		}
		for _, one := range all.Elts {
			pair := one.(*ast.KeyValueExpr)
			m := pair.Value.(*ast.CompositeLit)
			if words := text(m.Elts[2]); words != "" && !unicode.IsLower([]rune(words)[0]) {
				list[codes[pair.Key.(*ast.Ident).Name]] = text(m.Elts[1])
			}
		}
		return false
	})
	if len(list) < 40 || list[""] != "" {
		t.Fatalf("outcome.go is read as %v", list)
	}
	return list
}

// text is what a string literal says.
func text(e ast.Expr) string {
	if lit, ok := e.(*ast.BasicLit); ok {
		s, _ := strconv.Unquote(lit.Value)
		return s
	}
	return ""
}

// Every outcome that a browser sees has an entry, or a test elsewhere that shows it, and so has every template.
func TestEveryPage(t *testing.T) {
	list := outcomes(t)
	has := map[string]bool{"result.html": true, "marks.html": true} // all outcomes, and a part of others
	for _, e := range entries {
		if _, ok := list[e.outcome]; !ok && e.outcome != "" {
			t.Errorf("%s: there is no outcome %q", e.name, e.outcome)
		}
		has[e.outcome], has[e.template], has[e.says] = true, true, true
	}
	for code := range list {
		if where, ok := elsewhere[code]; ok == has[code] {
			t.Errorf("outcome %s: it has an entry: %v; a test elsewhere: %q", code, has[code], where.test)
		}
	}
	files, err := filepath.Glob(filepath.Join(consent, "pages", "*.html"))
	if err != nil || len(files) < 5 {
		t.Fatalf("found the templates %v, %v", files, err)
	}
	for _, path := range files {
		if name := filepath.Base(path); !has[name] {
			t.Errorf("template %s has no entry", name)
		}
	}
	for code, where := range elsewhere {
		if list[code] == "" || where.why == "" || !strings.Contains(testCode(t, where.test), strconv.Quote(code)) {
			t.Errorf("outcome %s is said to be shown by %s of internal/consent", code, where.test)
		}
	}
}

// testCode is the source of a test of the package consent.
func testCode(t *testing.T, name string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(consent, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	for _, path := range files {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, rest, ok := strings.Cut(string(src), "\nfunc "+name+"(t *testing.T) {\n"); ok {
			body, _, _ := strings.Cut(rest, "\n}\n")
			return body
		}
	}
	return ""
}
