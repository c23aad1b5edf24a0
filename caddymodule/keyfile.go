package caddymodule

import (
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/claviger-proxy/claviger/vault/seal"
)

func init() {
	caddy.RegisterModule(new(KeyFile))
}

// KeyFile reads the key-encryption key from a file, and creates it for an empty vault. Caddyfile:
//
//	key file <path>
//	key file {
//		active  <path>
//		retired <path>...
//	}
type KeyFile struct {
	// Active is the file of the key in use.
	Active string `json:"active,omitempty"`
	// Retired are the files of earlier keys.
	Retired []string `json:"retired,omitempty"`

	keys seal.FileKeys
}

// CaddyModule returns the Caddy module information.
func (*KeyFile) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "claviger.keys.file", New: func() caddy.Module { return new(KeyFile) }}
}

// Provision fills in placeholders; the file itself is read when the vault is opened.
func (k *KeyFile) Provision(caddy.Context) (err error) {
	if k.keys.Path, err = resolve("path of the key file", k.Active); err != nil {
		return err
	}
	for _, r := range k.Retired {
		path, err := resolve("path of a retired key file", r)
		if err != nil {
			return err
		}
		k.keys.Retired = append(k.keys.Retired, path)
	}
	return nil
}

// KeyProvider returns the keys in the files.
func (k *KeyFile) KeyProvider() seal.KeyProvider { return k.keys }

// UnmarshalCaddyfile reads the arguments after "key file".
func (k *KeyFile) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
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
			paths := d.RemainingArgs()
			if len(paths) == 0 {
				return d.ArgErr()
			}
			k.Retired = append(k.Retired, paths...)
		default:
			return d.Errf("unknown option %q of key file: active and retired are known", option)
		}
	}
	return nil
}

// Interface guards
var (
	_ KeyModule             = (*KeyFile)(nil)
	_ caddy.Provisioner     = (*KeyFile)(nil)
	_ caddyfile.Unmarshaler = (*KeyFile)(nil)
)
