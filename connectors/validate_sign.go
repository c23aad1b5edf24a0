package connectors

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// algorithms are those of JWTs.
var algorithms = []string{"RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA", "HS256", "HS384", "HS512"}

func (v *validator) assertion(at string, j *JWT) {
	if j == nil {
		return
	}
	v.oneOf(at+".alg", j.Alg, algorithms...)
	v.required(at+".key", j.Key)
	v.names(at+".key", j.Key, inCalls)
	v.optional(at+".key_encoding", j.KeyEncoding, "text", "hex", "base64")
	if j.KeyEncoding != "" && !strings.HasPrefix(j.Alg, "HS") {
		v.fail(at+".key_encoding", "is for HS256, HS384 and HS512 only: other keys are PEM")
	}
	v.members(at+".header", j.Header, "alg", "typ")
	v.members(at+".claims", j.Claims, "iat", "exp", "jti", "nbf")
	v.duration(at+".lifetime", j.Lifetime, 180*24*time.Hour)
}

// said is what everybody reads in a JWT who gets it; the key is not part of that.
func said(j *JWT) []map[string]Template {
	if j == nil {
		return nil
	}
	return []map[string]Template{j.Header, j.Claims}
}

// signsAt is when the connector's assertion is first made.
func (v *validator) signsAt() stage {
	if m := v.c.mode(); m == ModeJWT || m == ModeJWTBearer {
		return atToken
	}
	for i, s := range v.c.Steps {
		if slices.Contains(s.Request.Names(), nameAssertion) {
			return atSteps + stage(i)
		}
	}
	return atRequest
}

// members checks members of a JSON object; own are those that the engine sets.
func (v *validator) members(at string, members map[string]Template, own ...string) {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if slices.Contains(own, name) {
			v.fail(at+"."+name, "is set by the engine and must not be given")
		}
		v.names(at+"."+name, members[name], inCalls|optionalNames)
	}
}

func (v *validator) fieldSignature(at string, s *FieldSignature) {
	if s == nil {
		return
	}
	v.required(at+".key", s.Key)
	v.names(at+".key", s.Key, inCalls)
	if (s.Field == "") == (s.Header == "") {
		v.fail(at, "must have field or header, where the signature goes")
	}
	v.param(at+".field", s.Field)
	if s.Header != "" {
		v.headerName(at+".header", s.Header)
	}
	v.optional(at+".pairs", s.Pairs, "value", "name=value")
	v.optional(at+".encoding", s.Encoding, "hex", "base64")
}

func (v *validator) clientCert() {
	c := v.c.ClientCert
	if c == nil {
		return
	}
	v.required("client_cert.cert", c.Cert)
	v.required("client_cert.key", c.Key)
	v.names("client_cert.cert", c.Cert, inCalls)
	v.names("client_cert.key", c.Key, inCalls)
}
