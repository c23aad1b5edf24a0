package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/client"
)

func vaultCommand() caddycmd.Command {
	return caddycmd.Command{
		Name:  "vault",
		Short: "Keys, backups, and moving accounts between installations",
		Long: `Works with the vault as a whole: its keys, backups, and accounts that move from or to another
installation or product.

The vault belongs to the running server, and most commands ask it. When none runs, backup, verify and
export open the vault themselves; restore always does. They find it by the configuration, as the
server does.`,
		CobraFunc: func(c *cobra.Command) {
			s := prepare(c)
			c.AddCommand(vaultStatus(s), vaultKeys(s), vaultRekey(s), vaultReseal(s), vaultCompact(s), vaultVerify(s),
				vaultBackup(s), vaultRestore(s), vaultForget(s), vaultNewKey(s), vaultExport(s), vaultImport(s))
			group(c)
		},
	}
}

func vaultStatus(s *settings) *cobra.Command {
	c := &cobra.Command{Use: "status", Short: "Shows the vault's size, keys, and how far re-sealing has come"}
	does(c, s, 0, 0, func(ctx context.Context, call *call) error {
		s, err := call.client()
		if err != nil {
			return err
		}
		v, err := s.Vault(ctx)
		if err != nil {
			return s.failure(err)
		}
		return printVault(call, v)
	})
	return c
}

func printVault(c *call, v client.Vault) error {
	if c.json {
		return printJSON(c.out, v)
	}
	identifiers := "readable in the files"
	if v.SealedIdentifiers {
		identifiers = "sealed"
	}
	size := ""
	if v.Bytes > 0 {
		size = humanize.IBytes(uint64(v.Bytes))
	}
	facts(c.out, []fact{
		{"size", size},
		{"records", counted(v.Records)},
		{"identifiers", identifiers},
		{"key-encryption key", v.KeyEncryptionKey},
		{"re-sealing", resealing(v.Resealing)},
	})
	fmt.Fprintln(c.out)
	printKeys(c, v.Keys)
	return nil
}

// resealing says how far re-sealing has come.
func resealing(r client.Resealing) string {
	if !r.Needed {
		return "nothing to do"
	}
	text := humanize.Comma(int64(r.Seen)) + " records done"
	if r.Total > 0 {
		text = humanize.Comma(int64(r.Seen)) + " of " + humanize.Comma(int64(max(r.Total, r.Seen))) + " records done"
	}
	if r.Paused {
		text = "paused, " + text
	}
	return text
}

// counted lists records by kind.
func counted(records map[string]int) string {
	var list []string
	for _, kind := range []string{"account", "grant", "connection", "link", "webhook", "event"} {
		if n := records[kind]; n > 0 {
			list = append(list, plural(n, kind))
		}
	}
	return strings.Join(list, ", ")
}

func printKeys(c *call, keys []client.VaultKey) {
	rows := make([][]string, len(keys))
	for i, k := range keys {
		use := "opens what it has sealed"
		switch {
		case k.Primary:
			use = "primary: seals everything new"
		case k.PromotedAt.IsZero():
			use = "not used yet"
		}
		rows[i] = []string{k.ID, use, moment(k.CreatedAt, time.Now())}
	}
	table(c.out, []string{"KEY", "USE", "CREATED"}, rows)
}
