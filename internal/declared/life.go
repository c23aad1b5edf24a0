package declared

import (
	"slices"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
)

// lifetime is how long the provider's tokens live.
func (p *Provider) lifetime(declared connectors.Duration) time.Duration {
	if declared > 0 {
		return time.Duration(declared)
	}
	return max(time.Hour, 60*time.Duration(p.connector.Refresh.MinAge))
}

// refreshLifetime is how long the provider's refresh tokens live.
func (p *Provider) refreshLifetime() time.Duration {
	r, told := p.connector.Refresh, p.connector.Token.Response.RefreshExpires.Path != ""
	switch {
	case r.TTL > 0 && told: // the answer says it, and may say something else
		return time.Duration(r.TTL) - time.Hour
	case r.TTL > 0:
		return time.Duration(r.TTL)
	}
	return max(90*24*time.Hour, 2*time.Duration(r.Keepalive), 4*p.lifetime(0))
}

// expiry is a time as the connector says that it is written.
func expiry(as string, at, now time.Time) any {
	left := at.Sub(now)
	switch as {
	case "in_ms":
		return left.Milliseconds()
	case "in_min":
		return int64(left / time.Minute)
	case "at_s":
		return at.Unix()
	case "at_ms":
		return at.UnixMilli()
	case "rfc3339":
		return at.UTC().Format(time.RFC3339)
	}
	return int64(left / time.Second)
}

// givesRefreshToken tells whether the provider gives refresh tokens.
func (p *Provider) givesRefreshToken() bool {
	r := p.connector.Refresh
	if r.None || p.eternal {
		return false
	}
	if r.With == "" {
		return p.connector.Mode.NeedsUser()
	}
	return r.With == connectors.RefreshWithToken
}

// givesIDToken tells whether the provider says in an ID token who the user is.
func (p *Provider) givesIDToken() bool {
	i := p.connector.Identity
	return i != nil && i.From == "id_token" || p.connector.Token.Response.IDToken != "" || slices.Contains(p.requested(), "openid")
}
