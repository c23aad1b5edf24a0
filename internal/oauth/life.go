package oauth

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/vault"
)

const (
	maxLife        = 365 * 24 * time.Hour
	maxRefreshLife = 10 * maxLife
)

// ExpiresFrom says how well a token's expiry is known.
type ExpiresFrom string

// The values of [ExpiresFrom].
const (
	ExpiresUnknown     ExpiresFrom = ""        // nobody said; [Token].Expires is zero
	ExpiresFromAnswer  ExpiresFrom = "answer"  // the token endpoint said it
	ExpiresFromJWT     ExpiresFrom = "jwt"     // the token itself says it
	ExpiresFromDefault ExpiresFrom = "default" // the connector assumes it
	ExpiresNever       ExpiresFrom = "never"   // the token does not expire; [Token].Expires is zero
)

// expiry is when the access token dies, by the best evidence there is. Zero or less is now: the token
// is used once. A lifetime that is absent or unreadable is looked for elsewhere, never "expired".
func (d *dialect) expiry(doc document, access vault.Secret) (time.Time, ExpiresFrom) {
	call := d.app.Connector.Token
	if n, ok := seconds(doc.find(or(call.Response.Expires, "expires_in"))); ok {
		return d.started.Add(lifetime(n, maxLife)), ExpiresFromAnswer
	}
	if call.TTL == connectors.TTLNever {
		return time.Time{}, ExpiresNever
	}
	if at, ok := jwtExpiry(d.started, access.Reveal()); ok {
		return at, ExpiresFromJWT
	}
	if call.DefaultTTL > 0 {
		return d.started.Add(time.Duration(call.DefaultTTL)), ExpiresFromDefault
	}
	return time.Time{}, ExpiresUnknown
}

// refreshExpiry is when the refresh token of the answer dies. Providers write 0 for one that does not.
func (d *dialect) refreshExpiry(doc document) time.Time {
	if path := d.app.Connector.Token.Response.RefreshExpires; path != "" {
		if n, ok := seconds(doc.find(path)); ok {
			if n <= 0 {
				return time.Time{}
			}
			return d.started.Add(lifetime(n, maxRefreshLife))
		}
	}
	if ttl := d.app.Connector.Refresh.TTL; ttl > 0 {
		return d.started.Add(time.Duration(ttl))
	}
	return time.Time{}
}

// jwtExpiry reads the claim exp of a token that is a JWT (RFC 7519). Its signature is not checked:
// the token comes from the provider itself, and all that hangs on it is when it is refreshed. A token
// is at most 16 KiB, see validToken, and one that has not exactly two dots costs no more than finding
// the third.
func jwtExpiry(now time.Time, token string) (time.Time, bool) {
	_, rest, ok := strings.Cut(token, ".")
	if !ok {
		return time.Time{}, false
	}
	claims, signature, ok := strings.Cut(rest, ".")
	if !ok || strings.IndexByte(signature, '.') >= 0 {
		return time.Time{}, false
	}
	body, err := base64.RawURLEncoding.DecodeString(claims)
	if err != nil {
		return time.Time{}, false
	}
	doc, err := parseDocument(body)
	if err != nil {
		return time.Time{}, false
	}
	return epoch(now, doc.find("exp"))
}

// epoch reads a time in seconds since 1970, no earlier than now and no later than in a year.
func epoch(now time.Time, value any) (time.Time, bool) {
	n, ok := seconds(value)
	if !ok || n <= 0 {
		return time.Time{}, false
	}
	return now.Add(lifetime(n-float64(now.UnixMilli())/1000, maxLife)), true
}

// seconds reads a lifetime: a number, whole or not, or a string that holds one.
func seconds(value any) (float64, bool) {
	var text string
	switch v := value.(type) {
	case json.Number:
		text = v.String()
	case string:
		text = strings.TrimSpace(v)
	}
	n, err := strconv.ParseFloat(text, 64)
	// Out of range is a number still: err is set and n infinite.
	if math.IsNaN(n) || err != nil && !math.IsInf(n, 0) {
		return 0, false
	}
	return n, true
}

func lifetime(seconds float64, limit time.Duration) time.Duration {
	seconds = min(max(seconds, 0), limit.Seconds())
	return time.Duration(seconds * float64(time.Second))
}
