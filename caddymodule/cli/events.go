package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/api"
)

// eventPage is how many events the server is asked for at once: as many as it gives.
const eventPage = 200

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
	if _, err := o.begin(time.Now()); err != nil {
		return err // before anybody is asked
	}
	s, err := c.client()
	if err != nil {
		return err
	}
	q := client.EventQuery{Account: o.account, Types: eventTypes(o.types), Since: time.Now(), PageQuery: client.PageQuery{Limit: 1}}
	page, err := s.Events(ctx, q) // for the time: events have it from the server's clock, which may differ from ours
	if err != nil {
		return s.failure(err)
	}
	if q.Since, err = o.begin(page.AsOf); err != nil {
		return err
	}
	q.Limit = eventPage
	if o.follow {
		return follow(ctx, c, s, q)
	}
	return listEvents(ctx, c, s, q, o.limit)
}

// begin is the time from which on events are shown.
func (o *eventOptions) begin(now time.Time) (time.Time, error) {
	switch {
	case o.since != "":
		return since(o.since, now)
	case o.follow:
		return now, nil
	}
	return now.Add(-24 * time.Hour), nil
}

// since reads a time, or how long before now it is.
func since(text string, now time.Time) (time.Time, error) {
	at, ok := api.ParseSince(text, now)
	if !ok {
		return time.Time{}, usage("--since %q is neither how long ago, such as 90m or 7d, nor a time such as 2026-05-04T12:00:00Z", clean(text))
	}
	return at, nil
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
