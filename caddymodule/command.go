package caddymodule

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/claviger-proxy/claviger/caddymodule/cli"
)

func init() {
	caddycmd.RegisterCommand(cli.Plugin())
}
