package oauth

import (
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
func (c *call) expiry(payload document, access vault.Secret) (time.Time, ExpiresFrom) {
	how := c.reads.Expires
	if left, none, ok := remaining(c.started, payload.find(or(how.Path, "expires_in")), how.As); ok && !(none && absolute(how.As)) {
		return c.started.Add(lifetime(left, maxLife)), ExpiresFromAnswer
	}
	if c.reads.never {
		return time.Time{}, ExpiresNever
	}
	if at, ok := jwtExpiry(c.started, access.Reveal()); ok {
		return at, ExpiresFromJWT
	}
	if c.reads.defaultTTL > 0 {
		return c.started.Add(time.Duration(c.reads.defaultTTL)), ExpiresFromDefault
	}
	return time.Time{}, ExpiresUnknown
}

// refreshExpiry is when the refresh token of the answer dies. Providers write 0 for one that does not.
func (c *call) refreshExpiry(payload document) time.Time {
	if how := c.reads.RefreshExpires; how.Path != "" {
		if left, none, ok := remaining(c.started, payload.find(how.Path), how.As); ok {
			if none {
				return time.Time{}
			}
			return c.started.Add(lifetime(left, maxRefreshLife))
		}
	}
	if ttl := c.app.Connector.Refresh.TTL; ttl > 0 {
		return c.started.Add(time.Duration(ttl))
	}
	return time.Time{}
}

// absolute tells whether an expiry is a point in time.
func absolute(as string) bool { return as == "at_s" || as == "at_ms" || as == "rfc3339" }

// remaining is how many seconds are left until an expiry that is written as [connectors.Expires].As says.
// none tells that the number was 0 or less.
func remaining(now time.Time, value any, as string) (left float64, none, ok bool) {
	n, ok := seconds(value)
	if as == "rfc3339" {
		text, _ := value.(string)
		at, err := time.Parse(time.RFC3339, strings.TrimSpace(text))
		n, ok = float64(at.UnixMilli())/1000, err == nil
	}
	left, none = n, n <= 0
	switch as {
	case "in_ms", "at_ms":
		left /= 1000
	case "in_min":
		left *= 60
	}
	if absolute(as) {
		left -= float64(now.UnixMilli()) / 1000
	}
	return left, none, ok
}

// jwtExpiry reads the claim exp of a token that is a JWT. Its signature is not checked: the token comes from
// the provider itself, and all that hangs on it is when it is refreshed. A token is at most 16 KiB, see
// validToken.
func jwtExpiry(now time.Time, token string) (time.Time, bool) {
	body, ok := connectors.JWTClaims(token)
	if !ok {
		return time.Time{}, false
	}
	doc, err := parseDocument(body)
	if err != nil {
		return time.Time{}, false
	}
	return epoch(now, doc.find("exp"))
}

// Claims returns the claims of an ID token. Its signature is not checked: it comes from the token endpoint
// itself (OpenID Connect Core section 3.1.3.7).
func Claims(token vault.Secret) ([]byte, bool) { return connectors.JWTClaims(token.Reveal()) }

// epoch reads a time in seconds since 1970, no earlier than now and no later than in a year.
func epoch(now time.Time, value any) (time.Time, bool) {
	left, none, ok := remaining(now, value, "at_s")
	if !ok || none {
		return time.Time{}, false
	}
	return now.Add(lifetime(left, maxLife)), true
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
