package caddymodule

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/internal/problem"
)

// The headers that steer a request. They are removed before it leaves.
const (
	accountHeader = "Connected-Account"
	baseHeader    = "Connected-Base"
	slotHeader    = "Connected-Slot"
)

// tag is what a request says about its account, and what is left of its path.
type tag struct {
	header, path broker.Ref
	base         string
	// slot is which of several tokens is meant.
	slot string
	// account is the part of the path that named the account, empty when the header did; rest is the
	// provider's path. Both are escaped as they came.
	account, rest string
}

var (
	errTagInvalid = &problem.Problem{
		Status: http.StatusBadRequest, Code: string(broker.CodeRefInvalid),
		Detail: "the account's tag is not valid",
		Next:   "send exactly one tag: an account's ID (ca_…) or connection/identifier, such as gmail/user_123",
	}
	errBaseInvalid = &problem.Problem{
		Status: http.StatusBadRequest, Code: string(broker.CodeBaseUnknown),
		Detail: "the request names its base twice, or in a form that no base has",
		Next:   "send Connected-Base once, or start the path with /@account/@base/",
	}
)

var errSlotInvalid = &problem.Problem{
	Status: http.StatusBadRequest, Code: string(broker.CodeSlotUnknown),
	Detail: "the request names its token twice, or names none", Next: "send Connected-Slot once, or not at all",
}

// read reads the tag from the header Connected-Account and from the path: /@ca_…/rest,
// /@connection/identifier/rest, and either with /@base after it.
func (t *tag) read(r *http.Request) (err error) {
	t.rest = r.URL.EscapedPath()
	switch lines := r.Header[accountHeader]; len(lines) {
	case 0:
	case 1:
		if t.header, err = broker.ParseRef(lines[0]); err != nil {
			return err
		}
	default:
		return errTagInvalid
	}
	switch lines := r.Header[baseHeader]; len(lines) {
	case 0:
	case 1:
		if t.base = lines[0]; t.base == "" {
			return errBaseInvalid
		}
	default:
		return errBaseInvalid
	}
	switch lines := r.Header[slotHeader]; len(lines) {
	case 0:
	case 1:
		if t.slot = lines[0]; t.slot == "" {
			return errSlotInvalid
		}
	default:
		return errSlotInvalid
	}
	if strings.HasPrefix(t.rest, "/@") {
		return t.readPath()
	}
	return nil
}

// readPath takes the tag off the path.
func (t *tag) readPath() error {
	whole := t.rest
	first, rest := segment(whole[1:])
	text := first[1:]
	if !strings.HasPrefix(text, "ca_") {
		var second string
		second, rest = segment(rest)
		text += "/" + second
	}
	plain, err := url.PathUnescape(text)
	if err != nil || strings.Count(plain, "/") > 1 {
		return errTagInvalid
	}
	if t.path, err = broker.ParseRef(plain); err != nil {
		return err
	}
	t.account = strings.TrimSuffix(whole[:len(whole)-len(rest)], "/")
	if strings.HasPrefix(rest, "@") {
		var base string
		base, rest = segment(rest)
		if t.base != "" && t.base != base[1:] || base == "@" {
			return errBaseInvalid
		}
		t.base = base[1:]
	}
	t.rest = "/" + rest
	return nil
}

// segment cuts the first segment off a path without its leading slash.
func segment(path string) (first, rest string) {
	first, rest, _ = strings.Cut(path, "/")
	return first, rest
}

// ref is the account that the request names, by whichever way.
func (t *tag) ref() broker.Ref {
	if t.path.IsZero() {
		return t.header
	}
	return t.path
}

// wayTo is the prefix of paths that lead back to the same account at one of its bases, in the words
// that the caller used.
func (t *tag) wayTo(base string) string {
	way := t.account
	if way == "" {
		// Of all that an identifier may have, only this may not stand in a URL.
		way = "/@" + strings.ReplaceAll(t.header.String(), "|", "%7C")
	}
	if base != "" {
		way += "/@" + base
	}
	return way
}
