package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/client"
)

func accountsUpdate(s *settings) *cobra.Command {
	var labels, without []string
	var metadata string
	c := &cobra.Command{
		Use: "update REF", Short: "Changes the labels and the metadata that the app keeps with an account",
		Long: `Changes what the app keeps with an account. Claviger does nothing with it but to give it back, and to
filter lists by labels. Other labels stay as they are.`,
		Example: "  claviger accounts update gmail/user_123 --label plan=pro --remove-label trial\n" +
			"  claviger accounts update gmail/user_123 --metadata '{\"crm_id\": 17}'",
	}
	f := c.Flags()
	f.StringArrayVar(&labels, "label", nil, "name=value of a label to set; may be repeated")
	f.StringArrayVar(&without, "remove-label", nil, "name of a label to remove; may be repeated")
	f.StringVar(&metadata, "metadata", "", "JSON object in place of the one that is there; null removes it")
	does(c, s, 1, 1, func(ctx context.Context, call *call) error {
		change, err := accountChange(labels, without, metadata)
		if err != nil {
			return err
		}
		a, err := ofAccount(ctx, call,
			func(s *server, ctx context.Context, id string) (client.Account, error) {
				return s.UpdateAccount(ctx, id, change)
			},
			func(s *server, ctx context.Context, connection, identifier string) (client.Account, error) {
				return s.UpdateNamedAccount(ctx, connection, identifier, change)
			})
		return printAccount(call, a, err)
	})
	return c
}

func accountChange(labels, without []string, metadata string) (client.AccountChange, error) {
	set, err := labelFlags(labels)
	if err != nil {
		return client.AccountChange{}, err
	}
	change := client.AccountChange{Labels: map[string]*string{}}
	for name, value := range set {
		change.Labels[name] = &value
	}
	for _, name := range without {
		if _, both := set[name]; both {
			return client.AccountChange{}, usage("label %q is both set and removed", clean(name))
		}
		change.Labels[name] = nil
	}
	if metadata != "" {
		if !json.Valid([]byte(metadata)) {
			return client.AccountChange{}, usage("--metadata is not JSON")
		}
		change.Metadata = json.RawMessage(metadata)
	}
	if len(change.Labels) == 0 && change.Metadata == nil {
		return client.AccountChange{}, usage("there is nothing to change; give --label, --remove-label or --metadata")
	}
	return change, nil
}

// labelFlags reads flags of the form name=value.
func labelFlags(flags []string) (map[string]string, error) {
	labels := map[string]string{}
	for _, text := range flags {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return nil, usage("--label %q is not of the form name=value", clean(text))
		}
		labels[name] = value
	}
	return labels, nil
}

func accountsEnsure(s *settings) *cobra.Command {
	var labels []string
	c := &cobra.Command{
		Use: "ensure CONNECTION IDENTIFIER", Short: "Shows an account, and makes it if there is none",
		Long: `Shows the account of a user at a connection. If there is none, it is made, and waits as PENDING_AUTH for
its user to be connected.`,
		Example: "  claviger accounts ensure gmail user_123 --label plan=pro",
	}
	c.Flags().StringArrayVar(&labels, "label", nil, "name=value of a label of a new account; may be repeated")
	does(c, s, 2, 2, func(ctx context.Context, call *call) error {
		set, err := labelFlags(labels)
		if err != nil {
			return err
		}
		s, err := call.client()
		if err != nil {
			return err
		}
		a, err := s.EnsureAccount(ctx, call.args[0], call.args[1], client.PendingAccount{Labels: set})
		return printAccount(call, a, s.failure(err))
	})
	return c
}

func printAccount(c *call, a client.Account, err error) error {
	if err != nil {
		return err
	}
	if c.json {
		return printJSON(c.out, a)
	}
	facts(c.out, accountFacts(a, time.Now()))
	return nil
}

func accountsRemove(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use: "remove REF", Short: "Disconnects an account and deletes its record",
		Long: `Stops the use of an account at once, asks the provider to end the grant where it has an endpoint for that,
and deletes the tokens and the record. Events of the account stay; ` + "`claviger vault forget`" + ` deletes all
that there is of a user.`,
	}
	does(c, s, 1, 1, func(ctx context.Context, call *call) error {
		d, err := ofAccount(ctx, call, (*server).RemoveAccount, (*server).RemoveNamedAccount)
		return printDisconnection(call, d, err, "removed")
	})
	return c
}

// printDisconnection says what came of the end of an account.
func printDisconnection(c *call, d client.Disconnection, err error, done string) error {
	if err != nil {
		return err
	}
	if c.json {
		return printJSON(c.out, d)
	}
	fmt.Fprintf(c.out, "%s/%s is %s; its tokens are deleted.\n", d.Account.Connection, d.Account.Identifier, done)
	switch {
	case d.Revoked:
		fmt.Fprintln(c.out, "The provider has ended the grant.")
	case d.RevokeError != "":
		fmt.Fprintf(c.out, "The provider has not ended the grant: %s. The user can remove the app in the provider's settings.\n",
			strings.TrimSuffix(clean(d.RevokeError), "."))
	default:
		fmt.Fprintln(c.out, "There was no grant to end at the provider.")
	}
	return nil
}
