package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"runtime"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/client"
)

// connectOptions are the flags of connect.
type connectOptions struct {
	returnURL, state string
	scopes           []string
	inputs           inputFlags
	open             bool
	wait, noWait     bool
}

func connectCommand() caddycmd.Command {
	return caddycmd.Command{
		Name: "connect", Usage: "CONNECTION IDENTIFIER",
		Short: "Makes the link with which a user connects an account",
		Long: `Makes a one-time link for one user of your app. The user opens it in a browser and consents at the
provider; then the account is ACTIVE and requests can be sent for it.

CONNECTION is the name of a connection, such as gmail; IDENTIFIER is your app's name for the user.
Whoever has the link can connect an account for that user, so hand it to nobody else. Where the provider
has no consent page, ` + "`claviger accounts add`" + ` connects an account.

On a terminal the command waits until the user has consented.`,
		CobraFunc: func(c *cobra.Command) {
			s, o := prepare(c), new(connectOptions)
			f := c.Flags()
			f.StringVar(&o.returnURL, "return-url", "", "where the browser goes afterwards; the configuration must allow it")
			f.StringVar(&o.state, "state", "", "text that is handed back in the return URL")
			f.StringArrayVar(&o.scopes, "scope", nil, "scope to ask for beside the connection's; may be repeated")
			o.inputs.add(f, "input", "the connector's account inputs")
			f.BoolVar(&o.open, "open", false, "open the link in the browser of this machine")
			f.BoolVar(&o.wait, "wait", false, "wait until the user has consented (default on a terminal)")
			f.BoolVar(&o.noWait, "no-wait", false, "do not wait")
			does(c, s, 2, 2, func(ctx context.Context, call *call) error { return connect(ctx, call, o) })
		},
	}
}

func connect(ctx context.Context, c *call, o *connectOptions) error {
	if o.wait && o.noWait {
		return usage("--wait and --no-wait exclude each other")
	}
	s, err := c.client()
	if err != nil {
		return err
	}
	before, err := connectedAt(ctx, s, c.args[0], c.args[1])
	if err != nil {
		return err
	}
	n := client.NewLink{Connection: c.args[0], Identifier: c.args[1], Scopes: o.scopes, ReturnURL: o.returnURL, State: o.state}
	if o.inputs.given() {
		k, err := s.connectorOf(ctx, n.Connection)
		if err != nil {
			return err
		}
		if n.Inputs, err = o.inputs.read(ctx, c, k.AccountInputs, false); err != nil {
			return err
		}
	}
	link, err := s.CreateLink(ctx, n)
	if err != nil {
		return s.failure(err)
	}
	if err := printLink(c, link); err != nil {
		return err
	}
	if o.open {
		if err := openBrowser(ctx, link.URL); err != nil {
			fmt.Fprintln(c.err, "The browser cannot be opened; open the link by hand.")
		}
	}
	if o.noWait || !o.wait && (c.json || !onTerminal(c.out)) {
		return nil
	}
	return await(ctx, c, s, link, before)
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

// connectedAt is when the account was connected last; zero when it has not been. An error of the
// server is left to the request for the link, which says it better.
func connectedAt(ctx context.Context, s *server, connection, identifier string) (time.Time, error) {
	a, err := s.FindAccount(ctx, connection, identifier)
	var refused *client.Error
	if err != nil && !errors.As(err, &refused) {
		return time.Time{}, s.failure(err)
	}
	return a.ConnectedAt, nil
}

func printLink(c *call, link client.Link) error {
	if c.json {
		return printJSON(c.out, link)
	}
	fmt.Fprintf(c.out, "Link for %s/%s, for that user only. It works once, until %s:\n\n  %s\n\n",
		link.Connection, link.Identifier, moment(link.ExpiresAt, time.Now()), link.URL)
	return nil
}

// await looks at the account until it has been connected, by this link or another, or the link has
// ended.
func await(ctx context.Context, c *call, s *server, link client.Link, before time.Time) error {
	fmt.Fprintln(c.err, "Waiting for the user; Ctrl-C ends the waiting, not the link.")
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	end := time.NewTimer(time.Until(link.ExpiresAt))
	defer end.Stop()
	for {
		a, err := s.FindAccount(ctx, link.Connection, link.Identifier)
		var refused *client.Error
		switch {
		case err == nil && a.Status == client.StatusActive && a.ConnectedAt.After(before):
			if c.json {
				return printJSON(c.out, a)
			}
			fmt.Fprintf(c.out, "Connected: %s\n", who(a))
			facts(c.out, accountFacts(a, time.Now()))
			return nil
		case errors.As(err, &refused) && refused.Status == http.StatusNotFound, err == nil:
		case ctx.Err() != nil:
		default:
			return s.failure(err)
		}
		select {
		case <-tick.C:
		case <-end.C:
			return failed("link_expired", "the link has ended and nobody has consented", "make a new one with the same command")
		case <-ctx.Done():
			return failed("interrupted", "no longer waiting; the link still works", "`"+program()+" accounts list` shows whether the user has consented")
		}
	}
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
