package declared

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
)

// temporary is one consent of OAuth 1.0a, by its token.
type temporary struct {
	secret, callback, verifier string
	used                       bool
}

// signedLeg checks a call for credentials: it is signed with what is in values, and has nothing beside its URL
// and the headers that are declared. more are parameters that it has beside the usual ones.
func (p *Provider) signedLeg(c *call, values connectors.Values, more func(*fields)) error {
	if err := p.presents(c); err != nil {
		return err
	}
	if len(c.query) > 0 || len(c.body) > 0 {
		return errors.New("it has parameters, and they go into the header")
	}
	whole := *c
	whole.query = c.URL.Query() // with those of the URL itself
	if err := p.checkOAuth1(p.connector.Signer, &whole, values, more); err != nil {
		return fmt.Errorf("the signature %w", err)
	}
	rest := *c
	rest.Request = c.Clone(c.Context())
	rest.Header.Del("Authorization")
	h := newFields()
	p.headers(h, p.connector.Token.Headers, p.values)
	return h.checkHeaders(&rest)
}

// giveTemporary answers the call for temporary credentials (RFC 5849 section 2.1).
func (p *Provider) giveTemporary(c *call) (*answer, error) {
	if err := p.redirectTaken(); err != nil {
		return nil, err
	}
	given := &temporary{}
	err := p.signedLeg(c, p.values, func(f *fields) { f.some("oauth_callback", &given.callback) })
	if err != nil {
		return nil, err
	}
	back, query, _ := strings.Cut(given.callback, "?")
	q, err := url.ParseQuery(query)
	if err != nil || back != p.client.RedirectURI || len(q) != 1 || len(q["state"]) != 1 || len(q.Get("state")) < 32 {
		return nil, fmt.Errorf("the callback is %q", given.callback)
	}
	token := p.mint("temporary", time.Time{})
	given.secret = p.mint("temporary-secret", time.Time{})
	p.temporaries[token] = given
	return document{
		"oauth_token": token, "oauth_token_secret": given.secret, "oauth_callback_confirmed": "true",
	}.answerForm(http.StatusOK), nil
}

// authorizeTemporary answers the browser with a way back at once (RFC 5849 section 2.2).
func (p *Provider) authorizeTemporary(c *call) (*answer, error) {
	a, f := p.connector.Authorize, newFields()
	var token string
	f.some("oauth_token", &token)
	if err := p.scopeFields(f, p.requested()); err != nil {
		return nil, err
	}
	p.templates(f, a.Params, p.values)
	if len(p.grants) > 0 {
		p.templates(f, a.ReconsentParams, p.values)
	}
	if err := f.check("parameter", c.query); err != nil {
		return nil, err
	}
	given := p.temporaries[token]
	if given == nil || given.used || given.verifier != "" {
		return nil, errors.New("the temporary token is not one to consent to")
	}
	u, err := url.Parse(given.callback)
	if err != nil {
		return nil, err
	}
	q := u.Query()
	if p.deny > 0 {
		q.Set(p.denials()[p.deny-1], cmp.Or(map[string]string{"denied": token}[p.denials()[p.deny-1]], "access_denied"))
	} else {
		given.verifier = p.mint("verifier", time.Time{})
		q.Set("oauth_token", token)
		q.Set("oauth_verifier", given.verifier)
		for name, param := range p.connector.Callback.Capture {
			q.Set(param, p.values["captured."+name])
		}
	}
	u.RawQuery = q.Encode()
	return &answer{http.StatusFound, http.Header{"Location": {u.String()}}, nil}, nil
}

// pairAnswer is the form of an answer with a token.
var pairAnswer = connectors.TokenResponse{Format: "form", ErrorPath: "oauth_problem"}

// grantPair answers the call for token credentials (RFC 5849 section 2.3).
func (p *Provider) grantPair(c *call) (*answer, error) {
	params, err := oauthParams(c)
	if err != nil {
		return nil, err
	}
	token := params.Get("oauth_token")
	given := p.temporaries[token]
	if given == nil || given.used || given.verifier == "" {
		return nil, errors.New("the temporary token is not one that was consented to")
	}
	values := connectors.Values{"token": token, "token.secret": given.secret}
	for name, value := range p.values {
		values[name] = value
	}
	if err := p.signedLeg(c, values, func(f *fields) { f.text("oauth_verifier", given.verifier) }); err != nil {
		return nil, err
	}
	given.used = true
	if a := p.refused(&pairAnswer, false); a != nil {
		return a, nil
	}
	s := p.begin(p.newGrant(p.client.RedirectURI))
	a := p.sayPair(s)
	p.done(s, phaseConnect)
	return a, nil
}

// sayPair writes a token with its secret, and what else the connector asks for.
func (p *Provider) sayPair(s *session) *answer {
	t := p.connector.Token
	w := &saying{Provider: p, TokenResponse: pairAnswer, session: s, doc: document{}, header: http.Header{}}
	if t.TTL != connectors.TTLNever && t.DefaultTTL > 0 {
		s.expires = p.now().Add(time.Duration(t.DefaultTTL))
	}
	for name, param := range map[string]string{"token": "oauth_token", "token.secret": "oauth_token_secret"} {
		s.values[name] = p.mint(name, s.expires)
		w.doc.set(param, s.values[name])
	}
	w.put(w.doc, t.Capture, false)
	if i := p.connector.Identity; i != nil && i.From == "token" {
		p.person.write(w.doc, "", i)
	}
	return w.answer()
}
