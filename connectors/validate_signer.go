package connectors

import (
	"slices"
	"strings"
)

// signers are the kinds of signers, each with the keys that it must have, and those that it has a use for beside.
var signers = []struct {
	kind       string
	needs, may []string
}{
	{SignerOAuth1, nil, words("key key_id method realm token token_secret")},
	{SignerSigV4, words("key key_id service region"), words("session")},
	{SignerHMAC, words("key parts header"), words("key_id separator hash encoding template timestamp timestamp_as nonce")},
	{SignerEd25519, words("key parts header"), words("key_id separator encoding template timestamp timestamp_as nonce")},
	{SignerWSSE, words("key key_id"), nil},
}

func (v *validator) signer() {
	const at = "signer."
	s := v.c.Signer
	if s == nil {
		return
	}
	if v.c.mode() == ModeOAuth1 { // it signs the first call too
		defer func(later stage) { v.now = later }(v.now)
		v.now = atConsent
	}
	var kinds []string
	for _, one := range signers {
		kinds = append(kinds, one.kind)
		if one.kind != s.Kind {
			continue
		}
		keys := given(*s)
		for _, key := range one.needs {
			if !slices.Contains(keys, key) {
				v.fail(at+key, "is required with kind %s", s.Kind)
			}
		}
		for _, key := range keys {
			if key != "kind" && !slices.Contains(one.needs, key) && !slices.Contains(one.may, key) {
				v.fail(at+key, "has no use with kind %s", s.Kind)
			}
		}
	}
	v.oneOf(at+"kind", s.Kind, kinds...)
	v.names(at+"key", s.Key, inRequests|clientSecretName)
	v.names(at+"key_id", s.KeyID, inRequests)
	v.names(at+"service", s.Service, inRequests)
	v.names(at+"region", s.Region, inRequests)
	v.names(at+"session", s.Session, inRequests|optionalNames)
	v.names(at+"realm", s.Realm, inRequests|optionalNames)
	v.names(at+"token", s.Token, inRequests)
	v.names(at+"token_secret", s.TokenSecret, inRequests)
	v.optional(at+"method", s.Method, "HMAC-SHA1", "HMAC-SHA256", "RSA-SHA1", "PLAINTEXT")
	v.signedParts(s)
}

// signable are the parts of a request that can be signed.
var signable = []string{"method", "host", "path", "query", "path_and_query", "url", "body", "body_sha256", "timestamp", "nonce", "key_id"}

func (v *validator) signedParts(s *Signer) {
	const at = "signer."
	for i, p := range s.Parts {
		v.oneOf(index(at+"parts", i), p, signable...)
	}
	v.optional(at+"hash", s.Hash, "sha256", "sha1", "sha512")
	v.optional(at+"encoding", s.Encoding, "hex", "base64", "base64url")
	if s.Header != "" {
		v.headerName(at+"header", s.Header)
	}
	v.signedHeader(s, "timestamp", s.Timestamp)
	v.signedHeader(s, "nonce", s.Nonce)
	if slices.Contains(s.Parts, "key_id") && s.KeyID.IsZero() {
		v.fail(at+"key_id", "is required, because it is signed")
	}
	v.optional(at+"timestamp_as", s.TimestampAs, momentNames...)
	if s.Template != "" && !strings.Contains(s.Template, "{signature}") {
		v.fail(at+"template", "must have {signature} in it")
	}
}

// signedHeader checks the header of a part that is made for the signature.
func (v *validator) signedHeader(s *Signer, part, name string) {
	switch {
	case name != "":
		v.headerName("signer."+part, name)
	case slices.Contains(s.Parts, part):
		v.fail("signer."+part, "is required: the header that it goes in, because it is signed")
	}
}
