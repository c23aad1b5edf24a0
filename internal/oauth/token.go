package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/vault"
)

// The values of [Error].Op.
const (
	opAuthorize  = "authorize"
	opExchange   = "exchange"
	opRefresh    = "refresh"
	opIntrospect = "introspect"
	opRevoke     = "revoke"
)

// Token is a token endpoint's answer, checked.
type Token struct {
	Access vault.Secret
	// Refresh is empty when the answer had none; after a refresh the old one stays good then.
	Refresh vault.Secret
	IDToken vault.Secret
	// Expires is when Access dies; zero when it does not, or nobody said. ExpiresFrom tells which.
	Expires     time.Time
	ExpiresFrom ExpiresFrom
	// RefreshExpires is when Refresh dies; zero when there is none, or neither provider nor connector
	// says it.
	RefreshExpires time.Time
	// Scopes are the granted ones; nil when the provider did not say, empty when it said none.
	Scopes []string
	// Captured are the values that the connector asked to keep and the answer had.
	Captured map[string]string
}

// Exchange turns an authorization code into a token. The redirect URI is the one that the code was
// given for; the verifier is ignored by connectors without PKCE. The request is sent once: a code
// is good for one try only.
func (c *Client) Exchange(ctx context.Context, app App, code, verifier vault.Secret, redirectURI string) (Token, error) {
	if err := app.check(opExchange); err != nil {
		return Token{}, err
	}
	usesPKCE := app.Connector.Authorize.PKCE != connectors.PKCEOff
	if code.IsZero() || usesPKCE && verifier.IsZero() {
		return Token{}, unsent(opExchange, ClassOperator, CodeIncomplete)
	}
	d := &dialect{
		client: c, app: app, op: opExchange, params: app.Connector.Token.Params,
		secrets: []vault.Secret{code, verifier, app.ClientSecret},
	}
	return d.call(ctx, app.Endpoints.Token, func(ctx context.Context, config *oauth2.Config) (*oauth2.Token, error) {
		config.RedirectURL = redirectURI
		var options []oauth2.AuthCodeOption
		if usesPKCE {
			options = append(options, oauth2.VerifierOption(verifier.Reveal()))
		}
		return config.Exchange(ctx, code.Reveal(), options...)
	})
}

// Refresh turns a refresh token into a new token. The request is sent once: where refresh tokens
// rotate, the first use ends the old one.
func (c *Client) Refresh(ctx context.Context, app App, refresh vault.Secret) (Token, error) {
	if err := app.check(opRefresh); err != nil {
		return Token{}, err
	}
	if refresh.IsZero() {
		return Token{}, unsent(opRefresh, ClassPermanent, CodeNoRefreshToken)
	}
	d := &dialect{
		client: c, app: app, op: opRefresh, params: app.Connector.Refresh.Params,
		secrets: []vault.Secret{refresh, app.ClientSecret},
	}
	endpoint := or(app.Endpoints.Refresh, app.Endpoints.Token)
	return d.call(ctx, endpoint, func(ctx context.Context, config *oauth2.Config) (*oauth2.Token, error) {
		return config.TokenSource(ctx, &oauth2.Token{RefreshToken: refresh.Reveal()}).Token()
	})
}

// call runs x/oauth2 over the dialect.
func (d *dialect) call(ctx context.Context, endpoint string, do func(context.Context, *oauth2.Config) (*oauth2.Token, error)) (Token, error) {
	if endpoint == "" {
		return Token{}, unsent(d.op, ClassOperator, CodeIncomplete)
	}
	config := &oauth2.Config{
		ClientID:     d.app.ClientID,
		ClientSecret: d.app.ClientSecret.Reveal(),
		Endpoint:     oauth2.Endpoint{TokenURL: endpoint, AuthStyle: authStyle(d.app.Connector.Token.ClientAuth)},
	}
	if d.app.Connector.Token.ClientAuth == connectors.ClientAuthNone {
		config.ClientSecret = ""
	}
	d.started = d.client.now()
	ctx, cancel := context.WithTimeout(ctx, d.client.timeout)
	defer cancel()
	ctx = context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Transport: d})
	if _, err := do(ctx, config); err != nil {
		return Token{}, d.translate(err)
	}
	return d.token, nil
}

// translate takes our own error out of what net/http and x/oauth2 wrapped around it. Theirs hold
// the URL or the body.
func (d *dialect) translate(err error) error {
	var own *Error
	switch {
	case errors.As(err, &own):
		return own
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: %w", d.op, context.Canceled)
	}
	// The dialect makes every other error itself; what is left is an endpoint that is no URL.
	return unsent(d.op, ClassOperator, CodeIncomplete)
}

// authStyle is always explicit: x/oauth2 probes otherwise, and a failed probe burns the code.
func authStyle(how connectors.ClientAuth) oauth2.AuthStyle {
	switch how {
	case connectors.ClientAuthBasic, connectors.ClientAuthBasicRaw:
		return oauth2.AuthStyleInHeader
	}
	return oauth2.AuthStyleInParams
}
