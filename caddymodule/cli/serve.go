package cli

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// hiddenPrefix marks the commands that stand for Caddy's own.
const hiddenPrefix = "claviger-"

// served are Caddy's commands that take a configuration. Those that are true make the default one
// when there is none.
var served = map[string]bool{"run": true, "start": true, "adapt": true, "validate": true, "reload": false, "stop": false}

// serverCommands are hidden twins of Caddy's commands that explain in a sentence why one failed.
// Caddy's commands themselves cannot be replaced, so serverArgs leads to the twins.
func serverCommands() []caddycmd.Command {
	var all []caddycmd.Command
	for name := range served {
		twin := caddycmd.Commands()[name]
		all = append(all, caddycmd.Command{
			Name: hiddenPrefix + name, Usage: twin.Usage, Short: twin.Short, Long: twin.Long,
			CobraFunc: func(c *cobra.Command) {
				twin.CobraFunc(c)
				c.Hidden = true
				inner := c.RunE
				c.RunE = func(c *cobra.Command, args []string) error {
					path := c.Flag("config").Value.String()
					if name == "run" && !resumes(c) {
						if err := preflight(c.Context(), path); err != nil {
							c.SilenceErrors = true
							report(os.Stderr, failureOf(err), false)
							return err
						}
						go announce(os.Stderr, path) // ends when the server runs, or with the process
					}
					if name == "run" {
						tuneProcess()
					}
					err := inner(c, args)
					if err != nil {
						c.SilenceErrors = true
						report(os.Stderr, explain(err.Error(), cmp.Or(path, caddyfileName)), false)
					}
					return err
				}
			},
		})
	}
	return all
}

// resumes tells whether the configuration to run is the one that Caddy has saved.
func resumes(c *cobra.Command) bool {
	f := c.Flag("resume")
	return f != nil && f.Value.String() == "true"
}

// serverArgs changes the arguments of a command that takes a configuration: to its twin, and with
// the default configuration when the arguments name none and there is no ./Caddyfile.
func serverArgs(args []string) ([]string, error) {
	if len(args) == 0 || slices.Contains(args, "--help") || slices.Contains(args, "-h") {
		return args, nil
	}
	create, ok := served[args[0]]
	if !ok {
		return args, nil
	}
	out := append([]string{hiddenPrefix + args[0]}, args[1:]...)
	if namesConfig(args[1:]) {
		return out, nil
	}
	if _, err := os.Stat(caddyfileName); err == nil {
		return out, nil
	}
	path := filepath.Join(dataDir(), caddyfileName)
	if create {
		var err error
		if path, err = ensureDefault(); err != nil {
			return nil, err
		}
	} else if _, err := os.Stat(path); err != nil {
		return out, nil
	}
	return append(out, "--config", path), nil
}

// namesConfig tells whether the arguments say which configuration, or which server, they mean.
func namesConfig(args []string) bool {
	return slices.ContainsFunc(args, func(a string) bool {
		for _, flag := range []string{"--config", "--adapter", "--resume", "--address"} {
			if a == flag || strings.HasPrefix(a, flag+"=") {
				return true
			}
		}
		return len(a) > 1 && a[0] == '-' && a[1] != '-' && strings.ContainsAny(a[1:2], "car")
	})
}

// announce waits until the server runs and then says where, and what to try first. Only the
// default configuration is announced: who wrote one knows. Caddy calls nobody back when it has
// started, so its state is looked at until it has; when it fails, the process ends.
func announce(w io.Writer, path string) {
	if abs, err := filepath.Abs(filepath.Join(dataDir(), caddyfileName)); err != nil || path != abs {
		return
	}
	c, err := readConfig(path)
	if err != nil {
		return
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if _, err := caddy.ActiveContext().AppIfConfigured(binary); err == nil {
			break
		}
	}
	fmt.Fprintf(w, "\nClaviger runs with %s\n", path)
	for _, kind := range []struct{ handler, what string }{
		{proxyHandler, "your app's requests"}, {consentHandler, "users and probes"},
	} {
		if at := listeners(c.Apps.HTTP.Servers, kind.handler); len(at) > 0 {
			fmt.Fprintf(w, "  %-20s %s\n", kind.what, at[0].url())
		}
	}
	fmt.Fprintf(w, "  %-20s %s\n", "commands", c.Admin.Listen)
	fmt.Fprint(w, "\nTry in another terminal:\n  claviger connectors list\n"+
		"  claviger connections add github --client-id ID     # asks for the secret\n"+
		"  claviger connect github ada\n\n")
}
