package connectors

import (
	"maps"
	"slices"
	"strings"
)

// Headers that belong to the connection, to the engine, or to the body of a request.
var ownHeaders = []string{
	"connected-account", "connected-base", "connection", "cookie", "forwarded", "host", "http2-settings",
	"keep-alive", "te", "trailer", "trailers", "transfer-encoding", "upgrade", "via",
}

var ownHeaderPrefixes = []string{"claviger-", "connected-", "content-", "proxy-", "sec-", "x-forwarded-"}

func (v *validator) headerName(path, name string) {
	lower := strings.ToLower(name)
	if !headerName.MatchString(name) {
		v.fail(path, "%q is not a header name", name)
		return
	}
	if slices.Contains(ownHeaders, lower) ||
		slices.ContainsFunc(ownHeaderPrefixes, func(p string) bool { return strings.HasPrefix(lower, p) }) {
		v.fail(path, "header %s must not be set by a connector", name)
	}
}

func (v *validator) headerValue(path, value string) {
	if value == "" || strings.TrimSpace(value) != value {
		v.fail(path, "must not be empty or begin or end with a space")
	}
	for i := range len(value) {
		if value[i] < 0x20 || value[i] >= 0x7f {
			v.fail(path, "must be printable ASCII on one line")
			return
		}
	}
}

// headers checks headers that are added to a call.
func (v *validator) headers(path string, headers map[string]Template, may names) {
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		at := path + "." + name
		v.headerName(at, name)
		v.headerValue(at, headers[name].String())
		v.names(at, headers[name], may|optionalNames)
		lower := strings.ToLower(name)
		if lower == "authorization" && may&tokenNames == 0 {
			v.fail(at, "header Authorization must not be set here")
		}
		if seen[lower] {
			v.fail(at, "header %s is there twice", name)
		}
		seen[lower] = true
	}
}

// params checks parameters; taken are the names that they must not have.
func (v *validator) params(path string, params map[string]Template, taken []string, may names) {
	for _, name := range slices.Sorted(maps.Keys(params)) {
		at := path + "." + name
		v.param(at, name)
		if slices.Contains(taken, name) {
			v.fail(at, "is set by the engine and must not be given")
		}
		v.names(at, params[name], may|optionalNames)
	}
}

// captures checks what is kept of an answer: captured name to where it stands, which is checked by where.
func (v *validator) captures(path string, capture map[string]string, where func(path, value string)) {
	for _, name := range slices.Sorted(maps.Keys(capture)) {
		at := path + "." + name
		if !inputName.MatchString(name) {
			v.fail(at, "the name must begin with a lower-case letter and have lower-case letters, digits and '_' only")
		}
		if capture[name] == "" {
			v.fail(at, "must not be empty")
		}
		where(at, capture[name])
	}
}

func (v *validator) basic(path string, b *Basic, may names) {
	if b == nil {
		return
	}
	if b.User.IsZero() && b.Password.IsZero() {
		v.fail(path, "must have user, password or both")
	}
	v.names(path+".user", b.User, may)
	v.names(path+".password", b.Password, may)
}

// tree checks a JSON value. Members of objects are left out like parameters.
func (v *validator) tree(path string, t *Tree, may names) {
	switch {
	case t == nil:
	case t.text != nil:
		v.names(path, *t.text, may)
	case t.list != nil:
		for i, one := range t.list {
			v.tree(index(path, i), one, may&^optionalNames)
		}
	default:
		for _, name := range slices.Sorted(maps.Keys(t.members)) {
			v.tree(path+"."+name, t.members[name], may|optionalNames)
		}
	}
}
