package oauth

import (
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/vault"
)

const (
	maxClientID     = 2 << 10
	maxClientSecret = 4 << 10
	maxManagement   = 2 << 10
	// maxExpiry is the last second of the year 9999, which is as good as never.
	maxExpiry = 253402300799
)

// registered reads the answer to a registration (RFC 7591 section 3.2.1). known is what it is a change of, if it is
// one. A client that is not what was asked for is refused, and told by the error.
func (k *registering) registered(a answer, r Registration, known Registered) (Registered, error) {
	doc := k.reads.document(a)
	switch {
	case !a.ok():
		return Registered{}, k.refusal(a, doc)
	case a.tooLarge:
		return Registered{}, k.malformed(a, CodeAnswerTooLarge)
	case doc == nil:
		return Registered{}, k.malformed(a, CodeBadClient)
	}
	got, ok := k.readRegistered(doc, known)
	if code := k.differs(doc, r, got, ok); code != "" {
		e := k.malformed(a, code)
		if got.ClientID != "" && known.ClientID == "" {
			e.stray = &got
		}
		return Registered{}, e
	}
	return got, nil
}

// readRegistered reads the client, as far as it can be read. Where it is managed is left out if the connector does
// not name the host.
func (k *registering) readRegistered(doc document, known Registered) (got Registered, ok bool) {
	id, _ := doc.find("client_id").(string)
	if !plainText(id, maxClientID) || known.ClientID != "" && id != known.ClientID {
		return Registered{}, false
	}
	got = Registered{ClientID: id, URI: known.URI, Token: known.Token}
	if uri, _ := doc.find("registration_client_uri").(string); uri != "" && len(uri) <= maxManagement && k.urls.Allows(uri) == nil {
		got.URI = uri
	}
	token, good := readSecret(doc.find("registration_access_token"))
	if good && !token.IsZero() {
		got.Token = token
	}
	if got.URI == "" || got.Token.IsZero() {
		got.URI, got.Token = "", vault.Secret{}
	}
	if k.app.Connector.Token.ClientAuth == connectors.ClientAuthNone {
		return got, good
	}
	secret, _ := doc.find("client_secret").(string)
	if secret == "" && known.ClientID != "" {
		got.Secret, got.SecretExpires = known.Secret, known.SecretExpires
		return got, good
	}
	if !plainText(secret, maxClientSecret) {
		return got, false
	}
	got.Secret = vault.NewSecret(secret)
	expires, told := expiry(doc.find("client_secret_expires_at"))
	got.SecretExpires = expires
	return got, good && told && (expires.IsZero() || expires.After(k.started))
}

// differs says what is wrong with the client that was registered; nothing if it is the one that was asked for.
func (k *registering) differs(doc document, r Registration, got Registered, usable bool) string {
	name := func(field string) string { return or(k.app.Connector.Register.FieldNames[field], field) }
	method := doc.find(name("token_endpoint_auth_method"))
	uri := doc.find("registration_client_uri")
	switch {
	case got.ClientID == "":
		return CodeBadClient
	case method != nil && method != authMethods[k.app.Connector.Token.ClientAuth]:
		return CodeOtherAuth
	case !sameRedirect(doc[name("redirect_uris")], r.RedirectURI):
		return CodeOtherRedirect
	case !usable:
		return CodeBadClient
	case uri != nil && got.URI != uri && doc.find("registration_access_token") != nil:
		return CodeManagementHost
	}
	return ""
}

// sameRedirect tells whether the answer has that redirect URI and no other. One that does not say is taken at
// its word that it has registered what was asked for.
func sameRedirect(said any, want string) bool {
	switch list := said.(type) {
	case nil:
		return true
	case []any:
		return len(list) == 0 && want == "" || len(list) == 1 && list[0] == want
	}
	return false
}

// expiry reads when a secret ends, in seconds since 1970; 0, or nothing, is never.
func expiry(value any) (time.Time, bool) {
	if value == nil {
		return time.Time{}, true
	}
	n, ok := seconds(value)
	if !ok || n <= 0 {
		return time.Time{}, ok
	}
	return time.Unix(int64(min(n, maxExpiry)), 0).UTC(), true
}

// plainText tells whether a text is a client's ID or secret (RFC 6749 appendix A).
func plainText(s string, limit int) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= limit
}
