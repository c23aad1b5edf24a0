package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/client"
)

func appsCommand() caddycmd.Command {
	return caddycmd.Command{
		Name:  "apps",
		Short: "Lists, adds, changes and removes default apps",
		Long: `Works with default apps. A default app is an OAuth client that you have registered at a provider: connections
to its connector that bring no client of their own use it. Those that are written in the configuration are
changed there.`,
		CobraFunc: func(c *cobra.Command) {
			s := prepare(c)
			c.AddCommand(appsList(s), appsShow(s), appsAdd(s), appsUpdate(s), appsRemove(s))
			group(c)
		},
	}
}

func appsList(s *settings) *cobra.Command {
	c := &cobra.Command{Use: "list", Short: "Lists default apps"}
	does(c, s, 0, 0, func(ctx context.Context, call *call) error {
		s, err := call.client()
		if err != nil {
			return err
		}
		list, err := whole(s.AllApps(ctx))
		if err != nil {
			return s.failure(err)
		}
		if call.json {
			return printJSON(call.out, list)
		}
		if len(list) == 0 {
			fmt.Fprintf(call.err, "There are no default apps. `%s apps add CONNECTOR` makes one.\n", program())
			return nil
		}
		rows := make([][]string, len(list))
		for i, a := range list {
			rows[i] = []string{appName(a), appOrigin(a), a.ClientID, secretsText(a.ClientSecrets, a.ClientSecretInUse), strings.Join(a.Connections, " ")}
		}
		table(call.out, []string{"APP", "FROM", "CLIENT ID", "SECRETS", "CONNECTIONS"}, rows)
		return nil
	})
	return c
}

// appName is what an app is for.
func appName(a client.App) string {
	if a.Auth == "" {
		return a.Connector
	}
	return a.Connector + " (auth " + a.Auth + ")"
}

func appOrigin(a client.App) string { return origin(client.Connection{Origin: a.Origin}) }

// authFlag is the flag that names a way.
func authFlag(c *cobra.Command, auth *string) {
	c.Flags().StringVar(auth, "auth", "", "one of the connector's ways to connect an account (default: the standard one)")
}

func appsShow(s *settings) *cobra.Command {
	var auth string
	c := &cobra.Command{Use: "show CONNECTOR", Short: "Shows what is known about a default app"}
	authFlag(c, &auth)
	does(c, s, 1, 1, func(ctx context.Context, call *call) error {
		s, err := call.client()
		if err != nil {
			return err
		}
		a, err := s.App(ctx, call.args[0], auth)
		if err != nil {
			return s.failure(err)
		}
		if call.json {
			return printJSON(call.out, a)
		}
		now := time.Now()
		var params []string
		for _, name := range slices.Sorted(maps.Keys(a.Params)) {
			params = append(params, name+"="+a.Params[name])
		}
		facts(call.out, []fact{
			{"app", a.Connector},
			{"id", a.ID},
			{"auth", a.Auth},
			{"from", appOrigin(a)},
			{"client ID", a.ClientID},
			{"client secrets", secretsText(a.ClientSecrets, a.ClientSecretInUse)},
			{"earlier clients", earlierText(a.EarlierClients)},
			{"params", strings.Join(params, " ")},
			{"secret params", strings.Join(a.SecretParams, " ")},
			{"connections", strings.Join(a.Connections, " ")},
			{"created", moment(a.CreatedAt, now)},
			{"updated", moment(a.UpdatedAt, now)},
			{"broken", a.Broken},
		})
		return nil
	})
	return c
}

func appsAdd(s *settings) *cobra.Command {
	var (
		n       client.NewApp
		params  inputFlags
		secrets secretFlags
	)
	c := &cobra.Command{
		Use: "add CONNECTOR", Short: "Adds a default app and keeps it in the vault",
		Long: `Adds a default app and keeps it in the vault. Connections to the connector that bring no OAuth client use it
from then on. A secret is never written on the command line: it comes from a file, from standard input (-),
from an environment variable, or is asked for on a terminal.`,
		Example: "  claviger apps add github --client-id ID --client-secret-file secret.txt",
	}
	f := c.Flags()
	authFlag(c, &n.Auth)
	f.StringVar(&n.ClientID, "client-id", "", "the OAuth client's ID")
	secrets.add(f)
	params.add(f, "param", "the connector's inputs")
	does(c, s, 1, 1, func(ctx context.Context, call *call) error {
		n.Connector = call.args[0]
		if n.ClientID == "" {
			return usage("--client-id is missing: it is the ID of the OAuth client that you have registered at the provider")
		}
		if secrets.stdin() > 0 && params.stdin() {
			return usage("standard input can be one value only")
		}
		s, err := call.client()
		if err != nil {
			return err
		}
		k, err := s.Connector(ctx, n.Connector, n.Auth)
		if err != nil {
			return s.failure(err)
		}
		if n.Params, err = params.read(ctx, call, k.Inputs, false); err != nil {
			return err
		}
		if n.ClientSecrets, err = secrets.read(ctx, call, k.NeedsClientSecret); err != nil {
			return err
		}
		made, err := s.CreateApp(ctx, n)
		if err != nil {
			return s.failure(err)
		}
		return printApp(call, made, "is ready")
	})
	return c
}

