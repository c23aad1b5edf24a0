package connectors

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"strings"
)

func (v *validator) revoke() {
	r := v.c.Revoke
	if r == nil {
		return
	}
	v.mustURL("revoke.url", r.URL, inURLs|clientIDName)
	v.callAuth("revoke", r.URL, r.Auth)
	v.operatorsOnly("revoke.url", r.URL, v.operatorsSecret(r.Params, r.Headers))
	v.optional("revoke.method", r.Method, "POST", "DELETE", "GET")
	v.optional("revoke.token", r.Token, "refresh", "access")
	v.optional("revoke.body", r.Body, "form", "json", "query", "none")
	v.param("revoke.param", r.Param)
	v.params("revoke.params", r.Params, r.taken(), inRefresh)
	v.headers("revoke.headers", r.Headers, inRefresh)
	for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
		if strings.EqualFold(name, "authorization") && r.Auth != "none" {
			v.fail("revoke.headers."+name, "needs auth: none, which leaves the header free")
		}
	}
	if r.Method == "GET" && r.Body != "query" && r.Body != "none" {
		v.fail("revoke.body", "must be query or none for GET")
	}
	switch r.Body {
	case "none":
		v.bodiless(r)
	case "query":
		v.noSecret(r)
	}
	v.condition("revoke.ok_when", r.OKWhen)
}

// bodiless checks a revocation that has its token in a header alone.
func (v *validator) bodiless(r *Revoke) {
	if r.Auth != "bearer" && !namesToken(r.Headers) {
		v.fail("revoke.auth", "must be bearer when there is no body, or a header name the token: it is in neither")
	}
	if r.Param != "" || len(r.Params) > 0 {
		v.fail("revoke.body", "must not be none with param or params: there is no place for them")
	}
}

// noSecret refuses the client's secret in a revocation that has all in its URL, which others log.
func (v *validator) noSecret(r *Revoke) {
	t, used := v.c.Token, map[string]bool{}
	namesIn(reflect.ValueOf(r.Params), used)
	posted := (r.Auth == "" || r.Auth == "client") && t.ClientAuth == ClientAuthPost && !slices.Contains(t.Omit, nameClientSecret)
	if posted || used[nameClientSecret] {
		v.fail("revoke.body", "query would put the client's secret into the URL: use form or json, or auth basic, bearer or none")
	}
}

// taken are the parameters that are sent anyhow.
func (r *Revoke) taken() []string {
	taken := []string{cmp.Or(r.Param, "token")}
	if r.Auth == "" || r.Auth == "client" {
		taken = append(taken, nameClientID, nameClientSecret, "client_assertion", "client_assertion_type")
	}
	return taken
}

// Tokens are the names of the tokens that the call's own fields and headers have, sorted. A grant that lacks one
// of them cannot be revoked.
func (r *Revoke) Tokens() []string {
	used := map[string]bool{}
	namesIn(reflect.ValueOf(r.Params), used)
	namesIn(reflect.ValueOf(r.Headers), used)
	return slices.DeleteFunc(slices.Sorted(maps.Keys(used)), func(name string) bool {
		kind, _ := kindOf(name)
		return kind&(tokenNames|refreshName) == 0
	})
}

// namesToken tells whether one of the templates names a token.
func namesToken(templates map[string]Template) bool {
	return len((&Revoke{Headers: templates}).Tokens()) > 0
}
