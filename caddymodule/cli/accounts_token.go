package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/client"
)

func accountsRefresh(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use: "refresh REF", Short: "Gets an account a new token, whether or not it is time to",
		Long: `Gets an account a new token, whether or not it is time to. Tokens are refreshed by themselves; this is
for finding out whether a refresh works.`,
	}
	does(c, s, 1, 1, func(ctx context.Context, call *call) error {
		done, err := ofAccount(ctx, call, (*server).Refresh, (*server).RefreshNamed)
		if err != nil {
			return err
		}
		if call.json {
			return printJSON(call.out, done)
		}
		name := done.Account.Connection + "/" + done.Account.Identifier
		if !done.Refreshed {
			fmt.Fprintf(call.out, "%s keeps its token: there is no refresh token, or the token is too young for the provider.\n", name)
			return nil
		}
		expires := "it does not expire, or the provider does not say when"
		if at := done.Account.TokenExpiresAt; !at.IsZero() {
			expires = "it expires " + moment(at, time.Now())
		}
		fmt.Fprintf(call.out, "%s has a new token; %s.\n", name, expires)
		return nil
	})
	return c
}

func accountsToken(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use: "token REF", Short: "Prints the access token of an account, where its connection allows that",
		Long: `Prints the access token of an account, and nothing else, to standard output. Its connection must have
expose_tokens. Whoever sees the token can act for the user until it expires, so send requests through
the proxy wherever that is possible. Each time is logged by the server.`,
	}
	does(c, s, 1, 1, func(ctx context.Context, call *call) error {
		t, err := ofAccount(ctx, call, (*server).Token, (*server).TokenNamed)
		if err != nil {
			return err
		}
		if call.json {
			return printJSON(call.out, t)
		}
		fmt.Fprintln(call.out, t.AccessToken)
		fmt.Fprintf(call.err, "This token is a secret%s. Do not write it down.\n", untilWhen(t, time.Now()))
		return nil
	})
	return c
}

func untilWhen(t client.Token, now time.Time) string {
	if t.ExpiresAt.IsZero() {
		return ""
	}
	return " until " + moment(t.ExpiresAt, now)
}
