package connectors

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// The longest lifetime and skew of a SAML assertion: who gets hold of one can use it until it ends.
const (
	maxSAMLLifetime = 24 * time.Hour
	maxSAMLSkew     = 10 * time.Minute
)

var (
	// nameFormats are those of SAML's name identifiers, by the last part of their URIs.
	nameFormats = words("unspecified emailAddress X509SubjectName WindowsDomainQualifiedName kerberos entity persistent transient")
	// authentications are classes of SAML's authentication contexts, in the same way.
	authentications = words("none unspecified Password PasswordProtectedTransport PreviousSession X509 TLSClient Kerberos")
)

// inSAML is what may stand in a SAML assertion, which everybody can read who sees it: no secrets.
const inSAML = inURLs | clientIDName

func (v *validator) saml() {
	const at = "saml."
	s := v.c.SAML
	if s == nil {
		return
	}
	for _, one := range []struct {
		key string
		t   Template
		may names
	}{{"key", s.Key, inCalls}, {"cert", s.Cert, inCalls}, {"issuer", s.Issuer, inSAML}, {"subject", s.Subject, inSAML}, {"audience", s.Audience, inSAML}} {
		v.required(at+one.key, one.t)
		v.names(at+one.key, one.t, one.may)
	}
	v.names(at+"recipient", s.Recipient, inSAML)
	v.optional(at+"subject_format", s.SubjectFormat, nameFormats...)
	for _, name := range slices.Sorted(maps.Keys(s.Attributes)) {
		if name == "" || strings.TrimSpace(name) != name || hasControl(name) {
			v.fail(at+"attributes", "%q is not the name of an attribute", name)
		}
		v.names(at+"attributes."+name, s.Attributes[name], inSAML|optionalNames)
	}
	v.optional(at+"authentication", s.Authentication, authentications...)
	v.duration(at+"lifetime", s.Lifetime, maxSAMLLifetime)
	v.duration(at+"skew", s.Skew, maxSAMLSkew)
	v.optional(at+"encoding", s.Encoding, "base64url", "base64")
}
