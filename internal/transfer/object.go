package transfer

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// mistake is what is wrong with one member. It never holds the member's value.
type mistake struct{ member, text string }

// Error implements error.
func (m *mistake) Error() string {
	if m.member == "" {
		return m.text
	}
	return m.member + ": " + m.text
}

// object is a JSON object whose members are taken one after the other. The first mistake is kept,
// and shared by the objects in it.
type object struct {
	path    string
	members map[string]any
	// foreign objects belong to other products: null is no value there, and members that nobody
	// takes are none of our business.
	foreign bool
	first   **mistake
}

func newObject(members map[string]any, foreign bool) *object {
	return &object{members: members, foreign: foreign, first: new(*mistake)}
}

// mistake is the first mistake, or nil.
func (o *object) mistake() error {
	if *o.first == nil {
		return nil
	}
	return *o.first
}

func (o *object) fail(name, text string) {
	if *o.first == nil {
		*o.first = &mistake{join(o.path, name), text}
	}
}

// failed takes over a mistake that was found by a check.
func (o *object) failed(m *mistake) {
	if m != nil {
		o.fail(m.member, m.text)
	}
}

// take removes a member and returns it, nil when there is none.
func (o *object) take(name string) any {
	v, ok := o.members[name]
	delete(o.members, name)
	if ok && v == nil && !o.foreign {
		o.fail(name, "must not be null; leave the member out instead")
	}
	return v
}

func (o *object) text(name string) string {
	v := o.take(name)
	s, ok := v.(string)
	if v != nil && !ok {
		o.fail(name, "must be text")
	}
	return s
}

// texts returns nil when there is no such member.
func (o *object) texts(name string) []string {
	v := o.take(name)
	if v == nil {
		return nil
	}
	values, ok := v.([]any)
	list := make([]string, 0, len(values))
	for _, v := range values {
		s, isText := v.(string)
		ok = ok && isText
		list = append(list, s)
	}
	if !ok {
		o.fail(name, "must be a list of texts")
	}
	return list
}

// pairs returns nil when there is none.
func (o *object) pairs(name string) map[string]string {
	sub := o.object(name)
	if sub == nil || len(sub.members) == 0 {
		return nil
	}
	pairs := make(map[string]string, len(sub.members))
	for key := range maps.Clone(sub.members) {
		pairs[key] = sub.text(key)
	}
	return pairs
}

// raw returns an object as JSON, nil when there is none.
func (o *object) raw(name string) json.RawMessage {
	sub := o.object(name)
	if sub == nil || sub.members == nil {
		return nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)            // it stays as long as it was
	if e.Encode(sub.members) != nil { // nothing that was parsed fails
		o.fail(name, "must be an object")
	}
	return bytes.TrimSpace(b.Bytes())
}

func (o *object) time(name string) time.Time {
	s := o.text(name)
	if s == "" {
		return time.Time{}
	}
	t, err := parseTime(s)
	if err != nil {
		o.fail(name, "must be a time in RFC 3339, such as 2026-05-04T12:00:00Z")
	}
	return t
}

// number takes a whole number that is not negative. It must be there.
func (o *object) number(name string) int {
	n, ok := o.take(name).(json.Number)
	i, err := strconv.Atoi(n.String())
	if !ok || err != nil || i < 0 {
		o.fail(name, "must be a whole number")
		return 0
	}
	return i
}

// object returns nil when there is no such member.
func (o *object) object(name string) *object {
	v := o.take(name)
	if v == nil {
		return nil
	}
	members, ok := v.(map[string]any)
	if !ok {
		o.fail(name, "must be an object")
	}
	return &object{path: join(o.path, name), members: members, foreign: o.foreign, first: o.first}
}

// objects returns nil when there is no such member.
func (o *object) objects(name string) []*object {
	v := o.take(name)
	if v == nil {
		return nil
	}
	values, ok := v.([]any)
	var list []*object
	for _, v := range values {
		members, isObject := v.(map[string]any)
		ok = ok && isObject
		list = append(list, &object{path: join(o.path, name), members: members, foreign: o.foreign, first: o.first})
	}
	if !ok {
		o.fail(name, "must be a list of objects")
	}
	return list
}

// end refuses the members that nobody has taken.
func (o *object) end() {
	if len(o.members) > 0 {
		o.fail(slices.Min(slices.Collect(maps.Keys(o.members))), "unknown member; a newer Claviger may know it")
	}
}

// parseTime reads RFC 3339. Other than time.Parse it takes no other spelling, and no year that
// could not be written again.
func parseTime(s string) (time.Time, error) {
	var t time.Time
	if err := t.UnmarshalText([]byte(s)); err != nil {
		return time.Time{}, err
	}
	t = t.UTC()
	if y := t.Year(); y < 1 || y > 9999 {
		return time.Time{}, strconv.ErrRange
	}
	return t, nil
}

// splitScopes reads scopes as providers write them in one text.
func splitScopes(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' })
}
