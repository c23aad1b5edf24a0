package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/client"
)

func connectionsRegister(s *settings) *cobra.Command {
	var anew bool
	c := &cobra.Command{
		Use: "register NAME", Short: "Registers the OAuth client of a connection at the provider, or registers it anew",
		Long: `Has the provider register the OAuth client of a connection, where the connector says how. A client that was
registered before stays the same, and is told what has changed, such as the redirect URI of a server that has
moved; where the provider does not let it be changed, or with --new, another one is registered. Accounts go on
with the client that they were connected with.`,
		Example: "  claviger connections register social\n  claviger connections register social --new",
	}
	c.Flags().BoolVar(&anew, "new", false, "register another client, also where the one there is could be changed")
	does(c, s, 1, 1, func(ctx context.Context, call *call) error {
		s, err := call.client()
		if err != nil {
			return err
		}
		got, err := s.RegisterClient(ctx, call.args[0], anew)
		if err != nil {
			return s.failure(err)
		}
		if call.json {
			return printJSON(call.out, got)
		}
		if got.NewClient {
			fmt.Fprintf(call.out, "Connection %s has the client %s now; accounts go on with the one before.\n", got.Name, got.ClientID)
		} else {
			fmt.Fprintf(call.out, "Connection %s has the client %s, as before; the provider knows what has changed.\n", got.Name, got.ClientID)
		}
		return nil
	})
	return c
}

func connectionsRemove(s *settings) *cobra.Command {
	var keep bool
	c := &cobra.Command{
		Use: "remove NAME", Short: "Removes a connection that has no accounts",
		Long: `Removes a connection that has no accounts. A client that was registered for it by the server is deleted at the
provider; when that is not possible, it is said, and the connection is removed all the same. Keep the client if
another installation has taken it over by an export.`,
	}
	c.Flags().BoolVar(&keep, "keep-clients", false, "leave clients that were registered for it at the provider")
	does(c, s, 1, 1, func(ctx context.Context, call *call) error {
		s, err := call.client()
		if err != nil {
			return err
		}
		gone, err := s.RemoveConnection(ctx, call.args[0], keep)
		if err != nil {
			var refused *client.Error
			if errors.As(err, &refused) && refused.Next == "" {
				refused.Next = "`" + program() + " connections list` shows them all"
			}
			return s.failure(err)
		}
		if call.json {
			return printJSON(call.out, gone)
		}
		fmt.Fprintf(call.out, "Connection %s is removed.\n", gone.Removed)
		removedClients(call.out, call.err, gone.Clients)
		return nil
	})
	return c
}

// removedClients says what became of registered clients; those that are left are for the operator to delete.
func removedClients(out, left io.Writer, clients []client.RemovedClient) {
	for _, c := range clients {
		switch {
		case c.Deleted:
			fmt.Fprintf(out, "Its client %s is deleted at the provider.\n", c.ClientID)
		case c.Reason == "":
			fmt.Fprintf(out, "Its client %s is left at the provider.\n", c.ClientID)
		default:
			fmt.Fprintf(left, "Its client %s could not be deleted at the provider (%s): delete it there if you can.\n", c.ClientID, c.Reason)
		}
	}
}

// soon is how long before the end of a client's secret it is time to do something.
const soon = 7 * 24 * time.Hour

// outdated says what of a registration is not as it should be at that time; nothing if all is well.
func outdated(c client.Connection, at time.Time) string {
	r := c.Registration
	switch {
	case r == nil:
	case r.RedirectURI != c.RedirectURI && c.RedirectURI != "":
		return "another redirect URI than the server's: " + r.RedirectURI
	case !r.ClientSecretExpiresAt.IsZero() && !r.ClientSecretExpiresAt.After(at):
		return "a secret that ends, or has ended: " + r.ClientSecretExpiresAt.Local().Format(time.DateTime)
	}
	return ""
}

// registrationText says how a connection's client was registered, and what is to be done about it.
func registrationText(c client.Connection, now time.Time) string {
	r := c.Registration
	if r == nil {
		return ""
	}
	parts := []string{"by Claviger, " + moment(r.RegisteredAt, now)}
	switch end := r.ClientSecretExpiresAt; {
	case end.IsZero():
	case end.After(now):
		parts = append(parts, "its secret ends "+moment(end, now))
	default:
		parts = append(parts, "its secret has ended: `"+program()+" connections register "+c.Name+"`")
	}
	if r.RedirectURI != c.RedirectURI && c.RedirectURI != "" {
		parts = append(parts, "with another redirect URI: `"+program()+" connections register "+c.Name+"`")
	}
	if !r.Managed {
		parts = append(parts, "can be changed and deleted at the provider only")
	}
	return strings.Join(parts, "; ")
}
