package declared

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// document is a JSON object that is being written.
type document map[string]any

// set puts a value where a path leads. What stands there already stays, and is returned.
func (d document) set(path string, value any) any {
	name, rest, deeper := strings.Cut(path, ".")
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
