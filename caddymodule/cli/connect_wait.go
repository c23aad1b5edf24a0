package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/claviger-proxy/claviger/client"
)

const (
	// awaitEvery is how often the server is asked how a link stands.
	awaitEvery = 500 * time.Millisecond
	// awaitErrors is how long that may fail before the waiting ends: a server that starts anew is back by then.
	awaitErrors = 10 * time.Second
)

// await looks at the link until the account is connected, or will not be by it.
func await(ctx context.Context, c *call, s *server, link client.Link) error {
	fmt.Fprintln(c.err, "Waiting for the user; Ctrl-C ends the waiting, not the link.")
	tick := time.NewTicker(awaitEvery)
	defer tick.Stop()
	look := "`" + program() + " accounts list` shows whether the user has consented"
	answered := time.Now()
	for {
		state, err := s.Link(ctx, link.ID)
		switch {
		case err == nil && state.Over():
			return linkEnded(ctx, c, s, state)
		case err == nil:
			answered = time.Now()
		case ctx.Err() == nil && final(err):
			return s.failure(err)
		case ctx.Err() == nil && time.Since(answered) >= awaitErrors:
			f := *failureOf(s.failure(err))
			f.Detail, f.Next = "no longer waiting: "+f.Detail, "the link may still work; "+look
			return &f
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return failed("interrupted", "no longer waiting; the link still works", look)
		}
	}
}

// final tells whether asking again would give the same error.
func final(err error) bool {
	var e *client.Error
	return errors.As(err, &e) && e.Code != "" && e.Status < 500
}

// linkEnded says what has come of a link.
func linkEnded(ctx context.Context, c *call, s *server, state client.LinkState) error {
	if state.Status != client.LinkConnected {
		return failed(state.Code, state.Detail, state.Next)
	}
	a, err := s.Account(ctx, state.ConnectedAccountID)
	if err != nil {
		return s.failure(err)
	}
	if c.json {
		return printJSON(c.out, a)
	}
	fmt.Fprintf(c.out, "Connected: %s\n", who(a))
	facts(c.out, accountFacts(a, time.Now()))
	return nil
}
