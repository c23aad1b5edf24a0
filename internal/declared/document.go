package declared

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// document is a JSON object that is being written.
type document map[string]any

// set puts a value where a path leads. What stands there already stays, and is returned.
func (d document) set(path string, value any) any {
	name, rest, deeper := cutPath(path)
	there, ok := d[name]
	if !deeper {
		if !ok {
			d[name], there = value, value
		}
		return there
	}
	inner, isDocument := there.(document)
	if !isDocument { // of a value and of members the later ones stay
		inner = document{}
		d[name] = inner
	}
	return inner.set(rest, value)
}

// cutPath is the first name of a path, and the rest. A dot behind a backslash is one of the name's.
func cutPath(path string) (name, rest string, deeper bool) {
	if found := pathName.FindStringSubmatch(path); found != nil {
		return strings.ReplaceAll(found[1], `\.`, "."), found[2], true
	}
	return strings.ReplaceAll(path, `\.`, "."), "", false
}

var pathName = regexp.MustCompile(`\A((?:[^.\\]|\\\.)*)\.(.*)\z`)

var indexName = regexp.MustCompile(`\A(?:0|[1-9][0-9]?)\z`)

// isList tells whether paths have led to its members by their indexes.
func (d document) isList() bool {
	for name := range d {
		if !indexName.MatchString(name) {
			return false
		}
	}
	return len(d) > 0
}

// MarshalJSON writes the object, or the list, with other items before those that paths have led to.
func (d document) MarshalJSON() ([]byte, error) {
	if !d.isList() {
		return json.Marshal(map[string]any(d))
	}
	var items []any
	for i := range d.last() + 1 {
		item, ok := d[strconv.Itoa(i)]
		if !ok {
			item = map[string]any{"another": "one"}
		}
		items = append(items, item)
	}
	return json.Marshal(items)
}

// last is the highest index.
func (d document) last() (last int) {
	for name := range d {
		i, _ := strconv.Atoi(name) // isList
		last = max(last, i)
	}
	return last
}

// text is a value as text.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	b, _ := json.Marshal(v) // what is in a document can be written
	return string(b)
}

// under is a path below another one.
func under(root, path string) string {
	if root == "" {
		return path
	}
	return root + "." + path
}

// literal is the JSON value that is written as that text.
func literal(text string) any {
	if text == "true" || text == "false" {
		return text == "true"
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && strconv.FormatInt(n, 10) == text {
		return n
	}
	return text
}

// otherThan is a JSON value that is written otherwise.
func otherThan(text string) any {
	switch v := literal(text).(type) {
	case bool:
		return !v
	case int64:
		return v + 1
	}
	return "not " + text
}

// answerJSON is an answer with the document.
func (d document) answerJSON(status int) *answer {
	body, _ := json.Marshal(d) // as in text
	return &answer{status, http.Header{"Content-Type": {"application/json"}}, body}
}

// answerForm is an answer with the members on the first level as a form.
func (d document) answerForm(status int) *answer {
	form := url.Values{}
	for name, value := range d {
		form.Set(name, text(value))
	}
	return &answer{status, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, []byte(form.Encode())}
}
