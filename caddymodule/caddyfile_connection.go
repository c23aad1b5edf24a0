package caddymodule

import "github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

// parseConnection reads `connection NAME { … }`.
func parseConnection(a *App, d *caddyfile.Dispenser) error {
	var name string
	if !d.AllArgs(&name) {
		return d.ArgErr()
	}
	if a.Connections[name] != nil {
		return d.Errf("connection %s stands twice", name)
	}
	c := &ConnectionConfig{}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		read, ok := connectionOptions[d.Val()]
		if !ok {
			return d.Errf("unknown option %q of connection %s: use connector, auth, client_id, client_secret, earlier_client, scopes, param, expose_tokens or install_url", d.Val(), name)
		}
		if err := read(c, d); err != nil {
			return err
		}
	}
	if c.Connector == "" {
		c.Connector = name // a connection named like its connector needs no further word
	}
	if a.Connections == nil {
		a.Connections = map[string]*ConnectionConfig{}
	}
	a.Connections[name] = c
	return nil
}

// connectionOptions are the options of a connection, by name.
var connectionOptions = map[string]func(*ConnectionConfig, *caddyfile.Dispenser) error{
	"connector": func(c *ConnectionConfig, d *caddyfile.Dispenser) error { return once(d, &c.Connector) },
	"auth":      func(c *ConnectionConfig, d *caddyfile.Dispenser) error { return once(d, &c.Auth) },
	"client_id": func(c *ConnectionConfig, d *caddyfile.Dispenser) error { return once(d, &c.ClientID) },
	"client_secret": func(c *ConnectionConfig, d *caddyfile.Dispenser) error {
		return oneMore(d, &c.ClientSecret, &c.FurtherSecrets)
	},
	"earlier_client": func(c *ConnectionConfig, d *caddyfile.Dispenser) error { return earlierClient(d, &c.EarlierClients) },
	"expose_tokens":  func(c *ConnectionConfig, d *caddyfile.Dispenser) error { return onOff(d, &c.ExposeTokens) },
	"install_url":    func(c *ConnectionConfig, d *caddyfile.Dispenser) error { return once(d, &c.InstallURL) },
	"scopes": func(c *ConnectionConfig, d *caddyfile.Dispenser) error {
		scopes := d.RemainingArgs()
		if len(scopes) == 0 {
			return d.ArgErr()
		}
		c.Scopes = append(c.Scopes, scopes...)
		return nil
	},
	"param": func(c *ConnectionConfig, d *caddyfile.Dispenser) error { return oneParam(d, &c.Params) },
}
