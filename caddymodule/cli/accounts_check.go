package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/client"
)

func accountsCheck(s *settings) *cobra.Command {
	var all bool
	var connection string
	c := &cobra.Command{
		Use: "check [REF]", Short: "Asks the provider whether it takes an account's credential",
		Long: `Asks the provider, with the connector's own cheap request, whether it takes an account's credential,
which is refreshed for that if need be. An account whose credential is refused, and the next one too,
becomes EXPIRED. --all and --connection check all ACTIVE accounts, one after the other.

The status is 1 when one is not taken, or could not be asked for.`,
		Example: "  claviger accounts check gmail/user_123\n  claviger accounts check --connection gmail",
	}
	c.Flags().BoolVar(&all, "all", false, "check the accounts of all connections")
	c.Flags().StringVar(&connection, "connection", "", "check the accounts at that connection")
	does(c, s, 0, 1, func(ctx context.Context, call *call) error {
		many := all || connection != ""
		if many == (len(call.args) == 1) || all && connection != "" {
			return usage("name one account, or give --all or --connection")
		}
		if many {
			return checkMany(ctx, call, connection)
		}
		return checkOne(ctx, call)
	})
	return c
}

func checkOne(ctx context.Context, c *call) error {
	done, err := ofAccount(ctx, c, (*server).Check, (*server).CheckNamed)
	if err != nil {
		return err
	}
	if c.json {
		err = printJSON(c.out, done)
	} else {
		fmt.Fprintf(c.out, "%s/%s: %s\n", done.Account.Connection, done.Account.Identifier, verdict(done))
		if done.Account.Next != "" {
			fmt.Fprintf(c.err, "next: %s\n", done.Account.Next)
		}
	}
	if err == nil && bad(done) {
		return &failure{exit: exitFailed}
	}
	return err
}

// checkMany checks all ACTIVE accounts, and prints a line for each as it comes.
func checkMany(ctx context.Context, c *call, connection string) error {
	s, err := c.client()
	if err != nil {
		return err
	}
	accounts, _, err := c.readAccounts(ctx, s, client.AccountQuery{Connection: connection, Status: client.StatusActive}, 0)
	if err != nil {
		return err
	}
	checked, wrong := []client.AccountCheck{}, 0
	for _, a := range accounts {
		done, err := s.Check(ctx, a.ID)
		var refused *client.Error
		if errors.As(err, &refused) && refused.Code != "" {
			done, err = client.AccountCheck{Account: a, Code: refused.Code}, nil // it is one of many
		}
		if err != nil {
			return s.failure(err)
		}
		if checked = append(checked, done); bad(done) {
			wrong++
		}
		if !c.json {
			fmt.Fprintf(c.out, "%s  %s/%s: %s\n", a.ID, a.Connection, a.Identifier, verdict(done))
		}
	}
	if c.json {
		err = printJSON(c.out, checked)
	} else {
		fmt.Fprintf(c.err, "%s checked, %d of them not well.\n", plural(len(checked), "account"), wrong)
	}
	if err == nil && wrong > 0 {
		return &failure{exit: exitFailed}
	}
	return err
}

// bad tells whether an account is not known to be well. A connector that has no request to check with
// says nothing.
func bad(c client.AccountCheck) bool { return !c.OK && c.Code != "no_check" }

// verdict is the outcome of a check in words.
func verdict(c client.AccountCheck) string {
	switch {
	case c.OK:
		return "the provider takes its credential"
	case c.Code == "no_check":
		return "its connector has no request to check with"
	case c.Code == "credential_refused":
		return "the provider refuses its credential (credential_refused)"
	case c.Code == "provider_unreachable":
		return "the provider does not answer (provider_unreachable)"
	case c.Code == "provider_rate_limited":
		return fmt.Sprintf("the provider limits requests; ask again in %s (provider_rate_limited)", time.Duration(c.RetryAfter)*time.Second)
	case strings.HasPrefix(c.Code, "provider_"):
		return "the provider answers with something else (" + clean(c.Code) + ")"
	}
	return "there is no credential (" + clean(c.Code) + ")"
}
