package oauth

import (
	"context"
	"net/url"
	"slices"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/vault"
)

// Names of the IETF's registry (RFC 6755).
const (
	registry           = "urn:ietf:params:oauth:"
	assertionType      = registry + "client-assertion-type:jwt-bearer" // RFC 7523 section 2.2
	grantJWTBearer     = registry + "grant-type:jwt-bearer"            // RFC 7523 section 2.1
	grantSAMLBearer    = registry + "grant-type:saml2-bearer"          // RFC 7522 section 2.1
	grantTokenExchange = registry + "grant-type:token-exchange"        // RFC 8693
	grantDevice        = registry + "grant-type:device_code"           // RFC 8628
	typeAccessToken    = registry + "token-type:access_token"
)

// Obtain gets a token without a browser, in the way of the connector's mode, and goes through the
// connector's steps. g is the account's last grant, for steps that name something of it; it may be empty.
// With modes that need a browser, and with those that have no token, it is an error of [ClassOperator] with
// [CodeNoGrant].
func (c *Client) Obtain(ctx context.Context, app App, g vault.Grant) (Token, error) {
	return c.obtain(ctx, app, g, opObtain, whenConnect)
}

func (c *Client) obtain(ctx context.Context, app App, g vault.Grant, op, when string) (Token, error) {
	k, err := c.begin(app, op)
	if err != nil {
		return Token{}, err
	}
	k.fill.knowGrant(g)
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	token, err := k.grant(ctx, when)
	if err != nil {
		return Token{}, err
	}
	return k.steps(ctx, when, token)
}

// grant is what comes before the steps.
func (c *call) grant(ctx context.Context, when string) (Token, error) {
	switch c.app.Connector.Mode {
	case connectors.ModeLogin:
		if !slices.ContainsFunc(c.app.Connector.Steps, func(s connectors.Step) bool { return isDue(s, when) }) {
			return Token{}, unsent(c.op, ClassPermanent, CodeNoRefreshToken)
		}
		return Token{}, nil
	case connectors.ModeJWT:
		return c.assertion()
	}
	fields, err := c.grantFields()
	if err != nil {
		return Token{}, err
	}
	scopes, err := c.app.scopes(c.fill, nil)
	if err != nil {
		return Token{}, err
	}
	d := &dialect{call: c, more: c.app.scopeParams(or(c.app.Connector.Authorize.Scope.Param, "scope"), scopes)}
	return d.present(ctx, c.app.Endpoints.Token, fields)
}

// assertion is the token that the connector's assertion is. Nothing is sent.
func (c *call) assertion() (Token, error) {
	signed, err := c.jwt(c.app.Connector.Assertion)
	if err != nil {
		return Token{}, err
	}
	token := Token{Access: vault.NewSecret(signed)}
	if at, ok := jwtExpiry(c.started, signed); ok {
		token.Expires, token.ExpiresFrom = at, ExpiresFromJWT
	}
	return token, nil
}

// grantFields are the standard fields of the mode's grant.
func (c *call) grantFields() (url.Values, error) {
	values, params := c.fill.values, c.spelling.params
	switch c.app.Connector.Mode {
	case connectors.ModeClientCredentials:
		return url.Values{"grant_type": {"client_credentials"}}, nil
	case connectors.ModePassword:
		user, password := values[nameUsername], values[namePassword]
		if user == "" || password == "" {
			return nil, c.fill.missing()
		}
		return url.Values{"grant_type": {"password"}, "username": {user}, "password": {password}}, nil
	case connectors.ModeJWTBearer:
		signed, err := c.jwt(c.app.Connector.Assertion)
		return url.Values{"grant_type": {grantJWTBearer}, "assertion": {signed}}, err
	case connectors.ModeSAMLBearer:
		signed, err := c.saml()
		return url.Values{"grant_type": {grantSAMLBearer}, "assertion": {signed}}, err
	case connectors.ModeTokenExchange:
		subject := values[nameSubjectToken]
		if subject == "" {
			return nil, c.fill.missing()
		}
		fields := url.Values{"grant_type": {grantTokenExchange}, "subject_token": {subject}}
		if _, ok := params["subject_token_type"]; !ok {
			fields.Set("subject_token_type", typeAccessToken)
		}
		return fields, nil
	}
	return nil, unsent(c.op, ClassOperator, CodeNoGrant)
}
