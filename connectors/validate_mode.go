package connectors

import (
	"reflect"
	"slices"
	"strings"
)

// modeKeys are the keys of a scheme that a mode must have, and those that it has a use for beside. Without
// authorize among them, authorize.scope stands for that part of it.
type modeKeys struct {
	mode       Mode
	needs, may []string
}

var modes = []modeKeys{
	{
		ModeCode,
		words("authorize.url token.url"),
		words("authorize callback install device token refresh limits introspect revoke register steps assertion signer client_cert inject"),
	},
	{ModeClientCredentials, words("token.url"), grants},
	{ModePassword, words("token.url"), grants},
	{ModeDevice, words("device token.url"), append(words("register"), grants...)},
	{ModeJWTBearer, words("assertion token.url"), grants},
	{ModeSAMLBearer, words("saml token.url"), grants},
	{ModeTokenExchange, words("token.url"), grants},
	{ModeJWT, words("assertion"), words("refresh steps signer client_cert inject")},
	{
		ModeOAuth1,
		words("authorize.url authorize.request_url token.url signer"),
		words("authorize callback token steps client_cert inject"),
	},
	{ModeLogin, words("steps"), words("refresh introspect revoke assertion signer client_cert inject")},
	{ModeStatic, nil, words("signer client_cert inject")},
	{ModeNone, nil, nil},
}

// grants are the keys for modes that ask the token endpoint without consent.
var grants = words("authorize.scope token refresh limits introspect revoke steps assertion signer client_cert inject")

func words(text string) []string { return strings.Fields(text) }

// asksForToken tells whether the mode has a token call.
func (c *Connector) asksForToken() bool {
	return slices.ContainsFunc(modes, func(m modeKeys) bool { return m.mode == c.mode() && slices.Contains(m.needs, "token.url") })
}

// mode checks that the file declares what its mode needs, and nothing that it has no use for.
func (v *validator) mode() {
	var allowed []string
	for _, m := range modes {
		allowed = append(allowed, string(m.mode))
		if m.mode == v.c.mode() {
			v.needs(m.needs)
			v.uses(slices.Concat(m.needs, m.may))
		}
	}
	v.optional("mode", string(v.c.Mode), allowed...)
	s := v.c.Scheme
	switch s.Mode {
	case ModePassword:
		v.account("username", "password")
	case ModeTokenExchange:
		v.account("subject_token")
	case ModeOAuth1:
		if s.Signer != nil && s.Signer.Kind != SignerOAuth1 {
			v.fail("signer.kind", "must be oauth1 with mode oauth1")
		}
	case ModeStatic:
		if len(s.Inject) == 0 && s.Signer == nil && s.ClientCert == nil {
			v.fail("mode", "static needs inject, signer or client_cert: there is no token to send")
		}
	}
}

func (v *validator) needs(keys []string) {
	s := v.c.Scheme
	for _, key := range keys {
		first, _, _ := strings.Cut(key, ".")
		begun := slices.Contains(given(s), first)
		there := begun
		switch key {
		case "authorize.url":
			there = !s.Authorize.URL.IsZero()
		case "authorize.request_url":
			there = !s.Authorize.RequestURL.IsZero()
		case "token.url":
			there = !s.Token.URL.IsZero()
		}
		switch {
		case there:
		case begun || s.Mode == "":
			v.fail(key, "is required with mode %s", v.c.mode())
		default: // where there is a line to name
			v.fail("mode", "%s needs %s", s.Mode, key)
		}
	}
}

// uses refuses the keys that the mode has no use for.
func (v *validator) uses(keys []string) {
	for _, key := range given(v.c.Scheme) {
		if key != "mode" && key != "authorize" && !slices.Contains(keys, key) {
			v.fail(key, "has no use with mode %s", v.c.mode())
		}
	}
	a, rest := v.c.Authorize, ""
	if slices.Contains(keys, "authorize") {
		if !a.RequestURL.IsZero() && !slices.Contains(keys, "authorize.request_url") {
			v.fail("authorize.request_url", "has no use with mode %s", v.c.mode())
		}
		return
	}
	if slices.Contains(keys, "authorize.scope") {
		a.Scope, rest = Scope{}, ", but for scope"
	}
	if !reflect.ValueOf(a).IsZero() {
		v.fail("authorize", "has no use with mode %s%s", v.c.mode(), rest)
	}
}

// account checks that there are the inputs that a mode takes from the account.
func (v *validator) account(inputs ...string) {
	for _, name := range inputs {
		d, ok := v.declared[accountPrefix+name]
		switch {
		case !ok:
			v.fail("account", "must have an input %s with mode %s", name, v.c.mode())
		case d.conditional:
			v.fail("account", "input %s must always be asked for with mode %s", name, v.c.mode())
		}
	}
}
