package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
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
		Short: "Lists and shows the providers that Claviger knows",
		Long: `Lists and shows connectors: what Claviger knows about providers. They come from the running server,
or from this program when there is none.`,
		CobraFunc: func(c *cobra.Command) {
			s := prepare(c)
			c.AddCommand(connectorsList(s), connectorsShow(s))
			group(c)
		},
	}
}

func connectorsList(s *settings) *cobra.Command {
	c := &cobra.Command{Use: "list", Short: "Lists connectors"}
	does(c, s, 0, 0, func(ctx context.Context, call *call) error {
		var list []client.ConnectorSummary
		err := call.catalog(func(s *client.Client) (err error) {
			list, err = s.Connectors(ctx)
			return err
		})
		if err != nil {
			return err
		}
		if call.json {
			return printJSON(call.out, list)
		}
		rows := make([][]string, len(list))
		for i, k := range list {
			rows[i] = []string{k.Name, k.Title, k.Description}
		}
		table(call.out, []string{"CONNECTOR", "TITLE", "DESCRIPTION"}, rows)
		return nil
	})
	return c
}

func connectorsShow(s *settings) *cobra.Command {
	c := &cobra.Command{Use: "show NAME", Short: "Shows what a connector needs and where its requests go"}
	does(c, s, 1, 1, func(ctx context.Context, call *call) error {
		var k client.Connector
		err := call.catalog(func(s *client.Client) (err error) {
			k, err = s.Connector(ctx, call.args[0])
			return err
		})
		if err != nil {
			return err
		}
		if call.json {
			return printJSON(call.out, k)
		}
		facts(call.out, connectorFacts(k))
		for _, note := range k.Notes {
			fmt.Fprintf(call.out, "\nNote: %s\n", note)
		}
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
	handler := api.New(api.Options{Catalog: own})
	builtin, err := client.New(client.Options{Base: "http://builtin", HTTP: &http.Client{Transport: inProcess{handler}}})
	if err != nil {
		return err
	}
	fmt.Fprintln(c.err, "No server is running; these are the connectors of this program.")
	return ask(builtin)
}

func connectorFacts(k client.Connector) []fact {
	scopes := strings.Join(append(slices.Clone(k.Scopes.Always), k.Scopes.Default...), " ")
	if k.Scopes.None {
		scopes = "none: the provider has no scopes"
	}
	refresh := "no refresh tokens: users consent again when a token ends"
	if k.Refresh.Supported {
		refresh = "yes; the refresh token changes " + k.Refresh.Rotates
	}
	list := []fact{
		{"connector", k.Name},
		{"title", k.Title},
		{"description", k.Description},
		{"documentation", k.Docs},
		{"scopes", scopes},
		{"refresh", refresh},
		{"client secret", yesNo(k.ClientAuth != "none")},
		{"authorization", k.AuthorizeURL},
		{"token", k.TokenURL},
		{"revocation", k.RevokeURL},
		{"base", k.BaseURL},
	}
	for _, name := range slices.Sorted(maps.Keys(k.Bases)) {
		list = append(list, fact{"base " + name, k.Bases[name]})
	}
	for _, in := range k.Inject {
		list = append(list, fact{"credential", in.In + " " + in.Name + ": " + in.Template})
	}
	for _, in := range k.Inputs {
		text := in.Description
		if in.Required {
			text = "required; " + text
		}
		if in.Example != "" {
			text += " Example: " + in.Example
		}
		list = append(list, fact{"param " + in.Name, strings.TrimSpace(text)})
	}
	return append(list, fact{"redirect URI", k.RedirectURI})
}

func yesNo(yes bool) string {
	if yes {
		return "needed"
	}
	return "not needed"
}
