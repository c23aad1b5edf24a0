package consent

import (
	"cmp"
	"net/url"
	"slices"

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
	// Holds returns the tokens of all links that the browser holds something for; see [Flow.Held]. It is
	// called when the provider has not given the state back, and may have dropped it.
	Holds func() []vault.Secret
}

// response is an authorization response (RFC 6749 section 4.1.2, RFC 9207), or that of OAuth 1.0a (RFC 5849
// section 2.2) with the verifier as code.
type response struct {
	code vault.Secret
	// state is zero if there is none, and the connector's provider may have dropped it.
	state vault.Secret
	// token is that of the temporary credentials of OAuth 1.0a.
	token vault.Secret
	iss   string
	// hasIss tells an empty iss from none.
	hasIss bool
	// failed says that the provider sent an error, failure which one of ours that is.
	failed  bool
	failure string
	// captured are the parameters that the connector asks to keep.
	captured map[string]string
}

// Parameters of OAuth 1.0a. It has none for errors; the last two are what providers have.
const (
	paramToken    = "oauth_token"
	paramVerifier = "oauth_verifier"
	paramDenied   = "denied"
	paramProblem  = "oauth_problem"
)

// parseResponse takes each parameter once (RFC 6749 section 3.1), and either a code or an error, in the way of
// the connector's provider.
func parseResponse(query string, k *connectors.Connector) (response, bool) {
	if len(query) > maxQuery {
		return response{}, false
	}
	q, err := url.ParseQuery(query)
	if err != nil {
		return response{}, false
	}
	how, oauth1 := k.Callback, k.Mode == connectors.ModeOAuth1
	codeParam, errorParams := cmp.Or(how.CodeParam, "code"), how.ErrorParams
	if oauth1 {
		codeParam, errorParams = paramVerifier, slices.Concat(errorParams, []string{paramDenied, paramProblem})
	}
	errorParam := "error"
	for _, name := range errorParams {
		if !q.Has(errorParam) && q.Has(name) {
			errorParam = name
		}
	}
	once := []string{codeParam, "state", errorParam, "iss", paramToken}
	for _, name := range how.Capture {
		once = append(once, name)
	}
	for _, name := range once {
		if len(q[name]) > 1 {
			return response{}, false
		}
	}
	code, state, token := q.Get(codeParam), q.Get("state"), q.Get(paramToken)
	stateless := how.State == connectors.StateInstall && !q.Has("state")
	if q.Has(codeParam) == q.Has(errorParam) || q.Has(codeParam) && (code == "" || oauth1 && token == "") ||
		len(code) > maxCode || len(token) > maxCode || state == "" && !stateless || len(state) > maxState {
		return response{}, false
	}
	r := response{state: vault.NewSecret(state), token: vault.NewSecret(token), iss: q.Get("iss"), hasIss: q.Has("iss")}
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
	if oauth1 && errorParam == paramDenied { // whatever its value is, which may be the token
		r.failure = codeDenied
	}
	return r, true
}

// failureCode maps a provider's error to one of our codes. Its own words are never shown.
func failureCode(s string) string {
	switch s {
	case "access_denied", "user_denied", "consent_required", "user_cancelled_login", "user_cancelled_authorize",
		"user_refused", "permission_denied":
		return codeDenied
	case "invalid_scope":
		return codeScopeRefused
	case "unauthorized_client", "invalid_client", "invalid_request", "unsupported_response_type", "redirect_uri_mismatch",
		"invalid_target": // RFC 8707: what the connector asks the token for
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
