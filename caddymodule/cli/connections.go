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
		Short: "Lists, shows, adds, changes, registers and removes connections",
		Long: `Works with connections. A connection is a connector plus what you have at the provider: an OAuth client that
you have registered there, scopes, parameters. Those that are written in the configuration are changed there.`,
		CobraFunc: func(c *cobra.Command) {
			s := prepare(c)
			c.AddCommand(connectionsList(s), connectionsShow(s), connectionsAdd(s), connectionsUpdate(s), connectionsRegister(s), connectionsRemove(s))
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
		connections, err := whole(s.AllConnections(ctx))
		if err != nil {
			return s.failure(err)
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
			} else if got.KeyError != "" {
				state = "no tokens: " + got.KeyError
			}
			rows[i] = []string{got.Name, got.Connector, origin(got), clientText(got), got.RedirectURI, state}
		}
		table(call.out, []string{"CONNECTION", "CONNECTOR", "FROM", "CLIENT ID", "REDIRECT URI", "STATE"}, rows)
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
	exposed := "off"
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
		{"client ID", clientText(c)},
		{"client secret", secretsText(c.ClientSecrets, c.ClientSecretInUse)},
		{"registered", registrationText(c, now)},
		{"earlier clients", earlierText(c.EarlierClients)},
		{"scopes", strings.Join(c.Scopes, " ")},
		{"params", strings.Join(params, " ")},
		{"secret params", strings.Join(c.SecretParams, " ")},
		{"expose tokens", exposed},
		{"redirect URI", c.RedirectURI},
		{"install URL", c.InstallURL},
		{"mind", refusedText(c)},
		{"created", moment(c.CreatedAt, now)},
		{"updated", moment(c.UpdatedAt, now)},
		{"broken", c.Broken},
		{"key error", c.KeyError},
	}
}

// refusedText says that the provider does not take the connection's redirect URI; empty when it does.
func refusedText(c client.Connection) string {
	if !c.RedirectRefused {
		return ""
	}
	return localRedirect + ": " + publicRedirect
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
		secret secretFlags
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
	f.StringVar(&n.ClientID, "client-id", "", "the OAuth client's ID (default: that of the connector's default app, or of a client that is registered)")
	secret.add(f)
	f.StringArrayVar(&n.Scopes, "scope", nil, "scope to ask for instead of the connector's; may be repeated")
	params.add(f, "param", "the connector's inputs")
	f.BoolVar(&n.ExposeTokens, "expose-tokens", false, "let access tokens of its accounts be fetched")
	f.StringVar(&n.InstallURL, "install-url", "", "the app's page for users who come from the provider's marketplace")
	does(c, s, 1, 1, func(ctx context.Context, call *call) error {
		n.Name = call.args[0]
		n.Connector = cmp.Or(n.Connector, n.Name)
		return addConnection(ctx, call, n, params, secret)
	})
	return c
}

