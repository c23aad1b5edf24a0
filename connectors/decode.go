package connectors

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// lines knows the line of every value of a file by its path.
type lines map[string]int

// find returns the line of the value, or of the closest one around it that is in the file.
func (l lines) find(path string) int {
	for path != "" {
		if n := l[path]; n > 0 {
			return n
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return 0
}

func decode(data []byte) (*Connector, lines, []*Error) {
	body, err := parse(data)
	if err != nil {
		return nil, nil, []*Error{err}
	}
	c := &Connector{}
	d := decoder{lines: lines{}}
	d.value(reflect.ValueOf(c).Elem(), body, "", false)
	return c, d.lines, d.errs
}

// decoder puts YAML nodes into the types of this package. It is stricter than the YAML library: a
// number is not a string, null is nothing, and every key must be known.
type decoder struct {
	lines lines
	errs  []*Error
}

var (
	templateType = reflect.TypeFor[Template]()
	durationType = reflect.TypeFor[Duration]()
	caseType     = reflect.TypeFor[ErrorCase]()
)

func (d *decoder) fail(node ast.Node, path, format string, args ...any) {
	d.errs = append(d.errs, &Error{Line: line(node), Path: path, Message: fmt.Sprintf(format, args...)})
}

// value decodes node into dst. anyScalar lets a string be written as a boolean or a number.
func (d *decoder) value(dst reflect.Value, node ast.Node, path string, anyScalar bool) {
	if message := refused(node); message != "" {
		d.fail(node, path, "%s", message)
		return
	}
	switch dst.Type() {
	case templateType:
		decodeText(d, dst, node, path, ParseTemplate)
		return
	case durationType:
		decodeText(d, dst, node, path, ParseDuration)
		return
	case caseType:
		if _, ok := node.(ast.MapNode); !ok {
			dst = dst.FieldByName("Code")
		}
	}
	switch dst.Kind() {
	case reflect.Pointer:
		dst.Set(reflect.New(dst.Type().Elem()))
		d.value(dst.Elem(), node, path, anyScalar)
	case reflect.Struct:
		d.structure(dst, node, path)
	case reflect.Map:
		d.mapping(dst, node, path)
	case reflect.Slice:
		d.list(dst, node, path, anyScalar)
	case reflect.String:
		if text, ok := d.text(node, path, anyScalar); ok {
			dst.SetString(text)
		}
	case reflect.Bool:
		b, ok := node.(*ast.BoolNode)
		if !ok {
			d.fail(node, path, "must be true or false")
			return
		}
		dst.SetBool(b.Value)
	case reflect.Int:
		n, err := strconv.ParseInt(source(node), 10, 32)
		if _, ok := node.(*ast.IntegerNode); !ok || err != nil {
			d.fail(node, path, "must be a whole number")
			return
		}
		dst.SetInt(n)
	default:
		d.fail(node, path, "cannot be given in a file")
	}
}

// decodeText decodes a type that is written as text.
func decodeText[T any](d *decoder, dst reflect.Value, node ast.Node, path string, parse func(string) (T, error)) {
	text, ok := d.text(node, path, false)
	if !ok {
		return
	}
	v, err := parse(text)
	if err != nil {
		d.fail(node, path, "%v", err)
		return
	}
	dst.Set(reflect.ValueOf(v))
}

func (d *decoder) text(node ast.Node, path string, anyScalar bool) (string, bool) {
	var text string
	switch n := node.(type) {
	case *ast.StringNode:
		text = n.Value
	case *ast.LiteralNode:
		text = n.Value.Value
	case *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode:
		if !anyScalar {
			d.fail(node, path, "must be text; put it in quotes")
			return "", false
		}
		text = source(node)
	default:
		d.fail(node, path, "must be text; put it in quotes if it has ': ', '#' or brackets in it")
		return "", false
	}
	if len(text) > maxText {
		d.fail(node, path, "must not be longer than %d bytes", maxText)
		return "", false
	}
	if hasControl(text) {
		d.fail(node, path, "must be one line without control characters")
		return "", false
	}
	return text, true
}

func (d *decoder) structure(dst reflect.Value, node ast.Node, path string) {
	fields := map[string]reflect.StructField{}
	for f := range dst.Type().Fields() {
		key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		fields[key] = f
	}
	d.each(node, path, func(key string, keyNode, value ast.Node, at string) {
		f, ok := fields[key]
		if !ok {
			d.fail(keyNode, at, "unknown key; allowed are %s", strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
			return
		}
		d.value(dst.FieldByIndex(f.Index), value, at, f.Tag.Get("scalar") == "any")
	})
}

func (d *decoder) mapping(dst reflect.Value, node ast.Node, path string) {
	m := reflect.MakeMap(dst.Type())
	d.each(node, path, func(key string, _, value ast.Node, at string) {
		v := reflect.New(dst.Type().Elem()).Elem()
		d.value(v, value, at, false)
		m.SetMapIndex(reflect.ValueOf(key), v)
	})
	if m.Len() > 0 {
		dst.Set(m)
	}
}

// each calls f for the entries of a mapping.
func (d *decoder) each(node ast.Node, path string, f func(key string, keyNode, value ast.Node, at string)) {
	m, ok := node.(ast.MapNode)
	if !ok {
		d.fail(node, path, "must be a mapping of keys to values")
		return
	}
	seen := map[string]bool{}
	for it := m.MapRange(); it.Next(); {
		keyNode := it.Key()
		if message := refused(keyNode); message != "" {
			d.fail(keyNode, path, "%s", message)
			continue
		}
		key, ok := d.text(keyNode, path, false)
		if !ok {
			continue
		}
		at := strings.TrimPrefix(path+"."+key, ".")
		if seen[key] {
			d.fail(keyNode, at, "the key is there twice")
			continue
		}
		seen[key] = true
		d.lines[at] = line(keyNode)
		f(key, keyNode, it.Value(), at)
	}
}

func (d *decoder) list(dst reflect.Value, node ast.Node, path string, anyScalar bool) {
	seq, ok := node.(*ast.SequenceNode)
	if !ok {
		d.fail(node, path, "must be a list")
		return
	}
	for i, value := range seq.Values {
		at := fmt.Sprintf("%s[%d]", path, i)
		d.lines[at] = line(value)
		v := reflect.New(dst.Type().Elem()).Elem()
		d.value(v, value, at, anyScalar)
		dst.Set(reflect.Append(dst, v))
	}
}

// refused returns why a node may not stand anywhere in a file, or nothing.
func refused(node ast.Node) string {
	switch node.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode, *ast.TagNode:
		return "anchors, aliases, merge keys and tags are not allowed"
	case nil, *ast.NullNode:
		return "must not be empty; leave the key out instead"
	}
	return ""
}

// source returns a scalar as it is written in the file.
func source(node ast.Node) string {
	if t := node.GetToken(); t != nil {
		return t.Value
	}
	return ""
}

func line(node ast.Node) int {
	if node == nil {
		return 0
	}
	if t := node.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 0
}
