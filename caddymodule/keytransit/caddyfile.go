package keytransit

import (
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// UnmarshalCaddyfile reads the block after "key transit".
func (t *Transit) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the module's name
	if d.NextArg() {
		return d.ArgErr()
	}
	options := map[string]*string{
		"address": &t.Address, "token_file": &t.TokenFile, "token": &t.Token, "mount": &t.Mount,
		"key": &t.Key, "namespace": &t.Namespace, "ca_file": &t.CAFile,
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		option := d.Val()
		into, ok := options[option]
		switch {
		case ok:
			if err := once(d, into); err != nil {
				return err
			}
		case option == "retired":
			names := d.RemainingArgs()
			if len(names) == 0 {
				return d.ArgErr()
			}
			t.Retired = append(t.Retired, names...)
		case option == "timeout":
			var text string
			if err := once(d, &text); err != nil {
				return err
			}
			timeout, err := caddy.ParseDuration(text)
			if err != nil || timeout <= 0 {
				return d.Errf("timeout %q is not a duration such as 10s", text)
			}
			t.Timeout = caddy.Duration(timeout)
		default:
			return d.Errf("unknown option %q of key transit: use address, token_file, token, mount, key, retired, namespace, ca_file or timeout", option)
		}
	}
	return nil
}

// once reads one argument into an option that has not been set yet. The value is never printed: it
// may be a secret.
func once(d *caddyfile.Dispenser, into *string) error {
	option := d.Val()
	if *into != "" {
		return d.Errf("%s stands twice", option)
	}
	if !d.AllArgs(into) {
		return d.Errf("%s needs exactly one value", option)
	}
	return nil
}

// Interface guards
var _ caddyfile.Unmarshaler = (*Transit)(nil)
