package caddymodule

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/badgerstore"
)

func init() {
	caddy.RegisterModule(new(Badger))
}

// Badger keeps the vault in a directory of this host, for one process. Caddyfile:
//
//	vault badger <directory>
//	vault badger {
//		in_memory
//	}
type Badger struct {
	// Path is the directory. It is created with mode 0700; one that others can read is refused.
	Path string `json:"path,omitempty"`
	// InMemory keeps nothing on disk. Everything is lost with the process: for tests and demos.
	InMemory bool `json:"in_memory,omitempty"`

	dir string
}

// CaddyModule returns the Caddy module information.
func (*Badger) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "claviger.vaults.badger", New: func() caddy.Module { return new(Badger) }}
}

// Provision makes the path absolute.
func (b *Badger) Provision(caddy.Context) error {
	if b.InMemory {
		if b.Path != "" {
			return errors.New("a vault in memory has no path; remove path or in_memory")
		}
		return nil
	}
	path, err := resolve("vault path", b.Path)
	if err != nil {
		return err
	}
	b.dir, err = filepath.Abs(path)
	return err
}

// Identity is the directory.
func (b *Badger) Identity() string {
	if b.InMemory {
		return "badger:memory"
	}
	return "badger:" + b.dir
}

// OpenStore opens or creates the directory.
func (b *Badger) OpenStore(_ context.Context, log *zap.Logger) (vault.Store, error) {
	return badgerstore.Open(badgerstore.Options{Dir: b.dir, InMemory: b.InMemory, Logger: log})
}

// UnmarshalCaddyfile reads the arguments after "vault badger".
func (b *Badger) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the module's name
	if d.NextArg() {
		b.Path = d.Val()
	}
	if d.NextArg() {
		return d.ArgErr()
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		switch d.Val() {
		case "in_memory":
			b.InMemory = true
		default:
			return d.Errf("unknown option %q of vault badger: only in_memory is known", d.Val())
		}
		if d.NextArg() {
			return d.ArgErr()
		}
	}
	return nil
}

// Interface guards
var (
	_ StoreModule           = (*Badger)(nil)
	_ caddy.Provisioner     = (*Badger)(nil)
	_ caddyfile.Unmarshaler = (*Badger)(nil)
)
