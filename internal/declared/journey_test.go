package declared_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/internal/declared"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

const (
	callback   = "https://claviger.example.com/oauth/callback"
	connected  = "work" // the connection
	identifier = "user_1"
)

// journey is one account's life at one connector, from the connection to its end.
type journey struct {
	ctx       context.Context
	connector *connectors.Connector
	// played is what the provider declares.
	played   *connectors.Connector
	client   declared.Registration
	provider *declared.Provider
	// transport leads to the provider, with TLS where the client has to present a certificate.
	transport http.RoundTripper
	logs      logs
	vault     *vault.Vault
	set       *connection.Set
	oauth     *oauth.Client
	shared    *broker.Shared
	broker    *broker.Broker
	flow      *consent.Flow
	account   vault.AccountID
	// device connects without a browser.
	device bool
	// eternal tells that tokens have no end.
	eternal bool
	// several tells that the user has to choose, and chosen that it has happened.
	several, chosen bool
	// cookie is what the browser has of the last consent.
	cookie *http.Cookie
	done   []string
}

// played is who plays the provider.
type played struct {
	// connector is what the provider declares; nil means the same as the client's.
	connector *connectors.Connector
	// bare leaves optional inputs out, scoped gives the connection scopes of its own, eternal has tokens without
	// an end, device connects without a browser, and several lets the user choose.
	bare, scoped, eternal, device, several bool
	// picked are values of inputs, by app.NAME and account.NAME.
	picked map[string]string
}

// errNoProvider: nobody can play the provider.
var errNoProvider = errors.New("there is no such provider")

// depart sets everything up for a connector, which has no Ways any more.
func depart(t *testing.T, c *connectors.Connector, how played) (*journey, error) {
	t.Helper()
	client, err := declared.RegisterWith(c, callback+"/"+connected, how.picked)
	if err != nil {
		return nil, err
	}
	if how.bare {
		client = client.Bare(c)
	}
	if how.scoped {
		client.Scopes = []string{"own.one", "own.two", "user:own.three"}
	}
	if c.Mode.Consents() && !how.device {
		client.More = []string{"link.one", "user:link.two"}
	}
	other := c
	if how.connector != nil {
		other = how.connector
	}
	j := &journey{ctx: t.Context(), connector: c, played: other, client: client, device: how.device, eternal: how.eternal, several: how.several}
	if j.provider, err = declared.New(other, client, declared.Options{
		Eternal: how.eternal, Several: how.several, Unregistered: c.Register != nil,
	}); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoProvider, err)
	}
	j.transport = j.provider
	if c.ClientCert != nil {
		j.transport = declared.Secure(j.provider)
	}
	if j.vault, err = vault.OpenWith(t.Context(), vaulttest.NewMemory(), vaulttest.NewKeys(t), vault.Options{}); err != nil {
		return nil, err
	}
	if j.set, err = connection.NewSet(t.Context(), j.vault, (*connectors.Catalog)(nil).With(c), j.configured()); err != nil {
		return nil, err
	}
	core := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), &j.logs, zap.DebugLevel)
	j.oauth, j.shared = oauth.New(oauth.Options{Transport: j.transport}), broker.NewShared(0)
	j.broker = broker.New(broker.Options{
		Vault: j.vault, Connections: j.set, OAuth: j.oauth, Shared: j.shared, API: j.transport, Log: zap.New(core),
	})
	back, err := url.Parse(callback)
	if err != nil {
		return nil, err
	}
	j.flow, err = consent.New(consent.Options{
		Vault: j.vault, Connections: j.set, OAuth: j.oauth, API: j.transport, Callback: back, Log: zap.New(core),
		OnConnected: func(a vault.ConnectedAccount) { j.broker.Forget(a.ID) },
	})
	return j, err
}

