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

// tokenTypes are the types of token that are sent as they are; bot and user are Slack's.
var tokenTypes = []string{"bearer", "bot", "user"}

// decode reads a token answer in the connector's form. Whatever is not a whole, valid answer is an
// error, so that nothing odd is ever stored.
func (d *dialect) decode(a answer) (Token, error) {
	doc := a.document()
	if !a.ok() {
		return Token{}, d.refusal(a, doc)
	}
	if a.tooLarge {
		return Token{}, d.malformed(a, CodeAnswerTooLarge)
	}
	if doc == nil {
		return Token{}, d.malformed(a, CodeBadTokenResponse)
	}
	if d.failed(doc) {
		return Token{}, d.refusal(a, doc)
	}
	token, ok := d.readToken(doc)
	if !ok {
		return Token{}, d.malformed(a, CodeBadTokenResponse)
	}
	return token, nil
}

func (d *dialect) malformed(a answer, code string) *Error {
	return &Error{Op: d.op, Class: ClassMalformed, Code: code, Status: a.status}
}

// failed tells whether an answer with status 200 is a refusal. Where the connector declares what
// success looks like, that alone decides.
func (d *dialect) failed(doc document) bool {
	how := d.app.Connector.Token.Response
	if how.SuccessWhen != nil {
		return !doc.holds(how.SuccessWhen)
	}
	switch v := doc.find(or(how.ErrorPath, "error")).(type) {
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
func (d *dialect) errorCode(doc document) string {
	if doc == nil {
		return ""
	}
	if path := d.app.Connector.Token.Response.ErrorPath; path != "" {
		if code, ok := doc.text(path); ok && code != "" {
			return code
		}
	}
	code, _ := doc.text("error")
	return code
}

func (d *dialect) readToken(doc document) (Token, bool) {
	call := d.app.Connector.Token
	how := call.Response
	accessPath := or(how.Access, "access_token")
	// token_type stands beside the token that it describes.
	typePath := "token_type"
	if i := strings.LastIndexByte(accessPath, '.'); i >= 0 {
		typePath = accessPath[:i+1] + typePath
	}
	access, ok1 := readSecret(doc.find(accessPath))
	refresh, ok2 := readSecret(doc.find(or(how.RefreshToken, "refresh_token")))
	idToken, ok3 := readSecret(doc.find("id_token"))
	if !ok1 || !ok2 || !ok3 || access.IsZero() || !usableType(doc.find(typePath)) {
		return Token{}, false
	}
	token := Token{
		Access:   access,
		Refresh:  refresh,
		IDToken:  idToken,
		Scopes:   readScopes(doc.find(or(how.Scope, "scope")), how.ScopeSeparator),
		Captured: capture(doc, call.Capture),
	}
	token.Expires, token.ExpiresFrom = d.expiry(doc, access)
	if !refresh.IsZero() {
		token.RefreshExpires = d.refreshExpiry(doc)
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

// usableType tells whether a token of that type can be sent as it is. mac and DPoP cannot.
func usableType(value any) bool {
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

// capture keeps what the connector asks for. What is not a short printable text is left out.
func capture(doc document, paths map[string]string) map[string]string {
	var captured map[string]string
	for name, path := range paths {
		text, ok := doc.text(path)
		if !ok || len(text) > maxCaptured || !printable(text) {
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
