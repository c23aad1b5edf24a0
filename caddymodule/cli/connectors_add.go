package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/connectors"
)

func connectorsAdd(s *settings) *cobra.Command {
	var f client.ConnectorFile
	replace := false
	c := &cobra.Command{
		Use: "add FILE", Short: "Adds a connector to the running server, or changes one that was added",
		Long: `Adds a connector to the running server, which keeps its file in the vault. - is standard input. The server
checks the file; a change that would break an account is refused with the reasons, and changes nothing.
Credentials are sent where the file says: read a file of somebody else's before you add it.`,
		Example: "  claviger connectors add acme.yaml --dry-run\n  claviger connectors add acme.yaml --replace",
	}
	flags := c.Flags()
	flags.BoolVar(&replace, "replace", false, "replace the connector of that name, a built-in one too")
	flags.BoolVar(&f.DryRun, "dry-run", false, "say what would happen, and change nothing")
	does(c, s, 1, 1, func(ctx context.Context, call *call) error {
		data, err := connectorFile(ctx, call.args[0])
		if err != nil {
			return err
		}
		f.Source = string(data)
		s, err := call.client()
		if err != nil {
			return err
		}
		change, err := addConnector(ctx, s.Client, f, replace)
		if err != nil {
			return s.failure(err)
		}
		if call.json {
			return printJSON(call.out, change)
		}
		printChange(call.out, change)
		return nil
	})
	return c
}

// connectorFile reads a file, or standard input.
func connectorFile(ctx context.Context, path string) ([]byte, error) {
	read := func() ([]byte, error) { return readUpTo(path, connectors.MaxFileSize) }
	if path == "-" {
		path = "standard input"
		read = func() ([]byte, error) {
			in := os.Stdin
			return awaited(ctx, func() ([]byte, error) { return io.ReadAll(io.LimitReader(in, connectors.MaxFileSize+1)) })
		}
	}
	data, err := read()
	if err == nil && !utf8.Valid(data) { // as JSON it would become another text
		err = failed("connector_invalid", path+" is not UTF-8", "check that it is the right file")
	}
	return data, err
}

// addConnector replaces the stored connector of the file's name, if that is meant, and else adds a new one.
func addConnector(ctx context.Context, s *client.Client, f client.ConnectorFile, replace bool) (client.ConnectorChange, error) {
	name := connectors.NameOf([]byte(f.Source))
	if replace && name != "" {
		change, err := s.ReplaceConnector(ctx, name, f)
		var refused *client.Error
		if !errors.As(err, &refused) || refused.Code != "connector_not_found" && refused.Code != "connector_built_in" {
			return change, err
		}
	}
	f.ReplaceBuiltin = replace
	return s.AddConnector(ctx, f)
}

func printChange(w io.Writer, c client.ConnectorChange) {
	done, use := "is", "use"
	if c.DryRun {
		done, use = "would be", "would use"
	}
	what := "added"
	switch c.Replaces {
	case client.OriginStored:
		what = "changed"
	case client.OriginBuiltin:
		what = "added in place of the built-in one"
	}
	fmt.Fprintf(w, "Connector %s %s %s.\n", c.Name, done, what)
	if len(c.Connections) > 0 {
		fmt.Fprintf(w, "These connections %s it: %s\n", use, strings.Join(c.Connections, ", "))
	}
	if c.Replaces == "" && !c.DryRun {
		fmt.Fprintf(w, "Then: %s connectors show %s\n", program(), c.Name)
	}
}
