package connectors

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Expired is an answer of a provider's API that means that the access token is no longer good. All
// that is given must hold; a status alone is enough.
type Expired struct {
	// Status is the HTTP status; zero means any.
	Status int `yaml:"status,omitempty"`
	// Header is what a header must have in it; without it headers do not matter.
	Header *HeaderTest `yaml:"header,omitempty"`
	// Path is where a member of a JSON body stands, and In are the texts that it may be, written as
	// in [Condition].Equals. Both are given, or neither.
	Path string   `yaml:"path,omitempty"`
	In   []string `yaml:"in,omitempty" scalar:"any"`
}

// HeaderTest is a test on a header.
type HeaderTest struct {
	// Name is the header's name.
	Name string `yaml:"name"`
	// Contains stands somewhere in one of the header's values, in any case.
	Contains string `yaml:"contains"`
}

// TokenExpired tells whether an answer of the provider's API refuses the access token: with status 401, or in one
// of the declared cases. One that limits requests does not, whatever else it says. body is called once at most, if
// the rest does not decide it; it returns the whole body if that is JSON.
func (c *Connector) TokenExpired(status int, header http.Header, body func() []byte) bool {
	if status == http.StatusUnauthorized {
		return true
	}
	var text []byte
	looked := false
	once := func() []byte {
		if !looked {
			text, looked = body(), true
		}
		return text
	}
	return c.Errors.expired(status, header, once) && !c.Rate.Limits(status, header, once)
}

// expired tells whether one of the cases holds.
func (e *Errors) expired(status int, header http.Header, body func() []byte) bool {
	for i := range e.ExpiredWhen {
		x := &e.ExpiredWhen[i]
		if x.mayBe(status, header) && (x.Path == "" || x.isBody(body())) {
			return true
		}
	}
	return false
}

// mayBe tells whether status and header are those of the case.
func (e *Expired) mayBe(status int, header http.Header) bool {
	if e.Status != 0 && e.Status != status {
		return false
	}
	if e.Header == nil {
		return true
	}
	want := strings.ToLower(e.Header.Contains)
	return slices.ContainsFunc(header.Values(e.Header.Name), func(value string) bool {
		return strings.Contains(strings.ToLower(value), want)
	})
}

// isBody tells whether a whole JSON body is that of the case. What is not one JSON object is not.
func (e *Expired) isBody(body []byte) bool {
	// Most answers have none of the texts in them, and need not be parsed. A backslash may hide one.
	if !slices.ContainsFunc(e.In, func(text string) bool { return bytes.Contains(body, []byte(text)) }) &&
		bytes.IndexByte(body, '\\') < 0 {
		return false
	}
	text, ok := member(body, e.Path)
	return ok && slices.Contains(e.In, text)
}

// member returns the member at a path of a JSON value, written as text.
func member(body []byte, path string) (string, bool) { return writtenAs(find(body, path)) }

// find is what stands at a path of a JSON value; nil if there is nothing.
func find(body []byte, path string) []byte {
	for deeper := true; deeper; {
		var name string
		name, path, deeper = cutMember(path)
		body = child(body, name)
	}
	return body
}

// writtenAs is a JSON value written as text. Objects, lists and null have none.
func writtenAs(body []byte) (string, bool) {
	switch {
	case len(body) == 0, body[0] == '{', body[0] == '[', body[0] == 'n':
		return "", false
	case body[0] != '"':
		return string(body), true
	}
	var text string
	err := json.Unmarshal(body, &text)
	return text, err == nil
}

// child is the member of an object with that name, or the item of a list with that index; nil if there is none.
func child(body []byte, name string) []byte {
	if bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("[")) {
		var list []json.RawMessage
		i, ok := Index(name)
		if !ok || json.Unmarshal(body, &list) != nil || i >= len(list) {
			return nil
		}
		return list[i]
	}
	var doc map[string]json.RawMessage
	if json.Unmarshal(body, &doc) != nil {
		return nil
	}
	return doc[name]
}

// Index is the index of a list's item that a part of a member path names; false if it names none.
func Index(name string) (int, bool) {
	i, err := strconv.Atoi(name)
	return i, err == nil && i >= 0 && strconv.Itoa(i) == name
}
