package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/seal"
)

// storeModule and keyModule are what the modules of a vault can do, as far as it is needed here.
type (
	storeModule interface {
		OpenStore(ctx context.Context, log *zap.Logger) (vault.Store, error)
	}
	keyModule interface{ KeyProvider() seal.KeyProvider }
)

// guests are the vault's store and key, as the configuration has them. Neither is open.
type guests struct {
	config *config
	store  storeModule
	keys   seal.KeyProvider
}

// guests loads the modules of the configuration's vault, as the server would.
func (s *settings) guests() (*guests, error) {
	c, err := s.findConfig()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, failed("config_not_found", "there is no configuration that says where the vault and its key are",
			"name one with --config")
	}
	if err != nil {
		return nil, err
	}
	if c.Apps.Claviger == nil {
		return nil, failed("config_invalid", c.Path+" has no claviger app", "add `claviger { … }` to its global options")
	}
	var raw struct {
		Apps struct {
			Claviger struct {
				Vault map[string]json.RawMessage `json:"vault"`
				Key   map[string]json.RawMessage `json:"key"`
			} `json:"claviger"`
		} `json:"apps"`
	}
	if err := json.Unmarshal(c.Raw, &raw); err != nil {
		return nil, failed("config_invalid", "the configuration "+c.Path+" is not valid: "+err.Error(), "correct it there")
	}
	app := raw.Apps.Claviger
	store, err := loadGuest("claviger.vaults.", "backend", app.Vault)
	if err != nil {
		return nil, failed("config_invalid", c.Path+": "+err.Error(), "correct `vault` there")
	}
	key, err := loadGuest("claviger.keys.", "provider", app.Key)
	if err != nil {
		return nil, failed("config_invalid", c.Path+": "+err.Error(), "correct `key` there")
	}
	st, isStore := store.(storeModule)
	k, isKey := key.(keyModule)
	if !isStore || !isKey {
		return nil, failed("config_invalid", c.Path+": its vault or its key is no module of Claviger's", "correct it there")
	}
	return &guests{config: c, store: st, keys: k.KeyProvider()}, nil
}

// loadGuest makes a module of its part of the configuration. It does no I/O.
func loadGuest(namespace, inline string, raw map[string]json.RawMessage) (any, error) {
	var name string
	if err := json.Unmarshal(raw[inline], &name); err != nil || name == "" {
		return nil, fmt.Errorf("%s is missing", inline)
	}
	delete(raw, inline)
	rest, err := json.Marshal(raw)
	if err != nil {
		return nil, err
	}
	// The modules keep nothing of the context; what it would clean up lives as long as the command.
	ctx, _ := caddy.NewContext(caddy.Context{Context: context.Background()})
	return ctx.LoadModuleByID(namespace+name, rest)
}

// where is the directory of the vault, if it has one.
func (g *guests) where() string {
	v := g.config.Apps.Claviger.Vault
	if v.Backend != "badger" || v.InMemory {
		return "of " + g.config.Path
	}
	dir, err := filepath.Abs(fill(v.Path))
	if err != nil {
		return v.Path
	}
	return dir
}

// openStore opens the store of a server that is stopped. next is what to do when it is not.
func (g *guests) openStore(ctx context.Context, next string) (vault.Store, error) {
	if g.config.Apps.Claviger.Vault.InMemory {
		return nil, failed("vault_in_memory", "the vault is in memory, so there is none without its server", "ask the running server, or use `vault badger <directory>`")
	}
	store, err := g.store.OpenStore(ctx, zap.NewNop())
	switch {
	case errors.Is(err, vault.ErrInUse):
		return nil, failed("vault_in_use", "another process has the vault "+g.where()+" open", next)
	case err != nil:
		return nil, explain(err.Error(), g.config.Path)
	}
	return store, nil
}

// openVault opens the vault of a server that is stopped, and changes nothing in it. Its store is
// closed with it.
func (g *guests) openVault(ctx context.Context) (*vault.Vault, error) {
	if v := g.config.Apps.Claviger.Vault; v.Backend == "badger" && !v.InMemory && vaultIsEmpty(g.where()) {
		return nil, noVault(g.where())
	}
	store, err := g.openStore(ctx, "if that is the server, name its admin endpoint with --admin; else stop it")
	if err != nil {
		return nil, err
	}
	return openSealed(ctx, store, g)
}

// openSealed opens the vault that is in the store, by the configuration's key. When it fails, the
// store is closed.
func openSealed(ctx context.Context, store vault.Store, g *guests) (*vault.Vault, error) {
	v, err := vault.OpenWith(ctx, store, g.keys, vault.Options{AsIs: true})
	if err == nil {
		return v, nil
	}
	empty := true
	if e, ok := store.(vault.Emptier); ok {
		empty, _ = e.Empty(ctx)
	}
	_ = store.Close()
	switch {
	case !errors.Is(err, vault.ErrNotFound):
		return nil, g.failure(err)
	case !empty:
		return nil, failed("vault_missing", "the vault "+g.where()+" is not whole: it has records and no keyset, as after a restore that was cut short",
			"remove it, then restore again")
	}
	return nil, noVault(g.where())
}

func noVault(where string) error {
	return failed("vault_missing", "there is no vault yet: "+where, "name another configuration with --config")
}

// failure explains an error of a vault that was opened here.
func (g *guests) failure(err error) error {
	var p *fs.PathError
	var f *failure
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, vault.ErrBackup):
		return failed("backup_unusable", err.Error(), "take another copy of the backup; this one was cut short or altered")
	case errors.Is(err, seal.ErrUnavailable):
		return failed("key_unavailable", err.Error(), "see that the place where the key is kept can be reached")
	case errors.Is(err, seal.ErrBadKey):
		return failed("key_unusable", err.Error(), "correct the key that `key` in "+g.config.Path+" names")
	case errors.Is(err, seal.ErrUnknownKey), errors.Is(err, seal.ErrNoKey):
		return failed("key_wrong", err.Error(), "name the key of that ID in `key` of "+g.config.Path+", as the active or a retired one")
	case errors.Is(err, vault.ErrFull):
		return failed("vault_full", err.Error(), "make room on the vault's disk")
	case errors.Is(err, vault.ErrClock):
		return failed("clock_wrong", err.Error(), "set the clock of this machine")
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &p):
		return failed("file_unreadable", err.Error(), "check the file and its permissions")
	}
	return failed("vault_unavailable", err.Error(), "`"+program()+" doctor` checks the vault")
}

// openFile opens a file that a command was given.
func openFile(path string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, failed("file_unreadable", path+" cannot be read: "+cause(err), "check the path and its permissions")
	}
	return f, nil
}
