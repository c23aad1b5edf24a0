package oauth

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/vault"
)

// deadCodes are refusals of a revocation that say that the token is dead already.
var deadCodes = []string{"invalid_token", "invalid_grant", "token_revoked", "token_expired"}

// Revoke ends a grant at the provider. It is false without an error when there is nothing to do:
// the connector has no revocation endpoint, or the grant no token. A provider that says that the
// token is dead already has revoked it.
func (c *Client) Revoke(ctx context.Context, app App, g vault.Grant) (revoked bool, err error) {
	k, err := c.begin(app, opRevoke, g.Access, g.Refresh)
	if err != nil {
		return false, err
	}
	endpoint, err := app.Endpoints.RevokeURL(app.ClientID)
	if err != nil {
		return false, unsent(opRevoke, ClassOperator, CodeIncomplete)
	}
	how := app.Connector.Revoke
	if how == nil || endpoint == "" {
		return false, nil
	}
	token := g.Refresh
	if how.Token == "access" || token.IsZero() {
		token = g.Access
	}
	k.fill.knowGrant(g)
	without := func(name string) bool { return k.fill.values[name] == "" }
	if token.IsZero() || how.Auth == authBearer && g.Access.IsZero() || slices.ContainsFunc(how.Tokens(), without) {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	err = k.ask(ctx, func() (message, error) {
		m, err := k.about(token, or(how.Param, "token"), how.Auth, g.Access, how.Headers)
		m.method, m.url, m.body = or(how.Method, http.MethodPost), endpoint, or(how.Body, bodyForm)
		if err == nil {
			err = k.add(&m, how)
		}
		return m, err
	}, k.revoked)
	return err == nil, err
}

// add adds the fields that a revocation has of its own.
func (c *call) add(m *message, how *connectors.Revoke) error {
	params, err := c.fill.with(nameClientSecret, c.secret).params(how.Params)
	if err != nil {
		return err
	}
	for name, value := range params {
		m.form.Set(name, value)
	}
	for _, templates := range []map[string]connectors.Template{how.Params, how.Headers} {
		for _, t := range templates {
			c.proved = c.proved || slices.Contains(t.Names(), nameClientSecret)
		}
	}
	return nil
}

// about makes a request about a token, which is in the field param. how is as in [connectors.Revoke].Auth;
// where the client authenticates with fields, they are spelled as at the token endpoint.
func (c *call) about(token vault.Secret, param, how string, access vault.Secret, headers map[string]connectors.Template) (message, error) {
	if err := c.check(how); err != nil {
		return message{}, err
	}
	fields, auth, err := c.authenticate(how, access)
	if err != nil {
		return message{}, err
	}
	fields = c.spelling.spell(fields)
	fields.Set(param, token.Reveal())
	filled, err := c.fill.with(nameClientSecret, c.secret).headers(headers)
	if err != nil {
		return message{}, err
	}
	c.reads.Format = formatJSON // the token endpoint's is for tokens
	return message{headers: filled, auth: auth, form: fields}, nil
}

// revoked reads the answer. By RFC 7009 section 2.2 the status is all that counts; the body is
// read where the connector says so.
func (c *call) revoked(a answer) error {
	doc := c.reads.document(a)
	okWhen := c.app.Connector.Revoke.OKWhen
	if a.ok() && (okWhen == nil || doc.holds(okWhen)) {
		return nil
	}
	err := c.refusal(a, doc)
	code := strings.ToLower(c.errorCode(doc))
	if err.Class == ClassPermanent || err.Class == ClassOperator && slices.Contains(deadCodes, code) {
		return nil
	}
	return err
}
