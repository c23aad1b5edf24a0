package oauth

import (
	"context"
	"net/url"

	"golang.org/x/oauth2"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/vault"
)

// Refresh turns a grant into a new token, with what the connector refreshes with: the refresh token, the
// access token, or the grant of its mode asked for once more. The connector's steps follow. The request is
// sent once: where refresh tokens rotate, the first use ends the old one. See [Error.Rotated] for what
// holds when a step fails.
func (c *Client) Refresh(ctx context.Context, app App, g vault.Grant) (Token, error) {
	if app.Connector == nil {
		return Token{}, unsent(opRefresh, ClassOperator, CodeIncomplete)
	}
	with := app.Connector.RefreshesWith()
	if with == connectors.RefreshWithGrant {
		return c.obtain(ctx, app, g, opRefresh, whenRefresh)
	}
	k, err := c.begin(app, opRefresh)
	if err != nil {
		return Token{}, err
	}
	k.fill.knowGrant(g)
	k.granted = g.Scopes
	k.spelling = refreshSpelling(app.Connector)
	d := &dialect{call: k}
	if d.more, err = k.refreshFields(g); err != nil {
		return Token{}, err
	}
	spent := g.Refresh
	if with == connectors.RefreshWithAccess {
		// The grant is in the connector's parameters.
		spent, d.without = g.Access, []string{"refresh_token"}
	}
	if spent.IsZero() {
		return Token{}, unsent(opRefresh, ClassPermanent, CodeNoRefreshToken)
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	endpoint := or(app.Endpoints.Refresh, app.Endpoints.Token)
	token, err := d.run(ctx, endpoint, func(ctx context.Context, config *oauth2.Config) (*oauth2.Token, error) {
		return config.TokenSource(ctx, &oauth2.Token{RefreshToken: spent.Reveal()}).Token()
	})
	if err != nil {
		return Token{}, err
	}
	return k.steps(ctx, whenRefresh, token)
}

// refreshFields are the fields that some connectors want in a refresh. Granted scopes that nobody knows are
// not sent: the provider takes all then (RFC 6749 section 6).
func (c *call) refreshFields(g vault.Grant) (url.Values, error) {
	how, fields := c.app.Connector.Refresh, url.Values{}
	switch how.Scope {
	case "requested":
		scopes, err := c.app.scopes(c.fill, nil)
		if err != nil {
			return nil, err
		}
		fields = c.app.scopeParams("scope", scopes)
	case "granted":
		fields = c.app.scopeParams("scope", g.Scopes)
	}
	if how.RedirectURI {
		if g.RedirectURI == "" {
			return nil, c.fill.missing()
		}
		back, err := c.fill.redirectURI(g.RedirectURI)
		if err != nil {
			return nil, err
		}
		fields.Set("redirect_uri", back)
	}
	return fields, nil
}
