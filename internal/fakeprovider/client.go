package fakeprovider

import (
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// client is the app, registered at the provider: confidential, with a secret sent either way.
type client struct {
	id, secret string
	scopes     []string // nil: all

	mu           sync.Mutex
	redirectURIs []string
}

func (c *client) setRedirectURIs(uris []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.redirectURIs = slices.Clone(uris)
}

func (c *client) RedirectURIs() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.redirectURIs)
}

func (c *client) LoginURL(id string) string { return "/login?id=" + url.QueryEscape(id) }

// granted returns those of the scopes that the provider gives. offline_access is no scope of the API
// and always allowed.
func (c *client) granted(scopes []string) []string {
	return slices.DeleteFunc(slices.Clone(scopes), func(s string) bool {
		return s != oidc.ScopeOfflineAccess && !c.IsScopeAllowed(s)
	})
}

// IsScopeAllowed is asked about every scope that is not one of OpenID Connect's own.
func (c *client) IsScopeAllowed(s string) bool {
	return len(c.scopes) == 0 || slices.Contains(c.scopes, s)
}

func (c *client) GetID() string                       { return c.id }
func (c *client) PostLogoutRedirectURIs() []string    { return nil }
func (c *client) ApplicationType() op.ApplicationType { return op.ApplicationTypeWeb }
func (c *client) AuthMethod() oidc.AuthMethod         { return oidc.AuthMethodBasic }
func (c *client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}

func (c *client) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken, oidc.GrantTypeDeviceCode}
}
func (c *client) AccessTokenType() op.AccessTokenType  { return op.AccessTokenTypeBearer }
func (c *client) IDTokenLifetime() time.Duration       { return time.Hour }
func (c *client) DevMode() bool                        { return true }
func (c *client) IDTokenUserinfoClaimsAssertion() bool { return false }
func (c *client) ClockSkew() time.Duration             { return 0 }
func (c *client) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return func(s []string) []string { return s }
}

func (c *client) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(s []string) []string { return s }
}

var _ op.Client = (*client)(nil)
