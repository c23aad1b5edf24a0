package caddymodule

import (
	"errors"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/claviger-proxy/claviger/vault/seal"
)

func init() {
	caddy.RegisterModule(new(KeyExec))
}

// KeyExec takes the key-encryption key from the output of a command, which runs without a shell.
// Arguments stand in the configuration and are no place for secrets; placeholders are not filled.
// Caddyfile:
//
//	key exec <program> [<argument>...]
//	key exec {
//		active  <program> [<argument>...]
//		retired <program> [<argument>...]
//		timeout <duration>
//	}
type KeyExec struct {
	// Active is the program, and its arguments, that prints the key in use.
	Active []string `json:"active,omitempty"`
	// Retired are commands that print earlier keys.
	Retired [][]string `json:"retired,omitempty"`
	// Timeout is how long a command may take, by default 10 seconds.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	keys *seal.ExecKeys
}

// CaddyModule returns the Caddy module information.
func (*KeyExec) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "claviger.keys.exec", New: func() caddy.Module { return new(KeyExec) }}
}

// Provision checks the commands; they run when the vault is opened.
func (k *KeyExec) Provision(caddy.Context) error {
	for _, c := range append([][]string{k.Active}, k.Retired...) {
		if len(c) == 0 || c[0] == "" {
			return errors.New("command of the key is missing; add it: `key exec <program> <arguments...>`")
		}
	}
	if k.Timeout < 0 {
		return errors.New("timeout of key exec must not be negative")
	}
	k.keys = &seal.ExecKeys{Command: k.Active, Retired: k.Retired, Timeout: time.Duration(k.Timeout)}
	return nil
}

// KeyProvider returns the keys that the commands print.
func (k *KeyExec) KeyProvider() seal.KeyProvider { return k.keys }

// UnmarshalCaddyfile reads the arguments after "key exec".
func (k *KeyExec) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the module's name
	k.Active = d.RemainingArgs()
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		switch option := d.Val(); option {
		case "active":
			if len(k.Active) > 0 {
				return d.Err("active stands twice")
			}
			if k.Active = d.RemainingArgs(); len(k.Active) == 0 {
				return d.ArgErr()
			}
		case "retired":
			command := d.RemainingArgs()
			if len(command) == 0 {
				return d.ArgErr()
			}
			k.Retired = append(k.Retired, command)
		case "timeout":
			if err := onceDuration(d, &k.Timeout, "10s"); err != nil {
				return err
			}
		default:
			return d.Errf("unknown option %q of key exec: active, retired and timeout are known", option)
		}
	}
	return nil
}

// Interface guards
var (
	_ KeyModule             = (*KeyExec)(nil)
	_ caddy.Provisioner     = (*KeyExec)(nil)
	_ caddyfile.Unmarshaler = (*KeyExec)(nil)
)
