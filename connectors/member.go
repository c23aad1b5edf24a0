package connectors

import (
	"iter"
	"strings"
)

// A member path leads into a JSON value: names of members and indexes of items, with dots between them. In a
// name `\.` is a dot of its own, as in @odata\.nextLink.

// MemberNames are the names of a member path, the outermost first.
func MemberNames(path string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for deeper := true; deeper; {
			var name string
			if name, path, deeper = cutMember(path); !yield(name) {
				return
			}
		}
	}
}

// cutMember returns the first name of a member path, and what is behind it.
func cutMember(path string) (name, rest string, deeper bool) {
	end := strings.IndexByte(path, '.')
	for end > 0 && path[end-1] == '\\' {
		more := strings.IndexByte(path[end+1:], '.')
		if more < 0 {
			end = -1
			break
		}
		end += 1 + more
	}
	if end < 0 {
		return plainMember(path), "", false
	}
	return plainMember(path[:end]), path[end+1:], true
}

func plainMember(name string) string {
	if strings.IndexByte(name, '\\') < 0 {
		return name
	}
	return strings.ReplaceAll(name, `\.`, ".")
}

// Find returns what stands at a member path of a value as encoding/json decodes it, and nil where nothing does.
// The empty path is that of the value itself.
func Find(doc any, path string) any {
	if path == "" {
		return doc
	}
	for name := range MemberNames(path) {
		switch v := doc.(type) {
		case map[string]any:
			doc = v[name]
		case []any:
			i, ok := Index(name)
			if !ok || i >= len(v) {
				return nil
			}
			doc = v[i]
		default:
			return nil
		}
	}
	return doc
}
