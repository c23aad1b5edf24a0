package connectors

import (
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strconv"

	"github.com/goccy/go-yaml/ast"
)

// own are the keys that each file says itself.
var own = []string{"schema", "name", "extends", "without", "tested"}

// variant is what a file begins with that extends base.
func variant(base *Connector, body ast.Node) *Connector {
	c := *base
	leave := slices.Clone(own)
	if list, ok := entry(body, "without").(*ast.SequenceNode); ok {
		for _, node := range list.Values {
			if key, ok := node.(*ast.StringNode); ok {
				leave = append(leave, key.Value)
			}
		}
	}
	for _, key := range leave {
		if f, ok := fieldsOf(reflect.TypeFor[Connector]())[key]; ok {
			reflect.ValueOf(&c).Elem().FieldByIndex(f.index).SetZero()
		}
	}
	return &c
}

// without checks the keys that a variant does not take over.
func (c *Connector) without() []*Error {
	v := validator{c: c}
	if c.Extends == "" && len(c.Without) > 0 {
		v.fail("without", "needs extends")
	}
	keys := slices.DeleteFunc(slices.Sorted(maps.Keys(fieldsOf(reflect.TypeFor[Connector]()))), func(key string) bool {
		return slices.Contains(own, key)
	})
	for i, key := range c.Without {
		v.oneOf("without["+strconv.Itoa(i)+"]", key, keys...)
	}
	return v.errs
}

// entry returns a value of a file's first level, or nil.
func entry(body ast.Node, name string) ast.Node {
	m, ok := body.(ast.MapNode)
	if !ok {
		return nil
	}
	for it := m.MapRange(); it.Next(); {
		if key, ok := it.Key().(*ast.StringNode); ok && key.Value == name {
			return it.Value()
		}
	}
	return nil
}

func unknownBase(name string, known ...iter.Seq[string]) error {
	return fmt.Errorf("there is no connector %q%s", name, didYouMean(name, known...))
}
