package connectors

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Step is one request on the way to a credential. It may name what earlier ones captured.
type Step struct {
	// When is connect, refresh, or both (the default).
	When string `yaml:"when,omitempty"`
	// Request is what is sent.
	Request Request `yaml:"request"`
	// Response says where the answer has a token, if it has one; see TokenResponse. With nothing declared
	// a step has no token.
	Response *TokenResponse `yaml:"response,omitempty"`
	// Capture is as in [TokenCall].
	Capture map[string]string `yaml:"capture,omitempty"`
	// DefaultTTL is as in [TokenCall].
	DefaultTTL Duration `yaml:"default_ttl,omitempty"`
}

// Request is a request that a connector declares.
type Request struct {
	URL Template `yaml:"url"`
	// Method is POST (the default), GET or PUT.
	Method  string              `yaml:"method,omitempty"`
	Headers map[string]Template `yaml:"headers,omitempty"`
	Query   map[string]Template `yaml:"query,omitempty"`
	// Basic authenticates the request.
	Basic *Basic `yaml:"basic,omitempty"`
	// Of Form, JSON and Text there is one at most. JSON keeps its structure: a template can only fill the
	// text that it stands in. Text is sent as it is, with values escaped for XML.
	Form map[string]Template `yaml:"form,omitempty"`
	JSON *Tree               `yaml:"json,omitempty"`
	Text Template            `yaml:"text,omitempty"`
	// ContentType is that of Text.
	ContentType string `yaml:"content_type,omitempty"`
}

// Tree is a JSON value whose texts are templates. It does not change and may be used by several
// goroutines.
type Tree struct {
	// Of these one is set.
	text    *Template
	literal string // a number, true, false
	list    []*Tree
	members map[string]*Tree
}

// Names returns the names that the request uses, sorted, each once.
func (r Request) Names() []string {
	used := map[string]bool{}
	namesIn(reflect.ValueOf(r), used)
	return slices.Sorted(maps.Keys(used))
}

// Without returns the tree without the members whose text is a template that left holds for.
func (t *Tree) Without(left func(Template) bool) *Tree {
	switch {
	case t.list != nil:
		list := make([]*Tree, len(t.list))
		for i, one := range t.list {
			list[i] = one.Without(left)
		}
		return &Tree{list: list}
	case t.members != nil:
		members := make(map[string]*Tree, len(t.members))
		for name, one := range t.members {
			if one.text == nil || !left(*one.text) {
				members[name] = one.Without(left)
			}
		}
		return &Tree{members: members}
	}
	return t
}

// JSON writes the tree with its templates expanded; members are sorted by their names. now is the time of
// the function now. A value never ends the text that it stands in. Errors show no value.
func (t *Tree) JSON(values Values, now time.Time) ([]byte, error) {
	v, err := t.value(values, now)
	if err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

func (t *Tree) value(values Values, now time.Time) (any, error) {
	switch {
	case t.text != nil:
		text, err := t.text.ExpandAt(values, now)
		if err == nil && !utf8.ValidString(text) {
			err = errNoText
		}
		return text, err
	case t.list != nil:
		list := make([]any, len(t.list))
		for i, one := range t.list {
			var err error
			if list[i], err = one.value(values, now); err != nil {
				return nil, err
			}
		}
		return list, nil
	case t.members != nil:
		members := make(map[string]any, len(t.members))
		for name, one := range t.members {
			var err error
			if members[name], err = one.value(values, now); err != nil {
				return nil, err
			}
		}
		return members, nil
	}
	return json.RawMessage(t.literal), nil
}

var errNoText = errors.New("the value is not UTF-8, which JSON has to be")

// ExpandXML is ExpandAt with every value escaped for XML, so that none ends the element or the attribute
// that it stands in.
func (t Template) ExpandXML(v Values, now time.Time) (string, error) {
	var b strings.Builder
	for _, p := range t.parts {
		value, err := p.value(v, now)
		switch {
		case err != nil:
			return "", err
		case p.isText():
			b.WriteString(value)
		default:
			_ = xml.EscapeText(&b, []byte(value)) // a builder takes everything
		}
	}
	return b.String(), nil
}
