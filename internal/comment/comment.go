// Package comment reads the comments of a package's types, for descriptions in schemas that are made of these
// types. It is for tests: the sources must be there.
package comment

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Read returns the comments of the types of the package in a folder, by the type's name, and of their fields,
// by Type.Field. Each is one line. The names of fields are replaced by their keys, which stand in the struct
// tag of that name, and the names of constants by their values.
func Read(dir, tag string) (map[string]string, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("there are no sources in %s", dir)
	}
	r := reader{tag: tag, values: map[string]string{}, all: map[string]string{}}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		for _, d := range file.Decls {
			if g, ok := d.(*ast.GenDecl); ok {
				r.declaration(g)
			}
		}
	}
	for _, s := range r.types {
		r.all[s.Name.Name] = r.plain(s.Doc)
		if fields, ok := s.Type.(*ast.StructType); ok {
			r.fields(s.Name.Name, fields.Fields.List)
		}
	}
	return r.all, nil
}

type reader struct {
	tag    string
	types  []*ast.TypeSpec
	values map[string]string // of constants
	all    map[string]string
}

func (r *reader) declaration(g *ast.GenDecl) {
	for _, spec := range g.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Doc == nil {
				s.Doc = g.Doc
			}
			r.types = append(r.types, s)
		case *ast.ValueSpec:
			if value, ok := constant(s); ok {
				r.values[s.Names[0].Name] = value
			}
		}
	}
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

// fields adds the comments of fields that have a key. One without has the last one before it if it is
// named there.
func (r *reader) fields(typ string, fields []*ast.Field) {
	fields = slices.DeleteFunc(slices.Clone(fields), func(f *ast.Field) bool { return f.Tag == nil })
	keys, before := map[string]string{}, ""
	for _, f := range fields {
		key, _, _ := strings.Cut(reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get(r.tag), ",")
		for _, name := range f.Names {
			keys[name.Name] = key
		}
	}
	for _, f := range fields {
		first, rest, _ := strings.Cut(r.plain(f.Doc), " ")
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
			r.all[typ+"."+name.Name] = comment
		}
		before = cmp.Or(comment, before)
	}
}

var (
	word = regexp.MustCompile(`[A-Za-z0-9_]+`)
	link = regexp.MustCompile(`\[\*?([A-Za-z0-9.]+)\]`)
)

// plain is a comment in one line, with the values of constants in place of their names.
func (r *reader) plain(doc *ast.CommentGroup) string {
	text := strings.Join(strings.Fields(doc.Text()), " ")
	return link.ReplaceAllStringFunc(text, func(name string) string {
		name = strings.Trim(name, "[]*")
		return cmp.Or(r.values[name], name)
	})
}
