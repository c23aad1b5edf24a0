package fakeprovider

import (
	"context"
	"crypto/subtle"
	"errors"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// storage is the ledger as the OAuth library wants to see it.
type storage struct {
	*ledger
	client *client
	mail   *mailbox
	key    *signingKey
}

// CreateAuthRequest keeps a request that the library has checked, if it uses PKCE with S256.
func (s *storage) CreateAuthRequest(_ context.Context, r *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	switch {
	case r.CodeChallenge == "":
		return nil, oidc.ErrInvalidRequest().WithDescription("code_challenge required")
	case r.CodeChallengeMethod != oidc.CodeChallengeMethodS256:
		return nil, oidc.ErrInvalidRequest().WithDescription("code_challenge_method must be S256")
	case r.ResponseMode != "" && r.ResponseMode != oidc.ResponseModeQuery:
		return nil, oidc.ErrInvalidRequest().WithDescription("response_mode must be query")
	}
	req := &authRequest{
		id: random(""), clientID: r.ClientID, redirectURI: r.RedirectURI, state: r.State, nonce: r.Nonce,
		scopes: s.client.granted(r.Scopes), challenge: r.CodeChallenge, loginHint: r.LoginHint,
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[req.id] = req
	return req.snapshot(), nil
}

// AuthRequestByID returns a copy of the request.
func (s *storage) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	req, ok := s.request(id)
	if !ok {
		return nil, oidc.ErrInvalidRequest().WithDescription("unknown or finished request")
	}
	return req, nil
}

// SaveAuthCode remembers the code of a request. Another code for the same request replaces it.
func (s *storage) SaveAuthCode(_ context.Context, id, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	req, ok := s.requests[id]
	if !ok {
		return errUnknown
	}
	req.code, req.codeExpires = code, s.now().Add(codeTTL)
	s.codes[code] = id
	return nil
}

// AuthRequestByCode finds the request of a live code. A code that was used ends its grant.
func (s *storage) AuthRequestByCode(_ context.Context, code string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	req, ok := s.requests[s.codes[code]]
	switch {
	case !ok || req.code != code:
		return nil, errUnknown
	case req.redeemed != nil:
		req.redeemed.dead = true
		return nil, errSpent
	case !s.now().Before(req.codeExpires):
		return nil, errExpired
	}
	return &exchange{authRequest: req.snapshot(), withRefresh: !s.offlineOnly}, nil
}

// DeleteAuthRequest does nothing: a redeemed request is kept, to notice the second use of its code.
func (s *storage) DeleteAuthRequest(context.Context, string) error { return nil }

// CreateAccessToken is called when there is to be no refresh token.
func (s *storage) CreateAccessToken(_ context.Context, r op.TokenRequest) (string, time.Time, error) {
	var id string
	var err error
	switch req := r.(type) {
	case *exchange:
		id, _, err = s.redeem(req.id, req.scopes, false)
	case *op.DeviceAuthorizationState:
		id, _, err = s.redeemDevice(req, false)
	default:
		return "", time.Time{}, oidc.ErrUnsupportedGrantType()
	}
	if err != nil {
		return "", time.Time{}, oidc.ErrInvalidGrant().WithDescription("code: %v", err)
	}
	return id, s.expiration(), nil
}

// CreateAccessAndRefreshTokens redeems a code or rotates a refresh token.
func (s *storage) CreateAccessAndRefreshTokens(_ context.Context, r op.TokenRequest, current string) (string, string, time.Time, error) {
	var id, refresh string
	var err error
	switch req := r.(type) {
	case *exchange:
		req.minted = true
		id, refresh, err = s.redeem(req.id, req.scopes, true)
	case *op.DeviceAuthorizationState:
		id, refresh, err = s.redeemDevice(req, true)
	case *refreshRequest:
		id, refresh, err = s.rotate(current)
	default:
		err = errors.ErrUnsupported
	}
	if err != nil {
		return "", "", time.Time{}, oidc.ErrInvalidGrant().WithDescription("%v", err)
	}
	return id, refresh, s.expiration(), nil
}

// expiration is by the real clock, because the library computes expires_in with it and cuts off the
// fraction of a second.
func (s *storage) expiration() time.Time {
	return time.Now().Add(s.accessTTL + 500*time.Millisecond)
}

// TokenRequestByRefreshToken finds the grant of a live refresh token. A spent one ends its grant.
func (s *storage) TokenRequestByRefreshToken(_ context.Context, token string) (op.RefreshTokenRequest, error) {
	g, err := s.refreshGrant(token)
	if err != nil {
		return nil, oidc.ErrInvalidGrant().WithDescription("refresh token: %v", err)
	}
	return &refreshRequest{clientID: s.client.id, user: g.user, scopes: g.scopes, authTime: g.authTime}, nil
}

// GetRefreshTokenInfo tells the library whether a token to revoke is a refresh token.
func (s *storage) GetRefreshTokenInfo(_ context.Context, _, token string) (user, tokenID string, err error) {
	user, ok := s.refreshOwner(token)
	if !ok {
		return "", "", op.ErrInvalidRefreshToken
	}
	return user, token, nil
}

// RevokeToken accepts any token, known or not (RFC 7009, 2.2).
func (s *storage) RevokeToken(_ context.Context, tokenOrID, _, _ string) *oidc.Error {
	s.revoke(tokenOrID)
	return nil
}

// GetClientByClientID knows one client.
func (s *storage) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if id != s.client.id {
		return nil, oidc.ErrInvalidClient().WithDescription("unknown client")
	}
	return s.client, nil
}

