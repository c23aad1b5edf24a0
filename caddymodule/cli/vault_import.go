package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/transfer"
)

// importFlags are those of vault import.
type importFlags struct {
	format, identity, passphrase string
	renamed                      []string
	endUser, replace, dry, yes   bool
}

func vaultImport(s *settings) *cobra.Command {
	var f importFlags
	c := &cobra.Command{
		Use: "import FILE", Short: "Takes over accounts from an export, Nango, Composio or a CSV file",
		Long: `Takes over accounts with their tokens from an export of Claviger, from what Nango's or Composio's API
gives out, or from a CSV file; - is standard input. First everything is checked and nothing is done;
then it is said what would happen.

Accounts of other products need a connection here with the same OAuth client, because a provider
refreshes tokens for the client that got them, and for no other. An export brings those of its
connections along that were kept in its vault.`,
		Example: "  claviger vault import accounts.age --identity key.txt\n" +
			"  claviger vault import nango.json --map google-mail=gmail --dry-run",
	}
	fl := c.Flags()
	fl.StringVar(&f.format, "format", "", "format of the file: claviger, nango, composio or csv (default: as it looks)")
	fl.StringArrayVar(&f.renamed, "map", nil, "connection to use for another name in the file, as FROM=TO; may be repeated")
	fl.StringVar(&f.identity, "identity", "", "file with the secret key that opens an export: AGE-SECRET-KEY-1… or an SSH key")
	fl.StringVar(&f.passphrase, "passphrase-file", "", "file with the passphrase that opens an export")
	fl.BoolVar(&f.endUser, "end-user", false, "nango: take the end user as the identifier, not the connection_id")
	fl.BoolVar(&f.replace, "replace", false, "give accounts that are here already the tokens of the file")
	fl.BoolVar(&f.dry, "dry-run", false, "check everything, say what would happen, and do nothing")
	fl.BoolVar(&f.yes, "yes", false, "do not ask")
	does(c, s, 1, 1, func(ctx context.Context, call *call) error { return importFile(ctx, call, f) })
	return c
}

func importFile(ctx context.Context, c *call, f importFlags) error {
	src, err := newImportSource(ctx, c, f)
	if err != nil {
		return err
	}
	s, err := c.client()
	if err != nil {
		return err
	}
	m := &mover{call: c, server: s, src: src, replace: f.replace}
	got, err := m.run(ctx, true)
	if err != nil {
		return err
	}
	if f.dry || got.count(client.ImportCreated)+got.count(client.ImportReplaced) == 0 {
		return got.print(c, f.dry)
	}
	if got.RefreshTokens > 0 {
		text := fmt.Sprintf(warning, got.RefreshTokens)
		if err := confirm(ctx, c, f.yes, text, fmt.Sprintf("Take over %s?", plural(got.count(client.ImportCreated)+got.count(client.ImportReplaced), "account"))); err != nil {
			return err
		}
	}
	if got, err = m.run(ctx, false); err != nil {
		return err
	}
	return got.print(c, false)
}

const warning = `Refresh tokens come along: %d. Whoever else has them, the installation that they come from above all,
must not use them any more: many providers replace a refresh token when it is used, and take the second
one who uses the old one for a thief. Then the user must consent again. Stop the old installation first.`

// itemProblem is why something of the file was not taken over.
type itemProblem struct {
	Where   string `json:"where"`
	Problem string `json:"problem"`
}

// moved is what came of an import.
type moved struct {
	Accounts      map[string]int `json:"accounts"`
	Connections   []string       `json:"connections_created,omitempty"`
	RefreshTokens int            `json:"refresh_tokens"`
	Problems      []itemProblem  `json:"problems,omitempty"`
	DryRun        bool           `json:"dry_run,omitempty"`
}

func (m *moved) count(outcome string) int { return m.Accounts[outcome] }

func (m *moved) refuse(where, why string) {
	m.Problems = append(m.Problems, itemProblem{where, why})
}

// print says what was done, and fails when something of the file was not taken over.
func (m *moved) print(c *call, dry bool) error {
	m.DryRun = dry
	if c.json {
		if err := printJSON(c.out, m); err != nil || len(m.Problems) == 0 {
			return err
		}
		return &failure{} // the document has said it all
	}
	for _, p := range m.Problems {
		fmt.Fprintf(c.err, "%s: %s\n", clean(p.Where), clean(p.Problem))
	}
	would := ""
	if dry {
		would = "would be "
	}
	for _, name := range m.Connections {
		fmt.Fprintf(c.out, "Connection %s %screated.\n", name, would)
	}
	var list []string
	for _, o := range []struct{ outcome, text string }{
		{client.ImportCreated, would + "created"},
		{client.ImportReplaced, would + "replaced"},
		{client.ImportExists, "here already"},
		{client.ImportRefused, "refused"},
	} {
		if n := m.count(o.outcome); n > 0 {
			list = append(list, fmt.Sprintf("%d %s", n, o.text))
		}
	}
	if len(list) == 0 {
		list = []string{"none"}
	}
	fmt.Fprintf(c.out, "Accounts: %s.\n", strings.Join(list, ", "))
	if n := m.count(client.ImportExists); n > 0 {
		fmt.Fprintln(c.out, "Those that are here already were left alone; --replace gives them the tokens of the file.")
	}
	if len(m.Problems) > 0 {
		return failed("import_incomplete", plural(len(m.Problems), "item")+" of the file cannot be taken over", "correct what is said above, then import the file again; what is here already is left alone")
	}
	return nil
}

// newNames reads the values of --map.
func newNames(list []string) (map[string]string, error) {
	names := map[string]string{}
	for _, text := range list {
		from, to, ok := strings.Cut(text, "=")
		if !ok || from == "" || to == "" {
			return nil, usage("--map %q is not FROM=TO", text)
		}
		names[from] = to
	}
	return names, nil
}

func formatOf(text string) (transfer.Format, error) {
	f := transfer.Format(text)
	if text != "" && !slices.Contains(transfer.Formats, f) {
		return "", usage("--format %q is none of claviger, nango, composio, csv", text)
	}
	return f, nil
}