// connection is what the operator has configured.
func (j *journey) connection() vault.Connection {
	c := vault.Connection{Name: connected, Connector: j.connector.Name, Params: map[string]string{}, Scopes: j.client.Scopes}
	if j.connector.Install.Inbound {
		c.InstallURL = installPage
	}
	if id, secret := j.connector.NeedsClient(); id && j.connector.Register == nil {
		c.ClientID = j.client.ClientID
		if secret {
			c.ClientSecret = vault.NewSecret(j.client.ClientSecret)
		}
	}
	secrets := map[string]string{}
	for _, in := range j.connector.App {
		value, given := j.client.App[in.Name]
		switch {
		case given && in.Secret:
			secrets[in.Name] = value
		case given:
			c.Params[in.Name] = value
		}
	}
	c.SecretParams = vault.NewSecrets(secrets)
	return c
}

// stage is a part of a journey.
type stage struct {
	name string
	do   func() error
}

// go through the stages; the error names the one that failed.
func (j *journey) through(stages ...stage) (err error) {
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(j.ctx), time.Hour)
		defer cancel()
		if late := j.shared.Drain(ctx); err == nil {
			err = late
		}
	}()
	for _, s := range stages {
		err := s.do()
		if wrong := j.provider.Violations(); len(wrong) > 0 {
			return fmt.Errorf("%s: %s", s.name, wrong[0])
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		j.done = append(j.done, s.name)
	}
	return j.leaks()
}

// whole are all stages that there are for the connector.
func (j *journey) whole() []stage {
	return []stage{
		{"register", j.register},
		{"reregister", j.reregister},
		{"arrive", j.arrive},
		{"deny", j.deny},
		{"refuse", j.refuse},
		{"connect", j.connect},
		{"facts", j.facts},
		{"introspect", j.introspect},
		{"requests", j.requests},
		{"check", j.check},
		{"limits", j.limited},
		{"refresh ahead", j.ahead},
		{"refresh late", j.late},
		{"refused token", j.forced},
		{"trouble", j.trouble},
		{"reconnect", j.reconnect},
		{"end", j.end},
		{"disconnect", j.disconnect},
		{"unregister", j.unregister},
	}
}

// short are the stages for a variant of a journey.
func (j *journey) short() []stage {
	return []stage{
		{"register", j.register},
		{"connect", j.connect},
		{"facts", j.facts},
		{"requests", j.requests},
		{"check", j.check},
		{"refresh late", j.late},
		{"reconnect", j.chosenAgain},
		{"disconnect", j.disconnect},
		{"unregister", j.unregister},
	}
}

// leaks looks for secrets in the log.
func (j *journey) leaks() error {
	text := j.logs.String()
	given, _ := j.provider.Issued()
	for name, secret := range map[string]string{
		"client secret": j.client.ClientSecret, "access token": given.Access, "refresh token": given.Refresh, "ID token": given.IDToken,
		"token secret":         given.Slots["secret"],
		"registration's token": "registration-token-",
	} {
		if secret != "" && strings.Contains(text, secret) {
			return fmt.Errorf("the %s is in the log", name)
		}
	}
	for _, in := range append(j.connector.App, j.connector.Account...) {
		value := j.client.App[in.Name] + j.client.Account[in.Name]
		if in.Secret && len(value) >= 8 && strings.Contains(text, value) {
			return fmt.Errorf("the input %s is in the log", in.Name)
		}
	}
	return nil
}

// logs is a log in memory.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) Sync() error { return nil }

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// last is the last line of the log, for errors.
func (l *logs) last() string {
	lines := strings.Split(strings.TrimSpace(l.String()), "\n")
	return lines[len(lines)-1]
}

func want(condition bool, format string, args ...any) error {
	if condition {
		return nil
	}
	return fmt.Errorf(format, args...)
}

// codeIs tells whether an error of the broker has that code.
func codeIs(err error, code broker.Code) error {
	e, ok := errors.AsType[*broker.Error](err)
	return want(ok && e.Code == code, "got the error %v, want %s", err, code)
}