// AuthorizeClientIDSecret checks the client's credentials.
func (s *storage) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	if id != s.client.id || subtle.ConstantTimeCompare([]byte(secret), []byte(s.client.secret)) != 1 {
		return errUnknown
	}
	return nil
}

// SetUserinfoFromRequest fills the ID token.
func (s *storage) SetUserinfoFromRequest(_ context.Context, info *oidc.UserInfo, r op.IDTokenRequest, _ []string) error {
	s.fill(info, r.GetSubject())
	return nil
}

// SetUserinfoFromToken fills the answer of the userinfo endpoint.
func (s *storage) SetUserinfoFromToken(_ context.Context, info *oidc.UserInfo, tokenID, user, _ string) error {
	s.mu.Lock()
	err := s.liveAccess(tokenID)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	s.fill(info, user)
	return nil
}

func (s *storage) fill(info *oidc.UserInfo, id string) {
	u, _ := s.mail.user(id)
	info.Subject = id
	info.Name = u.Name
	info.Email = u.Email
	info.EmailVerified = true
}

// SetUserinfoFromScopes does nothing, as the library asks for.
func (s *storage) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil
}

// SetIntrospectionFromToken is not offered.
func (s *storage) SetIntrospectionFromToken(context.Context, *oidc.IntrospectionResponse, string, string, string) error {
	return errors.ErrUnsupported
}

// GetPrivateClaimsFromScopes adds nothing: access tokens are opaque.
func (s *storage) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, nil
}

// GetKeyByIDAndClientID knows no client keys.
func (s *storage) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errUnknown
}

// ValidateJWTProfileScopes is not offered.
func (s *storage) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errors.ErrUnsupported
}

// TerminateSession does nothing: the provider keeps no sessions.
func (s *storage) TerminateSession(context.Context, string, string) error { return nil }

// SigningKey returns the key of ID tokens.
func (s *storage) SigningKey(context.Context) (op.SigningKey, error) { return s.key, nil }

// SignatureAlgorithms names the algorithm of ID tokens.
func (s *storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{s.key.SignatureAlgorithm()}, nil
}

// KeySet returns the public half of the signing key.
func (s *storage) KeySet(context.Context) ([]op.Key, error) { return []op.Key{publicKey{s.key}}, nil }

// Health always succeeds.
func (s *storage) Health(context.Context) error { return nil }

var (
	_ op.Storage                   = (*storage)(nil)
	_ op.CanSetUserinfoFromRequest = (*storage)(nil)
	_ op.Crypto                    = (*ledger)(nil)
)
