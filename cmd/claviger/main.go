// Command claviger is Claviger with everything that caddy can do.
package main

import (
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/claviger-proxy/claviger/caddymodule"
	"github.com/claviger-proxy/claviger/caddymodule/cli"
	"github.com/claviger-proxy/claviger/caddymodule/demo"
	_ "github.com/claviger-proxy/claviger/caddymodule/keytransit"
)

func main() { cli.Main(demo.Command()) }
