package connectors

import "slices"

var (
	// tokenParams are the fields of token requests that the engine sets itself.
	tokenParams = []string{
		"client_id", "client_secret", "code", "code_verifier", "grant_type", "redirect_uri",
		"refresh_token",
	}
	// fields are those that a provider may have another name for, or not want.
	fields = append(slices.Clone(tokenParams), "scope", "assertion", "username", "password", "client_assertion", "client_assertion_type",
		"subject_token", "subject_token_type", "device_code")
	// callParams are the fields that params may not have: all but grant_type.
	callParams = slices.DeleteFunc(slices.Clone(tokenParams), func(name string) bool { return name == "grant_type" })
)

func (v *validator) token() {
	t := v.c.Token
	if t.URL.IsZero() {
		return
	}
	v.url("token.url", t.URL, inURLs)
	v.operatorsOnly("token.url", t.URL, v.clientSecret())
	v.client(t)
	v.optional("token.method", t.Method, "POST", "GET")
	v.optional("token.body", t.Body, "form", "json", "query")
	if t.Method == "GET" && t.Body != "query" {
		v.fail("token.method", "GET needs body: query")
	}
	v.fieldNames("token.field_names", t.FieldNames, fields)
	for i, name := range t.Omit {
		v.oneOf(index("token.omit", i), name, fields...)
	}
	v.params("token.params", t.Params, callParams, inExchange)
	v.names("token.resource", t.Resource, inURLs)
	v.headers("token.headers", t.Headers, inCalls)
	v.fieldSignature("token.sign", t.Sign)
	v.life(t)
	v.captures("token.capture", t.Capture, v.member)
	v.response("token.response", t.Response)
}

// client checks who asks the token endpoint.
func (v *validator) client(t TokenCall) {
	if v.c.mode() != ModeOAuth1 {
		v.oneOf("token.client_auth", string(t.ClientAuth),
			string(ClientAuthBasic), string(ClientAuthBasicRaw), string(ClientAuthPost), string(ClientAuthNone),
			string(ClientAuthPrivateKeyJWT), string(ClientAuthSecretJWT))
	}
	signed := t.ClientAuth == ClientAuthPrivateKeyJWT || t.ClientAuth == ClientAuthSecretJWT
	switch {
	case signed && t.ClientAssertion == nil:
		v.fail("token.client_assertion", "is required with client_auth %s", t.ClientAuth)
	case !signed && t.ClientAssertion != nil:
		v.fail("token.client_assertion", "is for client_auth private_key_jwt and client_secret_jwt only")
	}
	v.assertion("token.client_assertion", t.ClientAssertion)
	if c := t.Client; c != nil {
		v.required("token.client.id", c.ID)
		v.names("token.client.id", c.ID, appNames|accountNames)
		v.names("token.client.secret", c.Secret, appNames|accountNames|secretNames)
	}
	if t.Basic != nil && t.ClientAuth != ClientAuthBasic && t.ClientAuth != ClientAuthBasicRaw {
		v.fail("token.basic", "needs client_auth basic or basic_raw")
	}
	v.basic("token.basic", t.Basic, inCalls)
}

// clientSecret is the name of the operator's secret that token calls send, or empty.
func (v *validator) clientSecret() string {
	t := v.c.Token
	if s := v.c.Signer; v.c.mode() == ModeOAuth1 && s != nil && s.Method == "PLAINTEXT" {
		return nameClientSecret
	}
	switch t.ClientAuth {
	case ClientAuthBasic, ClientAuthBasicRaw, ClientAuthPost:
		if t.Client == nil && t.Basic == nil && !slices.Contains(t.Omit, nameClientSecret) {
			return nameClientSecret
		}
	case ClientAuthSecretJWT:
		return nameClientSecret
	}
	sent := []any{t.Basic, t.Params, t.Headers, v.c.Refresh.Params, v.c.Refresh.Headers, said(t.ClientAssertion)}
	if v.c.mode() == ModeJWTBearer {
		sent = append(sent, said(v.c.Assertion))
	}
	return v.operatorsSecret(sent...)
}

func (v *validator) response(at string, r TokenResponse) {
	v.optional(at+".format", r.Format, "json", "form", "text", "header", "cookie")
	if named := r.Format == "header" || r.Format == "cookie"; named && r.Access == "" {
		v.fail(at+".access", "is required: the name of the %s", r.Format)
	}
	v.member(at+".root", r.Root)
	v.member(at+".access", r.Access)
	v.member(at+".refresh", r.RefreshToken)
	v.member(at+".id_token", r.IDToken)
	v.member(at+".scope", r.Scope)
	v.member(at+".user_scope", r.UserScope)
	if r.UserScope != "" && v.c.Authorize.Scope.UserParam == "" {
		v.fail(at+".user_scope", "needs authorize.scope.user_param")
	}
	v.expires(at+".expires", r.Expires)
	v.expires(at+".refresh_expires", r.RefreshExpires)
	v.captures(at+".slots", r.Slots, v.member)
	v.optional(at+".scope_separator", r.ScopeSeparator, separators...)
	v.condition(at+".success_when", r.SuccessWhen)
	v.member(at+".error_path", r.ErrorPath)
}

func (v *validator) expires(at string, e Expires) {
	v.member(at, e.Path)
	v.optional(at+".as", e.As, "in_s", "in_ms", "in_min", "at_s", "at_ms", "rfc3339")
}
