package declared

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
)

// grant is what the user has granted once.
type grant struct {
	// sessions are those that it has led to, the newest last.
	sessions []*session
	refresh  string
	spent    map[string]bool
	// asked are the scopes that were asked for, scopes those that were granted.
	asked, scopes []string
	// redirectURI is what the client has sent for where the user was sent back to.
	redirectURI string
	refreshes   int
	dead        bool
}

// session is a credential, and all that was said with it.
type session struct {
	grant *grant
	// values are those that requests are made with: inputs, token, refresh_token, slots, what was captured.
	values connectors.Values
	born   time.Time
	// expires is zero for a credential without an end.
	expires, refreshExpires time.Time
	idToken                 string
	// scopes are those that the provider has told.
	scopes []string
	dead   bool
}

// live tells whether the API takes the credential.
func (s *session) live(now time.Time) bool {
	return !s.dead && !s.grant.dead && (s.expires.IsZero() || now.Before(s.expires))
}

// newGrant is one without a credential yet.
func (p *Provider) newGrant(redirectURI string) *grant {
	return &grant{spent: map[string]bool{}, asked: p.wanted(), scopes: p.granted(), redirectURI: redirectURI}
}

// found makes the one session of a connector whose credential the provider does not make.
func (p *Provider) found() {
	g := p.newGrant("")
	g.sessions = []*session{{grant: g, values: p.values, born: p.now()}}
	p.grants = []*grant{g}
}

// begin is a session that is about to be.
func (p *Provider) begin(g *grant) *session {
	s := &session{grant: g, values: maps.Clone(p.values), born: p.now()}
	if last := g.last(); last != nil {
		s.values, s.refreshExpires, s.idToken, s.scopes = maps.Clone(last.values), last.refreshExpires, last.idToken, last.scopes
	}
	return s
}

// last is the newest session, nil if there is none.
func (g *grant) last() *session {
	if len(g.sessions) == 0 {
		return nil
	}
	return g.sessions[len(g.sessions)-1]
}

// done takes a session into use after its last answer, unless steps follow in one of the phases that it
// may be in.
func (p *Provider) done(s *session, phases ...string) {
	p.chains = nil
	for _, phase := range phases {
		if len(p.stepsOf(phase)) > 0 {
			p.chains = append(p.chains, chain{phase: phase, session: s})
		} else {
			p.use(s)
		}
	}
}

func (p *Provider) use(s *session) {
	g := s.grant
	if g.last() != s {
		g.sessions = append(g.sessions, s)
	}
	if !slices.Contains(p.grants, g) {
		p.grants = append(p.grants, g)
	}
}

// current is the newest session of all, nil if there is none.
func (p *Provider) current() *session {
	for _, g := range slices.Backward(p.grants) {
		if s := g.last(); s != nil {
			return s
		}
	}
	return nil
}

// mint makes a secret that was not there before.
func (p *Provider) mint(name string, expires time.Time) string {
	p.minted++
	if claims := p.claims[name]; len(claims) > 0 || name == "token" && p.connector.Token.ExpiresFrom == connectors.ExpiresFromJWT {
		return p.mintJWT(claims, expires)
	}
	if p.needs.plain[name] {
		return fmt.Sprintf("%s-%d-of-%s", name, p.minted, p.connector.Name)
	}
	return fmt.Sprintf("%s-%d-of-%s+/~=", name, p.minted, p.connector.Name)
}
