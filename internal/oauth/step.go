package oauth

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/vault"
)

// The values of [connectors.Step].When; empty is both.
const (
	whenConnect = "connect"
	whenRefresh = "refresh"
)

// isDue tells whether the step belongs to that moment.
func isDue(s connectors.Step, when string) bool {
	return s.When != whenConnect && s.When != whenRefresh || s.When == when
}

// steps goes through the connector's steps. token is what there is before them; its refresh token, scopes
// and captured values stay unless a step gives others.
func (c *call) steps(ctx context.Context, when string, token Token) (Token, error) {
	for i, s := range c.app.Connector.Steps {
		if !isDue(s, when) {
			continue
		}
		c.fill.knowToken(token)
		next, err := c.step(ctx, s)
		if err != nil {
			return Token{}, c.failedAt(i+1, token, err)
		}
		token = token.then(next)
	}
	return token, nil
}

// failedAt makes the error of a step one of the whole call.
func (c *call) failedAt(step int, token Token, err error) error {
	if e := own(err); e != nil {
		e.Step, e.Unsent, e.lost = step, e.Unsent && !c.asked, &token
	}
	return err
}

// then is the token after a step.
func (t Token) then(next Token) Token {
	if !next.Access.IsZero() {
		t.Access, t.Expires, t.ExpiresFrom = next.Access, next.Expires, next.ExpiresFrom
	}
	if !next.Refresh.IsZero() {
		t.Refresh, t.RefreshExpires = next.Refresh, next.RefreshExpires
	}
	if !next.IDToken.IsZero() {
		t.IDToken = next.IDToken
	}
	if next.Scopes != nil {
		t.Scopes = next.Scopes
	}
	if next.Identity.ID != "" {
		t.Identity = next.Identity
	}
	t.Slots, t.Captured = joined(t.Slots, next.Slots), joined(t.Captured, next.Captured)
	return t
}

// joined has what is in both maps, of the later one where both have it; nil if there is nothing.
func joined[M ~map[string]V, V any](a, b M) M {
	if len(a) == 0 {
		return b
	}
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// step sends one step's request and reads the answer.
func (c *call) step(ctx context.Context, s connectors.Step) (Token, error) {
	if slices.Contains(s.Request.Names(), nameAssertion) {
		signed, err := c.jwt(c.app.Connector.Assertion)
		if err != nil {
			return Token{}, err
		}
		c.fill.know(nameAssertion, vault.NewSecret(signed))
	}
	c.reads, c.started = stepReading(s), c.client.now()
	m, err := c.stepMessage(s.Request)
	if err != nil {
		return Token{}, err
	}
	a, err := c.send(ctx, m)
	if err != nil {
		return Token{}, err
	}
	return c.decode(a)
}

// stepMessage fills the request that a step declares.
func (c *call) stepMessage(r connectors.Request) (m message, err error) {
	u, err := c.app.Endpoints.Fill(r.URL, c.fill.values)
	if err != nil {
		return message{}, c.fill.missing()
	}
	query, err := c.fields(r.Query)
	if err != nil {
		return message{}, err
	}
	m = message{method: or(r.Method, http.MethodPost), accept: c.reads.accept(), body: bodyNone}
	if m.url, err = withQuery(u.String(), query); err != nil {
		return message{}, c.fill.missing()
	}
	if m.headers, err = c.fill.headers(r.Headers); err != nil {
		return message{}, err
	}
	if r.Basic != nil {
		user, err := c.fill.text(r.Basic.User)
		if err != nil {
			return message{}, err
		}
		password, err := c.fill.text(r.Basic.Password)
		if err != nil {
			return message{}, err
		}
		m.auth = basicHeader(user, password)
	}
	return m, c.stepBody(&m, r)
}

func (c *call) stepBody(m *message, r connectors.Request) (err error) {
	now := c.client.now()
	switch {
	case len(r.Form) > 0:
		m.body = bodyForm
		m.form, err = c.fields(r.Form)
		return err
	case r.JSON != nil:
		m.body, m.contentType = bodyRaw, "application/json"
		m.content, err = r.JSON.Without(c.fill.leftOut).JSON(c.fill.values, now)
	case !r.Text.IsZero():
		var text string
		text, err = r.Text.ExpandXML(c.fill.values, now)
		m.body, m.contentType, m.content = bodyRaw, r.ContentType, []byte(text)
	}
	if err != nil {
		return c.fill.missing()
	}
	return nil
}

// fields fills named templates as fields.
func (c *call) fields(templates map[string]connectors.Template) (url.Values, error) {
	filled, err := c.fill.params(templates)
	if err != nil {
		return nil, err
	}
	fields := url.Values{}
	for name, value := range filled {
		fields.Set(name, value)
	}
	return fields, nil
}
