package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/vault"
)

func vaultBackup(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use: "backup FILE", Short: "Writes a backup of the vault, while the server works on",
		Long: `Writes all records of the vault, as they are at one moment, to a new file; - is standard output. All
secrets in it are sealed, and the key that opens them is not in it: keep the key-encryption key too,
and elsewhere. The running server makes the backup; when none runs, the vault itself is opened.

A backup is for the loss of a vault. To go back in time does not work: providers that rotate
refresh tokens refuse the older ones.`,
		Example: "  claviger vault backup /backup/vault-$(date +%F)\n  claviger vault backup - | ssh host 'cat > vault.backup'",
	}
	does(c, s, 1, 1, func(ctx context.Context, call *call) error {
		if call.args[0] == "-" {
			if onTerminal(call.out) {
				return usage("a backup is not shown on a terminal: give a file, or send the output to a program")
			}
			got, err := call.backup(ctx, newStdout(call))
			if err != nil {
				return err
			}
			call.saidBackup(call.err, "The backup", got)
			return nil
		}
		f, err := createFile(call.args[0])
		if err != nil {
			return err
		}
		defer f.discard()
		got, err := call.backup(ctx, f)
		if err == nil {
			err = f.commit()
		}
		if err != nil {
			return err
		}
		if call.json {
			return printJSON(call.out, got)
		}
		call.saidBackup(call.out, call.args[0], got)
		fmt.Fprintf(call.out, "Then: %s vault verify %s\n", program(), call.args[0])
		return nil
	})
	return c
}

func (c *call) saidBackup(w io.Writer, what string, got client.Backup) {
	fmt.Fprintf(w, "%s has %s.\n", what, plural(got.Records, "record"))
	if got.LeftOut > 0 {
		fmt.Fprintf(c.err, "%s cannot be read and %s not in it; `%s vault verify` says which.\n",
			plural(got.LeftOut, "record"), isAre(got.LeftOut), program())
	}
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// backup writes a backup made by the running server or, when none runs, of the vault itself.
func (c *call) backup(ctx context.Context, w io.Writer) (client.Backup, error) {
	s, err := c.client()
	if err != nil {
		return client.Backup{}, err
	}
	got, err := s.Backup(ctx, w)
	var refused *client.Error
	var here *failure
	switch {
	case err == nil:
		return got, nil
	case errors.As(err, &here): // of w
		return client.Backup{}, here
	case ctx.Err() == nil && dialError(err) == nil && !errors.As(err, &refused):
		return client.Backup{}, failed("backup_broken", "the backup broke off: "+err.Error(), "try again; the server's log may say why")
	case c.admin != "" || !absent(err):
		return client.Backup{}, s.failure(err)
	}
	g, err := c.guests()
	if err != nil {
		return client.Backup{}, err
	}
	v, err := g.openVault(ctx)
	if err != nil {
		return client.Backup{}, err
	}
	defer v.Close()
	leftOut := 0
	facts, err := v.Backup(ctx, w, func(vault.Fault) { leftOut++ })
	if err != nil {
		return client.Backup{}, g.failure(err)
	}
	return client.Backup{Records: sum(facts.Records), LeftOut: leftOut}, nil
}

func sum(records map[vault.Kind]int) int {
	n := 0
	for _, of := range records {
		n += of
	}
	return n
}
