package cli

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/client"
)

// connectOptions are the flags of connect.
type connectOptions struct {
	returnURL, state string
	scopes, choices  []string
	inputs           inputFlags
	open             bool
	wait, noWait     bool
	device           bool
	// chosen tells that --device was given, in whichever way.
	chosen bool
}

func connectCommand() caddycmd.Command {
	return caddycmd.Command{
		Name: "connect", Usage: "CONNECTION IDENTIFIER",
		Short: "Makes the link with which a user connects an account",
		Long: `Makes a one-time link for one user of your app. The user opens it in a browser and consents at the
provider; then the account is ACTIVE and requests can be sent for it. Where an account needs no consent, but
a key or a login, the link leads to a form for it.

CONNECTION is the name of a connection, such as gmail; IDENTIFIER is your app's name for the user.
Whoever has the link can connect an account for that user, so hand it to nobody else. To connect an account
with a key that you have, ` + "`claviger accounts add`" + ` needs no browser.

With --device the user gets a code instead, to type in at the provider on any machine. That is also done
where there is no display or the session is one of SSH, if the provider offers it; --device=false makes a
link all the same.

On a terminal the command waits until the user has consented.`,
		CobraFunc: func(c *cobra.Command) {
			s, o := prepare(c), new(connectOptions)
			f := c.Flags()
			f.StringVar(&o.returnURL, "return-url", "", "where the browser goes afterwards; the configuration must allow it")
			f.StringVar(&o.state, "state", "", "text that is handed back in the return URL")
			f.StringArrayVar(&o.scopes, "scope", nil, "scope to ask for beside the connection's; may be repeated")
			f.StringArrayVar(&o.choices, "choose", nil, chooseUsage)
			o.inputs.add(f, "input", "the connector's account inputs")
			f.BoolVar(&o.device, "device", false, "print a code that the user types in on another machine (default where there is no browser)")
			f.BoolVar(&o.open, "open", false, "open the link, or the page for the code, in the browser of this machine")
			f.BoolVar(&o.wait, "wait", false, "wait until the user has consented (default on a terminal)")
			f.BoolVar(&o.noWait, "no-wait", false, "do not wait")
			does(c, s, 2, 2, func(ctx context.Context, call *call) error {
				o.chosen = f.Changed("device")
				return connect(ctx, call, o)
			})
		},
	}
}

func connect(ctx context.Context, c *call, o *connectOptions) error {
	switch {
	case o.wait && o.noWait:
		return usage("--wait and --no-wait exclude each other")
	case o.device && (o.returnURL != "" || o.state != ""):
		return usage("--device excludes --return-url and --state: the user's browser does not come back")
	}
	s, err := c.client()
	if err != nil {
		return err
	}
	n := client.NewLink{Connection: c.args[0], Identifier: c.args[1], Scopes: o.scopes, ReturnURL: o.returnURL, State: o.state, Choice: choiceOf(o.choices)}
	k, err := s.connectorOf(ctx, n.Connection)
	if err != nil {
		return err
	}
	if o.inputs.given() {
		if n.Inputs, err = o.inputs.read(ctx, c, k.AccountInputs, false); err != nil {
			return err
		}
	}
	var why string
	if n.Device, why = o.byDevice(k); why != "" {
		fmt.Fprintf(c.err, "The user gets a code: %s.\n", why)
	}
	link, err := s.CreateLink(ctx, n)
	if err != nil && why != "" && k.Mode != client.ModeDevice { // many providers want codes switched on for a client
		fmt.Fprintf(c.err, "There is no code (%s); the user gets a link.\n", strings.TrimSuffix(failureOf(s.failure(err)).Detail, "."))
		n.Device = false
		link, err = s.CreateLink(ctx, n)
	}
	if err != nil {
		return s.failure(err)
	}
	if err := printLink(c, link); err != nil {
		return err
	}
	if o.open {
		if err := openBrowser(ctx, pageOf(link)); err != nil {
			fmt.Fprintln(c.err, "The browser cannot be opened; open the link by hand.")
		}
	}
	if o.noWait || !o.wait && (c.json || !onTerminal(c.out)) {
		return nil
	}
	return await(ctx, c, s, link)
}

// connectorOf is the connector of a connection, in the connection's way.
func (s *server) connectorOf(ctx context.Context, connection string) (client.Connector, error) {
	got, err := s.Connection(ctx, connection)
	if err != nil {
		return client.Connector{}, s.failure(err)
	}
	k, err := s.Connector(ctx, got.Connector, got.Auth)
	return k, s.failure(err)
}

func printLink(c *call, link client.Link) error {
	if c.json {
		return printJSON(c.out, link)
	}
	if link.UserCode != "" {
		printCode(c, link)
		return nil
	}
	fmt.Fprintf(c.out, "Link for %s/%s, for that user only. It works once, until %s:\n\n  %s\n\n",
		link.Connection, link.Identifier, moment(link.ExpiresAt, time.Now()), link.URL)
	return nil
}

// who is the account's owner at the provider as far as the provider has told.
func who(a client.Account) string {
	name, email := clean(a.Identity.Name), clean(a.Identity.Email)
	switch {
	case name != "" && email != "":
		return name + " <" + email + ">"
	case name != "" || email != "":
		return name + email
	}
	return clean(a.Identity.ID)
}

// openBrowser starts the browser, which stays when the command ends.
func openBrowser(ctx context.Context, url string) error {
	name, args := "xdg-open", []string{url}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", url}
	}
	return exec.CommandContext(context.WithoutCancel(ctx), name, args...).Start()
}
