package declared

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"

	"github.com/claviger-proxy/claviger/connectors"
)

// aboutToken is a call that is about a token: its end, or whether it is good.
type aboutToken struct {
	auth, param, body string
	params, headers   map[string]connectors.Template
	// token is the name of the value that the call is about.
	token string
}

// fitsToken tells whether a call is that about a session's token.
func (p *Provider) fitsToken(k aboutToken, c *call, s *session) error {
	f, headers := newFields(), newFields()
	f.may["token_type_hint"] = is(map[string]string{"token": "access_token"}[k.token] + map[string]string{"refresh_token": "refresh_token"}[k.token])
	switch k.auth {
	case "", "client":
		p.authenticates(f, headers)
		f.renamed(p.connector.Token.FieldNames, p.connector.Token.Omit)
	case "basic":
		p.basic(headers, nil)
	case "bearer":
		headers.text("Authorization", "Bearer "+s.values["token"])
	}
	f.text(cmp.Or(k.param, "token"), s.values[k.token])
	p.templates(f, k.params, s.values)
	p.headers(headers, k.headers, s.values)
	if err := p.presents(c); err != nil {
		return err
	}
	if err := headers.checkHeaders(c); err != nil {
		return err
	}
	if k.body == "query" {
		if len(c.body) > 0 {
			return errors.New("it has a body")
		}
		return f.check("parameter", c.query)
	}
	if len(c.query) > 0 {
		return errors.New("it has parameters in the URL")
	}
	var got url.Values
	var err error
	switch k.body {
	case "none":
		if len(c.body) > 0 {
			return errors.New("it has a body")
		}
		return nil
	case "json":
		got, err = c.json()
	default:
		got, err = c.form()
	}
	if err != nil {
		return err
	}
	return f.check("field", got)
}

// revoke ends the grant of a token.
func (p *Provider) revoke(c *call) (*answer, error) {
	r := p.connector.Revoke
	k := aboutToken{r.Auth, r.Param, r.Body, r.Params, r.Headers, "refresh_token"}
	err := errors.New("there is nothing to revoke")
	for _, s := range append(p.sessions(), p.broken...) {
		k.token = "refresh_token"
		if r.Token == "access" || s.values["refresh_token"] == "" {
			k.token = "token"
		}
		if s.values[k.token] == "" {
			continue
		}
		if err = p.fitsToken(k, c, s); err != nil {
			continue
		}
		s.grant.dead, p.ended = true, true
		if r.OKWhen == nil {
			return &answer{http.StatusOK, http.Header{}, nil}, nil
		}
		doc := document{}
		p.mark(doc, r.OKWhen.Path, r.OKWhen)
		return doc.answerJSON(http.StatusOK), nil
	}
	return nil, err
}

// introspect tells about an access token.
func (p *Provider) introspect(c *call) (*answer, error) {
	i := p.connector.Introspect
	k := aboutToken{i.Auth, i.Param, "form", nil, i.Headers, "token"}
	err := errors.New("there is no token")
	for _, s := range p.sessions() {
		if s.values["token"] == "" {
			continue
		}
		if err = p.fitsToken(k, c, s); err != nil {
			continue
		}
		doc := document{}
		doc.set(cmp.Or(i.Active, "active"), s.live(p.now()))
		if s.live(p.now()) && !s.expires.IsZero() {
			doc.set(cmp.Or(i.Expires, "exp"), s.expires.Unix())
		}
		return doc.answerJSON(http.StatusOK), nil
	}
	return nil, err
}
