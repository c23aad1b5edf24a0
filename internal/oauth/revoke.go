package oauth

import (
	"context"
	"net/http"
	"net/url"
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
	if app.Connector == nil || app.Endpoints == nil {
		return false, unsent(opRevoke, ClassOperator, CodeIncomplete)
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
	if token.IsZero() || how.Auth == "bearer" && g.Access.IsZero() {
		return false, nil
	}
	if err := app.check(opRevoke); err != nil {
		return false, err
	}
	m := message{
		method:  or(how.Method, http.MethodPost),
		url:     endpoint,
		headers: how.Headers,
		body:    or(how.Body, "form"),
		form:    url.Values{or(how.Param, "token"): {token.Reveal()}},
	}
	app.sign(&m, how.Auth, g.Access)
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	a, err := c.send(ctx, opRevoke, m)
	if err != nil {
		return false, err
	}
	d := &dialect{
		client: c, app: app, op: opRevoke,
		secrets: []vault.Secret{g.Access, g.Refresh, app.ClientSecret},
	}
	if err := d.revoked(a); err != nil {
		return false, err
	}
	return true, nil
}

// sign adds what authenticates a call about a token; how is as in [connectors.Revoke].Auth.
func (a App) sign(m *message, how string, access vault.Secret) {
	switch how {
	case "none":
	case "bearer":
		m.auth = "Bearer " + access.Reveal()
	case "basic":
		m.auth = a.basic()
	default:
		m.auth = a.authorization()
		if m.auth == "" {
			m.form.Set("client_id", a.ClientID)
		}
		if a.Connector.Token.ClientAuth == connectors.ClientAuthPost {
			m.form.Set("client_secret", a.ClientSecret.Reveal())
		}
	}
}

// revoked reads the answer. By RFC 7009 section 2.2 the status is all that counts; the body is
// read where the connector says so.
func (d *dialect) revoked(a answer) error {
	doc := a.document()
	okWhen := d.app.Connector.Revoke.OKWhen
	if a.ok() && (okWhen == nil || doc.holds(okWhen)) {
		return nil
	}
	err := d.refusal(a, doc)
	code := strings.ToLower(d.errorCode(doc))
	if err.Class == ClassPermanent || err.Class == ClassOperator && slices.Contains(deadCodes, code) {
		return nil
	}
	return err
}
