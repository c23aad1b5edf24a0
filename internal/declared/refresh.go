package declared

import (
	"cmp"
	"errors"
	"maps"

	"github.com/claviger-proxy/claviger/connectors"
)

// refreshToken answers a refresh.
func (p *Provider) refreshToken(c *call) (*answer, error) {
	r := p.connector.Refresh
	with := p.with()
	if r.None || with == connectors.RefreshWithGrant {
		return nil, errors.New("the provider has no refreshes")
	}
	k := p.tokenCall()
	k.method = cmp.Or(r.Method, k.method)
	if len(r.FieldNames) > 0 || len(r.Omit) > 0 {
		k.names, k.omit = r.FieldNames, r.Omit
	}
	k.params = r.Params
	k.fields.text("grant_type", grantRefresh)
	// Several sessions can be meant: that which the call fits is.
	var wrong error
	for _, s := range p.sessions() {
		err := p.fitsRefresh(*k, c, s)
		if err == nil {
			return p.renew(s)
		}
		wrong = cmp.Or(wrong, err)
	}
	return nil, cmp.Or(wrong, errors.New("there is nothing to refresh"))
}

// with is what is refreshed with.
func (p *Provider) with() string {
	if p.connector.Refresh.With == "" && !p.connector.Mode.NeedsUser() {
		return connectors.RefreshWithGrant
	}
	return cmp.Or(p.connector.Refresh.With, connectors.RefreshWithToken)
}

// sessions are all there are, the newest first.
func (p *Provider) sessions() (all []*session) {
	for i := len(p.grants) - 1; i >= 0; i-- {
		for j := len(p.grants[i].sessions) - 1; j >= 0; j-- {
			all = append(all, p.grants[i].sessions[j])
		}
	}
	return all
}

// fitsRefresh tells whether a call refreshes a session.
func (p *Provider) fitsRefresh(k tokenCall, c *call, s *session) error {
	k.fields = &fields{maps.Clone(k.fields.must), maps.Clone(k.fields.may), maps.Clone(k.fields.many)}
	k.headers = &fields{maps.Clone(k.headers.must), maps.Clone(k.headers.may), maps.Clone(k.headers.many)}
	k.values = s.values
	r := p.connector.Refresh
	if p.with() == connectors.RefreshWithToken {
		k.fields.text("refresh_token", s.values["refresh_token"])
	}
	switch r.Scope {
	case "requested":
		if err := p.scopeFields(k.fields, s.grant.asked); err != nil {
			return err
		}
	case "granted":
		if err := p.scopeFields(k.fields, s.grant.scopes); err != nil {
			return err
		}
	}
	if r.RedirectURI {
		k.fields.text("redirect_uri", s.grant.redirectURI)
	}
	p.headers(k.headers, r.Headers, k.values)
	return p.check(&k, c)
}

// renew gives a session's successor.
func (p *Provider) renew(s *session) (*answer, error) {
	g := s.grant
	if p.with() == connectors.RefreshWithToken && g.spent[s.values["refresh_token"]] {
		g.dead = true
		return nil, errors.New("the refresh token was used before; the grant has ended")
	}
	if err := p.age(g.last()); err != nil {
		return nil, err
	}
	over := !s.refreshExpires.IsZero() && !p.now().Before(s.refreshExpires)
	if p.with() == connectors.RefreshWithAccess {
		over = !s.live(p.now())
	}
	if a := p.refused(&p.connector.Token.Response, g.dead || over); a != nil {
		return a, nil
	}
	next := p.begin(g)
	a := p.sayToken(next, true)
	p.done(next, phaseRefresh)
	return a, nil
}
