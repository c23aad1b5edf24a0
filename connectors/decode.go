package connectors

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// Decode reads one connector file and validates it. Unknown and repeated keys, values of another
// type, anchors, aliases and tags are refused. The errors are *[Error]s, joined when there are
// several, in the order of their lines; file is only used in them. A file that extends a connector needs
// [Catalog.Decode].
func Decode(file string, data []byte) (*Connector, error) { return (*Catalog)(nil).Decode(file, data) }

// Decode is [Decode] for a file that may extend a connector of the catalogue.
func (c *Catalog) Decode(file string, data []byte) (*Connector, error) {
	body, e := parse(data)
	if e != nil {
		e.File = file
		return nil, e
	}
	return decode(file, "", body, func(name string) (*Connector, error) {
		if base, ok := c.Lookup(name); ok {
			return base, nil
		}
		return nil, unknownBase(name, c.names())
	})
}

// decode decodes and validates what was parsed of a file, which is of the connector with that name if there is
// one. base finds what it extends.
func decode(file, name string, body ast.Node, base func(name string) (*Connector, error)) (*Connector, error) {
	c, at := &Connector{}, 0
	d := decoder{lines: lines{}}
	if node, ok := entry(body, "extends").(*ast.StringNode); ok {
		extended, err := base(node.Value)
		if errors.Is(err, errBase) {
			return nil, err
		}
		if err != nil {
			return nil, &Error{File: file, Line: line(node), Path: "extends", Message: err.Error()}
		}
		c, at = variant(extended, body), line(node)
	}
	d.value(reflect.ValueOf(c).Elem(), body, "", false)
	if len(d.errs) == 0 {
		d.errs = append(c.without(), c.validate()...)
	}
	if len(d.errs) == 0 && name != "" && c.Name != name {
		d.errs = []*Error{{Path: "name", Message: fmt.Sprintf("is %s, so the file must be called %[1]s.yaml", c.Name)}}
	}
	d.locate(file, c.Extends, at)
	c.Extends, c.Without = "", nil
	if err := join(d.errs); err != nil {
		return nil, err
	}
	return c, nil
}

// locate says in which file and line the mistakes are. What is wrong because of the connector that the file
// extends is wrong where it says so.
func (d *decoder) locate(file, extends string, at int) {
	for _, e := range d.errs {
		e.File = file
		if e.Line > 0 {
			continue
		}
		var exact bool
		e.Line, exact = d.lines.find(e.Path)
		if !exact && at > 0 && !slices.Contains(own, e.Path) {
			e.Line = cmp.Or(e.Line, at)
			e.Message += fmt.Sprintf("; the keys of %s hold here too, but for those that `without` names", extends)
		}
	}
	slices.SortStableFunc(d.errs, func(a, b *Error) int { return cmp.Compare(a.Line, b.Line) })
}
