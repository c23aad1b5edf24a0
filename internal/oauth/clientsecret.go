package oauth

import (
	"context"
	"net/http"
	"slices"
	"sync"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/vault"
)

// secretRefused are the codes that say that the client's ID and secret do not fit: RFC 6749's, and what
// GitHub and Slack say instead.
var secretRefused = []string{"invalid_client", "incorrect_client_credentials", "bad_client_secret"}

// basicRefused are what else a refusal with status 401 may say where the client has authenticated with
// HTTP Basic. Any other code may be about the grant.
var basicRefused = []string{statusCode(http.StatusUnauthorized), "unauthorized", "401"}

// inUse remembers which of several secrets a client is to be authenticated with. The zero value is ready.
type inUse struct {
	mu      sync.Mutex
	secrets map[clientName]vault.Secret
}

// clientName is what a client goes by at one provider.
type clientName struct{ connector, id string }

func (a App) clientName() clientName { return clientName{a.Connector.Name, a.ClientID} }

// secrets are all of the client's, the first first.
func (a App) secrets() []vault.Secret {
	return append([]vault.Secret{a.ClientSecret}, a.FurtherSecrets...)
}

// position is where the secret stands among those of the app, from 0; 0 if it is none of them.
func (a App) position(secret vault.Secret) int {
	return max(0, slices.IndexFunc(a.secrets(), secret.Equal))
}

// of is the secret to send: the first that was not refused lately.
func (u *inUse) of(app App) vault.Secret {
	if len(app.FurtherSecrets) == 0 {
		return app.ClientSecret
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return app.secrets()[app.position(u.secrets[app.clientName()])]
}

// refused notes that the provider has not taken the secret, and returns the one after it, which is to be
// sent from now on.
func (u *inUse) refused(app App, secret vault.Secret) (next vault.Secret) {
	u.mu.Lock()
	defer u.mu.Unlock()
	all, at := app.secrets(), app.position(secret)
	next = all[(at+1)%len(all)]
	if u.secrets == nil {
		u.secrets = map[clientName]vault.Secret{}
	}
	u.secrets[app.clientName()] = next
	return next
}

// SecretInUse tells which of the app's secrets is sent, from 1; 0 when it has none. It is above 1 when the
// provider has refused those before, since the program has started.
func (c *Client) SecretInUse(app App) int {
	if app.Connector == nil || app.ClientSecret.IsZero() {
		return 0
	}
	return app.position(c.inUse.of(app)) + 1
}

// ask sends what write makes and has the answer read. When the provider has refused the client's secret,
// and with it everything else of the request, both are done once more with the client's next one.
func (c *call) ask(ctx context.Context, write func() (message, error), read func(answer) error) error {
	for again := false; ; again = true {
		m, err := write()
		if err != nil {
			return err
		}
		a, err := c.send(ctx, m)
		if err != nil {
			return err
		}
		if err = read(a); !c.nextSecret(a, err) || again {
			return err
		}
	}
}

// nextSecret notes what the answer says about the client's secret, and tells whether there is another one
// that the request may be repeated with: it was refused because of the secret alone.
func (c *call) nextSecret(a answer, err error) bool {
	if !c.proved || len(c.app.FurtherSecrets) == 0 {
		return false
	}
	e := own(err)
	if e == nil || !c.refusesSecret(a, e) {
		return false
	}
	c.client.log.Warn("the provider refuses a client secret", zap.String("connector", c.app.Connector.Name),
		zap.String("client_id", c.app.ClientID), zap.Int("position", c.app.position(c.secret)+1), zap.Int("secrets", len(c.app.FurtherSecrets)+1))
	c.secret = c.client.inUse.refused(c.app, c.secret)
	return true
}

// refusesSecret tells whether an answer refuses the client's authentication, and can be about nothing else.
// One that has a token in it has spent what the request held.
func (c *call) refusesSecret(a answer, e *Error) bool {
	if e.Class != ClassOperator {
		return false
	}
	if payload := c.reads.payload(c.reads.document(a)); a.ok() &&
		(c.reads.access(a, payload) != nil || payload.find(or(c.reads.RefreshToken, "refresh_token")) != nil) {
		return false
	}
	return slices.Contains(secretRefused, e.Code) ||
		c.basicSent && e.Status == http.StatusUnauthorized && slices.Contains(basicRefused, e.Code)
}
