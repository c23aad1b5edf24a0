package cli

import (
	"context"
	"maps"
	"time"

	"github.com/claviger-proxy/claviger/client"
)

const (
	// followEvery is how often the server is asked for more.
	followEvery = time.Second
	// overlap is how late an event may appear behind another one of the same time.
	overlap = 10 * time.Second
)

// follower prints events as they come. The server is asked for the last seconds again and again, and
// what was printed is left out.
type follower struct {
	call   *call
	server *server
	query  client.EventQuery
	// recent are the times of printed events that will be listed again, by ID.
	recent map[string]time.Time
}

// follow prints what the query selects until it is interrupted.
func follow(ctx context.Context, c *call, s *server, q client.EventQuery) error {
	f := follower{call: c, server: s, query: q, recent: map[string]time.Time{}}
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		err := f.turn(ctx)
		if ctx.Err() != nil {
			return nil // that is how one ends it
		}
		if err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// turn prints what is new. The next one begins shortly before this one, by the server's clock, whether
// there was anything to print or not.
func (f *follower) turn(ctx context.Context) error {
	next := f.query.Since
	for q := f.query; ; {
		page, err := f.server.Events(ctx, q)
		if err != nil {
			return f.server.failure(err)
		}
		if at := page.AsOf.Add(-overlap); q.After == "" && at.After(next) {
			next = at
		}
		for _, e := range page.Items {
			if _, printed := f.recent[e.ID]; printed {
				continue
			}
			if err := printEvent(f.call, e); err != nil {
				return err
			}
			if !e.Timestamp.Before(next) {
				f.recent[e.ID] = e.Timestamp
			}
		}
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	f.query.Since = next
	maps.DeleteFunc(f.recent, func(_ string, at time.Time) bool { return at.Before(next) })
	return nil
}
