package connectors_test

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// comments returns the comments of types and fields as text.
func comments(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	values, all := map[string]string{}, map[string]string{}
	var types []*ast.TypeSpec
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			g, ok := d.(*ast.GenDecl)
			for i := 0; ok && i < len(g.Specs); i++ {
				switch s := g.Specs[i].(type) {
				case *ast.TypeSpec:
					if s.Doc == nil {
						s.Doc = g.Doc
					}
					types = append(types, s)
				case *ast.ValueSpec:
					if value, ok := constant(s); ok {
						values[s.Names[0].Name] = value
					}
				}
			}
		}
	}
	for _, s := range types {
		all[s.Name.Name] = plain(s.Doc, values)
		if fields, ok := s.Type.(*ast.StructType); ok && fields.Fields.NumFields() > 0 && fields.Fields.List[0].Tag != nil {
			fieldComments(s.Name.Name, fields.Fields.List, values, all)
		}
	}
	return all
}

func constant(s *ast.ValueSpec) (string, bool) {
	if len(s.Names) != 1 || len(s.Values) != 1 {
		return "", false
	}
	literal, ok := s.Values[0].(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return "", false
	}
	value, err := strconv.Unquote(literal.Value)
	return value, err == nil
}

// fieldComments adds the comments of fields, with keys in place of the fields' names. One without has that
// of the field before if it is named there.
func fieldComments(typ string, fields []*ast.Field, values, all map[string]string) {
	keys, before := map[string]string{}, ""
	for _, f := range fields {
		key, _, _ := strings.Cut(reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("yaml"), ",")
		for _, name := range f.Names {
			keys[name.Name] = key
		}
	}
	for _, f := range fields {
		first, rest, _ := strings.Cut(plain(f.Doc, values), " ")
		comment := strings.TrimSpace(cmp.Or(keys[first], first) + " " + word.ReplaceAllStringFunc(rest, func(name string) string {
			if name == strings.ToUpper(name) { // URL, ID
				return name
			}
			return cmp.Or(keys[name], name)
		}))
		for _, name := range f.Names {
			if comment == "" && slices.Contains(word.FindAllString(before, -1), keys[name.Name]) {
				comment = before
			}
			all[typ+"."+name.Name] = comment
		}
		before = comment
	}
}

var word = regexp.MustCompile(`[A-Za-z0-9_]+`)

var link = regexp.MustCompile(`\[([A-Za-z0-9.]+)\]`)

// plain is a comment in one line, with the values of constants in place of their names.
func plain(doc *ast.CommentGroup, values map[string]string) string {
	text := strings.Join(strings.Fields(doc.Text()), " ")
	return link.ReplaceAllStringFunc(text, func(name string) string {
		name = name[1 : len(name)-1]
		if value, ok := values[name]; ok {
			return value
		}
		return name
	})
}
