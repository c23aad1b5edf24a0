package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/client"
)

func vaultKeys(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use: "keys", Short: "Lists and changes the keys that records are sealed under",
		Long: `Works with the keys that records are sealed under. They never leave the server; here they have IDs.
To change them, one command is enough: rotate. The others are its steps.`,
	}
	c.AddCommand(keysList(s), keysAdd(s), keysPromote(s), keysRetire(s), keysRotate(s))
	group(c)
	return c
}

func keysList(s *settings) *cobra.Command {
	c := &cobra.Command{Use: "list", Short: "Lists the vault's keys"}
	does(c, s, 0, 0, func(ctx context.Context, call *call) error {
		s, err := call.client()
		if err != nil {
			return err
		}
		v, err := s.Vault(ctx)
		if err != nil {
			return s.failure(err)
		}
		if call.json {
			return printJSON(call.out, v.Keys)
		}
		printKeys(call, v.Keys)
		return nil
	})
	return c
}

func keysAdd(s *settings) *cobra.Command {
	c := &cobra.Command{Use: "add", Short: "Adds a key, which seals nothing until it is promoted"}
	does(c, s, 0, 0, func(ctx context.Context, call *call) error {
		s, err := call.client()
		if err != nil {
			return err
		}
		k, err := s.AddKey(ctx)
		if err != nil {
			return s.failure(err)
		}
		if call.json {
			return printJSON(call.out, k)
		}
		fmt.Fprintf(call.out, "Key %s is added.\nThen: %s vault keys promote %s\n", k.ID, program(), k.ID)
		return nil
	})
	return c
}

func keysPromote(s *settings) *cobra.Command {
	wait := false
	c := &cobra.Command{Use: "promote KEY", Short: "Makes a key the primary one, and begins to re-seal"}
	c.Flags().BoolVar(&wait, "wait", false, "wait until everything is sealed under it")
	does(c, s, 1, 1, func(ctx context.Context, call *call) error {
		return changeKeys(ctx, call, wait, func(s *server) (client.Vault, error) { return s.PromoteKey(ctx, call.args[0]) })
	})
	return c
}

func keysRotate(s *settings) *cobra.Command {
	wait := false
	c := &cobra.Command{
		Use: "rotate", Short: "Adds a key, makes it the primary one, and begins to re-seal",
		Long: `Adds a key, makes it the primary one, and begins to seal every record anew under it. The server works
on meanwhile. When that is done, the earlier key can be retired.`,
	}
	c.Flags().BoolVar(&wait, "wait", false, "wait until everything is sealed under the new key")
	does(c, s, 0, 0, func(ctx context.Context, call *call) error {
		return changeKeys(ctx, call, wait, func(s *server) (client.Vault, error) { return s.RotateKey(ctx) })
	})
	return c
}

// changeKeys does what makes another key the primary one, and says what comes next.
func changeKeys(ctx context.Context, c *call, wait bool, change func(*server) (client.Vault, error)) error {
	s, err := c.client()
	if err != nil {
		return err
	}
	v, err := change(s)
	if err != nil {
		return s.failure(err)
	}
	if wait {
		if v, err = awaitReseal(ctx, c, s, v); err != nil {
			return err
		}
	}
	if c.json {
		return printJSON(c.out, v)
	}
	fmt.Fprintf(c.out, "Records are sealed under key %s from now on.\n", v.Keys[0].ID)
	if v.Resealing.Needed {
		fmt.Fprintf(c.out, "Earlier ones are being sealed anew; `%s vault status` tells how far that is.\n", program())
		return nil
	}
	fmt.Fprintln(c.out, "All earlier ones have been sealed anew.")
	for _, k := range v.Keys[1:] {
		if !k.PromotedAt.IsZero() {
			fmt.Fprintf(c.out, "Then: %s vault keys retire %s\n", program(), k.ID)
		}
	}
	return nil
}

func keysRetire(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use: "retire KEY", Short: "Deletes a key that nothing is sealed under",
		Long: `Deletes a key that nothing is sealed under any more. The server counts first, and refuses while a record
needs the key. Backups have the keys of their own time with them.`,
	}
	does(c, s, 1, 1, func(ctx context.Context, call *call) error {
		s, err := call.client()
		if err != nil {
			return err
		}
		v, err := s.RetireKey(ctx, call.args[0])
		if err != nil {
			return s.failure(err)
		}
		if call.json {
			return printJSON(call.out, v)
		}
		fmt.Fprintf(call.out, "Key %s is deleted.\n", clean(call.args[0]))
		return nil
	})
	return c
}
