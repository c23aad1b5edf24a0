package connectors

import (
	"fmt"
	"strings"
)

func (v *validator) errors() {
	e := v.c.Errors
	seen := map[ErrorCase]string{}
	v.errorCases("permanent_when", e.PermanentWhen, seen)
	v.errorCases("operator_when", e.OperatorWhen, seen)
	v.errorCases("transient_when", e.TransientWhen, seen)
	for i, x := range e.ExpiredWhen {
		v.expired(fmt.Sprintf("errors.expired_when[%d]", i), x)
	}
}

// errorCases checks one list. seen has the cases of the others with the lists they are in.
func (v *validator) errorCases(list string, cases []ErrorCase, seen map[ErrorCase]string) {
	for i, c := range cases {
		at := fmt.Sprintf("errors.%s[%d]", list, i)
		if c == (ErrorCase{}) {
			v.fail(at, "must have a code, a text or a status")
			continue
		}
		if c.Code != "" && !errorCode.MatchString(c.Code) {
			v.fail(at, "must be an error code of letters, digits, '_', '.' and '-'")
		}
		if s := c.Status; s != 0 && (s < 200 || s > 499 || s == 408 || s == 425 || s == 429) {
			v.fail(at+".status", "must be from 200 to 499 and not 408, 425 or 429, which are transient always")
		}
		key := ErrorCase{strings.ToLower(c.Code), strings.ToLower(c.Text), c.Status}
		if other, twice := seen[key]; twice {
			v.fail(at, "%s is in %s as well", c, other)
		}
		seen[key] = list
	}
}

func (v *validator) expired(at string, x Expired) {
	if x.Status != 0 && (x.Status < 200 || x.Status > 599) {
		v.fail(at+".status", "must be from 200 to 599")
	}
	if x.Status == 401 {
		v.fail(at+".status", "401 means that always")
	}
	if h := x.Header; h != nil {
		if !headerName.MatchString(h.Name) {
			v.fail(at+".header.name", "%q is not a header name", h.Name)
		}
		if h.Contains == "" {
			v.fail(at+".header.contains", "is required: what one of the header's values has in it")
		}
	}
	v.member(at+".path", x.Path)
	if (x.Path == "") != (len(x.In) == 0) {
		v.fail(at, "must have path and in, or neither")
	}
	for i, text := range x.In {
		if text == "" {
			v.fail(fmt.Sprintf("%s.in[%d]", at, i), "must not be empty")
		}
	}
	if x.Header == nil && x.Path == "" && (x.Status < 400 || x.Status > 499) {
		v.fail(at, "must have a status from 400 to 499, a header, or path and in")
	}
}
