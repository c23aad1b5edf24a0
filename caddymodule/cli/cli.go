// Package cli is Claviger's command line. [Main] is the program cmd/claviger: everything that caddy
// can do, plus our commands beside Caddy's (`claviger connect`). [Plugin] is the one command under
// which the same commands stand in a Caddy built with xcaddy (`caddy claviger connect`); package
// caddymodule registers it.
//
// The commands talk to a running server through its management API, or read the configuration. The
// vault belongs to the server's process; only commands about the vault as a whole open it, when no
// server runs.
//
// This package does not import caddymodule, which imports it. The command demo, which brings a
// whole OAuth server along, is in package demo and is given to Main, so that a Caddy built with
// xcaddy does not carry it.
package cli

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// binary is the program's own name.
const binary = "claviger"

// program is how the commands call themselves in hints: "claviger" or "caddy claviger".
func program() string {
	if caddy.CustomBinaryName == binary {
		return binary
	}
	return "caddy " + binary
}

// caddyProgram is what Caddy's own commands stand under in hints: "claviger" or "caddy".
func caddyProgram() string { return strings.TrimSuffix(program(), " "+binary) }

// commands are those that stand in a plugin as well as in our own program.
func commands() []caddycmd.Command {
	return []caddycmd.Command{
		connectCommand(), accountsCommand(), connectionsCommand(), appsCommand(), connectorsCommand(),
		eventsCommand(), webhooksCommand(), vaultCommand(), curlCommand(), statusCommand(), healthCommand(), doctorCommand(), openapiCommand(),
	}
}

// Main runs the program with the arguments it was started with, and ends the process. More
// commands may be added; their names must differ from Caddy's and from ours.
func Main(more ...caddycmd.Command) {
	caddy.CustomBinaryName = binary
	caddy.CustomLongDescription = description
	caddy.CustomVersion = versionText()
	ours := append(commands(), more...)
	if overview, ok := wantsOverview(os.Args[1:]); ok {
		printOverview(overview, ours)
		return
	}
	for _, c := range ours {
		caddycmd.RegisterCommand(c)
	}
	for _, c := range serverCommands() {
		caddycmd.RegisterCommand(c)
	}
	args, err := serverArgs(os.Args[1:])
	if err != nil {
		report(os.Stderr, failureOf(err), false)
		os.Exit(1)
	}
	os.Args = append(os.Args[:1:1], args...)
	caddycmd.Main()
}

// Plugin returns the command below which ours stand in a Caddy built with this module. In our own
// program, where they stand beside Caddy's, it is hidden.
func Plugin() caddycmd.Command {
	return caddycmd.Command{
		Name:  binary,
		Short: "Works with connected accounts, connections and connectors",
		Long:  "The commands of Claviger, which calls provider APIs with tokens that the app never holds.",
		CobraFunc: func(c *cobra.Command) {
			c.Hidden = caddy.CustomBinaryName == binary
			for _, sub := range commands() {
				c.AddCommand(build(sub))
			}
			group(c)
		},
	}
}

// build makes of a command what Caddy would make of it at the root.
func build(c caddycmd.Command) *cobra.Command {
	out := &cobra.Command{Use: strings.TrimSpace(c.Name + " " + c.Usage), Short: c.Short, Long: c.Long}
	c.CobraFunc(out)
	return out
}

const description = `Claviger calls provider APIs on behalf of your app's users. Your app tags a request with a
connected account; Claviger puts the account's token on it, and the app never sees the token.`

// wantsOverview tells whether the arguments ask for help on the program as a whole.
func wantsOverview(args []string) (full, ok bool) {
	if len(args) == 0 {
		return false, true
	}
	switch args[0] {
	case "help", "-h", "--help":
		return len(args) == 2 && args[1] == "--all", len(args) == 1 || len(args) == 2 && args[1] == "--all"
	}
	return false, false
}

// printOverview says what the program can do, ours first. Caddy's own list of forty commands would
// hide the few that a newcomer needs.
func printOverview(full bool, ours []caddycmd.Command) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nBegin here:\n\n", description)
	fmt.Fprint(&b, "  claviger demo        see it work, with a provider that runs on this machine\n")
	fmt.Fprint(&b, "  claviger run         start the server with ./Caddyfile, or with a default configuration\n")
	fmt.Fprint(&b, "  claviger doctor      check the setup and say what to fix\n\nCommands:\n\n")
	for _, c := range ours {
		fmt.Fprintf(&b, "  %-20s %s\n", c.Name, c.Short)
	}
	fmt.Fprint(&b, "\nCaddy's commands work too:\n\n")
	theirs := []string{"run", "start", "stop", "reload", "validate", "adapt", "fmt", "version"}
	all := caddycmd.Commands()
	if full {
		theirs = slices.DeleteFunc(slices.Sorted(maps.Keys(all)), func(name string) bool { return name == binary })
	}
	for _, name := range theirs {
		fmt.Fprintf(&b, "  %-20s %s\n", name, all[name].Short)
	}
	fmt.Fprint(&b, "\n`claviger COMMAND --help` says more about one; `claviger help --all` lists all.\n")
	fmt.Print(b.String())
}
