package connectors

import (
	"net/http"
	"slices"
	"strings"
)

func (v *validator) rate() {
	r := v.c.Rate
	for i, status := range r.Statuses {
		v.rateStatus(index("rate.statuses", i), i, status)
	}
	for i, name := range r.RetryAfter {
		at := index("rate.retry_after", i)
		v.answerHeader(at, name)
		if strings.EqualFold(name, retryAfterHeader) {
			v.fail(at, "Retry-After counts always")
		}
	}
	for i, w := range r.Windows {
		v.window(index("rate.windows", i), w)
	}
	for i, t := range r.Body {
		v.limitText(index("rate.body", i), t)
	}
	v.duration("rate.max_wait", r.MaxWait, maxMaxWait)
}

func (v *validator) rateStatus(at string, i, status int) {
	r := v.c.Rate
	switch {
	case status < 200 || status > 599:
		v.fail(at, "must be from 200 to 599")
	case status == http.StatusTooManyRequests:
		v.fail(at, "429 means that always")
	case status == http.StatusUnauthorized:
		v.fail(at, "401 means that the credential is refused")
	case status < http.StatusBadRequest && len(r.Body) == 0:
		v.fail(at, "needs rate.body: a success that says nothing of a limit is none")
	case slices.Index(r.Statuses, status) < i:
		v.fail(at, "%d is there twice", status)
	}
}

func (v *validator) window(at string, w Window) {
	switch {
	case w.Remaining == "" && w.Reset == "":
		v.fail(at, "must have remaining, reset, or both")
	case w.As != "" && w.Reset == "":
		v.fail(at+".as", "needs reset")
	}
	if w.Remaining != "" {
		v.answerHeader(at+".remaining", w.Remaining)
	}
	if w.Reset != "" {
		v.answerHeader(at+".reset", w.Reset)
	}
	v.waitAs(at+".as", w.As)
}

func (v *validator) limitText(at string, t LimitText) {
	if t.Path == "" {
		v.fail(at+".path", "is required: where the text stands in the answer")
	}
	v.member(at+".path", t.Path)
	v.waitAs(at+".as", t.As)
	if t.Pattern == "" {
		v.fail(at+".pattern", "is required: what is in the text when requests are limited")
		return
	}
	re, err := searched(t.Pattern).compile()
	switch {
	case err != nil:
		v.fail(at+".pattern", "must be an RE2 expression: %v", err)
	case re.MatchString(""):
		v.fail(at+".pattern", "matches an empty text, and so every one")
	case re.NumSubexp() > 1:
		v.fail(at+".pattern", "must have one group at most, which is the wait; write (?:…) for others")
	case t.As != "" && re.NumSubexp() == 0:
		v.fail(at+".as", "needs a group in the pattern, which is the wait")
	}
}

func (v *validator) waitAs(at, as string) {
	v.optional(at, as, leftSeconds, leftMillis, leftDuration, endSeconds, endMillis, endDate)
}

// answerHeader checks the name of a header that is read.
func (v *validator) answerHeader(at, name string) {
	if !headerName.MatchString(name) {
		v.fail(at, "%q is not a header name", name)
	}
}
