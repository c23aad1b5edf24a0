package oauth

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Class says what to do about an [Error].
type Class string

// The values of [Class].
const (
	// ClassPermanent means that the grant is dead: the user has to consent again.
	ClassPermanent Class = "permanent"
	// ClassOperator means that the OAuth client or its configuration is refused. Accounts work
	// again once the operator has mended it.
	ClassOperator Class = "operator"
	// ClassTransient means that the provider cannot be asked now.
	ClassTransient Class = "transient"
	// ClassMalformed means that the provider answered something that is no token answer.
	ClassMalformed Class = "malformed"
)

// Codes that this package makes itself. Beside them stand provider_status_NNN and the error codes
// of RFC 6749 and of the provider.
const (
	CodeIncomplete       = "client_incomplete"    // the App lacks an ID, a secret or an endpoint
	CodeNoRefreshToken   = "no_refresh_token"     // there is nothing to refresh with
	CodeUnreachable      = "provider_unreachable" // no connection
	CodeTLS              = "provider_tls"         // the provider's certificate is not accepted
	CodeTimeout          = "provider_timeout"     // no complete answer in time
	CodeAnswerLost       = "answer_lost"          // the connection broke after the request was sent
	CodeAnswerTooLarge   = "answer_too_large"     // more than 64 KiB
	CodeRedirectRefused  = "redirect_refused"     // the endpoint answered with a redirect
	CodeBadTokenResponse = "bad_token_response"   // the answer is no valid token answer
	CodeProviderError    = "provider_error"       // a refusal without a usable code
)

// Error is a failed call of an OAuth endpoint. It holds nothing that was sent or answered but the
// status and the provider's error code, and the code only if it is a plain short word.
type Error struct {
	Class Class
	// Code is a stable short code, made of a-z, 0-9, '_', '.' and '-'.
	Code string
	// Status is the HTTP status of the answer, 0 when there was none.
	Status int
	// RetryAfter is how long the provider asked to wait, at most ten minutes; zero when it did not.
	RetryAfter time.Duration
	// Op is "exchange", "refresh", "revoke" or "authorize".
	Op string
	// Unsent says that the request certainly never reached the provider, so that a code or a
	// refresh token in it is still unused.
	Unsent bool
}

var classMeaning = map[Class]string{
	ClassPermanent: "the grant is dead, the user has to consent again",
	ClassOperator:  "the OAuth client is refused or incomplete, the operator has to look at it",
	ClassTransient: "the provider cannot be asked now",
	ClassMalformed: "the provider's answer is not usable",
}

// Error returns one sentence without any value of the request or the answer.
func (e *Error) Error() string {
	text := e.Op + ": " + classMeaning[e.Class] + " (" + e.Code
	if e.Status != 0 && !strings.HasPrefix(e.Code, statusCodePrefix) {
		text += ", status " + strconv.Itoa(e.Status)
	}
	return text + ")"
}

func unsent(op string, class Class, code string) *Error {
	return &Error{Op: op, Class: class, Code: code, Unsent: true}
}

const (
	statusCodePrefix = "provider_status_"
	maxRetryAfter    = 10 * time.Minute
)

var plainCode = regexp.MustCompile(`^[a-z0-9_.-]{1,64}$`)

// Codes that mean the same at every provider; connectors add to the first two.
var (
	permanentCodes = []string{"invalid_grant"}
	operatorCodes  = []string{"invalid_client", "unauthorized_client"}
	transientCodes = []string{
		"temporarily_unavailable", "server_error", "slow_down", "internal_error",
		"service_unavailable", "ratelimited", "rate_limited", "request_timeout",
	}
)

// refusal makes the error of an answer that is a refusal: its status is not 2xx, or it has an
// error inside. Status wins where it says that the provider is in trouble, so that a broken
// provider cannot end a grant. A code that nobody declared counts as the operator's, because that
// keeps accounts recoverable and still rings.
func (d *dialect) refusal(a answer, code string) *Error {
	e := &Error{Op: d.op, Class: ClassOperator, Code: code, Status: a.status}
	declared := d.app.Connector.Errors
	switch {
	case a.status >= 500 || a.status == http.StatusTooManyRequests || a.status == http.StatusRequestTimeout || a.status == http.StatusTooEarly:
		e.Class, e.Code = ClassTransient, statusCode(a.status)
	case code == "" && a.status < 300:
		e.Class, e.Code = ClassMalformed, CodeProviderError
	case code == "":
		e.Code = statusCode(a.status)
	case listed(code, permanentCodes, declared.PermanentWhen):
		e.Class = ClassPermanent
	case listed(code, operatorCodes, declared.OperatorWhen):
	case listed(code, transientCodes, nil):
		e.Class = ClassTransient
	}
	e.Code = d.publicCode(e.Code)
	if e.Class == ClassTransient {
		e.RetryAfter = retryAfter(a.header.Get("Retry-After"), d.client.now())
	}
	return e
}

// publicCode returns the code if it may be shown. A provider that echoes what we sent as its
// error code is not passed on.
func (d *dialect) publicCode(code string) string {
	code = strings.ToLower(code)
	if !plainCode.MatchString(code) {
		return CodeProviderError
	}
	for _, s := range d.secrets {
		if secret := strings.ToLower(s.Reveal()); secret != "" && strings.Contains(code, secret) {
			return CodeProviderError
		}
	}
	return code
}

func listed(code string, lists ...[]string) bool {
	return slices.ContainsFunc(lists, func(list []string) bool {
		return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, code) })
	})
}

func statusCode(status int) string { return fmt.Sprintf("%s%d", statusCodePrefix, status) }

// retryAfter reads a Retry-After header, seconds or a date (RFC 9110 section 10.2.3).
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	var wait time.Duration
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if date, err := http.ParseTime(value); err == nil {
		wait = date.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}

var _ error = (*Error)(nil)
