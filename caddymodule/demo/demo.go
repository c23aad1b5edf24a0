// Package demo is the command `claviger demo`: a provider and Claviger in one process, and the way
// of an account from consent to revocation, step by step. Everything it says has been checked, and
// a check that fails makes it fail.
//
// It is apart from package cli because it brings a whole OAuth server along, which a Caddy built
// with this module as a plugin need not carry. Such a Caddy can have it all the same: give [Command]
// to caddycmd.RegisterCommand.
package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

var (
	// errFailed tells Caddy's main that the demo has failed and has said why.
	errFailed = errors.New("the demo has failed")
	// errInterrupted is Ctrl-C before the last step.
	errInterrupted = errors.New("interrupted")
)

// Command returns the command.
func Command() caddycmd.Command {
	return caddycmd.Command{
		Name: "demo", Short: "Shows Claviger at work with a provider that runs on this machine",
		Long: `Starts a provider and Claviger on free ports of this machine, and shows how a user connects an account,
how the app reads mail without ever holding a token, how tokens are refreshed, ahead of time and once for many
requests, and what happens when the user takes the consent back. Nothing is kept.

On a terminal you are the user, and everything stays up until Ctrl-C. With --yes, or without a
terminal, the demo plays the user; without a terminal it ends by itself.`,
		CobraFunc: func(c *cobra.Command) {
			yes := c.Flags().BoolP("yes", "y", false, "let the demo play the user")
			c.SilenceErrors, c.SilenceUsage = true, true
			c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return complain("%v", err) })
			c.RunE = func(_ *cobra.Command, args []string) error {
				if len(args) > 0 {
					return complain("`claviger demo` takes no arguments")
				}
				ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
				defer stop()
				switch err := run(ctx, *yes); {
				case ctx.Err() != nil && errors.Is(err, errInterrupted):
					return complain("the demo was interrupted; nothing of it is left")
				case err != nil:
					return complain("the demo has failed: %v\nnext: run it again; if it fails again, report it at "+
						"https://github.com/claviger-proxy/claviger/issues with this output", err)
				}
				return nil
			}
		},
	}
}

// complain prints what is wrong and returns the error that ends the process with status 1.
func complain(format string, args ...any) error {
	fmt.Fprintf(os.Stderr, "claviger: "+format+"\n", args...)
	return errFailed
}

// run shows everything and cleans up, however it ends.
func run(ctx context.Context, yes bool) (err error) {
	terminal := term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd()))
	p := newPrinter(os.Stdout, terminal && os.Getenv("NO_COLOR") == "")
	s, err := start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	d := &demo{stage: s, out: p, ask: terminal && !yes}
	for _, step := range []func(context.Context) error{
		d.introduce, d.connect, d.showAccount, d.readMail, d.refresh, d.expire, d.revoke, d.reconnect, d.searchLogs,
	} {
		if err := step(ctx); err != nil {
			if ctx.Err() != nil {
				return errInterrupted
			}
			return err
		}
	}
	d.suggest(terminal)
	if terminal {
		<-ctx.Done()
		p.line("")
		p.line("Everything is stopped and removed.")
	}
	return nil
}

// demo is one run.
type demo struct {
	*stage
	out *printer
	// ask is whether a person plays the user.
	ask bool
	// step counts the headings.
	step int
	// account is the ID of the connected account, user whose it is at the provider.
	account, user string
	// links are the authorization links of the run, which are secrets too.
	links []string
}

func (d *demo) heading(format string, args ...any) {
	d.step++
	d.out.heading(d.step, fmt.Sprintf(format, args...))
}

// enter returns a channel that is closed when the person presses Enter. Its goroutine ends with
// the process: reading a terminal cannot be interrupted.
func enter() <-chan struct{} {
	pressed := make(chan struct{})
	go func() {
		_, err := bufio.NewReader(os.Stdin).ReadString('\n')
		if err == nil {
			close(pressed)
		}
	}()
	return pressed
}
