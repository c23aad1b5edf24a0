package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/openapi"
)

func connectorsImport(s *settings) *cobra.Command {
	c := &cobra.Command{Use: "import", Short: "Makes a connector file of what a provider publishes"}
	c.AddCommand(importOpenAPI(s))
	group(c)
	return c
}

func importOpenAPI(s *settings) *cobra.Command {
	var o openapi.Options
	output := ""
	c := &cobra.Command{
		Use: "openapi FILE", Short: "Makes a connector file of an OpenAPI document",
		Long: `Makes a connector file of the servers and security schemes of an OpenAPI document: OpenAPI 3 or Swagger 2.0, as
JSON or YAML. What the document does not say is listed on standard error. Nothing is fetched.`,
	}
	f := c.Flags()
	f.StringVar(&o.Name, "name", "", "the connector's name (default: made of the document's title)")
	f.StringVar(&o.BaseURL, "base-url", "", "the base URL of the API (default: the document's first https server)")
	f.StringVarP(&output, "output", "o", "", "the file to write (default: NAME.yaml; - is standard output)")
	does(c, s, 1, 1, func(_ context.Context, call *call) error {
		data, err := readUpTo(call.args[0], openapi.MaxSize)
		if err != nil {
			return err
		}
		k, notes, err := openapi.Import(data, o)
		if err != nil {
			return failed("document_unusable", call.args[0]+": "+err.Error(), "see --name and --base-url, or write the file with `"+program()+" connectors new`")
		}
		file, err := writeConnector(call, k, output)
		if err != nil {
			return err
		}
		if call.json {
			return printJSON(call.out, madeConnector{Connector: k.Name, File: file, Notes: notes})
		}
		for _, note := range notes {
			fmt.Fprintln(call.err, "- "+note)
		}
		whatNext(call, k, file)
		return nil
	})
	return c
}

// madeConnector is what --json prints of a file that was made.
type madeConnector struct {
	Connector string   `json:"connector"`
	File      string   `json:"file"`
	Notes     []string `json:"notes"`
}

// writeConnector writes a connector to the file, by default one that is called after it, and returns its
// name. It overwrites none.
func writeConnector(c *call, k *connectors.Connector, file string) (string, error) {
	text, err := connectors.Encode(k)
	if err != nil {
		return "", err
	}
	if file == "" {
		file = k.Name + ".yaml"
	}
	if file == "-" {
		if c.json {
			return "", usage("--json and --output - exclude each other")
		}
		_, err := c.out.Write(text)
		return file, err
	}
	f, err := createFile(file)
	if err != nil {
		return "", err
	}
	defer f.discard()
	if _, err := f.Write(text); err != nil {
		return "", err
	}
	if err := f.commit(); err != nil {
		return "", err
	}
	return file, os.Chmod(file, 0o644) //nolint:gosec // it has no secret, and the server has to read it
}

// mayWrite tells whether a file that is to be written is there already, as far as its name is known.
func mayWrite(output, name string) error {
	if output == "" && name != "" {
		output = name + ".yaml"
	}
	if output == "" || output == "-" {
		return nil
	}
	if _, err := os.Lstat(output); err == nil {
		return existsAlready(output)
	}
	return nil
}

// whatNext says what can be done with a new file.
func whatNext(c *call, k *connectors.Connector, file string) {
	if file == "-" {
		return
	}
	fmt.Fprintf(c.err, `%s is written. What comes next:
  %[2]s connectors lint %[1]s
  %[2]s connectors test %[1]s
  %[2]s connectors add %[1]s
  %[2]s connections add NAME --connector %[3]s
`, file, program(), k.Name)
}
