package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/client"
)

func vaultForget(s *settings) *cobra.Command {
	yes := false
	c := &cobra.Command{
		Use: "forget IDENTIFIER", Short: "Deletes everything that the vault has of a user",
		Long: `Ends every grant of a user at its provider, where the provider has a way to do so, and deletes all that
the vault has of the user, at all connections: accounts, tokens and authorization links. Nothing of it
is left in the vault's files afterwards.

It cannot reach backups, snapshots of the file system and logs, nor what the provider or your app
have; docs/operate/erasure.md says more.`,
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	does(c, s, 1, 1, func(ctx context.Context, call *call) error {
		s, err := call.client()
		if err != nil {
			return err
		}
		name := clean(call.args[0])
		text := "This deletes all accounts of " + name + ", at all connections, for good."
		if err := confirm(ctx, call, yes, text, "Forget "+name+"?"); err != nil {
			return err
		}
		got, err := s.Forget(ctx, call.args[0])
		if err != nil {
			return s.failure(err)
		}
		if call.json {
			return printJSON(call.out, got)
		}
		printForgotten(call, name, got)
		return nil
	})
	return c
}

func printForgotten(c *call, name string, got client.Forgotten) {
	if len(got.Removed) == 0 && got.Links == 0 {
		fmt.Fprintf(c.out, "There is nothing of %s in the vault.\n", name)
		return
	}
	told := map[string]bool{}
	for _, d := range got.Accounts {
		told[d.Account.ID] = true
		at := d.Account.Connection
		if at == "" {
			at = "a connection that is gone"
		}
		switch {
		case d.Revoked:
			fmt.Fprintf(c.out, "%s (%s): deleted. The provider has ended the grant.\n", d.Account.ID, at)
		case d.RevokeError != "":
			fmt.Fprintf(c.out, "%s (%s): deleted. The provider has not ended the grant: %s.\n", d.Account.ID, at, strings.TrimSuffix(clean(d.RevokeError), "."))
		default:
			fmt.Fprintf(c.out, "%s (%s): deleted. There was no grant to end at the provider.\n", d.Account.ID, at)
		}
	}
	for _, id := range got.Removed {
		if !told[id] {
			fmt.Fprintf(c.out, "%s: deleted. It could not be opened, so its provider was not asked.\n", id)
		}
	}
	if got.Links > 0 {
		fmt.Fprintf(c.out, "%s deleted.\n", plural(got.Links, "authorization link"))
	}
	if got.Erased {
		fmt.Fprintf(c.out, "Nothing of %s is left in the vault's files. Backups and logs may still have it.\n", name)
	} else {
		fmt.Fprintf(c.out, "The vault's store cannot tell whether its files still have something of %s.\n", name)
	}
}
