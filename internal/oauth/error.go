package oauth

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/vault"
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
	CodeIncomplete       = "client_incomplete"        // the App lacks an ID, a secret or an endpoint
	CodeNoValue          = "value_missing"            // a template of the connector names what has no value, or one that does not fit
	CodeBadKey           = "key_unusable"             // what is to be signed cannot be, or the client certificate is none
	CodeNoGrant          = "nothing_to_obtain"        // the connector's mode gives no token without a browser
	CodeNoRefreshToken   = "no_refresh_token"         // there is nothing to refresh with
	CodeUnreachable      = "provider_unreachable"     // no connection
	CodeAddressRefused   = "provider_address_refused" // its name leads to where [Options].Guard lets nobody
	CodeTLS              = "provider_tls"             // the provider's certificate is not accepted
	CodeTimeout          = "provider_timeout"         // no complete answer in time
	CodeAnswerLost       = "answer_lost"              // the connection broke after the request was sent
	CodeAnswerTooLarge   = "answer_too_large"         // more than 64 KiB
	CodeRedirectRefused  = "redirect_refused"         // the endpoint answered with a redirect
	CodeBadTokenResponse = "bad_token_response"       // the answer is no valid token answer
	CodeProviderError    = "provider_error"           // a refusal without a usable code
	CodeRateLimited      = "provider_rate_limited"    // the provider limits requests
)

// Error is a failed call of an OAuth endpoint. It holds nothing that was sent or answered but the
// status and the provider's error code, and the code only if it is a plain short word.
type Error struct {
	Class Class
	// Code is a stable short code, made of a-z, 0-9, '_', '.' and '-'.
	Code string
	// Status is the HTTP status of the answer, 0 when there was none.
	Status int
	// RetryAfter is how long the provider asked to wait, or until when it limits requests, at most ten minutes;
	// zero when it did not say.
	RetryAfter time.Duration
	// Op is "temporary", "exchange", "refresh", "obtain", "device", "introspect", "revoke", "authorize",
	// "register", "reregister" or "unregister".
	Op string
	// Step is the number of the connector's step that failed, from 1; 0 when it was none.
	Step int
	// Unsent says that certainly no request reached the provider, so that a code or a refresh token
	// is still unused.
	Unsent bool

	lost  *Token
	stray *Registered
}

// Stray returns the client that the provider has registered although it is none that can be used; false when there
// is none. It is there until somebody deletes it.
func (e *Error) Stray() (Registered, bool) {
	if e.stray == nil {
		return Registered{}, false
	}
	return *e.stray, true
}

// Lost returns the token that the provider gave before one of the steps failed; false when there is none. It lives at
// the provider although the call has failed.
func (e *Error) Lost() (Token, bool) {
	if e.lost == nil || e.lost.Access.IsZero() && e.lost.Refresh.IsZero() {
		return Token{}, false
	}
	return *e.lost, true
}

// Rotated returns the refresh token that the provider gave before one of the steps failed, and when it
// dies; empty when there is none. It is to be stored although the call has failed, because the one before
// may be spent.
func (e *Error) Rotated() (refresh vault.Secret, expires time.Time) {
	if e.lost == nil {
		return vault.Secret{}, time.Time{}
	}
	return e.lost.Refresh, e.lost.RefreshExpires
}

var classMeaning = map[Class]string{
	ClassPermanent: "the grant is dead, the user has to consent again",
	ClassOperator:  "the OAuth client is refused or incomplete, the operator has to look at it",
	ClassTransient: "the provider cannot be asked now",
	ClassMalformed: "the provider's answer is not usable",
}

// Error returns one sentence without any value of the request or the answer.
func (e *Error) Error() string {
	text := e.Op
	if e.Step != 0 {
		text += " step " + strconv.Itoa(e.Step)
	}
	text += ": " + classMeaning[e.Class] + " (" + e.Code
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

// publicCode returns the provider's code if it may be shown. A provider that echoes what we sent as its
// error code is not passed on.
func (c *call) publicCode(code string) string {
	code = strings.ToLower(code)
	if code == "" {
		return ""
	}
	if !plainCode.MatchString(code) {
		return CodeProviderError
	}
	for _, s := range c.secrets() {
		if secret := strings.ToLower(s.Reveal()); secret != "" && strings.Contains(code, secret) {
			return CodeProviderError
		}
	}
	return code
}

func statusCode(status int) string { return fmt.Sprintf("%s%d", statusCodePrefix, status) }

var _ error = (*Error)(nil)
