package connectors

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// lines knows the line of every value of a file by its path.
type lines map[string]int

// find returns the line of the value, or of the closest one around it that is in the file, and whether it
// is the value itself.
func (l lines) find(path string) (line int, exact bool) {
	for exact = true; path != ""; exact = false {
		if n := l[path]; n > 0 {
			return n, exact
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return 0, false
}

// each calls f for the entries of a mapping. The parser has made sure that no key is there twice.
func (d *decoder) each(node ast.Node, path string, f func(key string, keyNode, value ast.Node, at string)) {
	m, ok := node.(ast.MapNode)
	if !ok {
		d.fail(node, path, "must be a mapping of keys to values")
		return
	}
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
		d.lines[at] = line(keyNode)
		f(key, keyNode, it.Value(), at)
	}
}

// tree decodes a JSON value.
func (d *decoder) tree(node ast.Node, path string) *Tree {
	if message := refused(node); message != "" {
		d.fail(node, path, "%s", message)
		return nil
	}
	switch n := node.(type) {
	case ast.MapNode:
		t := &Tree{members: map[string]*Tree{}}
		d.each(node, path, func(key string, _, value ast.Node, at string) { t.members[key] = d.tree(value, at) })
		return t
	case *ast.SequenceNode:
		t := &Tree{list: []*Tree{}}
		for i, value := range n.Values {
			at := fmt.Sprintf("%s[%d]", path, i)
			d.lines[at] = line(value)
			t.list = append(t.list, d.tree(value, at))
		}
		return t
	case *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode:
		if literal := literal(node); json.Valid([]byte(literal)) {
			return &Tree{literal: literal}
		}
		d.fail(node, path, "must be a number as JSON has them, or text in quotes")
		return nil
	}
	text, ok := d.text(node, path, false)
	if !ok {
		return nil
	}
	t, err := ParseTemplate(text)
	if err != nil {
		d.fail(node, path, "%v", err)
		return nil
	}
	return &Tree{text: &t}
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

// literal returns a scalar as it is written in the file.
func literal(node ast.Node) string {
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
