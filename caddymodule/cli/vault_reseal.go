package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/client"
)

func vaultReseal(s *settings) *cobra.Command {
	pause, wait := false, false
	c := &cobra.Command{
		Use: "reseal", Short: "Goes on with sealing every record anew, or pauses it",
		Long: `Goes on with sealing every record anew under the primary key. The server does it by itself after a key
was promoted, and goes on with it when it was stopped; this is for after a pause.`,
	}
	c.Flags().BoolVar(&pause, "pause", false, "stop until the next reseal")
	c.Flags().BoolVar(&wait, "wait", false, "wait until everything is done")
	does(c, s, 0, 0, func(ctx context.Context, call *call) error {
		if pause && wait {
			return usage("--pause and --wait exclude each other")
		}
		s, err := call.client()
		if err != nil {
			return err
		}
		do := s.Reseal
		if pause {
			do = s.PauseReseal
		}
		v, err := do(ctx)
		if err != nil {
			return s.failure(err)
		}
		if wait {
			if v, err = awaitReseal(ctx, call, s, v); err != nil {
				return err
			}
		}
		if call.json {
			return printJSON(call.out, v.Resealing)
		}
		fmt.Fprintf(call.out, "Re-sealing: %s.\n", resealing(v.Resealing))
		return nil
	})
	return c
}

// awaitReseal looks at the vault until nothing is left to seal anew. On a terminal it shows how far
// it is.
func awaitReseal(ctx context.Context, c *call, s *server, v client.Vault) (client.Vault, error) {
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	shown := onTerminal(c.err) && !c.json
	for v.Resealing.Needed {
		if v.Resealing.Paused {
			return client.Vault{}, failed("reseal_paused", "re-sealing is paused", "`"+program()+" vault reseal --wait` goes on")
		}
		if shown {
			fmt.Fprintf(c.err, "\r\x1b[KRe-sealing: %s", resealing(v.Resealing))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
		var err error
		v, err = s.Vault(ctx)
		switch {
		case ctx.Err() != nil:
			return client.Vault{}, failed("interrupted", "no longer waiting; the server goes on", "`"+program()+" vault status` tells how far it is")
		case err != nil:
			return client.Vault{}, s.failure(err)
		}
	}
	if shown {
		fmt.Fprint(c.err, "\r\x1b[K")
	}
	return v, nil
}

func vaultCompact(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use: "compact", Short: "Removes what is left in the files of what was deleted or replaced",
		Long: `Removes what is left in the vault's files of everything that was deleted or replaced. It may take
minutes; the server works on meanwhile. forget and re-sealing do it by themselves.`,
	}
	does(c, s, 0, 0, func(ctx context.Context, call *call) error {
		s, err := call.client()
		if err != nil {
			return err
		}
		done, err := s.Compact(ctx)
		if err != nil {
			return s.failure(err)
		}
		if call.json {
			return printJSON(call.out, done)
		}
		if !done.Compacted {
			fmt.Fprintln(call.out, "This vault's store has nothing of the kind: it decides by itself what it keeps.")
			return nil
		}
		fmt.Fprintln(call.out, "Nothing that was deleted or replaced is in the vault's files any more.")
		return nil
	})
	return c
}

func vaultRekey(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use: "rekey", Short: "Changes the key-encryption key to the one of the configuration",
		Long: `Encrypts the vault's own keys by the key-encryption key that is the active one of the running
configuration. Before it, make the new key the active one and name the earlier one as retired, and
reload. Records are not touched, so it takes a moment only.`,
		Example: "  claviger vault new-key /etc/claviger/key-2   # says what to write into the configuration\n" +
			"  claviger reload\n  claviger vault rekey",
	}
	does(c, s, 0, 0, func(ctx context.Context, call *call) error {
		s, err := call.client()
		if err != nil {
			return err
		}
		got, err := s.Rekey(ctx)
		if err != nil {
			return s.failure(err)
		}
		if call.json {
			return printJSON(call.out, got)
		}
		if !got.Changed {
			fmt.Fprintf(call.out, "There is nothing to change: key %s, the active one of the running configuration, is in use already.\n"+
				"To change it, make another key the active one, name this one as retired, and reload.\n", got.KeyEncryptionKey)
			return nil
		}
		fmt.Fprintf(call.out, "The vault needs the key-encryption key %s from now on.\n"+
			"Then: take a backup, and remove the retired key from the configuration. Keep it as long as you keep backups of its time.\n", got.KeyEncryptionKey)
		return nil
	})
	return c
}
