// Package caddymodule is Claviger as a set of Caddy modules: the app, the proxy's three parts, the
// consent pages, the admin routes, and the guests for stores and keys. It is the only package,
// with its children, that imports Caddy.
package caddymodule

import (
	"encoding/json"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/netguard"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
)

func init() {
	caddy.RegisterModule(new(App))
}

// App is the Caddy app `claviger`: the vault, its key, the connectors and connections, and where
// users come back to after consent. The handlers of a site find it by itself. Caddyfile (in the
// global options):
//
//	claviger {
//		vault badger /var/lib/claviger
//		key   file   /run/secrets/claviger.key
//		seal_identifiers on
//		connectors /etc/claviger/connectors
//		app gmail {
//			client_id     {env.GOOGLE_CLIENT_ID}
//			client_secret {file./run/secrets/google}
//		}
//		connection gmail
//		connection github {
//			connector     github
//			client_id     {env.GITHUB_CLIENT_ID}
//			client_secret {file./run/secrets/github}
//			scopes        repo read:user
//		}
//		callback    https://accounts.example.com/oauth/callback
//		return_urls https://app.example.com
//		app_name    "Example App"
//		refresh {
//			ahead      5m
//			idle_after 7d
//		}
//		webhook app {
//			url    https://app.example.com/hooks/claviger
//			secret {file./run/secrets/webhook}
//		}
//	}
type App struct {
	// VaultRaw is the store of the vault, a module in claviger.vaults.
	VaultRaw json.RawMessage `json:"vault,omitempty" caddy:"namespace=claviger.vaults inline_key=backend"`
	// KeyRaw is where the key-encryption key comes from, a module in claviger.keys.
	KeyRaw json.RawMessage `json:"key,omitempty" caddy:"namespace=claviger.keys inline_key=provider"`
	// SealIdentifiers keeps the identifiers of accounts, and what providers say about their owners,
	// unreadable in the vault's files too: on unless it is false. A change is carried out in the
	// background.
	SealIdentifiers *bool `json:"seal_identifiers,omitempty"`
	// Connectors are folders with more connector files, one for each provider. A file replaces the
	// built-in connector of the same name.
	Connectors []string `json:"connectors,omitempty"`
	// Apps are default apps: OAuth clients for the connections of their connector that bring none. They are
	// read-only through the API; others are kept in the vault.
	Apps []*AppConfig `json:"apps,omitempty"`
	// Connections are the connections written in the configuration, by name. They are read-only
	// through the API; others are kept in the vault.
	Connections map[string]*ConnectionConfig `json:"connections,omitempty"`
	// Webhooks are the endpoints of the app, by name, that get events. They are read-only through the
	// API; others are kept in the vault.
	Webhooks map[string]*WebhookConfig `json:"webhooks,omitempty"`
	// Callback is the public URL below which each connection has its redirect URI:
	// CALLBACK/NAME. A site with claviger_consent must answer there. Without it no user can
	// consent.
	Callback string `json:"callback,omitempty"`
	// ReturnURLs are the origins or exact URLs that a browser may be sent to after consent.
	ReturnURLs []string `json:"return_urls,omitempty"`
	// AppName is how the consent pages call the app that asks.
	AppName string `json:"app_name,omitempty"`
	// LinkTTL is how long an authorization link can be opened: 15 minutes when zero.
	LinkTTL caddy.Duration `json:"link_ttl,omitempty"`
	// Refresh says what is done for accounts without being asked.
	Refresh *RefreshConfig `json:"refresh,omitempty"`
	// PrivateHosts are the hosts of providers that may have addresses of private networks or of this
	// machine, as names, addresses, or *.example.com for all below example.com. Others are on the
	// internet, or nothing is sent. A connector's http://localhost needs no entry.
	PrivateHosts []string `json:"private_hosts,omitempty"`
	// CacheSize bounds the memory for opened credentials, in bytes: 24 MiB when zero.
	CacheSize int `json:"cache_size,omitempty"`

	ctx        caddy.Context
	log        *zap.Logger
	events     *caddyevents.App
	store      StoreModule
	key        KeyModule
	catalog    *connectors.Catalog
	configured []vault.Connection
	apps       []vault.App
	webhooks   []vault.Webhook
	recorded   bool // the webhooks are in the vault
	callback   *url.URL
	guard      *netguard.Guard
	oauth      *oauth.Client
	runtime    *runtime
	held       string // the identity under which the runtime is held; empty when it is not

	mu   sync.Mutex
	core atomic.Pointer[core]
}

