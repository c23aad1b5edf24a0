package api

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/vault"
)

const (
	defaultPage = 50 // as the vault's
	maxPage     = 200
)

// sinceForm is what ParseSince takes, in words.
const sinceForm = "must be a time such as 2026-05-04T12:00:00Z, or how long ago, such as 90m or 7d"

// pageParams are the parameters of every list.
var pageParams = []string{"limit", "after"}

// query returns the request's query parameters; each must be an allowed one and come once.
func query(r *http.Request, allowed ...string) (url.Values, error) {
	return queryRepeating(r, "", allowed...)
}

// queryRepeating is query with one parameter that may come more than once.
func queryRepeating(r *http.Request, repeated string, allowed ...string) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, refuse(CodeParameter, "the query is not percent-encoded as it should be", "")
	}
	for name, v := range values {
		if !slices.Contains(allowed, name) {
			next := "this route takes no parameters"
			if len(allowed) > 0 {
				next = "the parameters are " + strings.Join(allowed, ", ")
			}
			return nil, refuse(CodeParamUnknown, fmt.Sprintf("unknown parameter %.64q", name), next)
		}
		if len(v) > 1 && name != repeated {
			return nil, refuse(CodeParameter, "parameter "+name+" is there twice", "")
		}
	}
	return values, nil
}

// pageOf reads limit and after.
func pageOf(values url.Values) (vault.PageQuery, error) {
	q := vault.PageQuery{After: values.Get("after")}
	if !values.Has("limit") {
		return q, nil
	}
	n, err := strconv.Atoi(values.Get("limit"))
	if err != nil || n < 1 || n > maxPage {
		return vault.PageQuery{}, badParameter("limit", "must be a whole number from 1 to 200")
	}
	q.Limit = n
	return q, nil
}

// ParseSince reads a time, or how long before now it is, in the form that the API takes: 90m, 7d, or a
// time of RFC 3339.
func ParseSince(text string, now time.Time) (since time.Time, ok bool) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, true
	}
	ago, ok := ParseWithin(text)
	return now.Add(-ago), ok
}

// ParseWithin reads how long something is, such as 90m or 7d.
func ParseWithin(text string) (time.Duration, bool) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err == nil
	}
	d, err := time.ParseDuration(text)
	return d, err == nil && d >= 0
}

func badParameter(name, must string) error {
	return refuse(CodeParameter, "parameter "+name+" "+must, "")
}

func badField(name, must string) error {
	return refuse(CodeField, "field "+name+" "+must, "")
}
