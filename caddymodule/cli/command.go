package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// call is one run of a command.
type call struct {
	*settings
	args     []string
	out, err io.Writer
}

// action is what a command does. Its error is printed here, once.
type action func(ctx context.Context, c *call) error

// errReported tells cobra and Caddy that the command has failed and that nothing is left to print.
var errReported = errors.New("failed")

// prepare gives a command, and those below it, the common flags and our way with errors.
func prepare(c *cobra.Command) *settings {
	s := new(settings)
	s.addFlags(c.PersistentFlags())
	quiet(c, s)
	return s
}

func quiet(c *cobra.Command, s *settings) {
	c.SilenceErrors, c.SilenceUsage = true, true
	c.SetHelpTemplate(helpTemplate)
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return finish(c.ErrOrStderr(), s, withUsage(c, usage("%v", err)))
	})
}

// helpTemplate is cobra's own, without the link that Caddy adds for its commands.
const helpTemplate = `{{with (or .Long .Short)}}{{. | trimTrailingWhitespaces}}

{{end}}{{if or .Runnable .HasSubCommands}}{{.UsageString}}{{end}}`

// does makes the command run do with between least and most arguments; most below zero means any
// number.
func does(c *cobra.Command, s *settings, least, most int, do action) {
	c.SilenceErrors, c.SilenceUsage = true, true
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(c *cobra.Command, args []string) error {
		return finish(c.ErrOrStderr(), s, run(c, s, args, least, most, do))
	}
}

func run(c *cobra.Command, s *settings, args []string, least, most int, do action) error {
	if len(args) < least || most >= 0 && len(args) > most {
		return withUsage(c, usage("%d arguments are not what `%s` takes", len(args), c.CommandPath()))
	}
	// What the modules log while a configuration is read belongs to no command's output.
	_, _, _ = caddy.BufferedLog()
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as it is under nohup
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	defer stop()
	context.AfterFunc(ctx, stop) // a second one ends the process where it is
	return do(ctx, &call{settings: s, args: args, out: c.OutOrStdout(), err: c.ErrOrStderr()})
}

// withUsage adds how the command is called.
func withUsage(c *cobra.Command, err error) error {
	f := failureOf(err)
	f.Next = "usage: " + c.UseLine()
	return f
}

// finish prints an error and returns one that carries the exit status through Caddy's own main.
func finish(w io.Writer, s *settings, err error) error {
	if err == nil {
		return nil
	}
	f := failureOf(err)
	if f.Detail != "" {
		report(w, f, s.json)
	}
	if f.exit <= exitFailed {
		return errReported
	}
	return caddycmd.WrapCommandFuncForCobra(func(caddycmd.Flags) (int, error) { return f.exit, nil })(new(cobra.Command), nil)
}

// group makes a command that only has others below it: by itself it prints help, and an unknown
// word is an error.
func group(c *cobra.Command) {
	s := new(settings)
	quiet(c, s)
	c.DisableFlagsInUseLine = true
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		err := usage("`%s` has no command %q", c.CommandPath(), args[0])
		failureOf(err).Next = "use " + strings.Join(names(c), ", ")
		return finish(c.ErrOrStderr(), s, err)
	}
}

func names(c *cobra.Command) []string {
	var list []string
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			list = append(list, sub.Name())
		}
	}
	return list
}
