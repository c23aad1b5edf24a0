package declared

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
)

// Issued is what the provider has given last.
type Issued struct {
	Access, Refresh, IDToken string
	// Slots and Captured are by the names that the connector has for them.
	Slots, Captured map[string]string
	// Scopes is nil if the provider says nothing about them.
	Scopes []string
	// Expires is zero for a token without an end, RefreshExpires without a refresh token.
	Expires, RefreshExpires time.Time
}

// Issued tells what the provider has given last; false if that was nothing yet.
func (p *Provider) Issued() (Issued, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.current()
	if s == nil {
		return Issued{}, false
	}
	i := Issued{
		Access: s.values["token"], Refresh: s.values["refresh_token"], IDToken: s.idToken, Scopes: slices.Clone(s.scopes),
		Expires: s.expires, RefreshExpires: s.refreshExpires, Slots: map[string]string{}, Captured: map[string]string{},
	}
	for name, value := range s.values {
		if slot, ok := strings.CutPrefix(name, "token."); ok {
			i.Slots[slot] = value
		}
		if captured, ok := strings.CutPrefix(name, "captured."); ok {
			i.Captured[captured] = value
		}
	}
	return i, true
}

// Captured are the values that the provider says wherever the connector captures them.
func (p *Provider) Captured() map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := map[string]string{}
	for name, value := range p.values {
		if captured, ok := strings.CutPrefix(name, "captured."); ok {
			all[captured] = value
		}
	}
	return all
}

// Person is who the provider says the user is, as far as the connector asks.
func (p *Provider) Person() Person {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.person.told(p.connector.Identity)
}

// Violations are the requests so far that were not as declared.
func (p *Provider) Violations() []Violation {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.violations)
}

// Answered counts the requests that were as declared, by the name of their endpoint: temporary, authorize, token,
// refresh, revoke, introspect, device, metadata, register, registration, steps[0], api, verify, identity.
func (p *Provider) Answered() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.answered)
}

// Revoked tells that the client has ended a grant at the revocation endpoint.
func (p *Provider) Revoked() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended
}

// Deny has the user refuse from now on. The callback says so in a parameter, of which there may be several to
// choose from: n is from 1 to what Deny returns, and 0 is the end of it.
func (p *Provider) Deny(n int) int {
	p.change(func() { p.deny = n })
	return len(p.denials())
}

// Errors are those that the provider has.
func (p *Provider) Errors() connectors.Errors { return p.connector.Errors }

// Allow lets the user consent for all devices that wait.
func (p *Provider) Allow() {
	p.change(func() {
		for _, d := range p.devices {
			d.allowed = true
		}
	})
}

// Trouble answers all calls for tokens with that from now on, or with inSteps only the connector's steps that
// follow such a call; nil is the end of it.
func (p *Provider) Trouble(with *connectors.ErrorCase, inSteps bool) {
	p.change(func() { p.trouble, p.inSteps = with, inSteps })
}

// EndToken ends the credential that is good now, but not the grant. The API says so as in one of the
// connector's cases, or with status 401 if that is nil.
func (p *Provider) EndToken(as *connectors.Expired) {
	p.change(func() {
		p.refusedAs = as
		if p.connector.Mode == connectors.ModeJWT {
			p.over[p.shown] = true
		} else if s := p.current(); s != nil {
			s.dead = true
		}
	})
}

// End ends all that the user has granted, and for connectors without consent the user's account. Calls for
// tokens are refused with that, or with invalid_grant if it is nil.
func (p *Provider) End(as *connectors.ErrorCase) {
	p.change(func() {
		p.deadAs, p.closed = as, !p.connector.Mode.NeedsUser()
		for _, g := range p.grants {
			g.dead = true
		}
	})
}

// Reopen brings back the account of the user, without what was granted before.
func (p *Provider) Reopen() {
	p.change(func() {
		p.deadAs, p.refusedAs, p.closed = nil, nil, false
		switch p.connector.Mode {
		case connectors.ModeStatic, connectors.ModeNone, connectors.ModeJWT:
			p.found()
		case connectors.ModeCode, connectors.ModeDevice, connectors.ModeOAuth1, "":
		default:
			p.grants = nil
		}
	})
}

func (p *Provider) change(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}
