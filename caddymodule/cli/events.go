package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/client"
)

// eventOptions are the flags of events.
type eventOptions struct {
	account string
	types   []string
	since   string
	limit   int
	follow  bool
}

func eventsCommand() caddycmd.Command {
	return caddycmd.Command{
		Name:  "events",
		Short: "Shows what has happened to connected accounts",
		Long: `Shows what has happened to connected accounts, the oldest first, as far as it is kept: a week, and
refreshes only while a webhook wants them. With --follow it goes on with what happens from now on, or
from --since on.`,
		CobraFunc: func(c *cobra.Command) {
			s, o := prepare(c), new(eventOptions)
			f := c.Flags()
			f.StringVar(&o.account, "account", "", "only events of that account: its ID, or connection/identifier")
			f.StringArrayVar(&o.types, "type", nil, "only events of that type, such as connected_account.created or created; may be repeated")
			f.StringVar(&o.since, "since", "", "only events since then: 1h, 7d, or a time (default 24h)")
			f.IntVar(&o.limit, "limit", 100, "how many at most, the newest; 0 means all")
			f.BoolVar(&o.follow, "follow", false, "go on until interrupted; with --json, one line for each event")
			does(c, s, 0, 0, func(ctx context.Context, call *call) error { return events(ctx, call, o) })
		},
	}
}

func events(ctx context.Context, c *call, o *eventOptions) error {
	if o.limit < 0 {
		return usage("--limit %d is below 0", o.limit)
	}
	q := client.EventQuery{Account: o.account, Types: eventTypes(o.types)}
	now := time.Now()
	q.Since = now.Add(-24 * time.Hour)
	if o.follow {
		q.Since = now
	}
	if o.since != "" {
		var err error
		if q.Since, err = since(o.since, now); err != nil {
			return err
		}
	}
	s, err := c.client()
	if err != nil {
		return err
	}
	if o.follow {
		return follow(ctx, c, s, q)
	}
	return listEvents(ctx, c, s, q, o.limit)
}

// since reads a time, or how long before now it is.
func since(text string, now time.Time) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.AddDate(0, 0, -int(n)), nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	return time.Time{}, usage("--since %q is neither how long ago, such as 90m or 7d, nor a time such as 2026-05-04T12:00:00Z", clean(text))
}

func listEvents(ctx context.Context, c *call, s *server, q client.EventQuery, limit int) error {
	list := []client.Event{}
	more := false
	for e, err := range s.AllEvents(ctx, q) {
		if err != nil {
			return s.failure(err)
		}
		if list = append(list, e); limit > 0 && len(list) > limit {
			list, more = slices.Delete(list, 0, 1), true
		}
	}
	if c.json {
		return printJSON(c.out, list)
	}
	if len(list) == 0 {
		fmt.Fprintln(c.err, "There are no such events.")
		return nil
	}
	for _, e := range list {
		fmt.Fprintln(c.out, eventLine(e))
	}
	if more {
		fmt.Fprintf(c.err, "There are more than %d, of which these are the newest; raise --limit or narrow the list.\n", limit)
	}
	return nil
}

const (
	// followEvery is how often the server is asked for more.
	followEvery = time.Second
	// overlap is how late an event may appear behind another one of the same time.
	overlap = 10 * time.Second
)

// follow prints events as they come. The server is asked for the last seconds again and again, and what
// was printed is left out.
func follow(ctx context.Context, c *call, s *server, q client.EventQuery) error {
	printed := map[string]time.Time{}
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		for e, err := range s.AllEvents(ctx, q) {
			if ctx.Err() != nil {
				return nil
			}
			if err != nil {
				return s.failure(err)
			}
			if _, ok := printed[e.ID]; ok {
				continue
			}
			printed[e.ID] = e.Timestamp
			if err := printEvent(c, e); err != nil {
				return err
			}
			if at := e.Timestamp.Add(-overlap); at.After(q.Since) {
				q.Since = at
			}
		}
		for id, at := range printed {
			if at.Before(q.Since) {
				delete(printed, id)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil // that is how one ends it
		}
	}
}

func printEvent(c *call, e client.Event) error {
	if c.json {
		return json.NewEncoder(c.out).Encode(e)
	}
	_, err := fmt.Fprintln(c.out, eventLine(e))
	return err
}

// eventLine is an event for people.
func eventLine(e client.Event) string {
	d := e.Data
	line := []string{e.Timestamp.Local().Format("2006-01-02 15:04:05"), strings.TrimPrefix(e.Type, "connected_account."), d.Connection + "/" + d.Identifier}
	switch {
	case d.OldStatus != "":
		line = append(line, d.OldStatus+" to "+d.Status)
	case d.Status != "":
		line = append(line, d.Status)
	}
	if d.Reason != "" {
		line = append(line, clean(d.Reason))
	}
	if d.Class != "" {
		line = append(line, "("+d.Class+")")
	}
	if !d.ExpiresAt.IsZero() {
		line = append(line, "expires "+d.ExpiresAt.Local().Format("2006-01-02 15:04:05"))
	}
	return strings.Join(append(line, d.ID), "  ")
}
