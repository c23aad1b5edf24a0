package transfer

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// The names that inputs have unless [Options].Map says otherwise.
const (
	inputKey       = "api_key"
	inputUsername  = "username"
	inputPassword  = "password"
	inputToken     = "token"
	inputSubdomain = "subdomain"
)

// leaveOut in [Options].Map says that a value is for no input.
const leaveOut = "-"

// maskedValue is masked for what people have chosen themselves, which may have anything in its middle.
var maskedValue = regexp.MustCompile(`^\[?(REDACTED|redacted)\]?$|(\.\.\.|…|•{3,}|\*{4,}|[xX]{6,})$|^[xX*•]{4,}$`)

// input takes a member that is the value of an input, unless there is none, and puts it under the name
// to, or under the one that the options have for the member's path.
func (o *object) input(into map[string]string, member, to, advice string, opts Options) {
	if as, ok := opts.Map[join(o.path, member)]; ok {
		to = as
	}
	v := o.take(member)
	text, ok := plainText(v)
	_, twice := into[to]
	switch {
	case to == leaveOut, v == nil, ok && text == "":
	case !ok:
		o.fail(member, "must be text")
	case !inputName.MatchString(to):
		o.fail(member, "--map: the input's name "+wantInput)
	case twice:
		o.fail(member, "another value is the input "+to+" already: add --map "+join(o.path, member)+"=INPUT, or =- for none")
	case maskedValue.MatchString(text):
		o.fail(member, "masked: "+advice)
	case !validValue(text):
		o.fail(member, wantValue)
	default:
		into[to] = text
	}
}

// renamed takes the members that the options have an input's name for.
func (o *object) renamed(into map[string]string, advice string, opts Options) {
	for _, member := range slices.Sorted(maps.Keys(o.members)) {
		if to, ok := opts.Map[join(o.path, member)]; ok {
			o.input(into, member, to, advice, opts)
		}
	}
}

// plain are the members that are a text or a number, and whose names can be written as connectors do.
func (o *object) plain() []string {
	var members []string
	for _, member := range slices.Sorted(maps.Keys(o.members)) {
		if _, ok := plainText(o.members[member]); ok && inputName.MatchString(snake(member)) {
			members = append(members, member)
		}
	}
	return members
}

func plainText(v any) (text string, ok bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	}
	return "", false
}

// snake writes a name as connectors do: tenantId and tenant-id become tenant_id.
func snake(name string) string {
	var b strings.Builder
	small := false // whether a small letter or a digit stands before
	for _, r := range name {
		switch {
		case r >= 'A' && r <= 'Z':
			if small {
				b.WriteByte('_')
			}
			r, small = r+'a'-'A', false
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			small = true
		default:
			r, small = '_', false
		}
		b.WriteRune(r)
	}
	return b.String()
}
