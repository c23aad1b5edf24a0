package connectors

import (
	"maps"
	"slices"
	"strings"
)

// oauth1 checks what is special about OAuth 1.0a. Its calls and answers have one form (RFC 5849 section 2), so
// that most of what says how those of OAuth 2.0 differ has no use.
func (v *validator) oauth1() {
	if s := v.c.Signer; s != nil && s.Kind == SignerOAuth1 {
		v.ownOAuth1(s)
		for i, slot := range v.c.API.Slots {
			if slot.Name == SlotSecret {
				v.fail(index("api.slots", i)+".name", "%s is the secret half of the signer's token, and never sent", SlotSecret)
			}
		}
	}
	if v.c.mode() != ModeOAuth1 {
		return
	}
	v.onlyOAuth1("authorize", given(v.c.Authorize), "url request_url params reconsent_params scope")
	v.onlyOAuth1("callback", given(v.c.Callback), "capture error_params")
	v.onlyOAuth1("token", given(v.c.Token), "url headers capture ttl default_ttl")
	for path, params := range map[string]map[string]Template{
		"authorize.params": v.c.Authorize.Params, "authorize.reconsent_params": v.c.Authorize.ReconsentParams,
	} {
		for _, name := range slices.Sorted(maps.Keys(params)) {
			if strings.HasPrefix(name, "oauth_") {
				v.fail(path+"."+name, "is set by the engine")
			}
		}
	}
}

// onlyOAuth1 refuses those of the given keys that are not allowed.
func (v *validator) onlyOAuth1(at string, given []string, allowed string) {
	for _, key := range given {
		if !slices.Contains(words(allowed), key) {
			v.fail(at+"."+key, "has no use with mode %s", ModeOAuth1)
		}
	}
}

// ownOAuth1 checks credentials of OAuth 1.0a that are given, and not got from the provider.
func (v *validator) ownOAuth1(s *Signer) {
	for _, one := range []struct {
		key    string
		given  Template
		beside string
		needs  Template
	}{
		{"key_id", s.KeyID, "key", s.Key},
		{"token", s.Token, "token_secret", s.TokenSecret},
		{"token_secret", s.TokenSecret, "token", s.Token},
	} {
		switch {
		case one.given.IsZero():
		case v.c.mode() != ModeStatic:
			v.fail("signer."+one.key, "needs mode static: with mode %s it comes from the client and the provider", v.c.mode())
		case one.needs.IsZero():
			v.fail("signer."+one.beside, "is required beside %s", one.key)
		}
	}
	if !s.Key.IsZero() && s.KeyID.IsZero() && s.Method != "RSA-SHA1" {
		v.fail("signer.key_id", "is required beside key: without it the OAuth client's own secret signs, and key only with RSA-SHA1")
	}
}
