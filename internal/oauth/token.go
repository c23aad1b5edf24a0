package oauth

import (
	"context"
	"net/url"
	"time"

	"golang.org/x/oauth2"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/vault"
)

// The values of [Error].Op.
const (
	opAuthorize  = "authorize"
	opTemporary  = "temporary"
	opExchange   = "exchange"
	opRefresh    = "refresh"
	opObtain     = "obtain"
	opDevice     = "device"
	opIntrospect = "introspect"
	opRevoke     = "revoke"
	opRegister   = "register"
	opReregister = "reregister"
	opUnregister = "unregister"
)

// Token is what the token endpoint and the connector's steps gave, checked.
type Token struct {
	// Access is empty only where the connector's steps lead to captured values alone.
	Access vault.Secret
	// Refresh is empty when there was none; after a refresh the old one stays good then.
	Refresh vault.Secret
	IDToken vault.Secret
	// Slots are the connector's further tokens, by name. Expires is not about them.
	Slots vault.Secrets
	// Expires is when Access dies; zero when it does not, or nobody said. ExpiresFrom tells which.
	Expires     time.Time
	ExpiresFrom ExpiresFrom
	// RefreshExpires is when Refresh dies; zero when there is none, or neither provider nor connector
	// says it.
	RefreshExpires time.Time
	// Scopes are the granted ones; nil when the provider did not say, empty when it said none.
	Scopes []string
	// Captured are the values that the connector asked to keep and the answers had.
	Captured map[string]string
	// Identity is who the account is, where the connector says that the answer with the token tells that.
	// Its texts are printable, and not checked otherwise.
	Identity vault.Identity
}

// Code is an authorization code with what belongs to it.
type Code struct {
	Code vault.Secret
	// Verifier is ignored by connectors without PKCE.
	Verifier vault.Secret
	// RedirectURI is the one that the code was given for.
	RedirectURI string
	// State is that of the authorization request, for connectors that send it along.
	State vault.Secret
}

// Exchange turns an authorization code into a token. The request is sent once: a code is good for one try
// only. The connector's steps follow it.
func (c *Client) Exchange(ctx context.Context, app App, code Code) (Token, error) {
	k, err := c.begin(app, opExchange, code.Code, code.Verifier, code.State)
	if err != nil {
		return Token{}, err
	}
	how := app.Connector
	usesPKCE := how.Authorize.PKCE != connectors.PKCEOff
	if code.Code.IsZero() || usesPKCE && code.Verifier.IsZero() || how.Token.EchoState && code.State.IsZero() {
		return Token{}, unsent(opExchange, ClassOperator, CodeIncomplete)
	}
	k.fill.know(nameCode, code.Code)
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	d := &dialect{call: k, more: url.Values{}}
	if how.Token.EchoState {
		d.more.Set("state", code.State.Reveal())
	}
	back, err := k.fill.redirectURI(code.RedirectURI)
	if err != nil {
		return Token{}, err
	}
	token, err := d.run(ctx, app.Endpoints.Token, func(ctx context.Context, config *oauth2.Config) (*oauth2.Token, error) {
		config.RedirectURL = back
		var options []oauth2.AuthCodeOption
		if usesPKCE {
			options = append(options, oauth2.VerifierOption(code.Verifier.Reveal()))
		}
		return config.Exchange(ctx, code.Code.Reveal(), options...)
	})
	if err != nil {
		return Token{}, err
	}
	return k.steps(ctx, whenConnect, token)
}
