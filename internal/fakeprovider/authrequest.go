package fakeprovider

import (
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// An authRequest is one visit to the authorization endpoint. The ledger's lock guards it; everyone
// else works on a snapshot.
type authRequest struct {
	id, clientID, redirectURI, state, nonce, challenge, loginHint string
	scopes                                                        []string

	user        string // set by the login page
	done        bool   // set by the consent page
	authTime    time.Time
	code        string
	codeExpires time.Time
	redeemed    *grant
	device      *deviceRequest // that the visit is for; nil for a browser
}

func (r *authRequest) snapshot() *authRequest {
	c := *r
	c.scopes = slices.Clone(r.scopes)
	return &c
}

func (l *ledger) request(id string) (*authRequest, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	req, ok := l.requests[id]
	if !ok {
		return nil, false
	}
	return req.snapshot(), true
}

// signIn notes who is looking at the request's pages.
func (l *ledger) signIn(id, user string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if req, ok := l.requests[id]; ok && !req.done {
		req.user, req.authTime = user, l.now()
	}
}

// allow notes that the user agreed.
func (l *ledger) allow(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if req, ok := l.requests[id]; ok && req.user != "" {
		req.done = true
	}
}

// deny forgets the request, unless the user has agreed before.
func (l *ledger) deny(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if req, ok := l.requests[id]; ok && !req.done {
		delete(l.requests, id)
	}
}

func (r *authRequest) GetID() string                      { return r.id }
func (r *authRequest) GetACR() string                     { return "" }
func (r *authRequest) GetAMR() []string                   { return []string{"pwd"} }
func (r *authRequest) GetAudience() []string              { return []string{r.clientID} }
func (r *authRequest) GetAuthTime() time.Time             { return r.authTime }
func (r *authRequest) GetClientID() string                { return r.clientID }
func (r *authRequest) GetNonce() string                   { return r.nonce }
func (r *authRequest) GetRedirectURI() string             { return r.redirectURI }
func (r *authRequest) GetResponseType() oidc.ResponseType { return oidc.ResponseTypeCode }
func (r *authRequest) GetResponseMode() oidc.ResponseMode { return oidc.ResponseModeQuery }
func (r *authRequest) GetScopes() []string                { return r.scopes }
func (r *authRequest) GetState() string                   { return r.state }
func (r *authRequest) GetSubject() string                 { return r.user }
func (r *authRequest) Done() bool                         { return r.done }
func (r *authRequest) GetCodeChallenge() *oidc.CodeChallenge {
	return &oidc.CodeChallenge{Challenge: r.challenge, Method: oidc.CodeChallengeMethodS256}
}

// An exchange is the request while its code is being redeemed. The library mints a refresh token
// only if the scopes contain offline_access, so they do until it has decided; the answer then names
// the scopes that were asked for.
type exchange struct {
	*authRequest
	withRefresh bool
	minted      bool
}

func (e *exchange) GetScopes() []string {
	if e.minted || !e.withRefresh || hasOffline(e.scopes) {
		return e.scopes
	}
	return append(slices.Clone(e.scopes), oidc.ScopeOfflineAccess)
}

// A refreshRequest is a refresh token being used.
type refreshRequest struct {
	clientID, user string
	scopes         []string
	authTime       time.Time
}

func (r *refreshRequest) GetAMR() []string            { return []string{"pwd"} }
func (r *refreshRequest) GetAudience() []string       { return []string{r.clientID} }
func (r *refreshRequest) GetAuthTime() time.Time      { return r.authTime }
func (r *refreshRequest) GetClientID() string         { return r.clientID }
func (r *refreshRequest) GetScopes() []string         { return r.scopes }
func (r *refreshRequest) GetSubject() string          { return r.user }
func (r *refreshRequest) SetCurrentScopes(s []string) { r.scopes = s }

var (
	_ op.AuthRequest         = (*authRequest)(nil)
	_ op.AuthRequest         = (*exchange)(nil)
	_ op.RefreshTokenRequest = (*refreshRequest)(nil)
)
