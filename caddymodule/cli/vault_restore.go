package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/vault"
)

func vaultRestore(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use: "restore FILE", Short: "Puts a backup into the empty vault of a stopped server",
		Long: `Puts a backup into the vault that the configuration names. No server may be running with it, and it must
be empty: move an earlier vault's directory away, and keep it until all is well. The key-encryption
key of the time of the backup must be in the configuration, as the active or a retired one.

The backup is read to its end before anything is written. Damaged records are restored as they are,
and named.`,
		Example: "  claviger stop\n  mv /var/lib/claviger /var/lib/claviger.old\n  claviger vault restore /backup/vault\n  claviger start",
	}
	does(c, s, 1, 1, restore)
	return c
}

// restored is what restore prints with --json.
type restored struct {
	client.Verification
	Created string `json:"created_at"`
}

func restore(ctx context.Context, c *call) error {
	g, err := c.guests()
	if err != nil {
		return err
	}
	f, err := openFile(c.args[0])
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := vault.VerifyBackup(ctx, f, g.keys, func(vault.Fault) {}); err != nil {
		return g.failure(err)
	}
	if _, err := f.Seek(0, 0); err != nil {
		return failed("file_unreadable", c.args[0]+" cannot be read twice: "+cause(err), "give a file, not a pipe")
	}
	store, err := g.openEmpty(ctx)
	if err != nil {
		return err
	}
	var got restored
	facts, err := vault.Restore(ctx, f, store, g.keys, faultsInto(&got.Verification))
	if e := store.Close(); err == nil {
		err = e
	}
	if err != nil {
		f := failureOf(g.failure(err))
		f.Next = strings.TrimSpace("the vault is not whole: remove " + g.where() + ", then restore again. " + f.Next)
		return f
	}
	got.Records, got.Created = kinds(facts.Records), facts.Created.Format("2006-01-02T15:04:05Z07:00")
	if c.json {
		return printJSON(c.out, got)
	}
	printFaults(c, got.Found)
	fmt.Fprintf(c.out, "Restored: %s, as of %s.\n", orNone(counted(got.Records)), facts.Created.Local().Format("2006-01-02 15:04:05"))
	if got.Faults > 0 {
		fmt.Fprintf(c.out, "%s cannot be opened; connect those users again.\n", plural(got.Faults, "record"))
	}
	fmt.Fprintf(c.out, "Then: %s start. Accounts whose refresh token was replaced since the backup become EXPIRED; their users must consent again.\n", caddyProgram())
	return nil
}

// openEmpty opens the store to restore into. What it makes of an empty directory stays.
func (g *guests) openEmpty(ctx context.Context) (vault.Store, error) {
	store, err := g.openStore(ctx, "stop the server that has it, then restore")
	if err != nil {
		return nil, err
	}
	e, ok := store.(vault.Emptier)
	if !ok {
		return store, nil // Restore looks
	}
	empty, err := e.Empty(ctx)
	if err == nil && empty {
		return store, nil
	}
	if err = errors.Join(err, store.Close()); err != nil {
		return nil, g.failure(err)
	}
	return nil, failed("vault_not_empty", "the vault "+g.where()+" has records already, and was left as it is",
		"move it away, or name another place in `vault` of the configuration")
}