// CaddyModule returns the Caddy module information.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "claviger", New: func() caddy.Module { return new(App) }}
}

// Provision loads the guests, the connectors and the connections, and takes hold of what reloads
// share. It neither opens the vault nor touches the network, so that a configuration can be
// validated beside a running server.
func (a *App) Provision(ctx caddy.Context) error {
	a.ctx, a.log = ctx, ctx.Logger()
	err := a.loadGuests()
	if err != nil {
		return err
	}
	if err := a.loadCatalog(); err != nil {
		return err
	}
	if a.guard, err = netguard.New(a.PrivateHosts); err != nil {
		return fmt.Errorf("private_hosts: %w", err)
	}
	if err := a.loadApps(); err != nil {
		return err
	}
	if err := a.loadConnections(); err != nil {
		return err
	}
	if err := a.loadWebhooks(); err != nil {
		return err
	}
	if a.Callback != "" {
		text, err := resolve("callback", a.Callback)
		if err != nil {
			return err
		}
		if a.callback, err = url.Parse(text); err != nil {
			return fmt.Errorf("callback %q is not a URL", text)
		}
	}
	events, err := ctx.App("events")
	if err != nil {
		return fmt.Errorf("loading the events app: %w", err)
	}
	a.events = events.(*caddyevents.App)
	if err := a.events.On("started", started{a}); err != nil {
		return err
	}
	if err := registerMetrics(ctx.GetMetricsRegistry()); err != nil {
		return err
	}
	a.oauth = oauth.New(oauth.Options{Guard: a.guard, Log: a.log.Named("oauth")})
	return a.hold()
}

func (a *App) loadGuests() error {
	if a.VaultRaw == nil {
		return fmt.Errorf("no vault is configured; add `vault badger <directory>` to the claviger options")
	}
	if a.KeyRaw == nil {
		return fmt.Errorf("no key is configured; add `key file <path>` to the claviger options")
	}
	store, err := a.ctx.LoadModule(a, "VaultRaw")
	if err != nil {
		return fmt.Errorf("loading the vault's store: %w", err)
	}
	key, err := a.ctx.LoadModule(a, "KeyRaw")
	if err != nil {
		return fmt.Errorf("loading the vault's key: %w", err)
	}
	var ok bool
	if a.store, ok = store.(StoreModule); !ok {
		return fmt.Errorf("module %T is no store", store)
	}
	if a.key, ok = key.(KeyModule); !ok {
		return fmt.Errorf("module %T is no key provider", key)
	}
	return nil
}

// Validate checks what needs no I/O.
func (a *App) Validate() error {
	if a.LinkTTL < 0 {
		return fmt.Errorf("link_ttl must not be negative")
	}
	if err := a.Refresh.check(); err != nil {
		return err
	}
	if len(a.ReturnURLs) > 0 && a.callback == nil {
		return fmt.Errorf("return_urls need a callback")
	}
	if a.callback == nil {
		return nil
	}
	return a.consentOptions(nil).Check()
}

// Start opens the vault, and begins to look after its accounts.
func (a *App) Start() error {
	start := time.Now()
	c, err := a.open(a.ctx)
	if err != nil {
		return err
	}
	c.tend(a.runtime)
	a.log.Info("vault is open", zap.String("store", a.store.Identity()), zap.Duration("took", time.Since(start)))
	return nil
}

// Stop does not wait: requests of this configuration may still be running, and the runtime that
// they use is shared with the next one.
func (a *App) Stop() error { return nil }

// Cleanup lets go of what Provision took hold of.
func (a *App) Cleanup() error {
	if a.held != "" {
		a.handOver()
	}
	return a.release()
}

// Interface guards
var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.Validator    = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
