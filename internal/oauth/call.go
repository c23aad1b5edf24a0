package oauth

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/vault"
)

// call is one method of [Client] at work for one app.
type call struct {
	client    *Client
	app       App
	op        string
	fill      filler
	transport http.RoundTripper
	// spelling is how the provider wants the standard fields.
	spelling spelling
	// reads is how the answer is read.
	reads reading
	// granted are the scopes that the grant had before the call.
	granted []string
	// sent are what the requests hold beside the values of fill; an error code that repeats one is not
	// passed on.
	sent []vault.Secret
	// secret is the one of the app's that the client authenticates with. proved tells that the request does
	// have it, and basicSent that it has it in HTTP Basic.
	secret            vault.Secret
	proved, basicSent bool
	// started is what lifetimes in the answer count from: before the request, so that a slow answer
	// does not lengthen them.
	started time.Time
	// asked tells that a request was sent which the provider may have seen.
	asked bool
}

// begin checks what every call needs.
func (c *Client) begin(app App, op string, sent ...vault.Secret) (*call, error) {
	if app.Connector == nil || app.Endpoints == nil {
		return nil, unsent(op, ClassOperator, CodeIncomplete)
	}
	k := &call{
		client: c, app: app, op: op, fill: app.filler(op, c.now),
		spelling: tokenSpelling(app.Connector), reads: tokenReading(app.Connector),
		sent: append(sent, app.FurtherSecrets...), started: c.now(), secret: c.inUse.of(app),
	}
	var err error
	k.transport, err = c.transportFor(k.fill)
	return k, err
}

// The values of [connectors.Revoke].Auth and [connectors.Introspect].Auth; empty is authClient.
const (
	authClient = "client"
	authBasic  = "basic"
	authBearer = "bearer"
	authNone   = "none"
)

// check tells whether the app has what authenticates the client, before anything is sent.
func (c *call) check(how string) error {
	token := c.app.Connector.Token
	id, secret := false, false // what is needed
	switch auth := token.ClientAuth; {
	case how == authNone || how == authBearer:
	case how == authBasic || auth == connectors.ClientAuthBasic || auth == connectors.ClientAuthBasicRaw:
		id, secret = token.Basic == nil, token.Basic == nil
	case auth == connectors.ClientAuthPost:
		id, secret = c.spelling.sends("client_id"), c.spelling.sends("client_secret")
	case auth == connectors.ClientAuthPrivateKeyJWT, auth == connectors.ClientAuthSecretJWT:
		id = c.spelling.sends("client_id")
	case auth == connectors.ClientAuthNone:
		id = c.spelling.sends("client_id") && namesClient(c.app.Connector.Mode)
	case !token.URL.IsZero():
		return unsent(c.op, ClassOperator, CodeIncomplete)
	}
	if id && c.app.ClientID == "" || secret && c.app.ClientSecret.IsZero() {
		return unsent(c.op, ClassOperator, CodeIncomplete)
	}
	return nil
}

// namesClient tells whether a public client must be named: a code was given to one. Elsewhere the grant
// may stand for itself, as an assertion does.
func namesClient(m connectors.Mode) bool { return m.Consents() || m == connectors.ModeDevice }

// malformed is the error of an answer that cannot be used.
func (c *call) malformed(a answer, code string) *Error {
	return &Error{Op: c.op, Class: ClassMalformed, Code: code, Status: a.status}
}

// secrets are what an error code must not repeat.
func (c *call) secrets() []vault.Secret { return slices.Concat(c.fill.secrets(), c.sent) }

// own takes our own error out of another one; nil if there is none.
func own(err error) *Error {
	var e *Error
	errors.As(err, &e)
	return e
}
