package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/vault/seal"
)

func vaultNewKey(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use: "new-key FILE", Short: "Makes a key-encryption key",
		Long: `Makes a key-encryption key and writes it to FILE, readable by this user only. A file that exists is
never touched. With - the key is printed, for a program that takes it: never on a terminal.`,
		Example: "  claviger vault new-key /etc/claviger/key-2",
	}
	does(c, s, 1, 1, newKey)
	return c
}

func newKey(ctx context.Context, c *call) error {
	path := c.args[0]
	if path == "-" {
		if onTerminal(c.out) {
			return usage("the key is not shown on a terminal: give a file, or send the output to a program")
		}
		_, err := fmt.Fprint(c.out, seal.NewKeyText())
		return err
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return failed("file_unwritable", err.Error(), "name an absolute path")
	}
	keys := seal.FileKeys{Path: path}
	if err := keys.CreateKey(ctx); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return failed("file_exists", path+" exists, and a key is never overwritten", "choose another name")
		}
		return failed("file_unwritable", path+" cannot be written: "+cause(err), "check the directory and its permissions")
	}
	k, err := keys.Active(ctx)
	if err != nil {
		return failed("file_unwritable", err.Error(), "check the file")
	}
	if c.json {
		return printJSON(c.out, map[string]string{"file": path, "id": k.ID})
	}
	fmt.Fprintf(c.out, "Key %s is in %s. Keep a copy where the backups are not.\n\n", k.ID, path)
	fmt.Fprintf(c.out, "To use it for a vault that is there, write into the claviger block of the configuration\n\n"+
		"\tkey file {\n\t\tactive  %s\n\t\tretired %s\n\t}\n\nThen: %s reload, and %s vault rekey\n",
		quote(path), quote(c.presentKey()), caddyProgram(), program())
	return nil
}

// presentKey is the key file of the configuration, or what stands for one.
func (s *settings) presentKey() string {
	c, err := s.findConfig()
	if err != nil || c.Apps.Claviger == nil || c.Apps.Claviger.Key.Provider != "file" {
		return "/path/of/the/present/key"
	}
	return c.Apps.Claviger.Key.Active
}
