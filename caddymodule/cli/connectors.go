package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/api"
)

func connectorsCommand() caddycmd.Command {
	return caddycmd.Command{
		Name:  "connectors",
		Short: "Works with connectors: what Claviger knows about providers",
		Long: `Works with connectors: what Claviger knows about providers. Those that are listed and shown come from the running
server, or from this program when there is none. Files of your own are made, checked, tried and added.`,
		CobraFunc: func(c *cobra.Command) {
			s := prepare(c)
			c.AddCommand(connectorsList(s), connectorsShow(s), connectorsAdd(s), connectorsRemove(s), connectorsSource(s))
			c.AddCommand(connectorsNew(s), connectorsImport(s), connectorsLint(s), connectorsTest(s))
			group(c)
		},
	}
}

func connectorsList(s *settings) *cobra.Command {
	var q client.ConnectorQuery
	c := &cobra.Command{Use: "list", Short: "Lists connectors"}
	f := c.Flags()
	f.StringVar(&q.Search, "search", "", "only connectors with these words in their name, title, description or categories")
	f.StringVar(&q.Category, "category", "", "only connectors of that category")
	f.StringVar(&q.Mode, "mode", "", "only connectors with a way of that mode, such as oauth2_code or static")
	does(c, s, 0, 0, func(ctx context.Context, call *call) error {
		var list []client.ConnectorSummary
		err := call.catalog(func(s *client.Client) (err error) {
			list, err = whole(s.AllConnectors(ctx, q))
			return err
		})
		if err != nil {
			return err
		}
		if call.json {
			return printJSON(call.out, list)
		}
		if len(list) == 0 {
			fmt.Fprintf(call.err, "There are no such connectors. `%s connectors list` shows them all.\n", program())
			return nil
		}
		rows := make([][]string, len(list))
		for i, k := range list {
			rows[i] = []string{k.Name, k.Title, modes(k), tested(k.Tested)}
		}
		table(call.out, []string{"CONNECTOR", "TITLE", "MODE", "TESTED"}, rows)
		return nil
	})
	return c
}

// modes are those of the connector's ways, each once, that of the standard way first.
func modes(k client.ConnectorSummary) string {
	list := []string{k.Mode}
	for _, w := range k.Ways {
		if !slices.Contains(list, w.Mode) {
			list = append(list, w.Mode)
		}
	}
	return strings.Join(list, ", ")
}

func tested(t client.Tested) string { return strings.TrimSpace(t.How + " " + t.Date) }

func connectorsShow(s *settings) *cobra.Command {
	auth := ""
	c := &cobra.Command{Use: "show NAME", Short: "Shows what a connector needs and where its requests go"}
	c.Flags().StringVar(&auth, "auth", "", "the way to connect an account, where there are several (default: the standard one)")
	does(c, s, 1, 1, func(ctx context.Context, call *call) error {
		var k client.Connector
		err := call.catalog(func(s *client.Client) (err error) {
			k, err = s.Connector(ctx, call.args[0], auth)
			return err
		})
		if err != nil {
			return err
		}
		if call.json {
			return printJSON(call.out, k)
		}
		printConnector(call.out, k)
		return nil
	})
	return c
}

// catalog asks the running server, or, when nobody has named one and none answers, this program's
// own connectors.
func (c *call) catalog(ask func(*client.Client) error) error {
	s, err := c.client()
	if err == nil {
		err = s.failure(ask(s.Client))
	}
	var f *failure
	if c.admin != "" || !errors.As(err, &f) || f.Code != "admin_unreachable" {
		return err
	}
	own, err := connectors.Builtin()
	if err != nil {
		return err
	}
	handler := api.New(api.Options{Catalog: func() *connectors.Catalog { return own }})
	builtin, err := client.New(client.Options{Base: "http://builtin", HTTP: &http.Client{Transport: inProcess{handler}}})
	if err != nil {
		return err
	}
	fmt.Fprintln(c.err, "No server is running; these are the connectors of this program.")
	return ask(builtin)
}
