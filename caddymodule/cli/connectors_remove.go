package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/client"
)

func connectorsRemove(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use: "remove NAME", Short: "Removes a connector that was added to the running server",
		Long: `Removes a connector that was added to the running server. If there is a built-in one of its name, that is
used again, unless it would break an account; else no connection may use it.`,
	}
	does(c, s, 1, 1, func(ctx context.Context, call *call) error {
		s, err := call.client()
		if err != nil {
			return err
		}
		if err := s.RemoveConnector(ctx, call.args[0]); err != nil {
			return s.failure(err)
		}
		if call.json {
			return printJSON(call.out, map[string]string{"removed": call.args[0]})
		}
		fmt.Fprintf(call.out, "Connector %s is removed.\n", call.args[0])
		return nil
	})
	return c
}

func connectorsSource(s *settings) *cobra.Command {
	c := &cobra.Command{Use: "source NAME", Short: "Prints the file of a connector"}
	does(c, s, 1, 1, func(ctx context.Context, call *call) error {
		var text string
		err := call.catalog(func(s *client.Client) (err error) {
			text, err = s.ConnectorSource(ctx, call.args[0])
			return err
		})
		if err != nil {
			return err
		}
		if call.json {
			return printJSON(call.out, map[string]string{"connector": call.args[0], "source": text})
		}
		_, err = io.WriteString(call.out, text)
		return err
	})
	return c
}
