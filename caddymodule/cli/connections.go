package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/client"
)

func connectionsCommand() caddycmd.Command {
	return caddycmd.Command{
		Name:  "connections",
		Short: "Lists, shows, adds and removes connections",
		Long: `Works with connections. A connection is a connector plus what you have at the provider: an OAuth client that
you have registered there, scopes, parameters. Those that are written in the configuration are changed there.`,
		CobraFunc: func(c *cobra.Command) {
			s := prepare(c)
			c.AddCommand(connectionsList(s), connectionsShow(s), connectionsAdd(s), connectionsRemove(s))
			group(c)
		},
	}
}

func connectionsList(s *settings) *cobra.Command {
	c := &cobra.Command{Use: "list", Short: "Lists connections"}
	does(c, s, 0, 0, func(ctx context.Context, call *call) error {
		s, err := call.client()
		if err != nil {
			return err
		}
		connections := []client.Connection{}
		for got, err := range s.AllConnections(ctx) {
			if err != nil {
				return s.failure(err)
			}
			connections = append(connections, got)
		}
		if call.json {
			return printJSON(call.out, connections)
		}
		if len(connections) == 0 {
			fmt.Fprintf(call.err, "There are no connections. `%s connections add` makes one.\n", program())
			return nil
		}
		rows := make([][]string, len(connections))
		for i, got := range connections {
			state := "ok"
			if got.Broken != "" {
				state = "broken: " + got.Broken
			}
			rows[i] = []string{got.Name, got.Connector, origin(got), got.RedirectURI, state}
		}
		table(call.out, []string{"CONNECTION", "CONNECTOR", "FROM", "REDIRECT URI", "STATE"}, rows)
		return nil
	})
	return c
}

func connectionsShow(s *settings) *cobra.Command {
	c := &cobra.Command{Use: "show NAME", Short: "Shows what is known about a connection"}
	does(c, s, 1, 1, func(ctx context.Context, call *call) error {
		s, err := call.client()
		if err != nil {
			return err
		}
		got, err := s.Connection(ctx, call.args[0])
		if err != nil {
			return s.failure(err)
		}
		if call.json {
			return printJSON(call.out, got)
		}
		facts(call.out, connectionFacts(got, time.Now()))
		return nil
	})
	return c
}

// connectionFacts are what `connections show` prints.
func connectionFacts(c client.Connection, now time.Time) []fact {
	secret, exposed := "none", "off"
	if c.HasClientSecret {
		secret = "set"
	}
	if c.ExposeTokens {
		exposed = "on"
	}
	var params []string
	for _, name := range slices.Sorted(maps.Keys(c.Params)) {
		params = append(params, name+"="+c.Params[name])
	}
	return []fact{
		{"connection", c.Name},
		{"id", c.ID},
		{"connector", c.Connector},
		{"auth", c.Auth},
		{"from", origin(c)},
		{"client ID", c.ClientID},
		{"client secret", secret},
		{"scopes", strings.Join(c.Scopes, " ")},
		{"params", strings.Join(params, " ")},
		{"secret params", strings.Join(c.SecretParams, " ")},
		{"expose tokens", exposed},
		{"redirect URI", c.RedirectURI},
		{"created", moment(c.CreatedAt, now)},
		{"updated", moment(c.UpdatedAt, now)},
		{"broken", c.Broken},
	}
}

// origin says where a connection is changed.
func origin(c client.Connection) string {
	if c.Origin == client.OriginConfig {
		return "configuration"
	}
	return "vault"
}

