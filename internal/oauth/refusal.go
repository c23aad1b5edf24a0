package oauth

import (
	"net/http"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
)

// class is a class of refusals and what belongs to it.
type class struct {
	name  Class
	cases []connectors.ErrorCase
}

// standard are the refusals that mean the same at every provider. Connectors add to them.
var standard = []class{
	{ClassPermanent, codes("invalid_grant")},
	{ClassOperator, codes("invalid_client", "unauthorized_client")},
	{ClassTransient, codes(
		"temporarily_unavailable", "server_error", "slow_down", "internal_error",
		"service_unavailable", "ratelimited", "rate_limited", "request_timeout",
	)},
}

// polled are those of a device that is asked about (RFC 8628 section 3.5).
var polled = []class{
	{ClassPermanent, codes(CodeAccessDenied, CodeExpiredToken)},
	{ClassTransient, codes(CodeAuthorizationPending, CodeSlowDown)},
}

func codes(list ...string) []connectors.ErrorCase {
	cases := make([]connectors.ErrorCase, len(list))
	for i, code := range list {
		cases[i].Code = code
	}
	return cases
}

// refusal makes the error of an answer that is a refusal: its status is not 2xx, or it has an
// error inside. A limit of requests wins, and then a status that says that the provider is in trouble, so
// that a broken provider cannot end a grant. A code that nobody declared counts as the operator's, because that
// keeps accounts recoverable and still rings.
func (c *call) refusal(a answer, doc document) *Error {
	code := c.errorCode(doc)
	e := &Error{Op: c.op, Class: ClassOperator, Code: c.publicCode(code), Status: a.status}
	declared, ok := c.classify(a.status, code, doc)
	wait, limited := c.app.Connector.Rate.Limit(a.status, a.header, a.whole, c.client.now())
	switch {
	case limited:
		e.Class, e.Code, e.RetryAfter = ClassTransient, CodeRateLimited, min(wait, maxRetryAfter)
		return e
	case inTrouble(a.status):
		e.Class, e.Code = ClassTransient, statusCode(a.status)
	case ok:
		e.Class = declared
	case code == "" && a.ok():
		e.Class = ClassMalformed
	}
	if e.Code == "" {
		e.Code = statusCode(a.status)
		if a.ok() {
			e.Code = CodeProviderError
		}
	}
	if e.Class == ClassTransient {
		e.RetryAfter = connectors.RetryAfter(a.header, c.client.now(), maxRetryAfter)
	}
	return e
}

func inTrouble(status int) bool {
	return status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status == http.StatusTooEarly
}

// classify returns the class of the case that holds and says the most. Of equals the connector's
// wins, and of its own the one that does the least harm.
func (c *call) classify(status int, code string, doc document) (found Class, ok bool) {
	declared := c.app.Connector.Errors
	description, _ := textOf(c.reads.find(doc, "error_description"))
	code, description = strings.ToLower(code), strings.ToLower(description)
	var most int
	look := func(in class) {
		for _, c := range in.cases {
			if n := weight(c); n > most && holds(c, status, code, description) {
				found, ok, most = in.name, true, n
			}
		}
	}
	look(class{ClassTransient, declared.TransientWhen})
	look(class{ClassOperator, declared.OperatorWhen})
	look(class{ClassPermanent, declared.PermanentWhen})
	for _, in := range standard {
		look(in)
	}
	if c.app.Connector.Mode == connectors.ModeOAuth1 {
		look(refusedOAuth1)
	}
	if c.op == opDevice {
		for _, in := range polled {
			look(in)
		}
	}
	return found, ok
}

// weight is how much a case says: a text more than a code, and a code more than a status.
func weight(c connectors.ErrorCase) int {
	n := 0
	if c.Text != "" {
		n += 4
	}
	if c.Code != "" {
		n += 2
	}
	if c.Status != 0 {
		n++
	}
	return n
}

// holds tells whether all that the case gives is so. Code and description are in lower case.
func holds(c connectors.ErrorCase, status int, code, description string) bool {
	text := strings.ToLower(c.Text)
	return (c.Status == 0 || c.Status == status) &&
		(c.Code == "" || strings.ToLower(c.Code) == code) &&
		(text == "" || strings.Contains(description, text) || strings.Contains(code, text))
}
