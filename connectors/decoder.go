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

// decoder puts YAML nodes into the types of this package. It is stricter than the YAML library: a
// number is not a string, null is nothing, and every key must be known. Maps, lists and what a pointer
// points to are never changed but replaced, because a base may share them.
type decoder struct {
	lines lines
	errs  []*Error
}

var (
	templateType = reflect.TypeFor[Template]()
	durationType = reflect.TypeFor[Duration]()
	treeType     = reflect.TypeFor[Tree]()
)

// shorthands are the types that may be written as the text of one of their fields.
var shorthands = map[reflect.Type]string{
	reflect.TypeFor[ErrorCase](): "Code",
	reflect.TypeFor[Expires]():   "Path",
	reflect.TypeFor[Paginate]():  "Style",
	reflect.TypeFor[Tested]():    "How",
}

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
	case treeType:
		if t := d.tree(node, path); t != nil {
			dst.Set(reflect.ValueOf(*t))
		}
		return
	}
	switch dst.Kind() {
	case reflect.Pointer:
		v := reflect.New(dst.Type().Elem())
		if !dst.IsNil() {
			v.Elem().Set(dst.Elem())
		}
		d.value(v.Elem(), node, path, anyScalar)
		dst.Set(v)
	case reflect.Struct:
		d.structure(dst, node, path)
	case reflect.Map:
		d.mapping(dst, node, path)
	case reflect.Slice:
		d.list(dst, node, path, anyScalar)
	default:
		d.scalar(dst, node, path, anyScalar)
	}
}

func (d *decoder) scalar(dst reflect.Value, node ast.Node, path string, anyScalar bool) {
	switch dst.Kind() {
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
		n, err := strconv.ParseInt(literal(node), 10, 32)
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
		text = literal(node)
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
	t := dst.Type()
	if _, isMap := node.(ast.MapNode); !isMap {
		if short, ok := shorthands[t]; ok {
			dst.SetZero()
			d.value(dst.FieldByName(short), node, path, false)
			return
		}
	}
	fields := fieldsOf(t)
	d.each(node, path, func(key string, keyNode, value ast.Node, at string) {
		f, ok := fields[key]
		if !ok {
			d.fail(keyNode, at, "unknown key%s; allowed are %s", didYouMean(key, maps.Keys(fields)),
				strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
			return
		}
		d.value(dst.FieldByIndex(f.index), value, at, f.anyScalar)
	})
}

func (d *decoder) mapping(dst reflect.Value, node ast.Node, path string) {
	m := reflect.MakeMap(dst.Type())
	for it := dst.MapRange(); it.Next(); {
		m.SetMapIndex(it.Key(), it.Value())
	}
	d.each(node, path, func(key string, _, value ast.Node, at string) {
		v := reflect.New(dst.Type().Elem()).Elem()
		d.value(v, value, at, false)
		m.SetMapIndex(reflect.ValueOf(key), v)
	})
	if m.Len() > 0 {
		dst.Set(m)
	}
}

func (d *decoder) list(dst reflect.Value, node ast.Node, path string, anyScalar bool) {
	seq, ok := node.(*ast.SequenceNode)
	if !ok {
		d.fail(node, path, "must be a list")
		return
	}
	dst.SetZero()
	if len(seq.Values) == 0 {
		return
	}
	list := reflect.MakeSlice(dst.Type(), len(seq.Values), len(seq.Values))
	for i, value := range seq.Values {
		at := path + "[" + strconv.Itoa(i) + "]"
		d.lines[at] = line(value)
		d.value(list.Index(i), value, at, anyScalar)
	}
	dst.Set(list)
}
