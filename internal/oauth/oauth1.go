package oauth

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/sign"
	"github.com/claviger-proxy/claviger/vault"
)

// Temporary are the temporary credentials of OAuth 1.0a (RFC 5849 section 2.1). They are good for one consent.
type Temporary struct{ Token, Secret vault.Secret }

// Codes of OAuth 1.0a. problemPath is where its error reporting extension has them.
const (
	problemPath = "oauth_problem"

	// CodeUnconfirmed means that the provider has not confirmed the callback, so that it may be an older
	// OAuth 1.0, in which one user's consent can be given to another one.
	CodeUnconfirmed = "callback_unconfirmed"
)

// refusedOAuth1 are the refusals of that extension which end a consent. All others are the operator's.
var refusedOAuth1 = class{ClassPermanent, codes(
	"token_used", "token_expired", "token_revoked", "token_rejected", "verifier_invalid", "permission_denied", "user_refused",
)}

// RequestTemporary asks for temporary credentials. The user will be sent back to the request's redirect URI,
// which has the state in its query then.
func (c *Client) RequestTemporary(ctx context.Context, app App, req AuthorizeRequest) (Temporary, error) {
	k, err := c.begin(app, opTemporary, req.State)
	if err != nil {
		return Temporary{}, err
	}
	back, err := url.Parse(req.RedirectURI)
	if err != nil || back.Host == "" || req.State.IsZero() {
		return Temporary{}, unsent(opTemporary, ClassOperator, CodeIncomplete)
	}
	q := back.Query()
	q.Set("state", req.State.Reveal())
	back.RawQuery = q.Encode()
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	k.reads = oauth1Reading(app.Connector, map[string]string{"confirmed": "oauth_callback_confirmed"})
	token, err := k.callOAuth1(ctx, app.Endpoints.RequestToken, func(s *sign.Signer, r *http.Request) error {
		return s.SignRequestToken(r, k.fill.values, back.String(), nil, c.now())
	})
	switch {
	case err != nil:
		return Temporary{}, err
	case token.Captured["confirmed"] != "true":
		return Temporary{}, &Error{Op: opTemporary, Class: ClassMalformed, Code: CodeUnconfirmed, Status: http.StatusOK}
	}
	return Temporary{token.Access, token.Slots[connectors.SlotSecret]}, nil
}

// TemporaryURL is [Client.AuthorizeURL] for temporary credentials. It holds their token, so it is not logged.
func (c *Client) TemporaryURL(app App, t Temporary, req AuthorizeRequest) (string, error) {
	if app.Connector == nil || app.Endpoints == nil || app.Endpoints.Authorize == "" || t.Token.IsZero() {
		return "", unsent(opAuthorize, ClassOperator, CodeIncomplete)
	}
	params, err := c.authorizeParams(app, req)
	if err != nil {
		return "", err
	}
	params.Set("oauth_token", t.Token.Reveal())
	to, err := withQuery(app.Endpoints.Authorize, params)
	if err != nil {
		return "", unsent(opAuthorize, ClassOperator, CodeIncomplete)
	}
	return to, nil
}

// ExchangeTemporary turns temporary credentials into a token (RFC 5849 section 2.3); the verifier came with the
// user. The secret half is the token's slot [connectors.SlotSecret]. The request is sent once. The connector's
// steps follow it.
func (c *Client) ExchangeTemporary(ctx context.Context, app App, t Temporary, verifier vault.Secret) (Token, error) {
	k, err := c.begin(app, opExchange, t.Token, t.Secret, verifier)
	if err != nil {
		return Token{}, err
	}
	if t.Token.IsZero() || t.Secret.IsZero() || verifier.IsZero() {
		return Token{}, unsent(opExchange, ClassOperator, CodeIncomplete)
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	k.fill.knowToken(Token{Access: t.Token, Slots: vault.Secrets{connectors.SlotSecret: t.Secret}})
	k.reads = oauth1Reading(app.Connector, app.Connector.Token.Capture)
	token, err := k.callOAuth1(ctx, app.Endpoints.Token, func(s *sign.Signer, r *http.Request) error {
		return s.SignAccessToken(r, k.fill.values, verifier.Reveal(), nil, c.now())
	})
	if err != nil {
		return Token{}, err
	}
	return k.steps(ctx, whenConnect, token)
}

// oauth1Reading is how the answers of OAuth 1.0a are read: as forms with a token and its secret.
func oauth1Reading(k *connectors.Connector, capture map[string]string) reading {
	r := tokenReading(k)
	r.TokenResponse = connectors.TokenResponse{
		Format: formatForm, Access: "oauth_token", Slots: map[string]string{connectors.SlotSecret: "oauth_token_secret"}, ErrorPath: problemPath,
	}
	r.capture = capture
	return r
}

// callOAuth1 sends one signed call without a body and reads the token.
func (c *call) callOAuth1(ctx context.Context, endpoint string, put func(*sign.Signer, *http.Request) error) (Token, error) {
	incomplete := unsent(c.op, ClassOperator, CodeIncomplete)
	if endpoint == "" || c.app.Connector.Signer == nil || c.app.ClientID == "" {
		return Token{}, incomplete
	}
	signer, err := sign.New(c.app.Connector.Signer)
	if err != nil {
		return Token{}, incomplete
	}
	headers, err := c.fill.headers(c.app.Connector.Token.Headers)
	if err != nil {
		return Token{}, err
	}
	m := message{method: http.MethodPost, url: endpoint, accept: c.reads.accept(), headers: headers, body: bodyNone}
	r, err := m.request(ctx)
	if err != nil {
		return Token{}, incomplete
	}
	if err := put(signer, r); err != nil { // it may say how a key is wrong
		return Token{}, unsent(c.op, ClassOperator, CodeBadKey)
	}
	m.auth = r.Header.Get("Authorization")
	a, err := c.send(ctx, m)
	if err != nil {
		return Token{}, err
	}
	token, err := c.decode(a)
	if err != nil {
		return Token{}, err
	}
	if token.Slots[connectors.SlotSecret].IsZero() {
		return Token{}, c.malformed(a, CodeBadTokenResponse)
	}
	token.Refresh, token.RefreshExpires = vault.Secret{}, time.Time{} // there is no such thing
	return token, nil
}
