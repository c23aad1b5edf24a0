package connection

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

const (
	// software is what a client is registered as, beside its name.
	software = "github.com/claviger-proxy/claviger"
	// keepTime bounds the writing of what is registered, and deleteTime the deletion of a connection's clients.
	keepTime   = 20 * time.Second
	deleteTime = 45 * time.Second
)

// Registrar registers OAuth clients for the connections of a Set, where their connectors say how (RFC 7591). It
// may be made for each call. No call of a provider is made while others wait to change connections.
type Registrar struct {
	Set   *Set
	OAuth *oauth.Client
	// Callback returns the redirect URI of the connection with that name; empty when users cannot be sent back.
	Callback func(connection string) string
	// AppName is shown to users at the provider; empty means Claviger. Version is the program's.
	AppName, Version string
	// Log is told of each client that is registered, before it is stored, and of those that are left at a provider.
	// Nil means that nobody is.
	Log *zap.Logger
}

func (r *Registrar) log() *zap.Logger {
	if r.Log == nil {
		return zap.NewNop()
	}
	return r.Log
}

// Registers tells whether Add registers a client for c: its connector says how, it brings none, and there is no
// default app for it.
func (r *Registrar) Registers(c vault.Connection) bool {
	k, ok := r.Set.Catalog().Lookup(c.Connector)
	if ok {
		k, ok = k.Way(c.Way)
	}
	own := c.Client()
	return ok && k.Register != nil && own.ID == "" && len(own.Secrets) == 0 && len(r.Set.appsFor(c)) == 0
}

// Add is [Set.Add], and has a client registered first for a connection that needs it. When the connection cannot
// be stored then, the client is deleted again.
func (r *Registrar) Add(ctx context.Context, c vault.Connection) (*Connection, error) {
	if !r.Registers(c) {
		return r.Set.Add(ctx, c)
	}
	switch _, err := r.Set.vault.FindConnection(ctx, r.Set.project, c.Name); {
	case err == nil:
		return nil, exists(c.Name)
	case !errors.Is(err, vault.ErrNotFound):
		return nil, fmt.Errorf("finding connection %s: %w", c.Name, err)
	}
	got, err := r.register(ctx, c)
	if err != nil {
		return nil, err
	}
	c.SetClient(got.client)
	c.Registrations = []vault.Registration{got.registration}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTime)
	defer cancel()
	live, err := r.Set.Add(ctx, c)
	if err != nil {
		return nil, r.unstored(ctx, c.Name, got.known(), err)
	}
	return live, nil
}

// Renew brings what a connection's client is registered with up to date, such as a redirect URI that is another one
// by now: by a change of the registration (RFC 7592), or with anew, or where there is none that can be changed, by
// another client. Accounts go on with the one before then. It tells whether the client is another one.
func (r *Registrar) Renew(ctx context.Context, name string, anew bool) (live *Connection, another bool, err error) {
	c, err := r.stored(ctx, name)
	if err != nil {
		return nil, false, err
	}
	registration, ok := c.Registration(c.ClientID)
	if anew || !ok || !registration.Managed() {
		live, err = r.another(ctx, c)
		return live, err == nil, err
	}
	app, what, err := r.asks(c)
	if err != nil {
		return nil, false, err
	}
	known := oauth.Registered{
		ClientID: c.ClientID, Secret: c.ClientSecret, SecretExpires: registration.SecretExpires, URI: registration.URI, Token: registration.Token,
	}
	got, err := r.OAuth.Reregister(ctx, app, what, known)
	if err != nil {
		return nil, false, r.failed(name, err, "; `claviger connections register "+name+" --new` registers another one")
	}
	live, err = r.keep(ctx, c, registered(got, what))
	return live, false, err
}

// stored is the connection of that name, if it may be changed and registered.
func (r *Registrar) stored(ctx context.Context, name string) (vault.Connection, error) {
	c, err := r.Set.vault.FindConnection(ctx, r.Set.project, name)
	switch {
	case errors.Is(err, vault.ErrNotFound):
		return vault.Connection{}, notFound(name)
	case err != nil:
		return vault.Connection{}, fmt.Errorf("finding connection %s: %w", name, err)
	case r.Set.configured(name) || c.Origin == vault.OriginConfig:
		return vault.Connection{}, readOnly(name, "give it its client")
	}
	k, ok := r.Set.Catalog().Lookup(c.Connector)
	if !ok {
		return vault.Connection{}, unknownConnector(c.Connector, r.Set.Catalog())
	}
	if k, ok = k.Way(c.Way); !ok {
		return vault.Connection{}, unknownWay(c, r.Set.Catalog())
	}
	if k.Register == nil {
		return vault.Connection{}, &Error{Code: CodeUnregistrable, Message: fmt.Sprintf(
			"connector %s does not say how the provider registers clients: register one there, and give it to the connection: "+
				"`claviger connections update %s --client-id ID`", k.Name, name)}
	}
	return c, nil
}

