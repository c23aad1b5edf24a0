package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/api"
)

func accountsCommand() caddycmd.Command {
	return caddycmd.Command{
		Name:  "accounts",
		Short: "Lists, checks, refreshes, labels, disconnects and removes connected accounts, and adds those that need no browser",
		Long: `Works with connected accounts. REF names one: its ID (ca_…), or connection/identifier, such as
gmail/user_123.`,
		CobraFunc: func(c *cobra.Command) {
			s := prepare(c)
			c.AddCommand(accountsList(s), accountsShow(s), accountsEnsure(s), accountsAdd(s), accountsUpdate(s), accountsCheck(s), accountsRefresh(s),
				accountsToken(s), accountsDisconnect(s), accountsRemove(s))
			group(c)
		},
	}
}

func accountsList(s *settings) *cobra.Command {
	var q client.AccountQuery
	var labels []string
	var within string
	var limit int
	c := &cobra.Command{Use: "list", Short: "Lists connected accounts"}
	f := c.Flags()
	f.StringVar(&q.Connection, "connection", "", "only accounts at that connection")
	f.StringVar(&q.Connector, "connector", "", "only accounts of that connector")
	f.StringVar(&q.Identifier, "identifier", "", "only accounts of that user")
	f.StringVar(&q.Status, "status", "", "only accounts with that status, such as ACTIVE or EXPIRED")
	f.StringArrayVar(&labels, "label", nil, "only accounts with that label, as name=value; may be repeated")
	f.StringVar(&within, "expiring-within", "", "only accounts whose grant ends within that time, such as 36h or 7d")
	f.IntVar(&limit, "limit", 100, "how many at most; 0 means all")
	does(c, s, 0, 0, func(ctx context.Context, call *call) (err error) {
		if limit < 0 {
			return usage("--limit %d is below 0", limit)
		}
		if q.Labels, err = labelFlags(labels); err != nil {
			return err
		}
		if q.ExpiringWithin, err = withinFlag(within); err != nil {
			return err
		}
		q.Status = strings.ToUpper(q.Status)
		return listAccounts(ctx, call, q, limit)
	})
	return c
}

// withinFlag reads --expiring-within; "" is zero.
func withinFlag(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	within, ok := api.ParseWithin(text)
	if !ok {
		return 0, usage("--expiring-within %q is not how long from now, such as 36h or 7d", clean(text))
	}
	return within, nil
}

func listAccounts(ctx context.Context, c *call, q client.AccountQuery, limit int) error {
	s, err := c.client()
	if err != nil {
		return err
	}
	accounts, more, err := c.readAccounts(ctx, s, q, limit)
	if err != nil {
		return err
	}
	if c.json {
		return printJSON(c.out, accounts)
	}
	if len(accounts) == 0 {
		fmt.Fprintf(c.err, "There are no such accounts. `%s connect CONNECTION IDENTIFIER` makes a link for a user.\n", program())
		return nil
	}
	rows := make([][]string, len(accounts))
	for i, a := range accounts {
		rows[i] = []string{a.ID, a.Connection, a.Identifier, a.Status, who(a)}
	}
	table(c.out, []string{"ACCOUNT", "CONNECTION", "IDENTIFIER", "STATUS", "WHO"}, rows)
	if more {
		fmt.Fprintf(c.err, "There are more than %d; raise --limit or narrow the list.\n", limit)
	}
	return nil
}

// readAccounts reads pages until there are no more, or limit is reached, and warns of records that
// cannot be opened.
func (c *call) readAccounts(ctx context.Context, s *server, q client.AccountQuery, limit int) (accounts []client.Account, more bool, err error) {
	accounts, q.Limit = []client.Account{}, maxPage
	var damaged []string
	for {
		if limit > 0 {
			q.Limit = min(maxPage, limit-len(accounts)+1) // one more tells that there are more
		}
		page, err := s.Accounts(ctx, q)
		if err != nil {
			return nil, false, s.failure(err)
		}
		accounts, damaged = append(accounts, page.Items...), append(damaged, page.Damaged...)
		if more = limit > 0 && len(accounts) > limit; more {
			accounts = accounts[:limit]
		}
		if q.After = page.Next; more || q.After == "" {
			break
		}
	}
	if len(damaged) > 0 {
		fmt.Fprintf(c.err, "%s cannot be opened: %s; `%s vault verify` says more.\n",
			plural(len(damaged), "record"), strings.Join(damaged, ", "), program())
	}
	return accounts, more, nil
}

// maxPage is the largest page that the server gives.
const maxPage = 200

func accountsShow(s *settings) *cobra.Command {
	c := &cobra.Command{Use: "show REF", Short: "Shows what is known about an account"}
	does(c, s, 1, 1, func(ctx context.Context, call *call) error {
		a, err := ofAccount(ctx, call, (*server).Account, (*server).FindAccount)
		return printAccount(call, a, err)
	})
	return c
}

func accountsDisconnect(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use: "disconnect REF", Short: "Stops the use of an account and deletes its tokens",
		Long: `Stops the use of an account at once, asks the provider to end the grant where it has an endpoint for
that, and deletes the tokens. The account keeps its ID and can be connected again.`,
	}
	does(c, s, 1, 1, func(ctx context.Context, call *call) error {
		d, err := ofAccount(ctx, call, (*server).Disconnect, (*server).DisconnectNamed)
		return printDisconnection(call, d, err, "disconnected")
	})
	return c
}

// accountFacts are what `accounts show` prints.
func accountFacts(a client.Account, now time.Time) []fact {
	last, failures := a.LastError, ""
	if a.LastErrorClass != "" {
		last += " (" + a.LastErrorClass + ")"
	}
	if last != "" {
		last += ", " + moment(a.LastErrorAt, now)
	}
	if a.Failures > 0 {
		failures = strconv.Itoa(a.Failures) + " in a row"
	}
	return []fact{
		{"account", a.ID},
		{"connection", a.Connection},
		{"connector", a.Connector},
		{"identifier", a.Identifier},
		{"status", a.Status},
		{"reason", a.Reason},
		{"who", who(a)},
		{"scopes asked for", strings.Join(a.RequestedScopes, " ")},
		{"scopes granted", strings.Join(a.GrantedScopes, " ")},
		{"scopes missing", strings.Join(a.MissingScopes, " ")},
		{"connected", moment(a.ConnectedAt, now)},
		{"refreshed", moment(a.RefreshedAt, now)},
		{"token expires", moment(a.TokenExpiresAt, now)},
		{"grant expires", moment(a.RefreshExpiresAt, now)},
		{"last used", moment(a.LastUsedAt, now)},
		{"checked", moment(a.CheckedAt, now)},
		{"next due", moment(a.NextDueAt, now)},
		{"labels", labelText(a.Labels)},
		{"metadata", clean(string(a.Metadata))},
		{"last error", last},
		{"failures", failures},
		{"next", a.Next},
	}
}

// labelText is labels as they are written on a command line.
func labelText(labels map[string]string) string {
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		texts = append(texts, name+"="+clean(labels[name]))
	}
	return strings.Join(texts, " ")
}
