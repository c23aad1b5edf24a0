package connectors

import (
	"maps"
	"slices"
	"strings"
)

// authorizeParams are the parameters of the authorization request that the engine sets itself.
var authorizeParams = []string{
	"client_id", "client_secret", "code_challenge", "code_challenge_method", "redirect_uri",
	"response_type", "state",
}

func (v *validator) authorize() {
	a := v.c.Authorize
	v.url("authorize.url", a.URL, inURLs)
	v.url("authorize.request_url", a.RequestURL, inURLs)
	v.operatorsOnly("authorize.request_url", a.RequestURL, v.clientSecret())
	v.url("authorize.issuer", a.Issuer, inURLs)
	v.fixedPath("authorize.issuer", a.Issuer)
	if a.IssuerRequired && a.Issuer.IsZero() {
		v.fail("authorize.issuer_required", "needs authorize.issuer")
	}
	v.optional("authorize.pkce", string(a.PKCE), string(PKCERequired), string(PKCEOff))
	taken := append(slices.Clone(authorizeParams), "scope", a.Scope.Param, a.Scope.UserParam)
	if a.Scope.Incremental == IncrementalInclude {
		taken = append(taken, ParamIncludeGranted)
	}
	v.params("authorize.params", a.Params, taken, inURLs)
	v.params("authorize.reconsent_params", a.ReconsentParams, taken, inURLs)
	v.fieldNames("authorize.param_names", a.ParamNames, append(slices.Clone(authorizeParams), "scope", "login_hint"))
	for i, name := range a.Omit {
		v.oneOf(index("authorize.omit", i), name, "response_type", "redirect_uri")
	}
	v.names("authorize.redirect_uri", a.RedirectURI, appNames)
	if !a.RedirectURI.IsZero() && slices.Contains(a.Omit, "redirect_uri") {
		v.fail("authorize.redirect_uri", "is not sent, because authorize.omit has redirect_uri")
	}
	if a.ResponseType != "" && !scopeList.MatchString(a.ResponseType) {
		v.fail("authorize.response_type", "must be words separated by single spaces")
	}
	if a.Fragment != "" && !fragmentPath.MatchString(a.Fragment) {
		v.fail("authorize.fragment", "must be a path, such as /oauth/authorize")
	}
	for i, name := range a.RawParams {
		v.param(index("authorize.raw_params", i), name)
	}
	v.scope(a.Scope)
	if d := v.c.Device; d != nil {
		v.mustURL("device.url", d.URL, inURLs)
		v.operatorsOnly("device.url", d.URL, v.clientSecret())
		v.params("device.params", d.Params, []string{"client_id", "scope"}, inURLs)
	}
}

func (v *validator) callback() {
	c := v.c.Callback
	v.param("callback.code_param", c.CodeParam)
	for i, name := range c.ErrorParams {
		v.param(index("callback.error_params", i), name)
	}
	v.captures("callback.capture", c.Capture, v.param)
}

// fieldNames checks renamed fields; known are those that there are.
func (v *validator) fieldNames(path string, renamed map[string]string, known []string) {
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(renamed)) {
		at, other := path+"."+name, renamed[name]
		v.oneOf(at, name, known...)
		if !paramName.MatchString(other) {
			v.fail(at, "must be a parameter name")
		}
		if seen[other] {
			v.fail(at, "%s stands for two fields", other)
		}
		seen[other] = true
	}
}

func (v *validator) scope(s Scope) {
	const path = "authorize.scope"
	v.scopeParam(path+".param", s.Param, s.Repeat)
	v.scopeParam(path+".user_param", s.UserParam, s.Repeat)
	v.repeat(path+".repeat", s)
	v.optional(path+".separator", s.Separator, separators...)
	if s.None && (s.Param != "" || s.UserParam != "" || s.Separator != "" || len(s.Always)+len(s.Required)+len(s.Default) > 0) {
		v.fail(path+".none", "excludes all other keys of scope")
	}
	v.optional(path+".incremental", s.Incremental, IncrementalMerge, IncrementalInclude)
	switch mode := v.c.mode(); {
	case s.Incremental == "":
	case s.None:
		v.fail(path+".none", "excludes all other keys of scope")
	case mode != ModeCode && (mode != ModeDevice || s.Incremental == IncrementalInclude):
		v.fail(path+".incremental", "%s has no use with mode %s", s.Incremental, mode)
	}
	v.scopes(path+".always", s.Always, s.Separator)
	v.scopes(path+".required", s.Required, s.Separator)
	v.scopes(path+".default", s.Default, s.Separator)
}

// separators are what may stand between scopes.
var separators = []string{" ", ",", "+", ";"}

// repeat checks scopes that have a parameter each.
func (v *validator) repeat(path string, s Scope) {
	switch {
	case !s.Repeat:
	case s.None || s.Separator != "":
		v.fail(path, "excludes separator and none")
	case v.c.mode() != ModeCode:
		v.fail(path, "has no use with mode %s: it is for the authorization request", v.c.mode())
	case v.c.Refresh.Scope != "" && v.c.Refresh.Scope != "none" || v.c.Device != nil:
		v.fail(path, "excludes refresh.scope and device: it is for the authorization request only")
	}
}

func (v *validator) scopeParam(path, name string, repeated bool) {
	if repeated {
		name = strings.TrimSuffix(name, "[]")
	}
	v.param(path, name)
	if slices.Contains(authorizeParams, name) {
		v.fail(path, "%s is set by the engine otherwise", name)
	}
}

func (v *validator) scopes(path string, scopes []Template, separator string) {
	for i, scope := range scopes {
		at := index(path, i)
		v.names(at, scope, inURLs)
		if scope.IsZero() || slices.ContainsFunc(scope.parts, func(p part) bool {
			return p.isText() && (!scopeToken.MatchString(p.text) || separator != "" && strings.Contains(p.text, separator))
		}) {
			v.fail(at, "must be one scope, without spaces and separators")
		}
	}
}
