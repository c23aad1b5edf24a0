package oauth

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/claviger-proxy/claviger/vault"
)

// Introspection is what a provider says about an access token.
type Introspection struct {
	// Active tells that the token is good now. What stands beside it means nothing otherwise, and is
	// left out.
	Active bool
	// Expires is when the token dies; zero when the provider did not say.
	Expires time.Time
	// Scopes are as in [Token].
	Scopes []string
}

// Introspect asks the provider about an access token (RFC 7662). A connector without introspection is
// an error of ClassOperator. An error never has ClassPermanent: that a token is dead is an answer.
func (c *Client) Introspect(ctx context.Context, app App, token vault.Secret) (Introspection, error) {
	if err := app.check(opIntrospect); err != nil {
		return Introspection{}, err
	}
	how := app.Connector.Introspect
	if how == nil || app.Endpoints.Introspect == "" || token.IsZero() {
		return Introspection{}, unsent(opIntrospect, ClassOperator, CodeIncomplete)
	}
	m := message{
		method:  http.MethodPost,
		url:     app.Endpoints.Introspect,
		headers: how.Headers,
		form:    url.Values{or(how.Param, "token"): {token.Reveal()}},
	}
	app.sign(&m, how.Auth, token)
	d := &dialect{
		client: c, app: app, op: opIntrospect, started: c.now(),
		secrets: []vault.Secret{token, app.ClientSecret},
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	a, err := c.send(ctx, opIntrospect, m)
	if err != nil {
		return Introspection{}, err
	}
	return d.introspected(a)
}

// introspected reads the answer.
func (d *dialect) introspected(a answer) (Introspection, error) {
	if a.tooLarge && a.ok() {
		return Introspection{}, d.malformed(a, CodeAnswerTooLarge)
	}
	doc := a.document()
	how := d.app.Connector.Introspect
	active, said := doc.text(or(how.Active, "active"))
	switch {
	case a.ok() && active == "true":
		expires, _ := epoch(d.started, doc.find(or(how.Expires, "exp")))
		scopes := readScopes(doc.find("scope"), d.app.Connector.Token.Response.ScopeSeparator)
		return Introspection{Active: true, Expires: expires, Scopes: scopes}, nil
	case a.ok() && active == "false":
		return Introspection{}, nil
	case a.ok() && (said || d.errorCode(doc) == ""):
		return Introspection{}, d.malformed(a, CodeBadTokenResponse)
	}
	e := d.refusal(a, doc)
	if e.Class == ClassPermanent {
		e.Class = ClassOperator
	}
	return Introspection{}, e
}
