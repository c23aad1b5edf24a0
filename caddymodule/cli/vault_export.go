package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/internal/transfer"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/badgerstore"
)

// exportFlags are those of vault export.
type exportFlags struct {
	recipients []string
	passphrase string
	armor      bool
}

func vaultExport(s *settings) *cobra.Command {
	var f exportFlags
	c := &cobra.Command{
		Use: "export FILE", Short: "Writes all accounts with their tokens into an encrypted file",
		Long: `Writes all connections and accounts, with their tokens and client secrets, into a new file that is
encrypted with age: to public keys (--recipient), or with a passphrase. - is standard output.

The server gives out sealed records only, and this command opens them, so it needs the key-encryption
key: run it where the configuration and the key are. When no server runs, the vault itself is opened.

Stop the installation that is left before the new one is used: providers that rotate refresh tokens
take the second one who uses an old token for a thief, and end the grant.`,
		Example: "  claviger vault export accounts.age --recipient age1…\n  claviger vault export accounts.age --passphrase-file secret.txt",
	}
	fl := c.Flags()
	fl.StringArrayVar(&f.recipients, "recipient", nil, "public key that can open the file: age1…, ssh-ed25519 …, ssh-rsa …, or @FILE with several; may be repeated")
	fl.StringVar(&f.passphrase, "passphrase-file", "", "file with the passphrase that opens the export; - is standard input, or asks on a terminal")
	fl.BoolVar(&f.armor, "armor", false, "write text instead of bytes, a third longer")
	does(c, s, 1, 1, func(ctx context.Context, call *call) error { return export(ctx, call, f) })
	return c
}

func (f exportFlags) to(ctx context.Context, c *call) ([]transfer.Recipient, error) {
	switch {
	case f.passphrase != "" && len(f.recipients) > 0:
		return nil, usage("--recipient and --passphrase-file exclude each other")
	case f.passphrase == "" && len(f.recipients) == 0:
		return nil, usage("an export is always encrypted: give --recipient with a public key, such as age-keygen makes one, or --passphrase-file")
	case f.passphrase != "":
		text, err := newPassphrase(ctx, c, f.passphrase)
		if err != nil {
			return nil, err
		}
		r, err := transfer.PassphraseRecipient(text)
		if err != nil {
			return nil, failed("passphrase_unusable", err.Error(), "check the file that it comes from")
		}
		return []transfer.Recipient{r}, nil
	}
	var all []transfer.Recipient
	for _, text := range f.recipients {
		list, err := transfer.ParseRecipient(text)
		if err != nil {
			return nil, usage("--recipient: %v", err)
		}
		all = append(all, list...)
	}
	return all, nil
}

// exported is what export prints with --json.
type exported struct {
	Connections int `json:"connections"`
	Accounts    int `json:"accounts"`
	// LeftOut says what is not in the export, and why.
	LeftOut []string `json:"left_out,omitempty"`
}

func export(ctx context.Context, c *call, f exportFlags) error {
	to, err := f.to(ctx, c)
	if err != nil {
		return err
	}
	if c.args[0] == "-" {
		if onTerminal(c.out) && !f.armor {
			return usage("bytes are not shown on a terminal: give a file, or --armor")
		}
		done, err := c.exportTo(ctx, newStdout(c), f.armor, to)
		if err == nil {
			c.saidExport(c.err, "The export", done)
		}
		return err
	}
	file, err := createFile(c.args[0])
	if err != nil {
		return err
	}
	defer file.discard()
	done, err := c.exportTo(ctx, file, f.armor, to)
	if err == nil {
		err = file.commit()
	}
	if err != nil {
		return err
	}
	if c.json {
		return printJSON(c.out, done)
	}
	c.saidExport(c.out, c.args[0], done)
	fmt.Fprintf(c.out, "Then, where the accounts go: %s vault import %s\n", program(), c.args[0])
	return nil
}

func (c *call) saidExport(w io.Writer, what string, done exported) {
	for _, text := range done.LeftOut {
		fmt.Fprintf(c.err, "left out: %s\n", clean(text))
	}
	fmt.Fprintf(w, "%s has %s and %s.\n", what, plural(done.Connections, "connection"), plural(done.Accounts, "account"))
}

// exportTo writes what is in the vault.
func (c *call) exportTo(ctx context.Context, w io.Writer, armor bool, to []transfer.Recipient) (exported, error) {
	g, err := c.guests()
	if err != nil {
		return exported{}, err
	}
	v, done, err := c.copyOfVault(ctx, g)
	if err != nil {
		return exported{}, err
	}
	defer done()
	out, err := transfer.NewWriter(w, transfer.WriteOptions{Header: transfer.Header{CreatedAt: time.Now()}, Armor: armor}, to...)
	var unwritten *failure
	switch {
	case errors.As(err, &unwritten):
		return exported{}, unwritten
	case err != nil:
		return exported{}, usage("%v", err)
	}
	e := &exporter{v: v, out: out}
	for _, folder := range g.config.Apps.Claviger.Connectors {
		e.folders = append(e.folders, fill(folder))
	}
	if err := e.run(ctx); err != nil {
		return exported{}, g.failure(err)
	}
	return e.done, nil
}

// copyOfVault opens a copy of the running server's vault in a directory of its own, where all is
// sealed as ever, or the vault itself when no server runs. done closes it, and removes the copy.
func (c *call) copyOfVault(ctx context.Context, g *guests) (v *vault.Vault, done func(), err error) {
	s, err := c.client()
	if err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "claviger-export-") // mode 0700
	if err != nil {
		return nil, nil, failed("file_unwritable", "a temporary directory cannot be made: "+cause(err), "set TMPDIR to a directory of this user")
	}
	remove := func() { _ = os.RemoveAll(dir) }
	v, err = copyInto(ctx, dir, s, g)
	if err == nil {
		return v, func() { _ = v.Close(); remove() }, nil
	}
	remove()
	if c.admin != "" || !absent(err) {
		return nil, nil, err
	}
	if v, err = g.openVault(ctx); err != nil {
		return nil, nil, err
	}
	return v, func() { _ = v.Close() }, nil
}

// copyInto restores a backup of the running server into an empty directory, and opens it.
func copyInto(ctx context.Context, dir string, s *server, g *guests) (*vault.Vault, error) {
	store, err := badgerstore.Open(badgerstore.Options{Dir: dir})
	if err != nil {
		return nil, copyFailure(g, err)
	}
	if err := pipeBackup(ctx, s, store, g); err != nil {
		_ = store.Close()
		return nil, err
	}
	return openSealed(ctx, store, g)
}

// pipeBackup puts a backup made by the server into the store.
func pipeBackup(ctx context.Context, s *server, store vault.Store, g *guests) error {
	from, to := io.Pipe()
	taken := make(chan error, 1)
	go func() { // ends with the backup, or when the pipe is closed
		_, err := s.Backup(ctx, to)
		_ = to.CloseWithError(err)
		taken <- err
	}()
	_, err := vault.Restore(ctx, from, store, g.keys, func(vault.Fault) {})
	_ = from.CloseWithError(err)
	sent := <-taken
	switch {
	case sent != nil && (err == nil || !errors.Is(sent, err)):
		return s.failure(sent)
	case err != nil:
		return copyFailure(g, err)
	}
	return nil
}

// copyFailure explains an error of the copy, which is not where the vault is.
func copyFailure(g *guests, err error) error {
	if errors.Is(err, vault.ErrFull) {
		return failed("vault_full", "there is no room for a copy of the vault: "+err.Error(), "set TMPDIR to a directory with more room")
	}
	return g.failure(err)
}
