package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/claviger-proxy/claviger/client"
)

// awaitEvery is how often the server is asked how a link stands.
const awaitEvery = 500 * time.Millisecond

// await looks at the link until the account is connected, or will not be by it.
func await(ctx context.Context, c *call, s *server, link client.Link) error {
	fmt.Fprintln(c.err, "Waiting for the user; Ctrl-C ends the waiting, not the link.")
	tick := time.NewTicker(awaitEvery)
	defer tick.Stop()
	for {
		state, err := s.Link(ctx, link.ID)
		switch {
		case err == nil && state.Over():
			return linkEnded(ctx, c, s, state)
		case err != nil && ctx.Err() == nil:
			return s.failure(err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return failed("interrupted", "no longer waiting; the link still works", "`"+program()+" accounts list` shows whether the user has consented")
		}
	}
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
