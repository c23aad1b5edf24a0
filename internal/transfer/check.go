package transfer

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/claviger-proxy/claviger/vault"
)

// maxSecret is the length of a token or a client secret, as everywhere in Claviger.
const maxSecret = 16 << 10

const (
	wantName       = "must be 1 to 63 lower-case letters, digits, '-' and '_', a letter or digit first"
	wantIdentifier = "must be 1 to 200 letters, digits and ._@+=:|~-, a letter or digit first"
	wantToken      = "must be at most 16 KiB of printable ASCII without spaces, quotes and backslashes"
	wantSecret     = "must be at most 16 KiB of text without control characters"
	wantScopes     = "must not have empty texts in it"
	wantText       = "must be text in UTF-8"
)

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
	case !slices.Contains(origins, c.Origin):
		return &mistake{"origin", "must be config or api"}
	case !utf8.ValidString(c.ClientID):
		return &mistake{"client_id", wantText}
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
	case a.Grant != nil:
		return checkGrant(a.Grant)
	}
	return nil
}

func checkGrant(g *vault.Grant) *mistake {
	switch {
	case g.Access.IsZero() && g.Refresh.IsZero():
		return &mistake{"grant", "must have an access_token or a refresh_token"}
	case slices.Contains(g.Scopes, "") || !validTexts(g.Scopes):
		return &mistake{"grant.scopes", wantScopes}
	case !validTexts([]string{g.ClientID, g.RedirectURI}):
		return &mistake{"grant", wantText}
	case !validPairs(g.Captured):
		return &mistake{"grant.captured", wantText}
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