// another registers another client for a connection.
func (r *Registrar) another(ctx context.Context, c vault.Connection) (*Connection, error) {
	if c.ClientID != "" && len(c.Earlier) >= vault.MaxEarlierClients {
		return nil, clientsFull()
	}
	got, err := r.register(ctx, c)
	if err != nil {
		return nil, err
	}
	live, err := r.keep(ctx, c, got)
	if err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTime)
		defer cancel()
		return nil, r.unstored(ctx, c.Name, got.known(), err)
	}
	return live, nil
}

// keep gives a connection the client that is registered for it.
func (r *Registrar) keep(ctx context.Context, before vault.Connection, got registrant) (*Connection, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTime)
	defer cancel()
	return r.Set.Change(ctx, before.Name, func(c *vault.Connection) error {
		if c.ID != before.ID || c.ClientID != before.ClientID {
			return fmt.Errorf("connection %s has another client by now: %w", c.Name, vault.ErrConflict)
		}
		change := ClientChange{ID: &got.client.ID, Secrets: got.client.Secrets}
		if c.ClientID == got.client.ID && got.client.Secret().Equal(c.ClientSecret) {
			change.Secrets = nil // and those beside it stay
		}
		own, earlier, err := change.Apply(c.Client(), c.Earlier)
		if err != nil {
			return err
		}
		c.SetClient(own)
		c.Earlier, c.Registrations = earlier, withRegistration(*c, got.registration)
		return nil
	})
}

// withRegistration are a connection's registrations with one more. Those of clients that it does not know any more
// make room.
func withRegistration(c vault.Connection, one vault.Registration) []vault.Registration {
	list := slices.DeleteFunc(slices.Clone(c.Registrations), func(r vault.Registration) bool { return r.ClientID == one.ClientID })
	for i := len(list) - 1; i >= 0 && len(list) >= vault.MaxRegistrations; i-- {
		if id := list[i].ClientID; id != c.ClientID && indexClient(c.Earlier, id) < 0 {
			list = slices.Delete(list, i, i+1)
		}
	}
	return append([]vault.Registration{one}, list...)
}

// registrant is a client that was registered, as it is stored.
type registrant struct {
	client       vault.OAuthClient
	registration vault.Registration
}

func registered(got oauth.Registered, what oauth.Registration) registrant {
	one := registrant{vault.OAuthClient{ID: got.ClientID}, vault.Registration{
		ClientID: got.ClientID, RedirectURI: what.RedirectURI, RegisteredAt: time.Now().UTC(), SecretExpires: got.SecretExpires,
		URI: got.URI, Token: got.Token,
	}}
	if !got.Secret.IsZero() {
		one.client.Secrets = []vault.Secret{got.Secret}
	}
	return one
}

func (g registrant) known() oauth.Registered {
	return oauth.Registered{ClientID: g.client.ID, Secret: g.client.Secret(), URI: g.registration.URI, Token: g.registration.Token}
}

// register has a client registered for a connection, which need not be stored yet.
func (r *Registrar) register(ctx context.Context, c vault.Connection) (registrant, error) {
	app, what, err := r.asks(c)
	if err != nil {
		return registrant{}, err
	}
	got, err := r.OAuth.Register(ctx, app, what)
	if err != nil {
		var e *oauth.Error
		if errors.As(err, &e) {
			if stray, ok := e.Stray(); ok {
				ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTime)
				defer cancel()
				return registrant{}, r.discarded(ctx, c.Name, stray, r.failed(c.Name, err, ""))
			}
		}
		return registrant{}, r.failed(c.Name, err, "")
	}
	r.log().Info("an OAuth client was registered", zap.String("connection", c.Name), zap.String("connector", c.Connector), zap.String("client_id", got.ClientID))
	return registered(got, what), nil
}

// asks says what a connection's client is to be registered with.
func (r *Registrar) asks(c vault.Connection) (oauth.App, oauth.Registration, error) {
	c.SetClient(vault.OAuthClient{ID: "unregistered", Secrets: []vault.Secret{vault.NewSecret("unregistered")}}) // so that nothing else is wrong with it
	ready, err := r.Set.Build(c)
	if err != nil {
		return oauth.App{}, oauth.Registration{}, err
	}
	what := oauth.Registration{Name: cmp.Or(r.AppName, "Claviger"), Software: software, Version: r.Version}
	if ready.Connector().Mode.Consents() {
		if what.RedirectURI = r.Callback(c.Name); what.RedirectURI == "" {
			return oauth.App{}, oauth.Registration{}, &Error{Code: CodeNoCallback, Message: fmt.Sprintf(
				"connection %s: a client cannot be registered, because the server has no callback that users come back to: add `callback` to its configuration", c.Name)}
		}
	}
	return ready.App, what, nil
}
