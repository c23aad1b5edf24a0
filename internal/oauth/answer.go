package oauth

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/claviger-proxy/claviger/vault"
)

const (
	maxToken         = 16 << 10
	maxCaptured      = 2 << 10
	maxGrantedScopes = 1024
)

// identityFromToken is the value of [connectors.Identity].From that is done here.
const identityFromToken = "token"

// tokenTypes are the types of token that are sent as they are. bot and user are Slack's, bearertoken is
// Apigee's, and n_a is for tokens that are not for an API (RFC 8693 section 2.2.1).
var tokenTypes = []string{"bearer", "bot", "user", "jwt", "bearertoken", "n_a"}

// decode reads an answer in the connector's form. Whatever is not a whole, valid answer is an
// error, so that nothing odd is ever stored.
func (c *call) decode(a answer) (Token, error) {
	doc := c.reads.document(a)
	switch {
	case !a.ok(), c.app.Connector.Rate.Limits(a.status, a.header, a.whole):
		return Token{}, c.refusal(a, doc)
	case a.tooLarge:
		return Token{}, c.malformed(a, CodeAnswerTooLarge)
	case doc == nil && c.reads.needsBody():
		return Token{}, c.malformed(a, CodeBadTokenResponse)
	case c.failed(doc):
		return Token{}, c.refusal(a, doc)
	}
	token, ok := c.readToken(a, doc)
	if !ok {
		return Token{}, c.malformed(a, CodeBadTokenResponse)
	}
	return token, nil
}

// failed tells whether an answer with status 200 is a refusal. Where the connector declares what
// success looks like, that alone decides.
func (c *call) failed(doc document) bool {
	if when := c.reads.SuccessWhen; when != nil {
		return doc == nil || !meets(c.reads.find(doc, when.Path), when)
	}
	switch v := c.reads.find(doc, or(c.reads.ErrorPath, "error")).(type) {
	case nil:
		return false
	case string:
		return v != ""
	case bool:
		return v
	case json.Number:
		return v != "0"
	}
	return true
}

// errorCode returns the provider's error code, or nothing.
func (c *call) errorCode(doc document) string {
	if path := c.reads.ErrorPath; path != "" {
		if code, ok := textOf(c.reads.find(doc, path)); ok && code != "" {
			return code
		}
	}
	code, _ := textOf(c.reads.find(doc, "error"))
	return code
}

func (c *call) readToken(a answer, doc document) (Token, bool) {
	token := Token{Captured: c.capture(doc)}
	if !c.reads.token {
		return token, true
	}
	payload := c.reads.payload(doc)
	access := c.reads.access(a, payload)
	if access == nil && c.reads.maybe {
		return token, true
	}
	var ok [3]bool
	token.Access, ok[0] = readSecret(access)
	token.Refresh, ok[1] = readSecret(payload.find(or(c.reads.RefreshToken, "refresh_token")))
	token.IDToken, ok[2] = readSecret(payload.find(or(c.reads.IDToken, "id_token")))
	if slices.Contains(ok[:], false) || token.Access.IsZero() {
		return Token{}, false
	}
	if c.reads.inBody() && !usableType(payload, or(c.reads.Access, "access_token")) {
		return Token{}, false
	}
	for name, path := range c.reads.Slots {
		slot, ok := readSecret(payload.find(path))
		if !ok || !usableType(payload, path) {
			return Token{}, false
		}
		if slot.IsZero() {
			continue
		}
		if token.Slots == nil {
			token.Slots = vault.Secrets{}
		}
		token.Slots[name] = slot
	}
	token.Scopes = readScopes(payload.find(or(c.reads.Scope, "scope")), c.reads.ScopeSeparator)
	if c.reads.UserScope != "" {
		token.Scopes = c.withUserScopes(token.Scopes, readScopes(payload.find(c.reads.UserScope), c.reads.ScopeSeparator))
	}
	token.Identity = c.identity(doc)
	token.Expires, token.ExpiresFrom = c.expiry(payload, token.Access)
	if !token.Refresh.IsZero() {
		token.RefreshExpires = c.refreshExpiry(payload)
	}
	return token, true
}

// readSecret takes a token from the answer; null, absent and "" are no token. A token must be
// usable in a header as it is: printable ASCII without space, quote and backslash.
func readSecret(value any) (vault.Secret, bool) {
	text, isString := value.(string)
	if value == nil || isString && text == "" {
		return vault.Secret{}, true
	}
	if !isString || !validToken(text) {
		return vault.Secret{}, false
	}
	return vault.NewSecret(text), true
}

func validToken(s string) bool {
	if s == "" || len(s) > maxToken {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '"' || c == '\'' || c == '\\' {
			return false
		}
	}
	return true
}

// usableType tells whether the token at the path can be sent as it is; its token_type stands beside it.
// mac and DPoP cannot.
func usableType(payload document, path string) bool {
	value := payload.find(path[:strings.LastIndexByte(path, '.')+1] + "token_type")
	text, isString := value.(string)
	if value == nil || isString && text == "" {
		return true
	}
	return isString && slices.Contains(tokenTypes, strings.ToLower(text))
}

// readScopes returns what was granted: nil when the provider did not say, empty when it said none.
func readScopes(value any, separator string) []string {
	var list []string
	switch v := value.(type) {
	case string:
		list = strings.FieldsFunc(v, func(r rune) bool {
			return r == ' ' || separator != "" && strings.ContainsRune(separator, r)
		})
	case []any:
		for _, item := range v {
			if s, ok := item.(string); ok {
				list = append(list, s)
			}
		}
	default:
		return nil
	}
	scopes := []string{}
	seen := make(map[string]bool)
	for _, s := range list {
		if s != "" && printable(s) && !seen[s] && len(scopes) < maxGrantedScopes {
			seen[s] = true
			scopes = append(scopes, s)
		}
	}
	return scopes
}

// identity is who the answer is about.
func (c *call) identity(doc document) vault.Identity {
	how := c.app.Connector.Identity
	if how == nil || how.From != identityFromToken || c.note(doc, how.ID) == "" {
		return vault.Identity{}
	}
	return vault.Identity{
		ID: c.note(doc, how.ID), Name: c.note(doc, how.Name), Email: c.note(doc, how.Email), Avatar: c.note(doc, how.Avatar),
	}
}

// note is the member at the path, or empty when that is not a short printable text.
func (c *call) note(doc document, path string) string {
	text, ok := textOf(c.reads.find(doc, path))
	if !ok || path == "" || len(text) > maxCaptured || !printable(text) {
		return ""
	}
	return text
}

// capture keeps what the connector asks for and the answer has.
func (c *call) capture(doc document) map[string]string {
	var captured map[string]string
	for name, path := range c.reads.capture {
		text := c.note(doc, path)
		if text == "" {
			continue
		}
		if captured == nil {
			captured = make(map[string]string)
		}
		captured[name] = text
	}
	return captured
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) })
}

func or(s, standard string) string {
	if s == "" {
		return standard
	}
	return s
}
