package connectors

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Parameters that the engine sets itself.
var (
	authorizeParams = []string{
		"client_id", "client_secret", "code_challenge", "code_challenge_method", "redirect_uri",
		"response_type", "state",
	}
	tokenParams = []string{
		"client_id", "client_secret", "code", "code_verifier", "grant_type", "redirect_uri",
		"refresh_token",
	}
)

func (v *validator) authorize() {
	a := v.c.Authorize
	v.url("authorize.url", a.URL)
	if !a.Issuer.IsZero() {
		v.url("authorize.issuer", a.Issuer)
		v.fixedPath("authorize.issuer", a.Issuer)
	}
	if a.IssuerRequired && a.Issuer.IsZero() {
		v.fail("authorize.issuer_required", "needs authorize.issuer")
	}
	v.optional("authorize.pkce", string(a.PKCE), string(PKCERequired), string(PKCEOff))
	taken := append(slices.Clone(authorizeParams), "scope")
	if a.Scope.Param != "" {
		taken = append(taken, a.Scope.Param)
	}
	v.params("authorize.params", a.Params, taken)
	v.params("authorize.reconsent_params", a.ReconsentParams, taken)
	v.scope(a.Scope)
}

func (v *validator) scope(s Scope) {
	const path = "authorize.scope"
	if s.Param != "" && (!paramName.MatchString(s.Param) || slices.Contains(authorizeParams, s.Param)) {
		v.fail(path+".param", "must be a parameter name that is not used otherwise")
	}
	v.optional(path+".separator", s.Separator, " ", ",", "+", ";")
	if s.None && (s.Param != "" || s.Separator != "" || len(s.Always) > 0 || len(s.Default) > 0) {
		v.fail(path+".none", "excludes all other keys of scope")
	}
	v.scopes(path+".always", s.Always, s.Separator)
	v.scopes(path+".default", s.Default, s.Separator)
}

func (v *validator) scopes(path string, scopes []string, separator string) {
	for i, scope := range scopes {
		if !scopeToken.MatchString(scope) || separator != "" && strings.Contains(scope, separator) {
			v.fail(fmt.Sprintf("%s[%d]", path, i), "must be one scope, without spaces and separators")
		}
	}
}

func (v *validator) token() {
	t := v.c.Token
	v.url("token.url", t.URL)
	v.oneOf("token.client_auth", string(t.ClientAuth),
		string(ClientAuthBasic), string(ClientAuthBasicRaw), string(ClientAuthPost), string(ClientAuthNone))
	v.optional("token.body", t.Body, "form", "json")
	v.params("token.params", t.Params, tokenParams)
	v.headers("token.headers", t.Headers)
	v.life(t)
	for _, name := range slices.Sorted(maps.Keys(t.Capture)) {
		at := "token.capture." + name
		if !inputName.MatchString(name) {
			v.fail(at, "the name must begin with a lower-case letter and have lower-case letters, digits and '_' only")
		}
		if t.Capture[name] == "" {
			v.fail(at, "must be the path of a member")
		}
		v.member(at, t.Capture[name])
	}
	r := t.Response
	v.member("token.response.access", r.Access)
	v.member("token.response.refresh", r.RefreshToken)
	v.member("token.response.expires", r.Expires)
	v.member("token.response.scope", r.Scope)
	v.member("token.response.refresh_expires", r.RefreshExpires)
	v.member("token.response.error_path", r.ErrorPath)
	v.optional("token.response.scope_separator", r.ScopeSeparator, " ", ",", "+", ";")
	v.condition("token.response.success_when", r.SuccessWhen)
}

func (v *validator) revoke() {
	r := v.c.Revoke
	if r == nil {
		return
	}
	v.url("revoke.url", r.URL, nameClientID)
	v.optional("revoke.method", r.Method, "POST", "DELETE", "GET")
	v.optional("revoke.token", r.Token, "refresh", "access")
	v.optional("revoke.auth", r.Auth, "client", "basic", "bearer", "none")
	v.optional("revoke.body", r.Body, "form", "json", "none")
	v.headers("revoke.headers", r.Headers)
	if r.Param != "" && !paramName.MatchString(r.Param) {
		v.fail("revoke.param", "must be a parameter name")
	}
	if r.Method == "GET" && r.Body != "none" {
		v.fail("revoke.body", "must be none for GET")
	}
	if r.Body == "none" && r.Auth != "bearer" {
		v.fail("revoke.auth", "must be bearer when there is no body: the token is in neither")
	}
	if r.Body == "none" && r.Param != "" {
		v.fail("revoke.param", "must be left out when there is no body")
	}
	v.condition("revoke.ok_when", r.OKWhen)
}

// params checks fixed parameters; taken are the names that they must not have.
func (v *validator) params(path string, params map[string]string, taken []string) {
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if !paramName.MatchString(name) {
			v.fail(path, "%q is not a parameter name", name)
		}
		if slices.Contains(taken, name) {
			v.fail(path+"."+name, "is set by the engine and must not be given")
		}
	}
}

func (v *validator) duration(path string, d Duration, limit time.Duration) {
	if d < 0 || time.Duration(d) > limit {
		v.fail(path, "must be between 0 and %s", limit)
	}
}
