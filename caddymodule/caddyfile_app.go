package caddymodule

import (
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// parseApp reads a default app:
//
//	app <connector> {
//		auth           <way>
//		client_id      <id>
//		client_secret  <secret>
//		earlier_client <id> [<secret>...]
//		param          <name> <value>
//	}
//
// client_secret, earlier_client and param may be repeated.
func parseApp(a *App, d *caddyfile.Dispenser) error {
	c := &AppConfig{}
	if !d.AllArgs(&c.Connector) {
		return d.ArgErr()
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		read, ok := defaultAppOptions[d.Val()]
		if !ok {
			return d.Errf("unknown option %q of app %s: use auth, client_id, client_secret, earlier_client or param", d.Val(), c.Connector)
		}
		if err := read(c, d); err != nil {
			return err
		}
	}
	for _, other := range a.Apps {
		if other.Connector == c.Connector && other.Auth == c.Auth {
			return d.Errf("app %s stands twice", strings.TrimSpace(c.Connector+" "+c.Auth))
		}
	}
	a.Apps = append(a.Apps, c)
	return nil
}

// defaultAppOptions are the options of a default app, by name.
var defaultAppOptions = map[string]func(*AppConfig, *caddyfile.Dispenser) error{
	"auth":      func(c *AppConfig, d *caddyfile.Dispenser) error { return once(d, &c.Auth) },
	"client_id": func(c *AppConfig, d *caddyfile.Dispenser) error { return once(d, &c.ClientID) },
	"client_secret": func(c *AppConfig, d *caddyfile.Dispenser) error {
		return oneMore(d, &c.ClientSecret, &c.FurtherSecrets)
	},
	"earlier_client": func(c *AppConfig, d *caddyfile.Dispenser) error { return earlierClient(d, &c.EarlierClients) },
	"param":          func(c *AppConfig, d *caddyfile.Dispenser) error { return oneParam(d, &c.Params) },
}

// oneMore reads a secret: the first, or one more. It is never printed, as in once.
func oneMore(d *caddyfile.Dispenser, first *string, more *[]string) error {
	var secret string
	if !d.AllArgs(&secret) || secret == "" {
		return d.Err("client_secret needs exactly one value; write a second secret on a line of its own")
	}
	if *first == "" {
		*first = secret
		return nil
	}
	*more = append(*more, secret)
	return nil
}

// earlierClient reads an earlier client: its ID, and its secrets if it has some.
func earlierClient(d *caddyfile.Dispenser, into *[]ClientConfig) error {
	args := d.RemainingArgs()
	if len(args) == 0 {
		return d.Err("earlier_client needs an ID, and the client's secret if it has one")
	}
	c := ClientConfig{ClientID: args[0]}
	if len(args) > 1 {
		c.ClientSecret = args[1]
	}
	if len(args) > 2 {
		c.FurtherSecrets = args[2:]
	}
	*into = append(*into, c)
	return nil
}

// oneParam reads a name and a value, which is never printed.
func oneParam(d *caddyfile.Dispenser, into *map[string]string) error {
	var name, value string
	if !d.AllArgs(&name, &value) {
		return d.Err("param needs exactly a name and a value")
	}
	if _, twice := (*into)[name]; twice {
		return d.Errf("param %s stands twice", name)
	}
	if *into == nil {
		*into = map[string]string{}
	}
	(*into)[name] = value
	return nil
}
