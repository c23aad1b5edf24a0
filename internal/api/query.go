package api

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/claviger-proxy/claviger/vault"
)

const maxPage = 200

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

func badParameter(name, must string) error {
	return refuse(CodeParameter, "parameter "+name+" "+must, "")
}

func badField(name, must string) error {
	return refuse(CodeField, "field "+name+" "+must, "")
}
