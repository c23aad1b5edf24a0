package transfer

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/claviger-proxy/claviger/vault"
)

// maxSecret is the length of a token, a client secret or an input, as everywhere in Claviger.
const maxSecret = 16 << 10

const (
	wantName       = "must be 1 to 63 lower-case letters, digits, '-' and '_', a letter or digit first"
	wantIdentifier = "must be 1 to 200 letters, digits and ._@+=:|~-, a letter or digit first"
	wantToken      = "must be at most 16 KiB of printable ASCII without spaces, quotes and backslashes"
	wantSecret     = "must be at most 16 KiB of text without control characters"
	wantScopes     = "must not have empty texts in it"
	wantText       = "must be text in UTF-8"
	wantInput      = "must be 1 to 63 lower-case letters, digits and '_', a letter first"
	wantValue      = "must be at most 16 KiB of text"
)

// inputName is how a connector names its inputs and slots.
var inputName = regexp.MustCompile(`\A[a-z][a-z0-9_]{0,62}\z`)

var (
	origins  = []vault.Origin{vault.OriginConfig, vault.OriginAPI}
	statuses = []vault.Status{
		vault.StatusActive, vault.StatusExpired, vault.StatusPendingAuth,
		vault.StatusPendingVerification, vault.StatusDisconnected,
	}
)

// check is what a writer and a reader demand of a connection. Secrets are checked apart.
func (c *Connection) check() *mistake {
	switch {
	case !vault.ValidName(c.Name):
		return &mistake{"name", wantName}
	case !vault.ValidName(c.Connector):
		return &mistake{"connector", wantName}
	case c.Way != "" && !vault.ValidName(c.Way):
		return &mistake{"way", wantName}
	case !slices.Contains(origins, c.Origin):
		return &mistake{"origin", "must be config or api"}
	case !utf8.ValidString(c.ClientID):
		return &mistake{"client_id", wantText}
	case slices.ContainsFunc(c.EarlierClients, func(e vault.OAuthClient) bool { return e.ID == "" || !utf8.ValidString(e.ID) }):
		return &mistake{"earlier_clients", "must have a client_id each"}
	case slices.Contains(c.Scopes, "") || !validTexts(c.Scopes):
		return &mistake{"scopes", wantScopes}
	case !validPairs(c.Params):
		return &mistake{"params", wantText}
	}
	return nil
}

// check is what a writer and a reader demand of an account. Secrets are checked apart.
func (a *Account) check() *mistake {
	switch {
	case !vault.IsAccountID(string(a.ID)):
		return &mistake{"id", "must be an account's ID, ca_ and 26 characters"}
	case !vault.ValidName(a.Connection):
		return &mistake{"connection", wantName}
	case !vault.ValidName(a.Connector):
		return &mistake{"connector", wantName}
	case !vault.ValidIdentifier(a.Identifier):
		return &mistake{"identifier", wantIdentifier}
	case !slices.Contains(statuses, a.Status):
		return &mistake{"status", "must be ACTIVE, EXPIRED, PENDING_AUTH, PENDING_VERIFICATION or DISCONNECTED"}
	case !utf8.ValidString(a.Reason):
		return &mistake{"reason", wantText}
	case !validTexts([]string{a.Identity.ID, a.Identity.Name, a.Identity.Email, a.Identity.Avatar}):
		return &mistake{"identity", wantText}
	case slices.Contains(a.RequestedScopes, "") || !validTexts(a.RequestedScopes):
		return &mistake{"requested_scopes", wantScopes}
	case slices.Contains(a.GrantedScopes, "") || !validTexts(a.GrantedScopes):
		return &mistake{"granted_scopes", wantScopes}
	case a.CreatedAt.IsZero():
		return &mistake{"created_at", "must be there"}
	case a.AppData.Check() != nil:
		return ofField(a.AppData.Check())
	case a.Grant != nil:
		return checkGrant(a.Grant)
	}
	return nil
}

func ofField(err error) *mistake {
	var f *vault.FieldError
	if errors.As(err, &f) {
		return &mistake{f.Field, f.Must}
	}
	return &mistake{"", err.Error()}
}

func checkGrant(g *vault.Grant) *mistake {
	switch {
	case g.Access.IsZero() && g.Refresh.IsZero() && !some(g.Inputs):
		return &mistake{"grant", "must have an access_token, a refresh_token or inputs"}
	case slices.Contains(g.Scopes, "") || !validTexts(g.Scopes):
		return &mistake{"grant.scopes", wantScopes}
	case !validTexts([]string{g.ClientID, g.RedirectURI}):
		return &mistake{"grant", wantText}
	case !validPairs(g.Captured):
		return &mistake{"grant.captured", wantText}
	}
	return nil
}

// empty tells whether a grant has nothing to be moved, as that of an account whose connector asks for
// nothing.
func empty(g *vault.Grant) bool {
	return g.Access.IsZero() && g.Refresh.IsZero() && g.IDToken.IsZero() && !some(g.Slots) && !some(g.Inputs) && len(g.Captured) == 0
}

// some tells whether there is a secret among them.
func some(s vault.Secrets) bool {
	for _, one := range s {
		if !one.IsZero() {
			return true
		}
	}
	return false
}

// checkNamed is what a writer and a reader demand of the secrets by name at a path.
func checkNamed(path string, values map[string]string, valid func(string) bool, want string) *mistake {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch {
		case !inputName.MatchString(name):
			return &mistake{join(path, name), "the name " + wantInput}
		case !valid(values[name]):
			return &mistake{join(path, name), want}
		}
	}
	return nil
}

// validToken tells whether a token can be sent as it is; "" is no token. It is the rule for what
// a token endpoint may answer.
func validToken(s string) bool {
	if len(s) > maxSecret {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '"' || c == '\'' || c == '\\' {
			return false
		}
	}
	return true
}

func validSecret(s string) bool {
	return len(s) <= maxSecret && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// validValue tells whether a connector could take it as the value of an input. A private key has line
// breaks.
func validValue(s string) bool {
	return len(s) <= maxSecret && utf8.ValidString(s) && !strings.ContainsRune(s, 0)
}

func validTexts(list []string) bool {
	return !slices.ContainsFunc(list, func(s string) bool { return !utf8.ValidString(s) })
}

func validPairs(m map[string]string) bool {
	for k, v := range m {
		if !utf8.ValidString(k) || !utf8.ValidString(v) {
			return false
		}
	}
	return true
}
