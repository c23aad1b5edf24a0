package cli

import (
	"context"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/internal/api"
)

func openapiCommand() caddycmd.Command {
	return caddycmd.Command{
		Name: "openapi", Short: "Prints the OpenAPI document of the management API",
		Long: `Prints the OpenAPI 3.1 document of the management API, from which clients in other languages can be made. It
needs no server; a server sends its own at /claviger/openapi.json.`,
		CobraFunc: func(c *cobra.Command) {
			s := new(settings)
			quiet(c, s)
			does(c, s, 0, 0, func(_ context.Context, call *call) error {
				_, err := call.out.Write(api.Document())
				return err
			})
		},
	}
}
