package transfer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/vault"
)

// Options say how the names of another product become ours.
type Options struct {
	// Map has a connection's name for the other product's name of an integration. A name that is
	// not in it is taken as it is where it can be the name of a connection. For the path of a value, such
	// as connection_config.tenantId, it has the name of the input that it is for, "-" for none.
	Map map[string]string
	// EndUser takes Nango's end user for the identifier, instead of the connection_id. An end user
	// with two connections of one integration is then twice in what is read.
	EndUser bool
}

// connection returns the name of the connection for an integration, which may be mapped by other
// names of it, too.
func (o Options) connection(name string, others ...string) (string, error) {
	for _, from := range append(others, name) {
		to, ok := o.Map[from]
		if from == "" || !ok {
			continue
		}
		if !vault.ValidName(to) {
			return "", fmt.Errorf("--map %.80q: the connection's name %s", from+"="+to, wantName)
		}
		return to, nil
	}
	switch {
	case name == "":
		return "", errors.New("the name of the integration is missing")
	case !vault.ValidName(name):
		return "", fmt.Errorf("%.80q cannot be a connection's name: add --map %.80q", name, name+"=CONNECTION")
	}
	return name, nil
}

// product is another product's file of connected accounts.
type product struct {
	name string
	// list is the member that holds the list of accounts, where the file is not the list itself.
	list string
	// marks are members of which every account has at least one.
	marks []string
	// id is the member that names an account in problems.
	id string
	// account reads one; o keeps what is wrong with it.
	account func(o *object) Account
	// rest looks at what is beside the last list and returns what is wrong with it.
	rest func(map[string]any) string
}

// read yields the accounts of the file. What is wrong with one account is its problem; what is no
// account at all is an error when it comes first, for then the file is something else.
func (p product) read(r io.Reader) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		f := newForeignFile(r, p)
		n := 0
		for v, err := range f.values() {
			if err != nil {
				yield(Item{}, fmt.Errorf("reading %s: %w", p.name, err))
				return
			}
			n++
			o, isAccount := p.object(v)
			if n == 1 && !isAccount {
				yield(Item{}, fmt.Errorf("not %s: item 1 has none of the members %s", p.name, strings.Join(p.marks, ", ")))
				return
			}
			if !yield(p.item(n, o, v), nil) {
				return
			}
		}
		if n == 0 && f.empty {
			yield(Item{}, fmt.Errorf("not %s: the file is empty", p.name))
			return
		}
		if p.rest == nil {
			return
		}
		if text := p.rest(f.rest); text != "" {
			yield(Item{Problem: &Problem{Where: "end of the file", Text: text}}, nil)
		}
	}
}

// object tells whether the value is an account. One that cannot be told because it is no good
// JSON counts as one.
func (p product) object(v foreignValue) (*object, bool) {
	if v.err != nil {
		return nil, true
	}
	members, ok := v.value.(map[string]any)
	if !ok {
		return nil, false
	}
	for _, mark := range p.marks {
		if _, ok := members[mark]; ok {
			return newObject(members, true), true
		}
	}
	return nil, false
}

func (p product) item(n int, o *object, v foreignValue) Item {
	where := fmt.Sprintf("item %d", n)
	switch {
	case v.err != nil:
		return Item{Problem: &Problem{where, v.err.Error()}}
	case o == nil:
		return Item{Problem: &Problem{where, "has none of the members " + strings.Join(p.marks, ", ")}}
	}
	if id, ok := o.members[p.id].(string); ok {
		where = fmt.Sprintf("item %d (%.80q)", n, id)
	}
	a := p.account(o)
	if err := o.mistake(); err != nil {
		return Item{Problem: &Problem{where, err.Error()}}
	}
	return Item{Account: &a}
}

// masked recognises what products print in the place of a secret.
// Runs of x and * are long enough not to be there by chance: some tokens have * in them.
var masked = regexp.MustCompile(`REDACTED|redacted|\.\.\.|…|•|^[xX*]+$|^[xX]{6,}|[xX]{6,}$|[xX]{10,}|\*{4,}$|\*{6,}`)

// foreignToken takes a token. advice says how to get it unmasked.
func (o *object) foreignToken(name, advice string) vault.Secret {
	if s, ok := o.members[name].(string); ok && masked.MatchString(s) {
		o.fail(name, "masked: "+advice)
		return vault.Secret{}
	}
	return o.token(name)
}

// scopes takes scopes that are one text or a list; nil when the product does not say.
func (o *object) scopes(name string) []string {
	switch v := o.members[name].(type) {
	case string:
		o.take(name)
		return orNil(splitScopes(v))
	case []any:
		var list []string
		for _, s := range o.texts(name) {
			list = append(list, splitScopes(s)...)
		}
		return list
	}
	return nil
}

// moment takes a time in RFC 3339 or unix seconds; there may be none.
func (o *object) moment(name string) time.Time {
	t, err := parseMoment(o.take(name))
	if err != nil {
		o.fail(name, wantMoment)
	}
	return t
}

// hint takes a time that nothing depends on.
func (o *object) hint(name string) time.Time {
	t, _ := parseMoment(o.take(name))
	return t
}

const (
	wantMoment = "must be a time in RFC 3339, such as 2026-05-04T12:00:00Z, or whole seconds since 1970"
	lastSecond = 253402300799 // of the year 9999
)

// parseMoment returns the zero time for nothing and "".
func parseMoment(v any) (time.Time, error) {
	s, ok := v.(string)
	if n, isNumber := v.(json.Number); isNumber {
		s, ok = n.String(), true
	}
	switch {
	case v == nil, ok && s == "":
		return time.Time{}, nil
	case !ok:
		return time.Time{}, strconv.ErrSyntax
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return parseTime(s)
	}
	if n <= 0 || n > lastSecond {
		return time.Time{}, strconv.ErrRange
	}
	return time.Unix(n, 0).UTC(), nil
}
