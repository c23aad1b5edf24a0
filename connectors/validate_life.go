package connectors

import "time"

// maxLife bounds the times that a connector declares.
const maxLife = 10 * 365 * 24 * time.Hour

// life checks what is declared about the access token's expiry.
func (v *validator) life(t TokenCall) {
	v.optional("token.expires_from", string(t.ExpiresFrom), string(ExpiresFromJWT), string(ExpiresFromIntrospection))
	v.optional("token.ttl", t.TTL, TTLNever)
	v.duration("token.default_ttl", t.DefaultTTL, maxLife)
	if t.TTL == TTLNever && (t.ExpiresFrom != "" || t.DefaultTTL != 0) {
		v.fail("token.ttl", "excludes expires_from and default_ttl: there is no expiry to find")
	}
	if t.ExpiresFrom == ExpiresFromIntrospection && v.c.Introspect == nil {
		v.fail("token.expires_from", "introspection needs introspect")
	}
	if t.ExpiresFrom == ExpiresFromIntrospection && t.DefaultTTL != 0 {
		v.fail("token.default_ttl", "must be left out: with expires_from introspection the provider is asked")
	}
}

func (v *validator) refresh() {
	r := v.c.Refresh
	if !r.URL.IsZero() {
		v.url("refresh.url", r.URL)
	}
	v.params("refresh.params", r.Params, tokenParams)
	v.duration("refresh.margin", r.Margin, 24*time.Hour)
	v.optional("refresh.rotates", r.Rotates, "always", "sometimes", "never")
	v.duration("refresh.min_age", r.MinAge, maxLife)
	v.duration("refresh.keepalive", r.Keepalive, maxLife)
	v.duration("refresh.ttl", r.TTL, maxLife)
	if r.Keepalive != 0 && r.Keepalive <= r.MinAge {
		v.fail("refresh.keepalive", "must be longer than min_age")
	}
	if r.Keepalive != 0 && r.TTL != 0 && r.Keepalive >= r.TTL {
		v.fail("refresh.keepalive", "must be shorter than ttl, the life that it is to prolong")
	}
	v.duration("refresh.limit.per", r.Limit.Per, maxLife)
	if r.Limit.Requests < 0 || (r.Limit.Requests == 0) != (r.Limit.Per == 0) {
		v.fail("refresh.limit", "must have requests, a number above 0, and per, the time that they are counted in")
	}
	if r.None && (!r.URL.IsZero() || len(r.Params) > 0 || r.Rotates != "" || r.Limit != (Limit{}) ||
		r.Margin|r.MinAge|r.Keepalive|r.TTL != 0) {
		v.fail("refresh.none", "excludes all other keys of refresh")
	}
}

func (v *validator) introspect() {
	in := v.c.Introspect
	if in == nil {
		return
	}
	v.url("introspect.url", in.URL)
	v.optional("introspect.auth", in.Auth, "client", "basic", "bearer", "none")
	if in.Param != "" && !paramName.MatchString(in.Param) {
		v.fail("introspect.param", "must be a parameter name")
	}
	v.headers("introspect.headers", in.Headers)
	v.member("introspect.expires", in.Expires)
	v.member("introspect.active", in.Active)
}