func connectionsAdd(s *settings) *cobra.Command {
	var (
		n      client.NewConnection
		params inputFlags
		secret secretSource
	)
	c := &cobra.Command{
		Use: "add NAME", Short: "Adds a connection and keeps it in the vault",
		Long: `Adds a connection and keeps it in the vault. What it needs, ` + "`claviger connectors show`" + ` tells. A secret is
never written on the command line, where other users of the machine can read it: it comes from a file,
from standard input (-), from an environment variable, or is asked for on a terminal.`,
		Example: "  claviger connections add gmail --client-id ID --client-secret-file secret.txt\n" +
			"  claviger connections add work-slack --connector slack --client-id ID --client-secret-env SLACK_SECRET\n" +
			"  claviger connections add robot --connector google --auth service_account --param-file private_key=robot.pem",
	}
	f := c.Flags()
	f.StringVar(&n.Connector, "connector", "", "connector to use (default: the one called NAME)")
	f.StringVar(&n.Auth, "auth", "", "one of the connector's ways to connect an account (default: the standard one)")
	f.StringVar(&n.ClientID, "client-id", "", "the OAuth client's ID")
	f.StringVar(&secret.file, "client-secret-file", "", "file with the OAuth client's secret; - is standard input")
	f.StringVar(&secret.env, "client-secret-env", "", "environment variable with the OAuth client's secret")
	f.StringArrayVar(&n.Scopes, "scope", nil, "scope to ask for instead of the connector's; may be repeated")
	params.add(f, "param", "the connector's inputs")
	f.BoolVar(&n.ExposeTokens, "expose-tokens", false, "let access tokens of its accounts be fetched")
	does(c, s, 1, 1, func(ctx context.Context, call *call) error {
		n.Name = call.args[0]
		n.Connector = cmp.Or(n.Connector, n.Name)
		return addConnection(ctx, call, n, params, secret)
	})
	return c
}

func addConnection(ctx context.Context, c *call, n client.NewConnection, params inputFlags, secret secretSource) error {
	if secret.file == "-" && params.stdin() {
		return usage("standard input can be one value only")
	}
	s, err := c.client()
	if err != nil {
		return err
	}
	k, err := s.Connector(ctx, n.Connector, n.Auth)
	if err != nil {
		return s.failure(err)
	}
	if k.NeedsClientID && n.ClientID == "" {
		return usage("--client-id is missing: it is the ID of the OAuth client that you have registered at the provider")
	}
	if n.Params, err = params.read(ctx, c, k.Inputs, true); err != nil {
		return err
	}
	if n.ClientSecret, err = secret.read(ctx, c, k.NeedsClientSecret); err != nil {
		return err
	}
	made, err := s.CreateConnection(ctx, n)
	if err != nil {
		return s.failure(err)
	}
	if c.json {
		return printJSON(c.out, made)
	}
	fmt.Fprintf(c.out, "Connection %s to %s is ready.\n", made.Name, k.Title)
	switch {
	case !k.NeedsUser:
		fmt.Fprintf(c.out, "Then: %s accounts add %s IDENTIFIER\n", program(), made.Name)
		return nil
	case k.AuthorizeURL != "" && made.RedirectURI == "":
		fmt.Fprintln(c.out, "The server has no callback, so no user can connect an account yet: add one to its configuration.")
		return nil
	case made.RedirectURI != "":
		fmt.Fprintf(c.out, "Register this redirect URI at the provider, exactly as it stands:\n\n  %s\n\n", made.RedirectURI)
	}
	fmt.Fprintf(c.out, "Then: %s connect %s IDENTIFIER\n", program(), made.Name)
	return nil
}

func connectionsRemove(s *settings) *cobra.Command {
	c := &cobra.Command{Use: "remove NAME", Short: "Removes a connection that has no accounts"}
	does(c, s, 1, 1, func(ctx context.Context, call *call) error {
		s, err := call.client()
		if err != nil {
			return err
		}
		if err := s.DeleteConnection(ctx, call.args[0]); err != nil {
			var refused *client.Error
			if errors.As(err, &refused) && refused.Next == "" {
				refused.Next = "`" + program() + " connections list` shows them all"
			}
			return s.failure(err)
		}
		if call.json {
			return printJSON(call.out, map[string]string{"removed": call.args[0]})
		}
		fmt.Fprintf(call.out, "Connection %s is removed.\n", call.args[0])
		return nil
	})
	return c
}
