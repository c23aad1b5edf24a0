package caddymodule

import "github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

// parseWebhook reads an endpoint that gets events:
//
//	webhook <name> {
//		url    <url>
//		secret <secret>
//		events <types...>
//	}
func parseWebhook(a *App, d *caddyfile.Dispenser) error {
	var name string
	if !d.AllArgs(&name) {
		return d.ArgErr()
	}
	if a.Webhooks[name] != nil {
		return d.Errf("webhook %s stands twice", name)
	}
	c := &WebhookConfig{}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		read, ok := webhookOptions[d.Val()]
		if !ok {
			return d.Errf("unknown option %q of webhook %s: use url, secret or events", d.Val(), name)
		}
		if err := read(c, d); err != nil {
			return err
		}
	}
	if a.Webhooks == nil {
		a.Webhooks = map[string]*WebhookConfig{}
	}
	a.Webhooks[name] = c
	return nil
}

// webhookOptions are the options of a webhook, by name.
var webhookOptions = map[string]func(*WebhookConfig, *caddyfile.Dispenser) error{
	"url":    func(c *WebhookConfig, d *caddyfile.Dispenser) error { return once(d, &c.URL) },
	"secret": func(c *WebhookConfig, d *caddyfile.Dispenser) error { return once(d, &c.Secret) },
	"events": func(c *WebhookConfig, d *caddyfile.Dispenser) error {
		types := d.RemainingArgs()
		if len(types) == 0 {
			return d.ArgErr()
		}
		c.Events = append(c.Events, types...)
		return nil
	},
}
