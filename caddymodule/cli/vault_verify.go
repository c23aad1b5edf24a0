package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/vault"
)

func vaultVerify(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use: "verify [FILE]", Short: "Opens every record of the vault, or of a backup",
		Long: `Opens every record and says which ones are damaged. Without FILE it is the vault of the running server
or, when none runs, the vault itself. With FILE it is a backup, which needs no server but the
key-encryption key of its time. The exit status is 1 when something is damaged.`,
	}
	does(c, s, 0, 1, func(ctx context.Context, call *call) error {
		var got client.Verification
		var err error
		what := "The vault"
		if len(call.args) == 1 {
			what = call.args[0]
			got, err = call.verifyBackup(ctx, what)
		} else {
			got, err = call.verify(ctx)
		}
		if err != nil {
			return err
		}
		return printVerified(call, what, got)
	})
	return c
}

// verify asks the running server or, when none runs, opens the vault itself.
func (c *call) verify(ctx context.Context) (client.Verification, error) {
	s, err := c.client()
	if err != nil {
		return client.Verification{}, err
	}
	got, err := s.Verify(ctx)
	if err == nil || c.admin != "" || !absent(err) {
		return got, s.failure(err)
	}
	g, err := c.guests()
	if err != nil {
		return client.Verification{}, err
	}
	v, err := g.openVault(ctx)
	if err != nil {
		return client.Verification{}, err
	}
	defer v.Close()
	seen, err := v.Verify(ctx, faultsInto(&got))
	if err != nil {
		return client.Verification{}, g.failure(err)
	}
	got.Records = kinds(seen.Records)
	return got, nil
}

func (c *call) verifyBackup(ctx context.Context, path string) (client.Verification, error) {
	g, err := c.guests()
	if err != nil {
		return client.Verification{}, err
	}
	f, err := openFile(path)
	if err != nil {
		return client.Verification{}, err
	}
	defer f.Close()
	var got client.Verification
	facts, err := vault.VerifyBackup(ctx, f, g.keys, faultsInto(&got))
	if err != nil {
		return client.Verification{}, g.failure(err)
	}
	got.Records = kinds(facts.Records)
	return got, nil
}

// faultsInto keeps what is reported.
func faultsInto(got *client.Verification) func(vault.Fault) {
	return func(f vault.Fault) {
		got.Faults++
		got.Found = append(got.Found, client.Fault{Kind: string(f.Kind), ID: f.ID, Problem: f.Problem})
	}
}

// kinds counts by kind, without what only the vault itself has to do with.
func kinds(records map[vault.Kind]int) map[string]int {
	out := map[string]int{}
	for k, n := range records {
		if k != vault.KindMeta {
			out[string(k)] = n
		}
	}
	return out
}

// printVerified fails when something is damaged.
func printVerified(c *call, what string, got client.Verification) error {
	if c.json {
		if err := printJSON(c.out, got); err != nil || got.Faults == 0 {
			return err
		}
		return &failure{} // the document has said it all
	}
	printFaults(c, got.Found)
	if more := got.Faults - len(got.Found); more > 0 {
		fmt.Fprintf(c.out, "… and %d more\n", more)
	}
	if got.Faults == 0 {
		fmt.Fprintf(c.out, "%s is in order: %s.\n", what, orNone(counted(got.Records)))
		return nil
	}
	fmt.Fprintf(c.out, "In order: %s.\n", orNone(counted(got.Records)))
	return failed("vault_damaged", what+" has "+plural(got.Faults, "fault"),
		"connect those users again, or restore a backup; docs/operate/backup.md says how")
}

func printFaults(c *call, found []client.Fault) {
	for _, f := range found {
		fmt.Fprintf(c.out, "%s %s: %s\n", f.Kind, clean(f.ID), clean(f.Problem))
	}
}

func orNone(text string) string {
	if text == "" {
		return "no records"
	}
	return text
}