// printApp prints what has come of a change.
func printApp(c *call, a client.App, done string) error {
	if c.json {
		return printJSON(c.out, a)
	}
	fmt.Fprintf(c.out, "The default app for %s %s.\n", appName(a), done)
	if len(a.Connections) > 0 {
		fmt.Fprintf(c.out, "It is used by %s.\n", strings.Join(a.Connections, ", "))
		return nil
	}
	fmt.Fprintf(c.out, "No connection uses it yet: %s connections add %s\n", program(), a.Connector)
	return nil
}

func appsUpdate(s *settings) *cobra.Command {
	var (
		auth   string
		params inputFlags
		how    clientFlags
	)
	c := &cobra.Command{
		Use: "update CONNECTOR", Short: "Changes the client, the secrets or the params of a default app",
		Long: `Changes a default app; its connections use it as it is then at once. A secret that is given without a client
ID is added to those there are. To change a secret without a failed request: register a second one at the
provider, add it here, take the old one away there, then here.

With another client ID the client before is kept: accounts that were connected with it go on with it, and
new consents use the new one.`,
		Example: "  claviger apps update github --client-secret-file new.txt\n" +
			"  claviger apps update github --remove-secret 1\n" +
			"  claviger apps update github --client-id ID --client-secret-file secret.txt\n" +
			"  claviger apps update github --forget-client OLD_ID",
	}
	authFlag(c, &auth)
	how.add(c.Flags())
	params.add(c.Flags(), "param", "the connector's inputs")
	does(c, s, 1, 1, func(ctx context.Context, call *call) error {
		if err := how.check(params.given()); err != nil {
			return err
		}
		if how.secrets.stdin() > 0 && params.stdin() {
			return usage("standard input can be one value only")
		}
		s, err := call.client()
		if err != nil {
			return err
		}
		if how.forget != "" {
			a, err := s.ForgetAppClient(ctx, call.args[0], auth, how.forget, how.force)
			if err != nil {
				return s.failure(err)
			}
			return printApp(call, a, "has forgotten the client")
		}
		a, err := s.App(ctx, call.args[0], auth)
		if err != nil {
			return s.failure(err)
		}
		k, err := s.Connector(ctx, a.Connector, a.Auth)
		if err != nil {
			return s.failure(err)
		}
		change, err := how.change(ctx, call, k.NeedsClientSecret, a.EarlierClients)
		if err != nil {
			return err
		}
		to := client.AppChange{
			ClientID: change.ClientID, ClientSecrets: change.ClientSecrets, AddClientSecrets: change.AddClientSecrets,
			RemoveClientSecrets: change.RemoveClientSecrets, AddEarlierClient: change.AddEarlierClient,
		}
		if to.Params, err = params.read(ctx, call, k.Inputs, false); err != nil {
			return err
		}
		if a, err = s.ChangeApp(ctx, call.args[0], auth, to); err != nil {
			return s.failure(err)
		}
		return printApp(call, a, "is changed")
	})
	return c
}

func appsRemove(s *settings) *cobra.Command {
	var auth string
	var force bool
	c := &cobra.Command{Use: "remove CONNECTOR", Short: "Removes a default app that no connection and no account needs"}
	authFlag(c, &auth)
	c.Flags().BoolVar(&force, "force", false, "remove it although connections or accounts need it, which are broken then")
	does(c, s, 1, 1, func(ctx context.Context, call *call) error {
		s, err := call.client()
		if err != nil {
			return err
		}
		if err := s.DeleteApp(ctx, call.args[0], auth, force); err != nil {
			return s.failure(err)
		}
		if call.json {
			return printJSON(call.out, map[string]string{"removed": call.args[0]})
		}
		fmt.Fprintf(call.out, "The default app for %s is removed.\n", call.args[0])
		return nil
	})
	return c
}
