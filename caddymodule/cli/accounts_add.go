package cli

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/client"
)

func accountsAdd(s *settings) *cobra.Command {
	var inputs inputFlags
	var choices []string
	c := &cobra.Command{
		Use: "add CONNECTION IDENTIFIER", Short: "Connects an account without a browser, such as one with an API key",
		Long: `Connects an account whose credential needs no consent in a browser: an API key, a name and password, an OAuth
client of its own. What the connector needs for it, ` + "`claviger connectors show`" + ` tells. The credential is tried
out first; one that the provider refuses is not kept. An account that exists gets another credential.

A secret is never written on the command line, where other users of the machine can read it: it comes from
a file, from standard input (-), from an environment variable, or is asked for on a terminal.

Where the account has several sites or organizations at the provider, they are listed, and --choose names one.`,
		Example: "  claviger accounts add desk user_123 --input subdomain=acme --input-file api_key=key.txt\n" +
			"  claviger accounts add desk user_123 --input subdomain=acme --input-env api_key=DESK_KEY",
	}
	inputs.add(c.Flags(), "input", "the connector's account inputs")
	c.Flags().StringArrayVar(&choices, "choose", nil, chooseUsage)
	does(c, s, 2, 2, func(ctx context.Context, call *call) error { return addAccount(ctx, call, inputs, choices) })
	return c
}

func addAccount(ctx context.Context, c *call, inputs inputFlags, choices []string) error {
	s, err := c.client()
	if err != nil {
		return err
	}
	n := client.NewAccount{Connection: c.args[0], Identifier: c.args[1], Choice: choiceOf(choices)}
	k, err := s.connectorOf(ctx, n.Connection)
	if err != nil {
		return err
	}
	if !k.NeedsUser { // else the server says what to do
		if n.Inputs, err = inputs.read(ctx, c, k.AccountInputs, true); err != nil {
			return err
		}
	}
	a, err := s.CreateAccount(ctx, n)
	if err != nil {
		return s.failure(err)
	}
	if c.json {
		return printJSON(c.out, a)
	}
	fmt.Fprintf(c.out, "Connected: %s\n", cmp.Or(who(a), a.Connection+"/"+a.Identifier))
	facts(c.out, accountFacts(a, time.Now()))
	return nil
}

// chooseUsage is about the flag --choose.
const chooseUsage = "ID of the item to use where the account has several, such as a site, or name=ID; may be repeated"

// namedChoice is a choice with the name of its kind. No ID that we know of looks like one.
var namedChoice = regexp.MustCompile(`\A([a-z][a-z0-9_]*)=(.+)\z`)

// choiceOf reads the flags for a choice; nil if there are none.
func choiceOf(flags []string) client.Choice {
	var c client.Choice
	for _, text := range flags {
		name, id := "", text
		if found := namedChoice.FindStringSubmatch(text); found != nil {
			name, id = found[1], found[2]
		}
		if c == nil {
			c = client.Choice{}
		}
		c[name] = id
	}
	return c
}
