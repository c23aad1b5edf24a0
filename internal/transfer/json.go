package transfer

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep JSON may nest.
const maxDepth = 64

var errNotJSON = errors.New("not JSON, or not in UTF-8")

// parseJSON reads one value into string, json.Number, bool, nil, []any and map[string]any. It
// refuses what two parsers could read differently: duplicate members and text that is not UTF-8.
func parseJSON(data []byte) (any, error) {
	// The parser relies on this: it looks neither for the end of the data nor for mistakes.
	if !utf8.Valid(data) || !json.Valid(data) {
		return nil, errNotJSON
	}
	p := parser{data: data}
	return p.value("", 0)
}

// parser walks over JSON that is known to be valid. encoding/json has no reader that refuses
// duplicate members, and its token reader makes the reading of an export take four times as long.
type parser struct {
	data []byte
	i    int
}

func (p *parser) value(path string, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxDepth)
	}
	switch p.next() {
	case '{':
		return p.members(path, depth)
	case '[':
		return p.list(path, depth)
	case '"':
		return p.text()
	case 't':
		p.i += len("true")
		return true, nil
	case 'f':
		p.i += len("false")
		return false, nil
	case 'n':
		p.i += len("null")
		return nil, nil
	}
	start := p.i
	for p.i < len(p.data) && strings.IndexByte("+-.0123456789Ee", p.data[p.i]) >= 0 {
		p.i++
	}
	return json.Number(p.data[start:p.i]), nil
}

func (p *parser) list(path string, depth int) (any, error) {
	list := []any{}
	for p.i++; p.next() != ']'; {
		v, err := p.value(path, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		p.comma()
	}
	p.i++
	return list, nil
}

func (p *parser) members(path string, depth int) (any, error) {
	members := map[string]any{}
	for p.i++; p.next() != '}'; {
		name, err := p.text()
		if err != nil {
			return nil, err
		}
		at := join(path, name)
		if _, twice := members[name]; twice {
			return nil, &mistake{at, "the member is there twice"}
		}
		p.next()
		p.i++ // the colon
		if members[name], err = p.value(at, depth+1); err != nil {
			return nil, err
		}
		p.comma()
	}
	p.i++
	return members, nil
}

func (p *parser) text() (string, error) {
	start, escaped := p.i, false
	for p.i++; p.data[p.i] != '"'; p.i++ {
		if p.data[p.i] == '\\' {
			escaped = true
			p.i++
		}
	}
	p.i++
	if !escaped {
		return string(p.data[start+1 : p.i-1]), nil
	}
	var s string
	if err := json.Unmarshal(p.data[start:p.i], &s); err != nil {
		return "", errNotJSON
	}
	return s, nil
}

// next skips white space and returns the byte after it.
func (p *parser) next() byte {
	for strings.IndexByte(" \t\r\n", p.data[p.i]) >= 0 {
		p.i++
	}
	return p.data[p.i]
}

func (p *parser) comma() {
	if p.next() == ',' {
		p.i++
	}
}

// join is the path of a member. A name from the file is cut and quoted where it is not plain.
func join(path, name string) string {
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c > '~' || c == '"' || i >= 64 {
			name = fmt.Sprintf("%.64q", name)
			break
		}
	}
	switch {
	case path == "":
		return name
	case name == "":
		return path
	}
	return path + "." + name
}
