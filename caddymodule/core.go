package caddymodule

import (
	"context"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/internal/api"
	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/vault"
)

// core is what needs an open vault: everything that handlers ask.
type core struct {
	vault  *vault.Vault
	set    *connection.Set
	broker *broker.Broker
	flow   *consent.Flow // nil without a callback: then no browser is served
	api    http.Handler
	// devices waits for users who consent on another machine; it is there without a callback too.
	devices *consent.Flow
}

// tend has the vault looked after by this configuration from now on.
func (c *core) tend(r *runtime) {
	r.tending.by(c.broker)
	r.polling.by(c.devices)
}

// open returns the core, made at Start or, as requests may come before it, at the first request.
func (a *App) open(ctx context.Context) (*core, error) {
	if c := a.core.Load(); c != nil {
		return c, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.core.Load(); c != nil {
		return c, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), configureTime)
	defer cancel()
	v, err := a.runtime.open(ctx, a)
	if err != nil {
		return nil, err
	}
	if err := a.configure(ctx, v); err != nil {
		return nil, err
	}
	c, err := a.newCore(ctx, v)
	if err != nil {
		return nil, err
	}
	a.core.Store(c)
	return c, nil
}

// serving is open for requests. Sites and this app start in any order, so a request may come to a
// configuration whose vault cannot be opened, and which is refused for that in the next moment. Then
// the configuration that runs serves it.
func (a *App) serving(ctx context.Context) (*core, error) {
	c, err := a.open(ctx)
	if err == nil {
		return c, nil
	}
	if running, e := activeApp(); e == nil && running != a {
		return running.open(ctx)
	}
	return nil, err
}

// configure gives an open vault the settings that may change with a reload. They are in force before it
// is known whether the configuration will run; takeOver puts them right when it does not.
func (a *App) configure(ctx context.Context, v *vault.Vault) error {
	v.UseKeys(a.key.KeyProvider())
	if err := v.SealIdentifiers(ctx, a.sealIdentifiers()); err != nil {
		return err
	}
	a.runtime.maintenance.wakeUp()
	return nil
}

// configureTime bounds opening and configuring the vault.
const configureTime = 30 * time.Second

func (a *App) sealIdentifiers() bool { return a.SealIdentifiers == nil || *a.SealIdentifiers }

func (a *App) newCore(ctx context.Context, v *vault.Vault) (*core, error) {
	set, err := connection.NewSet(ctx, v, a.catalog, a.configured, a.apps...)
	if err != nil {
		return nil, err
	}
	for name, err := range set.BadConnectors() {
		a.log.Warn("a stored connector cannot be used", zap.String("connector", name), zap.Error(err))
	}
	for name, err := range set.Broken() {
		a.log.Warn("a connection cannot be used", zap.String("connection", name), zap.Error(err))
	}
	c := &core{vault: v, set: set}
	c.broker = broker.New(broker.Options{
		Vault: v, Connections: set, OAuth: a.oauth, Shared: a.runtime.shared,
		Log: a.log.Named("broker"), Schedule: a.Refresh.schedule(), Observe: meter{}, Guard: a.guard,
	})
	flow, err := consent.New(a.consentOptions(c))
	if err != nil {
		return nil, err
	}
	c.devices = flow
	if a.callback != nil {
		c.flow = flow
	}
	_, version := caddy.Version()
	c.api = api.New(api.Options{
		Vault: v, Connections: set, Catalog: set.Catalog, Broker: c.broker, Consent: flow, OAuth: a.oauth, AppName: a.AppName,
		Unsaved: a.runtime.shared.Unsaved, Expand: expand,
		Reseal:  a.runtime.maintenance.wakeUp,
		Deliver: a.runtime.delivering.wakeUp,
		Version: version, StartedAt: a.runtime.started, Log: a.log.Named("api"),
	})
	return c, nil
}

// consentOptions are the settings of the consent flow; without a core they can only be checked.
func (a *App) consentOptions(c *core) consent.Options {
	o := consent.Options{
		OAuth: a.oauth, Callback: a.callback, ReturnURLs: a.ReturnURLs, LinkTTL: time.Duration(a.LinkTTL),
		AppName: a.AppName, Guard: a.guard, Log: a.log.Named("consent"), Notify: a.consentEvent,
	}
	if c != nil {
		o.Vault, o.Connections = c.vault, c.set
		o.OnConnected = func(account vault.ConnectedAccount) { c.broker.Forget(account.ID) }
	}
	return o
}
