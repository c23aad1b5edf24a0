package cli

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

func statusCommand() caddycmd.Command {
	return caddycmd.Command{
		Name: "status", Short: "Shows how the running server does",
		CobraFunc: func(c *cobra.Command) {
			s := prepare(c)
			does(c, s, 0, 0, status)
		},
	}
}

func status(ctx context.Context, c *call) error {
	s, err := c.client()
	if err != nil {
		return err
	}
	got, err := s.Status(ctx)
	if err != nil {
		return s.failure(err)
	}
	if c.json {
		return printJSON(c.out, got)
	}
	var accounts []string
	for _, name := range slices.Sorted(maps.Keys(got.Accounts)) {
		if n := got.Accounts[name]; n > 0 {
			accounts = append(accounts, fmt.Sprintf("%d %s", n, name))
		}
	}
	connections := fmt.Sprint(got.Connections)
	if got.BrokenConnections > 0 {
		connections += fmt.Sprintf(", and %d that cannot be used", got.BrokenConnections)
	}
	vault := "ok"
	if !got.Vault.OK {
		vault = got.Vault.Detail
	}
	unsaved := ""
	if got.UnsavedTokens > 0 {
		unsaved = fmt.Sprintf("%d, kept in memory until the vault takes them", got.UnsavedTokens)
	}
	sealing := ""
	if got.Resealing != nil {
		sealing = resealing(*got.Resealing)
	}
	facts(c.out, []fact{
		{"version", got.Version},
		{"started", moment(got.StartedAt, time.Now())},
		{"vault", vault},
		{"re-sealing", sealing},
		{"unsaved tokens", unsaved},
		{"connections", connections},
		{"accounts", cmp.Or(strings.Join(accounts, ", "), "none")},
		{"callback", cmp.Or(got.Callback, "none: no user can connect an account")},
	})
	return nil
}

func healthCommand() caddycmd.Command {
	return caddycmd.Command{
		Name: "health", Short: "Tells by its exit status whether the server is ready",
		Long: `Asks the running server whether it can do its work and ends with status 0 when it can, else 1. Made for
exec probes.`,
		CobraFunc: func(c *cobra.Command) {
			s := prepare(c)
			does(c, s, 0, 0, health)
		},
	}
}

func health(ctx context.Context, c *call) error {
	s, err := c.client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	ready, err := s.Ready(ctx)
	if err != nil {
		return s.failure(err)
	}
	if c.json {
		err = printJSON(c.out, ready)
	} else {
		for _, check := range ready.Checks {
			line := check.Name + ": ok"
			if !check.OK {
				line = check.Name + ": " + check.Detail
				if check.Next != "" {
					line += "\nnext: " + check.Next
				}
			}
			fmt.Fprintln(c.out, line)
		}
	}
	if err == nil && ready.Status != "ok" {
		return &failure{exit: exitNotReady} // the checks have said it all
	}
	return err
}
