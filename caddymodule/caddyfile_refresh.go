package caddymodule

import (
	"math"
	"strconv"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// parseRefresh reads the block that says what is done for accounts without being asked:
//
//	refresh {
//		ahead       <duration>
//		idle_after  <duration>|never
//		check_every <duration>|never
//		warn_before <duration>|never
//		workers     <number>
//		rate        <number>
//	}
func parseRefresh(a *App, d *caddyfile.Dispenser) error {
	if d.NextArg() {
		return d.ArgErr()
	}
	if a.Refresh != nil {
		return d.Err("refresh stands twice")
	}
	a.Refresh = new(RefreshConfig)
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		read, ok := refreshOptions[d.Val()]
		if !ok {
			return d.Errf("unknown option %q of refresh: use ahead, idle_after, check_every, warn_before, workers or rate", d.Val())
		}
		if err := read(a.Refresh, d); err != nil {
			return err
		}
	}
	return nil
}

// refreshOptions are the options of the block, by name.
var refreshOptions = map[string]func(*RefreshConfig, *caddyfile.Dispenser) error{
	"ahead":       func(c *RefreshConfig, d *caddyfile.Dispenser) error { return onceDuration(d, &c.Ahead, "5m") },
	"idle_after":  func(c *RefreshConfig, d *caddyfile.Dispenser) error { return onceOrNever(d, &c.IdleAfter, "7d") },
	"check_every": func(c *RefreshConfig, d *caddyfile.Dispenser) error { return onceOrNever(d, &c.CheckEvery, "24h") },
	"warn_before": func(c *RefreshConfig, d *caddyfile.Dispenser) error { return onceOrNever(d, &c.WarnBefore, "7d") },
	"workers": func(c *RefreshConfig, d *caddyfile.Dispenser) error {
		text, err := onceText(d, c.Workers != 0)
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxWorkers {
			return d.Errf("workers %q is not a number from 1 to %d", text, maxWorkers)
		}
		c.Workers = n
		return nil
	},
	"rate": func(c *RefreshConfig, d *caddyfile.Dispenser) error {
		text, err := onceText(d, c.Rate != 0)
		if err != nil {
			return err
		}
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || !(v > 0) || math.IsInf(v, 0) {
			return d.Errf("rate %q is not a number of refreshes in a second, such as 50 or 0.5", text)
		}
		c.Rate = v
		return nil
	},
}

// onceText reads one argument of an option that must not be set already.
func onceText(d *caddyfile.Dispenser, set bool) (text string, err error) {
	if set {
		return "", d.Errf("%s stands twice", d.Val())
	}
	err = once(d, &text)
	return text, err
}

// never is how the options are switched off.
const never = caddy.Duration(-1)

// onceOrNever is onceDuration for what can be switched off.
func onceOrNever(d *caddyfile.Dispenser, into *caddy.Duration, example string) error {
	option := d.Val()
	text, err := onceText(d, *into != 0)
	if err != nil {
		return err
	}
	if text == "never" {
		*into = never
		return nil
	}
	v, err := caddy.ParseDuration(text)
	if err != nil || v <= 0 {
		return d.Errf("%s %q is neither a duration such as %s nor never", option, text, example)
	}
	*into = caddy.Duration(v)
	return nil
}