func addConnection(ctx context.Context, c *call, n client.NewConnection, params inputFlags, secret secretFlags) error {
	if secret.stdin() > 0 && params.stdin() {
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
	app, registers := client.App{}, false
	if k.NeedsClientID && n.ClientID == "" {
		if app, err = defaultApp(ctx, s, n, k.RegisterURL != ""); err != nil {
			return err
		}
		registers = app.ClientID == ""
	}
	for i, in := range k.Inputs { // what the app has is not asked for
		k.Inputs[i].Required = in.Required && app.Params[in.Name] == "" && !slices.Contains(app.SecretParams, in.Name)
		k.Inputs[i].Default = cmp.Or(app.Params[in.Name], in.Default)
	}
	if n.Params, err = params.read(ctx, c, k.Inputs, true); err != nil {
		return err
	}
	if n.ClientSecrets, err = secret.read(ctx, c, k.NeedsClientSecret && app.ClientID == "" && !registers); err != nil {
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
	case made.Registration != nil:
		fmt.Fprintf(c.out, "The provider has registered a client for it: %s\n", made.ClientID)
	case made.RedirectURI != "":
		fmt.Fprintf(c.out, "Register this redirect URI at the provider, exactly as it stands:\n\n  %s\n\n", made.RedirectURI)
	}
	if made.RedirectRefused {
		fmt.Fprintf(c.err, "Mind: %s. To mend it, %s.\n", localRedirect, publicRedirect)
	}
	fmt.Fprintf(c.out, "Then: %s connect %s IDENTIFIER\n", program(), made.Name)
	return nil
}

// defaultApp is the app for a connection that is given no client ID. Where a client can be registered there need be
// none.
func defaultApp(ctx context.Context, s *server, n client.NewConnection, registers bool) (client.App, error) {
	app, err := s.App(ctx, n.Connector, n.Auth)
	var refused *client.Error
	if errors.As(err, &refused) && refused.Code == "app_not_found" {
		if registers {
			return client.App{}, nil
		}
		return client.App{}, usage("--client-id is missing: it is the ID of the OAuth client that you have registered at the provider; "+
			"or add a default app: `%s apps add %s`", program(), n.Connector)
	}
	return app, s.failure(err)
}

func connectionsUpdate(s *settings) *cobra.Command {
	var how clientFlags
	var params inputFlags
	var byDefault bool
	c := &cobra.Command{
		Use: "update NAME", Short: "Changes the OAuth client or the secrets of a connection",
		Long: `Changes the OAuth client of a connection, which is used as it is then at once. A secret that is given without
a client ID is added to those there are. To change a secret without a failed request: register a second one
at the provider, add it here, take the old one away there, then here.

With another client ID the client before is kept: accounts that were connected with it go on with it, and
new consents use the new one.

A secret param, such as a private key, is put in the place of the one before.`,
		Example: "  claviger connections update gmail --client-secret-file new.txt\n" +
			"  claviger connections update robot --param-file private_key=new.pem\n" +
			"  claviger connections update gmail --remove-secret 1\n" +
			"  claviger connections update gmail --client-id ID --client-secret-file secret.txt",
	}
	how.add(c.Flags())
	params.add(c.Flags(), "param", "the connector's secret inputs")
	c.Flags().BoolVar(&byDefault, "default-app", false, "use the connector's default app from now on")
	does(c, s, 1, 1, func(ctx context.Context, call *call) error {
		if err := how.check(byDefault || params.given()); err != nil {
			return err
		}
		if how.secrets.stdin() > 0 && params.stdin() {
			return usage("standard input can be one value only")
		}
		if byDefault && (params.given() || how.id != "" || how.secrets.given() || len(how.remove) > 0) {
			return usage("--default-app goes with no other change")
		}
		s, err := call.client()
		if err != nil {
			return err
		}
		got, err := changeClient(ctx, call, s, how, params, byDefault)
		if err != nil {
			return err
		}
		if call.json {
			return printJSON(call.out, got)
		}
		if got.ClientID == "" {
			fmt.Fprintf(call.out, "Connection %s is changed.\n", got.Name)
			return nil
		}
		fmt.Fprintf(call.out, "Connection %s is changed; its client ID is %s.\n", got.Name, clientText(got))
		return nil
	})
	return c
}

func changeClient(ctx context.Context, c *call, s *server, how clientFlags, params inputFlags, byDefault bool) (client.Connection, error) {
	if how.forget != "" {
		got, err := s.ForgetClient(ctx, c.args[0], how.forget, how.force)
		return got, s.failure(err)
	}
	got, err := s.Connection(ctx, c.args[0])
	if err != nil {
		return client.Connection{}, s.failure(err)
	}
	k, err := s.Connector(ctx, got.Connector, got.Auth)
	if err != nil {
		return client.Connection{}, s.failure(err)
	}
	change, err := how.change(ctx, c, k.NeedsClientSecret, got.EarlierClients)
	if err != nil {
		return client.Connection{}, err
	}
	if byDefault {
		change.ClientID = new(string)
	}
	if change.SecretParams, err = params.read(ctx, c, k.Inputs, false); err != nil {
		return client.Connection{}, err
	}
	got, err = s.ChangeConnection(ctx, c.args[0], change)
	return got, s.failure(err)
}
