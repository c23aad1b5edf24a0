package declared_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
)

// mutant is a connector that is another one in a single place.
type mutant struct {
	path, to string
	// added tells that c has nothing there.
	added     bool
	connector *connectors.Connector
}

func (m mutant) String() string { return m.path + " = " + m.to }

// mutants are the connectors that differ from c in one place each: every value that a file can have under the
// keys that a provider sees, and some that c does not have. Those that are not valid are left out, and those
// in places that are not wanted.
func mutants(c *connectors.Connector, wanted func(path string) bool) (list []mutant) {
	m := &maker{original: c, wanted: wanted}
	for _, name := range []string{"Scheme", "API", "Verify", "Identity", "Discover", "Paginate", "Errors", "Rate"} {
		f, _ := reflect.TypeFor[connectors.Connector]().FieldByName(name)
		path := f.Tag.Get("yaml")
		path, _, _ = strings.Cut(path, ",")
		m.walk(reflect.ValueOf(c).Elem().FieldByIndex(f.Index), path, []hop{{field: f.Index}})
	}
	return m.list
}

// hop is one step from a value into it.
type hop struct {
	field []int
	index int
	key   reflect.Value
	in    bool // to what a pointer points to
}

// maker makes mutants.
type maker struct {
	original *connectors.Connector
	wanted   func(path string) bool
	list     []mutant
}

// try adds the first mutant that is valid. It is not done if there is none.
func (m *maker) try(path string, hops []hop, added bool, values ...any) (done bool) {
	if !m.wanted(path) {
		return true
	}
	for _, value := range values {
		to := reflect.ValueOf(value)
		root := copied(reflect.ValueOf(*m.original))
		put(root, hops, to)
		c := root.Interface().(connectors.Connector)
		if reflect.DeepEqual(c, *m.original) || c.Validate() != nil {
			continue
		}
		m.list = append(m.list, mutant{path, fmt.Sprintf("%.60v", value), added, &c})
		return true
	}
	return false
}

// walk tries other values for all that is in v.
func (m *maker) walk(v reflect.Value, path string, hops []hop) {
	next := func(h hop) []hop { return append(slices.Clone(hops), h) }
	switch x := v.Interface().(type) {
	case connectors.Template:
		m.try(path, hops, x.IsZero(), templates(path, x)...)
		return
	case *connectors.Tree:
		if x != nil {
			m.try(path, hops, false, tree(`{"other": "tree"}`))
			m.members(path, hops, x)
		}
		return
	case connectors.Duration:
		m.try(path, hops, x == 0, x*2+connectors.Duration(7*time.Minute), x/2+connectors.Duration(time.Minute))
		return
	}
	switch v.Kind() {
	case reflect.String:
		if !m.wanted(path) {
			return
		}
		m.try(path, hops, v.IsZero(), texts(m.original, path, v.String(), v.Type())...)
	case reflect.Bool:
		m.try(path, hops, v.IsZero(), !v.Bool())
	case reflect.Int:
		m.try(path, hops, v.IsZero(), int(v.Int())+1, 404)
	case reflect.Pointer:
		if !v.IsNil() {
			m.walk(v.Elem(), path, next(hop{in: true}))
			m.try(path+" gone", hops, false, reflect.Zero(v.Type()).Interface())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			at := path
			if name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ","); name != "" { // else it is inline
				at = strings.TrimPrefix(path+"."+name, ".")
			}
			m.walk(v.Field(i), at, next(hop{field: []int{i}}))
		}
	case reflect.Slice:
		m.slice(v, path, hops, next)
	case reflect.Map:
		m.entries(v, path, hops, next)
	}
}

// slice tries each element, one less and one more.
func (m *maker) slice(v reflect.Value, path string, hops []hop, next func(hop) []hop) {
	for i := range v.Len() {
		at := fmt.Sprintf("%s[%d]", path, i)
		m.walk(v.Index(i), at, next(hop{index: i}))
		less := reflect.MakeSlice(v.Type(), 0, v.Len())
		m.try(at+" gone", hops, false, reflect.AppendSlice(reflect.AppendSlice(less, v.Slice(0, i)), v.Slice(i+1, v.Len())).Interface())
	}
	switch list := v.Interface().(type) {
	case []string:
		for _, more := range []string{"grant_type", sent(path), "redirect_uri", "response_type", "client_id", "other"} {
			if !slices.Contains(list, more) {
				m.try(path+" more", hops, true, append(slices.Clone(list), more))
				return
			}
		}
	case []connectors.Template:
		m.try(path+" more", hops, true, append(slices.Clone(list), template("other.scope")))
	}
}

// entries tries each entry, one less and one more.
func (m *maker) entries(v reflect.Value, path string, hops []hop, next func(hop) []hop) {
	without := func(key reflect.Value) reflect.Value {
		other := reflect.MakeMap(v.Type())
		for _, k := range v.MapKeys() {
			if !key.IsValid() || k.Interface() != key.Interface() {
				other.SetMapIndex(k, v.MapIndex(k))
			}
		}
		return other
	}
	for _, key := range v.MapKeys() {
		at := path + "." + key.String()
		m.walk(v.MapIndex(key), at, next(hop{key: key}))
		m.try(at+" gone", hops, false, without(key).Interface())
	}
	omitted := m.original.Token.Omit
	if strings.HasPrefix(path, "refresh") {
		omitted = m.original.Refresh.Omit
	}
	for _, name := range []string{"other", "X-Other", "grant_type", sent(path), "client_id"} {
		if slices.Contains(omitted, name) {
			continue // nobody would see what it is called
		}
		more := without(reflect.Value{})
		if more.MapIndex(reflect.ValueOf(name)).IsValid() {
			continue
		}
		more.SetMapIndex(reflect.ValueOf(name), reflect.ValueOf(entry(v.Type().Elem())))
		if m.try(path+" more", hops, true, more.Interface()) {
			return
		}
	}
}

// sent is a field that is in every call.
func sent(path string) string {
	if strings.HasPrefix(path, "refresh") {
		return "refresh_token"
	}
	return "code"
}

// entry is a value for a new entry of a map.
func entry(t reflect.Type) any {
	if t == reflect.TypeFor[connectors.Template]() {
		return template("more")
	}
	return "more"
}

// members tries a tree without each of its templates.
func (m *maker) members(path string, hops []hop, t *connectors.Tree) {
	seen := map[string]bool{}
	t.Without(func(one connectors.Template) bool { seen[one.String()] = true; return false })
	for text := range seen {
		m.try(path+" without "+text, hops, false, t.Without(func(one connectors.Template) bool { return one.String() == text }))
	}
}
