package declared

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
)

// The grant types (RFC 6749, 7523, 8628, 8693).
const (
	grantCode     = "authorization_code"
	grantClient   = "client_credentials"
	grantPassword = "password" //nolint:gosec // the name of a grant
	grantRefresh  = "refresh_token"
	grantBearer   = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	grantDevice   = "urn:ietf:params:oauth:grant-type:device_code"
	grantExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	// accessType is the type of token that is exchanged where the connector names no other.
	accessType = "urn:ietf:params:oauth:token-type:access_token"
)

// grantToken answers the call of a mode that is no refresh.
func (p *Provider) grantToken(c *call) (*answer, error) {
	k := p.tokenCall()
	f := k.fields
	var sent struct{ code, redirectURI, verifier, state string }
	switch p.connector.Mode {
	case "", connectors.ModeCode:
		f.text("grant_type", grantCode)
		f.some("code", &sent.code)
		f.some("redirect_uri", &sent.redirectURI)
		if p.connector.Authorize.PKCE != connectors.PKCEOff {
			f.some("code_verifier", &sent.verifier)
		}
		if p.connector.Token.EchoState {
			f.some("state", &sent.state)
		}
	case connectors.ModeClientCredentials:
		f.text("grant_type", grantClient)
	case connectors.ModePassword:
		f.text("grant_type", grantPassword)
		f.text("username", p.values["account.username"])
		f.text("password", p.values["account.password"])
	case connectors.ModeJWTBearer:
		f.text("grant_type", grantBearer)
		f.must["assertion"] = func(got string) error { return p.verify(p.connector.Assertion, got, p.values) }
	case connectors.ModeSAMLBearer:
		f.text("grant_type", grantSAML)
		f.must["assertion"] = func(got string) error { return p.verifySAML(p.connector.SAML, got, p.values) }
	case connectors.ModeTokenExchange:
		f.text("grant_type", grantExchange)
		f.text("subject_token", p.values["account.subject_token"])
		f.text("subject_token_type", accessType)
	default:
		return nil, errors.New("the mode has no such call")
	}
	consents := p.connector.Mode.Consents()
	if !consents {
		if err := p.scopeFields(f, p.requested()); err != nil {
			return nil, err
		}
	}
	if consents {
		k.values = p.withCode(k, c)
	}
	if err := p.check(k, c); err != nil {
		return nil, err
	}
	if !consents {
		if a := p.refused(&p.connector.Token.Response, p.closed); a != nil {
			return a, nil
		}
		return p.grantAgain(), nil
	}
	given, ok := p.codes[sent.code]
	if err := given.fits(ok, sent.redirectURI, sent.verifier, sent.state); err != nil {
		return nil, err
	}
	if a := p.refused(&p.connector.Token.Response, false); a != nil {
		return a, nil
	}
	given.used = p.newGrant(given.redirectURI)
	s := p.begin(given.used)
	a := p.sayToken(s, false)
	p.done(s, phaseConnect)
	return a, nil
}

// withCode are the values of a call with the code that it brings, which other fields may be made of.
func (p *Provider) withCode(k *tokenCall, c *call) connectors.Values {
	values := maps.Clone(k.values)
	if got, err := p.tokenFields(k, c); err == nil { // else the check says why
		values["code"] = got.Get(cmp.Or(k.names["code"], "code"))
	}
	return values
}

// grantAgain answers a call that needs no user, the first one or a later one.
func (p *Provider) grantAgain() *answer {
	phases := []string{phaseConnect}
	if len(p.grants) == 0 {
		p.grants = append(p.grants, p.newGrant(""))
	} else {
		phases = append(phases, phaseRefresh) // or the account is connected once more
	}
	s := p.begin(p.grants[0])
	a := p.sayToken(s, false)
	p.done(s, phases...)
	return a
}

// granted are the scopes that the provider grants: all that were asked for, and what it thinks belongs to them.
func (p *Provider) granted() []string {
	scopes := p.wanted()
	for _, scope := range []string{"granted.along", "granted.beside"} {
		if !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	return scopes
}

// fits tells whether what is shown with a code is what it was given for.
func (g *code) fits(known bool, redirectURI, verifier, state string) error {
	switch {
	case !known:
		return errors.New("the code was never given")
	case g.used != nil:
		g.used.dead = true
		return errors.New("the code was used before")
	case redirectURI != "" && redirectURI != g.redirectURI:
		return errors.New("the redirect URI is not the one of the authorization request")
	case state != "" && state != g.state:
		return errors.New("the state is not the one of the authorization request")
	}
	sum := sha256.Sum256([]byte(verifier))
	if g.challenge != "" && (len(verifier) < 43 || base64.RawURLEncoding.EncodeToString(sum[:]) != g.challenge) {
		return errors.New("the verifier is not that of the code challenge")
	}
	return nil
}

// age tells whether a session may be refreshed at its age.
func (p *Provider) age(s *session) error {
	if age := p.now().Sub(s.born); age < time.Duration(p.connector.Refresh.MinAge) {
		return fmt.Errorf("the token is %s old, and is not refreshed before %s", age, time.Duration(p.connector.Refresh.MinAge))
	}
	return nil
}
