package cli

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// preflight refuses to start a server at addresses where somebody answers already. Caddy shares its
// ports with other processes (SO_REUSEPORT), so without it two servers with different vaults would
// each get some of the requests, and neither would say a word. A configuration that cannot be read
// is left to Caddy.
func preflight(ctx context.Context, path string) error {
	if path == "-" {
		return nil
	}
	if path == "" {
		path = caddyfileName
	}
	c, err := readConfig(path)
	if err != nil {
		return nil
	}
	if a := parse(cmp.Or(c.Admin.Listen, caddy.DefaultAdminListen)); !c.Admin.Disabled && answers(ctx, a) {
		return failed("admin_taken", "a server answers at the admin endpoint "+a.String()+" already",
			"stop it with `claviger stop`, change its configuration with `claviger reload`, or give this one another `admin` address")
	}
	for _, name := range slices.Sorted(maps.Keys(c.Apps.HTTP.Servers)) {
		for _, text := range c.Apps.HTTP.Servers[name].Listen {
			if a := parse(text); answers(ctx, a) {
				return failed("port_taken", "another program listens at "+strings.TrimPrefix(a.String(), "tcp/")+" already",
					"stop that program, or choose another port in "+path)
			}
		}
	}
	return nil
}

// parse reads a listener's address; one that cannot be read is left to Caddy.
func parse(text string) caddy.NetworkAddress {
	a, err := caddy.ParseNetworkAddress(fill(text))
	if err != nil || a.PortRangeSize() > 1 || a.IsFdNetwork() || strings.HasPrefix(a.Network, "udp") {
		return caddy.NetworkAddress{}
	}
	return a
}

func answers(ctx context.Context, a caddy.NetworkAddress) bool {
	if a.Network == "" || !a.IsUnixNetwork() && a.StartPort == 0 {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 250*time.Millisecond)
	defer cancel()
	return dial(ctx, listener{address: dialable(a)}) == nil
}
