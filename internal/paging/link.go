package paging

import "strings"

const space = " \t"

// nextLink is the target of the first link whose relation is next, of those in Link headers (RFC 8288 section 3).
// Links of another context than the page are none of its own. What cannot be read is an error unless the link was
// found before it: there might be one behind it.
func nextLink(headers []string) (target string, found bool, err error) {
	for _, rest := range headers {
		for {
			if rest = strings.TrimLeft(rest, space+","); rest == "" {
				break
			}
			var next bool
			if target, next, rest, err = readLink(rest); err != nil || next {
				return target, next, err
			}
		}
	}
	return "", false, nil
}

// readLink reads the link that a list begins with, and returns what is behind it.
func readLink(text string) (target string, next bool, rest string, err error) {
	text, ok := strings.CutPrefix(text, "<")
	if !ok {
		return "", false, "", ErrLink
	}
	if target, rest, ok = strings.Cut(text, ">"); !ok {
		return "", false, "", ErrLink
	}
	related, anchored := false, false
	for {
		rest = strings.TrimLeft(rest, space)
		if rest == "" || rest[0] == ',' {
			return strings.Trim(target, space), next && !anchored, rest, nil
		}
		if rest[0] != ';' {
			return "", false, "", ErrLink
		}
		var name, value string
		if name, value, rest, err = readParam(rest[1:]); err != nil {
			return "", false, "", err
		}
		switch {
		case name == "anchor":
			anchored = true
		case name == "rel" && !related: // further ones are ignored
			related = true
			for relation := range strings.FieldsSeq(value) {
				next = next || strings.EqualFold(relation, "next")
			}
		}
	}
}

// readParam reads a parameter, whose name is in lower case then. It may be empty.
func readParam(text string) (name, value, rest string, err error) {
	text = strings.TrimLeft(text, space)
	name, rest = until(text, "=;,"+space)
	rest = strings.TrimLeft(rest, space)
	name = strings.ToLower(name)
	if !strings.HasPrefix(rest, "=") {
		return name, "", rest, nil
	}
	rest = strings.TrimLeft(rest[1:], space)
	if strings.HasPrefix(rest, `"`) {
		value, rest, err = readQuoted(rest[1:])
		return name, value, rest, err
	}
	value, rest = until(rest, ";,"+space)
	return name, value, rest, nil
}

// readQuoted reads a quoted string whose first quote is gone.
func readQuoted(text string) (value, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			return b.String(), text[i+1:], nil
		case '\\':
			i++
		}
		if i < len(text) {
			b.WriteByte(text[i])
		}
	}
	return "", "", ErrLink
}

// until cuts a text before the first of some characters.
func until(text, end string) (before, rest string) {
	if i := strings.IndexAny(text, end); i >= 0 {
		return text[:i], text[i:]
	}
	return text, ""
}
