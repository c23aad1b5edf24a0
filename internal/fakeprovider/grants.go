package fakeprovider

import (
	"fmt"
	"time"
)

// Tokens are what a token endpoint answers, without the wire.
type Tokens struct {
	Access, Refresh string
	Expires         time.Time // of the access token, by the provider's clock
}

// Grant makes a grant for user as if they had consented in a browser, and returns its first tokens.
// It returns an error if there is no such user.
func (s *Server) Grant(user string, scopes ...string) (Tokens, error) {
	if _, ok := s.mail.user(user); !ok {
		return Tokens{}, fmt.Errorf("granting access: no user %q", user)
	}
	l := s.ledger
	l.mu.Lock()
	g := l.newGrant(user, scopes, l.now())
	tokenID, refresh := l.newAccess(g), l.newRefresh(g)
	expires := l.access[tokenID].expires
	l.mu.Unlock()
	access, err := l.Encrypt(tokenID + ":" + user)
	if err != nil {
		return Tokens{}, err
	}
	return Tokens{Access: access, Refresh: refresh, Expires: expires}, nil
}

// LiveGrants returns how many grants of user have not been revoked.
func (s *Server) LiveGrants(user string) int {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	n := 0
	for _, g := range s.ledger.grants {
		if g.user == user && !g.dead {
			n++
		}
	}
	return n
}

// RevokeUser is the user removing the app in the provider's settings: all their grants end, refreshes
// answer invalid_grant and the API 401.
func (s *Server) RevokeUser(user string) {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	for _, g := range s.ledger.grants {
		if g.user == user {
			g.dead = true
		}
	}
}

// ExpireAccess makes the API refuse all access tokens user has now, although their lifetime is not
// over. Refresh tokens stay valid.
func (s *Server) ExpireAccess(user string) {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	for _, t := range s.ledger.access {
		if t.grant.user == user {
			t.killed = true
		}
	}
}
