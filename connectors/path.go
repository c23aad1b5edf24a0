package connectors

import (
	"errors"
	"net/url"
	"strings"
	"time"
)

// ExpandPath fills a path that may have a query. Each value is escaped for where it stands, so that it never
// leaves its segment or parameter; one that would make a segment "." or ".." is an error. Errors show no value.
func (t Template) ExpandPath(v Values, now time.Time) (string, error) {
	return t.path(func(p part) (string, error) { return p.value(v, now) })
}

// checkPath checks a path as far as it can be without values.
func (t Template) checkPath() error {
	_, err := t.path(func(part) (string, error) { return "x", nil })
	return err
}

func (t Template) path(value func(part) (string, error)) (string, error) {
	var b strings.Builder
	query := false
	for _, p := range t.parts {
		if p.isText() {
			if hasControl(p.text) {
				return "", errors.New("must not have control characters")
			}
			b.WriteString(p.text)
			query = query || strings.Contains(p.text, "?")
			continue
		}
		text, err := value(p)
		if err != nil {
			return "", err
		}
		if query {
			text = url.QueryEscape(text)
		} else {
			text = url.PathEscape(text)
		}
		b.WriteString(text)
	}
	text := b.String()
	if !strings.HasPrefix(text, "/") {
		return "", errors.New("must begin with '/'")
	}
	_, err := parseURL("https://host.example.com" + text)
	return text, err
}
