// Package policy decides whether the shape of a request may go out to a provider: its method, the
// form of its target, its path, where it comes from and what it wants to become.
//
// Everything a caller sends passes Check before an account is looked up, a token is refreshed or a
// connection is opened. Beside it stand CheckHost, for every listener, and CheckCaller, for
// listeners without caller authentication. DropSteering cleans the copy that goes out:
//
//	if no := policy.Check(r, policy.Options{Path: path}); no != nil {
//		writeProblem(w, no.Status, no.Code, no.Message)
//		return
//	}
//
// A request that is accepted reaches the provider byte for byte: nothing is normalised here, so
// that what was checked is what is sent.
package policy

import (
	"net/http"
	"strings"
)

// Codes of a Refusal.
const (
	CodeMethod      = "method_not_allowed"
	CodeTarget      = "target_not_allowed"
	CodePath        = "path_not_allowed"
	CodeTooLong     = "target_too_long"
	CodeUpgrade     = "upgrade_not_allowed"
	CodeExpectation = "expectation_not_supported"
	CodeHost        = "host_not_allowed"
	CodeCaller      = "caller_not_local"
	CodeBrowser     = "browser_not_allowed"
)

// A Refusal says why a request may not go out. It never repeats anything the caller sent. Values
// are shared between requests: do not change them.
type Refusal struct {
	Code    string // stable, for programs
	Status  int    // HTTP status of the answer
	Message string // for people: what to do
}

// Options adjust Check. The zero value is for a request whose target is the provider's.
type Options struct {
	// Path is the provider's path as it will be sent, still percent-encoded, when it is not the
	// target's own: after an account prefix was cut off, or after a rewrite. It is checked as well
	// as the target's path, never instead of it.
	Path string
}

var (
	refuseMethod = &Refusal{
		CodeMethod, http.StatusMethodNotAllowed,
		"use GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS, in upper case",
	}
	refuseProtocol = &Refusal{
		CodeMethod, http.StatusMethodNotAllowed,
		"open WebSockets over HTTP/1.1: extended CONNECT is not forwarded",
	}
	refuseForm = &Refusal{
		CodeTarget, http.StatusBadRequest,
		"send the path alone as request target: use this proxy as base URL, not as HTTP proxy",
	}
	refuseQuery = &Refusal{
		CodeTarget, http.StatusBadRequest,
		"percent-encode spaces, control characters and # in the query",
	}
	refuseTargetLength = &Refusal{
		CodeTooLong, http.StatusRequestURITooLong,
		"keep the path and query below 32 KiB: move long parameters to the body",
	}
	refuseExpect = &Refusal{
		CodeExpectation, http.StatusExpectationFailed,
		"remove the Expect header, or send 100-continue",
	}
)

const (
	maxPath   = 16 << 10
	maxTarget = 32 << 10
)

// Check tells whether the request's method, target, path and headers may go out; nil means yes. r
// is a server's request, with RequestURI as it came. It reads no body and keeps nothing.
func Check(r *http.Request, o Options) *Refusal {
	if no := checkMethod(r); no != nil {
		return no
	}
	path, no := checkTarget(r.RequestURI)
	if no != nil {
		return no
	}
	if no := CheckPath(path); no != nil {
		return no
	}
	if o.Path != "" && o.Path != path {
		if no := CheckPath(o.Path); no != nil {
			return no
		}
	}
	for _, v := range r.Header["Expect"] {
		if !strings.EqualFold(v, "100-continue") {
			return refuseExpect
		}
	}
	upgrade := upgrading(r)
	if no := checkBrowser(r, upgrade); no != nil {
		return no
	}
	if upgrade {
		return checkUpgrade(r)
	}
	return nil
}

func checkMethod(r *http.Request) *Refusal {
	// net/http delivers the :protocol of an extended CONNECT (RFC 8441) as a header.
	if _, ok := r.Header[":protocol"]; ok {
		return refuseProtocol
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions:
		return nil
	}
	return refuseMethod
}

// checkTarget accepts an origin-form target (RFC 9112 section 3.2.1) and returns its path.
func checkTarget(target string) (string, *Refusal) {
	if len(target) == 0 || target[0] != '/' {
		return "", refuseForm
	}
	path, query, _ := strings.Cut(target, "?")
	if len(path) <= maxPath && len(target) > maxTarget {
		return "", refuseTargetLength
	}
	for i := range len(query) {
		if c := query[i]; c <= ' ' || c == 0x7f || c == '#' {
			return "", refuseQuery
		}
	}
	return path, nil
}
