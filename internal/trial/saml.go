package trial

import (
	"encoding/base64"
	"regexp"
	"strings"
)

// signature is that of a SAML assertion, which says nothing to people.
var signature = regexp.MustCompile(`(?s)<ds:Signature .*</ds:Signature>`)

// readable is the field of a form, with a SAML assertion as the XML that it is.
func readable(pair string) string {
	name, value, _ := strings.Cut(pair, "=")
	plain, err := base64.RawURLEncoding.DecodeString(strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(value))
	if text := string(plain); err == nil && strings.HasPrefix(text, "<saml:Assertion ") {
		return name + "=" + signature.ReplaceAllString(text, "<ds:Signature>…</ds:Signature>")
	}
	return pair
}
