package caddymodule

import (
	"errors"
	"regexp"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/claviger-proxy/claviger/vault/seal"
)

func init() {
	caddy.RegisterModule(new(KeyEnv))
}

// KeyEnv reads the key-encryption key from an environment variable. Caddyfile:
//
//	key env <variable>
//	key env {
//		active  <variable>
//		retired <variable>...
//	}
type KeyEnv struct {
	// Active is the name of the variable with the key in use: KEY, not {env.KEY}.
	Active string `json:"active,omitempty"`
	// Retired are the names of variables with earlier keys.
	Retired []string `json:"retired,omitempty"`

	keys seal.EnvKeys
}

// CaddyModule returns the Caddy module information.
func (*KeyEnv) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "claviger.keys.env", New: func() caddy.Module { return new(KeyEnv) }}
}

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)

// Provision checks the names. What is no name is not shown, because it may be the key itself.
func (k *KeyEnv) Provision(caddy.Context) error {
	if k.Active == "" {
		return errors.New("variable of the key is missing; add its name: `key env <variable>`")
	}
	for _, name := range append([]string{k.Active}, k.Retired...) {
		if !variable.MatchString(name) {
			return errors.New("key env needs the name of an environment variable, such as CLAVIGER_KEY: no placeholder, and not the key itself")
		}
	}
	k.keys = seal.EnvKeys{Var: k.Active, Retired: k.Retired}
	return nil
}

// KeyProvider returns the keys in the variables.
func (k *KeyEnv) KeyProvider() seal.KeyProvider { return k.keys }

// UnmarshalCaddyfile reads the arguments after "key env".
func (k *KeyEnv) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the module's name
	if d.NextArg() {
		k.Active = d.Val()
	}
	if d.NextArg() {
		return d.ArgErr()
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		switch option := d.Val(); option {
		case "active":
			if err := once(d, &k.Active); err != nil {
				return err
			}
		case "retired":
			names := d.RemainingArgs()
			if len(names) == 0 {
				return d.ArgErr()
			}
			k.Retired = append(k.Retired, names...)
		default:
			return d.Errf("unknown option %q of key env: active and retired are known", option)
		}
	}
	return nil
}

// Interface guards
var (
	_ KeyModule             = (*KeyEnv)(nil)
	_ caddy.Provisioner     = (*KeyEnv)(nil)
	_ caddyfile.Unmarshaler = (*KeyEnv)(nil)
)
