package consent

import (
	"cmp"
	"net/url"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
)

const (
	maxCode  = 4 << 10
	maxState = 256
	// maxCaptured bounds a value that is kept.
	maxCaptured = 1 << 10
	maxQuery    = 16 << 10
)

// Callback is what the provider sent the browser back with.
type Callback struct {
	// Connection is the connection's name in the path.
	Connection string
	// Query is the raw query.
	Query string
	// Browser returns what the browser holds for a link; see [Flow.Proof].
	Browser func(vault.LinkID) Proof
}

// response is an authorization response (RFC 6749 section 4.1.2, RFC 9207).
type response struct {
	code  vault.Secret
	state vault.Secret
	iss   string
	// hasIss tells an empty iss from none.
	hasIss bool
	// failed says that the provider sent an error, failure which one of ours that is.
	failed  bool
	failure string
	// captured are the parameters that the connector asks to keep.
	captured map[string]string
}

// parseResponse takes each parameter once (RFC 6749 section 3.1), and either a code or an error. how is what
// the connector says about its provider's.
func parseResponse(query string, how connectors.Callback) (response, bool) {
	if len(query) > maxQuery {
		return response{}, false
	}
	q, err := url.ParseQuery(query)
	if err != nil {
		return response{}, false
	}
	codeParam := cmp.Or(how.CodeParam, "code")
	errorParam := "error"
	for _, name := range how.ErrorParams {
		if !q.Has(errorParam) && q.Has(name) {
			errorParam = name
		}
	}
	once := []string{codeParam, "state", errorParam, "iss"}
	for _, name := range how.Capture {
		once = append(once, name)
	}
	for _, name := range once {
		if len(q[name]) > 1 {
			return response{}, false
		}
	}
	code, state := q.Get(codeParam), q.Get("state")
	if q.Has(codeParam) == q.Has(errorParam) || q.Has(codeParam) && code == "" ||
		len(code) > maxCode || state == "" || len(state) > maxState {
		return response{}, false
	}
	r := response{state: vault.NewSecret(state), iss: q.Get("iss"), hasIss: q.Has("iss")}
	for name, param := range how.Capture {
		value := q.Get(param)
		if value == "" {
			continue
		}
		if len(value) > maxCaptured || !printable(value) {
			return response{}, false
		}
		if r.captured == nil {
			r.captured = map[string]string{}
		}
		r.captured[name] = value
	}
	if q.Has(codeParam) {
		r.code = vault.NewSecret(code)
		return r, true
	}
	r.failed, r.failure = true, failureCode(q.Get(errorParam))
	return r, true
}

// failureCode maps a provider's error to one of our codes. Its own words are never shown.
func failureCode(s string) string {
	switch s {
	case "access_denied", "user_denied", "consent_required", "user_cancelled_login", "user_cancelled_authorize":
		return codeDenied
	case "invalid_scope":
		return codeScopeRefused
	case "unauthorized_client", "invalid_client", "invalid_request", "unsupported_response_type", "redirect_uri_mismatch":
		return codeClientRejected
	case "server_error", "temporarily_unavailable":
		return codeProviderUnavailable
	}
	return codeProviderRefused
}

// issuerFits tells whether the response comes from the connection's provider (RFC 9207
// section 2.4).
func (r response) issuerFits(c *connection.Connection) bool {
	issuer := c.App.Endpoints.Issuer
	switch {
	case r.hasIss && issuer != "":
		return r.iss == issuer
	case !r.hasIss:
		return !c.Connector().Authorize.IssuerRequired
	}
	return true
}
