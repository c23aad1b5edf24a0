package caddymodule

import (
	"context"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/seal"
)

// StoreModule is a module in claviger.vaults.
type StoreModule interface {
	caddy.Module
	// Identity names the physical store only (a directory, a DSN without its password), never its
	// options, and does no I/O: two configurations with one identity share one open store.
	Identity() string
	// OpenStore opens the store. It is called once for an identity, at the app's start or at the
	// first request.
	OpenStore(ctx context.Context, log *zap.Logger) (vault.Store, error)
}

// KeyModule is a module in claviger.keys.
type KeyModule interface {
	caddy.Module
	// KeyProvider yields the key-encryption key. It does no I/O until it is asked for a key.
	KeyProvider() seal.KeyProvider
}
