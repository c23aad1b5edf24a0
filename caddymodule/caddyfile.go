package caddymodule

import (
	"encoding/json"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/dustin/go-humanize"
)

func init() {
	httpcaddyfile.RegisterGlobalOption("claviger", parseGlobal)
	httpcaddyfile.RegisterHandlerDirective("claviger_consent", parseConsent)
	httpcaddyfile.RegisterHandlerDirective("claviger_health", parseHealth)
	httpcaddyfile.RegisterDirective("claviger_proxy", parseProxy)
	for _, d := range []string{"claviger_consent", "claviger_health", "claviger_proxy"} {
		httpcaddyfile.RegisterDirectiveOrder(d, httpcaddyfile.Before, "respond")
	}
}

// parseGlobal reads the global option `claviger { … }`.
func parseGlobal(d *caddyfile.Dispenser, existing any) (any, error) {
	if existing != nil {
		d.Next() // for the line
		return nil, d.Err("the global option claviger stands twice; put everything into one block")
	}
	app := new(App)
	if err := app.UnmarshalCaddyfile(d); err != nil {
		return nil, err
	}
	return httpcaddyfile.App{Name: "claviger", Value: caddyconfig.JSON(app, nil)}, nil
}

// UnmarshalCaddyfile reads the block of the global option.
func (a *App) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // claviger
	if d.NextArg() {
		return d.ArgErr()
	}
	for d.NextBlock(0) {
		read, ok := appOptions[d.Val()]
		if !ok {
			return d.Errf("unknown claviger option %q: use vault, key, seal_identifiers, connectors, app, connection, callback, "+
				"return_urls, app_name, link_ttl, private_hosts, cache_size, refresh or webhook", d.Val())
		}
		if err := read(a, d); err != nil {
			return err
		}
	}
	return nil
}

// appOptions are the options of the block, by name.
var appOptions = map[string]func(*App, *caddyfile.Dispenser) error{
	"vault": func(a *App, d *caddyfile.Dispenser) (err error) {
		a.VaultRaw, err = guest(d, a.VaultRaw, "claviger.vaults.", "backend")
		return err
	},
	"key": func(a *App, d *caddyfile.Dispenser) (err error) {
		a.KeyRaw, err = guest(d, a.KeyRaw, "claviger.keys.", "provider")
		return err
	},
	"seal_identifiers": func(a *App, d *caddyfile.Dispenser) error {
		return onOff(d, &a.SealIdentifiers)
	},
	"app":           parseApp,
	"connectors":    func(a *App, d *caddyfile.Dispenser) error { return several(d, &a.Connectors) },
	"connection":    parseConnection,
	"refresh":       parseRefresh,
	"webhook":       parseWebhook,
	"callback":      func(a *App, d *caddyfile.Dispenser) error { return once(d, &a.Callback) },
	"app_name":      func(a *App, d *caddyfile.Dispenser) error { return once(d, &a.AppName) },
	"return_urls":   func(a *App, d *caddyfile.Dispenser) error { return several(d, &a.ReturnURLs) },
	"private_hosts": func(a *App, d *caddyfile.Dispenser) error { return several(d, &a.PrivateHosts) },
	"link_ttl": func(a *App, d *caddyfile.Dispenser) error {
		return onceDuration(d, &a.LinkTTL, "15m")
	},
	"cache_size": func(a *App, d *caddyfile.Dispenser) error {
		var text string
		if err := once(d, &text); err != nil {
			return err
		}
		n, err := humanize.ParseBytes(text)
		if err != nil || n == 0 || n > 1<<40 {
			return d.Errf("cache_size %q is not a size such as 24MiB", text)
		}
		a.CacheSize = int(n)
		return nil
	},
}

// guest reads a module and its options into JSON.
func guest(d *caddyfile.Dispenser, earlier json.RawMessage, namespace, inlineKey string) (json.RawMessage, error) {
	option := d.Val()
	if earlier != nil {
		return nil, d.Errf("%s stands twice", option)
	}
	if !d.NextArg() {
		return nil, d.ArgErr()
	}
	name := d.Val()
	unm, err := caddyfile.UnmarshalModule(d, namespace+name)
	if err != nil {
		return nil, err
	}
	return caddyconfig.JSONModuleObject(unm, inlineKey, name, nil), nil
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

// several reads one argument or more, beside those that were given before.
func several(d *caddyfile.Dispenser, into *[]string) error {
	more := d.RemainingArgs()
	if len(more) == 0 {
		return d.ArgErr()
	}
	*into = append(*into, more...)
	return nil
}

// onOff is once for a switch.
func onOff(d *caddyfile.Dispenser, into **bool) error {
	option, text := d.Val(), ""
	if err := once(d, &text); err != nil {
		return err
	}
	if text != "on" && text != "off" || *into != nil {
		return d.Errf("%s is on or off, once", option)
	}
	on := text == "on"
	*into = &on
	return nil
}

// onceDuration is once for a duration, which is above zero and looks like the example.
func onceDuration(d *caddyfile.Dispenser, into *caddy.Duration, example string) error {
	option, text := d.Val(), ""
	if *into != 0 {
		return d.Errf("%s stands twice", option)
	}
	if err := once(d, &text); err != nil {
		return err
	}
	v, err := caddy.ParseDuration(text)
	if err != nil || v <= 0 {
		return d.Errf("%s %q is not a duration such as %s", option, text, example)
	}
	*into = caddy.Duration(v)
	return nil
}

// Interface guards
var _ caddyfile.Unmarshaler = (*App)(nil)
