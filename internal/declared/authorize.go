package declared

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
)

// code is an authorization code that was given.
type code struct {
	// back is where the user goes, and redirectURI what was sent for it.
	challenge, back, redirectURI, state string
	used                                *grant
}

// authorize answers the browser with a way back at once.
func (p *Provider) authorize(c *call) (*answer, error) {
	a := p.connector.Authorize
	if err := p.redirectTaken(); err != nil {
		return nil, err
	}
	f := newFields()
	sent := code{back: p.client.RedirectURI, redirectURI: p.client.RedirectURI}
	if t := a.RedirectURI; !t.IsZero() {
		var err error
		if sent.redirectURI, err = t.ExpandAt(p.values, p.now()); err != nil {
			return nil, err
		}
	}
	f.text("response_type", cmp.Or(a.ResponseType, "code"))
	f.text("client_id", p.values["client_id"])
	f.text("redirect_uri", sent.redirectURI)
	f.some("state", &sent.state)
	if a.PKCE != connectors.PKCEOff {
		f.some("code_challenge", &sent.challenge)
		f.text("code_challenge_method", "S256")
	}
	if err := p.scopeFields(f, p.wanted()); err != nil {
		return nil, err
	}
	if p.connector.Authorize.Scope.Incremental == "include_granted" && len(p.grants) > 0 {
		f.text("include_granted_scopes", "true")
	}
	if t := p.connector.Token.Resource; !t.IsZero() {
		p.templates(f, map[string]connectors.Template{"resource": t}, p.values)
	}
	f.renamed(a.ParamNames, a.Omit)
	p.templates(f, a.Params, p.values)
	if len(p.grants) > 0 {
		p.templates(f, a.ReconsentParams, p.values)
	}
	if err := f.check("parameter", c.query); err != nil {
		return nil, err
	}
	for pair := range strings.SplitSeq(c.URL.RawQuery, "&") {
		name, value, _ := strings.Cut(pair, "=")
		raw := strings.ContainsAny(value, ":/,@!$'()*?")
		if raw && !slices.Contains(a.RawParams, name) || !raw && slices.Contains(a.RawParams, name) && rawlyWritten.MatchString(value) {
			return nil, fmt.Errorf("parameter %s is not encoded as declared", name)
		}
	}
	if len(c.body) > 0 {
		return nil, errors.New("it has a body")
	}
	return p.sendBack(sent), nil
}

// redirectTaken refuses what could not be registered at the provider.
func (p *Provider) redirectTaken() error {
	u, err := url.Parse(p.client.RedirectURI)
	if err != nil {
		return err
	}
	host := u.Hostname()
	ip, _ := netip.ParseAddr(host)
	if local := p.connector.Callback.Local; local != nil && !*local && (u.Scheme == "http" || host == "localhost" || ip.IsLoopback()) {
		return fmt.Errorf("the redirect URI %s has no public name, or no https", p.client.RedirectURI)
	}
	return nil
}

// sendBack redirects to the client.
func (p *Provider) sendBack(sent code) *answer {
	u, err := url.Parse(sent.back)
	if err != nil {
		return p.violated()
	}
	q := url.Values{}
	// An install page that may drop the state keeps it every other time.
	if p.connector.Callback.State != connectors.StateInstall || p.sentBack%2 == 1 {
		q.Set("state", sent.state)
	}
	if p.deny > 0 {
		q.Set(p.denials()[p.deny-1], "access_denied")
	} else {
		p.minted++
		id := fmt.Sprintf("code-%d-of-%s+/=", p.minted, p.connector.Name)
		p.codes[id] = &sent
		q.Set(cmp.Or(p.connector.Callback.CodeParam, "code"), id)
		for name, param := range p.connector.Callback.Capture {
			q.Set(param, p.values["captured."+name])
		}
	}
	p.sentBack++
	// One that need not say who it is says it every other time.
	if t := p.connector.Authorize.Issuer; !t.IsZero() && (p.connector.Authorize.IssuerRequired || p.sentBack%2 == 0) {
		iss, err := t.ExpandAt(p.values, p.now())
		if err != nil {
			return p.violated()
		}
		q.Set("iss", iss)
	}
	u.RawQuery = q.Encode()
	return &answer{http.StatusFound, http.Header{"Location": {u.String()}}, nil}
}

// denials are the parameters that the provider has for an error.
func (p *Provider) denials() []string {
	all := slices.Concat([]string{"error"}, p.connector.Callback.ErrorParams)
	if p.connector.Mode == connectors.ModeOAuth1 {
		all = append(all, "denied")
	}
	return all
}

// requested are the scopes that the client has to ask for.
func (p *Provider) requested() []string { return p.requestedWith(p.client.More) }

// requestedWith is requested with those that one account asks for beside the others.
func (p *Provider) requestedWith(more []string) (scopes []string) {
	s := p.connector.Authorize.Scope
	add := func(scope string) {
		if !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	fill := func(list []connectors.Template) {
		for _, t := range list {
			if scope, err := t.ExpandAt(p.values, p.now()); err == nil {
				add(scope)
			}
		}
	}
	fill(s.Always)
	fill(s.Required)
	if len(p.client.Scopes) == 0 {
		fill(s.Default)
	}
	for _, scope := range slices.Concat(p.client.Scopes, more) {
		add(scope)
	}
	return scopes
}

// wanted are the scopes that a consent has to ask for: with those that the user has granted, if they are merged.
func (p *Provider) wanted() []string {
	scopes := p.requested()
	if last := p.current(); p.connector.Authorize.Scope.Incremental == "merge" && last != nil {
		for _, scope := range last.scopes {
			if !slices.Contains(scopes, scope) {
				scopes = append(scopes, scope)
			}
		}
	}
	return scopes
}

// userScope is the prefix of scopes that go into a parameter of their own.
const userScope = "user:"

// scopeFields wants the scopes, in any order.
func (p *Provider) scopeFields(f *fields, scopes []string) error {
	s := p.connector.Authorize.Scope
	if s.None {
		return nil
	}
	var own, users []string
	for _, scope := range scopes {
		if rest, ok := strings.CutPrefix(scope, userScope); ok && s.UserParam != "" {
			users = append(users, rest)
		} else {
			own = append(own, scope)
		}
	}
	separator := cmp.Or(s.Separator, " ")
	for name, list := range map[string][]string{cmp.Or(s.Param, "scope"): own, s.UserParam: users} {
		if len(list) == 0 {
			continue
		}
		if f.must[name] != nil {
			return fmt.Errorf("parameter %s has two meanings", name)
		}
		if s.Repeat {
			f.many[name] = list
			continue
		}
		f.must[name] = func(got string) error {
			if !slices.Equal(slices.Sorted(strings.SplitSeq(got, separator)), slices.Sorted(slices.Values(list))) {
				return fmt.Errorf("has the scopes %q and not %q", got, strings.Join(list, separator))
			}
			return nil
		}
	}
	return nil
}

// rawlyWritten is what a parameter that is not encoded has no need of.
var rawlyWritten = regexp.MustCompile(`%(?:3A|2F|2C|40|21|24|27|28|29|2A|3F)`)
