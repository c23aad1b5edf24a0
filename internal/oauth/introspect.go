package oauth

import (
	"context"
	"net/http"
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
	k, err := c.begin(app, opIntrospect, token)
	if err != nil {
		return Introspection{}, err
	}
	how := app.Connector.Introspect
	if how == nil || app.Endpoints.Introspect == "" || token.IsZero() {
		return Introspection{}, unsent(opIntrospect, ClassOperator, CodeIncomplete)
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var found Introspection
	err = k.ask(ctx, func() (message, error) {
		m, err := k.about(token, or(how.Param, "token"), how.Auth, token, how.Headers)
		m.method, m.url, m.body = http.MethodPost, app.Endpoints.Introspect, bodyForm
		return m, err
	}, func(a answer) (err error) {
		found, err = k.introspected(a)
		return err
	})
	return found, err
}

// introspected reads the answer.
func (c *call) introspected(a answer) (Introspection, error) {
	if a.tooLarge && a.ok() {
		return Introspection{}, c.malformed(a, CodeAnswerTooLarge)
	}
	doc := c.reads.document(a)
	how := c.app.Connector.Introspect
	active, said := doc.text(or(how.Active, "active"))
	switch {
	case a.ok() && active == "true":
		expires, _ := epoch(c.started, doc.find(or(how.Expires, "exp")))
		scopes := readScopes(doc.find("scope"), c.app.Connector.Token.Response.ScopeSeparator)
		return Introspection{Active: true, Expires: expires, Scopes: scopes}, nil
	case a.ok() && active == "false":
		return Introspection{}, nil
	case a.ok() && (said || c.errorCode(doc) == ""):
		return Introspection{}, c.malformed(a, CodeBadTokenResponse)
	}
	e := c.refusal(a, doc)
	if e.Class == ClassPermanent {
		e.Class = ClassOperator
	}
	return Introspection{}, e
}
