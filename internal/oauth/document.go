package oauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/claviger-proxy/claviger/connectors"
)

// maxDepth is how deep an answer may nest.
const maxDepth = 32

// document is a JSON object: strings, json.Number, bool, nil, []any and document.
type document map[string]any

var errNoDocument = errors.New("not a JSON object")

// parseDocument reads one JSON object and nothing after it. It refuses what two parsers could
// read differently: duplicate names, a byte order mark, text that is not UTF-8.
func parseDocument(body []byte) (document, error) {
	// json.Valid first: the token reader below does not check everything.
	if !utf8.Valid(body) || !json.Valid(body) {
		return nil, errNoDocument
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	value, err := parseValue(dec, 0)
	if err != nil {
		return nil, err
	}
	doc, ok := value.(document)
	if !ok {
		return nil, errNoDocument
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errNoDocument
	}
	return doc, nil
}

func parseValue(dec *json.Decoder, depth int) (any, error) {
	token, err := dec.Token()
	if err != nil || depth > maxDepth {
		return nil, errNoDocument
	}
	switch token {
	case json.Delim('{'):
		return parseMembers(dec, depth)
	case json.Delim('['):
		list := []any{}
		for dec.More() {
			value, err := parseValue(dec, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		_, err = dec.Token()
		return list, err
	}
	return token, nil
}

func parseMembers(dec *json.Decoder, depth int) (document, error) {
	doc := document{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, errNoDocument
		}
		name, ok := token.(string)
		if !ok {
			return nil, errNoDocument
		}
		if _, twice := doc[name]; twice {
			return nil, errNoDocument
		}
		if doc[name], err = parseValue(dec, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := dec.Token()
	return doc, err
}

// find returns what stands at a member path. What is missing and a null are both nil.
func (d document) find(path string) any {
	var at any = d
	for name := range connectors.MemberNames(path) {
		switch v := at.(type) {
		case document:
			at = v[name]
		case []any:
			i, ok := connectors.Index(name)
			if !ok || i >= len(v) {
				return nil
			}
			at = v[i]
		default:
			return nil
		}
	}
	return at
}

// text is textOf the member at path.
func (d document) text(path string) (string, bool) { return textOf(d.find(path)) }

// textOf returns a value as it is written in JSON, strings without quotes. Objects, lists and null have no
// text.
func textOf(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

// holds tells whether the document meets the condition. No document meets none.
func (d document) holds(c *connectors.Condition) bool { return d != nil && meets(d.find(c.Path), c) }

// meets tells whether the member at the condition's path is as wanted.
func meets(member any, c *connectors.Condition) bool {
	text, isText := textOf(member)
	return c.Met(member != nil, text, isText)
}

// parseForm reads a form as a document of strings; nil if it is none, or has a name twice.
func parseForm(body []byte) document {
	values, err := url.ParseQuery(strings.TrimSpace(string(body)))
	if err != nil || !utf8.Valid(body) {
		return nil
	}
	doc := document{}
	for name, list := range values {
		if len(list) != 1 {
			return nil
		}
		doc[name] = list[0]
	}
	return doc
}
