package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/claviger-proxy/claviger/client"
)

func webhooksDeliveries(s *settings) *cobra.Command {
	var q client.DeliveryQuery
	var limit int
	c := &cobra.Command{Use: "deliveries NAME", Short: "Lists what was and is to be delivered to a webhook"}
	f := c.Flags()
	f.StringVar(&q.Status, "status", "", "only those that are pending, delivered or failed")
	f.IntVar(&limit, "limit", 100, "how many at most, the newest; 0 means all")
	does(c, s, 1, 1, func(ctx context.Context, call *call) error {
		if limit < 0 {
			return usage("--limit %d is below 0", limit)
		}
		return listDeliveries(ctx, call, q, limit)
	})
	return c
}

func listDeliveries(ctx context.Context, c *call, q client.DeliveryQuery, limit int) error {
	s, err := c.client()
	if err != nil {
		return err
	}
	list, more := []client.Delivery{}, false
	for d, err := range s.AllDeliveries(ctx, c.args[0], q) {
		if err != nil {
			return s.failure(err)
		}
		if list = append(list, d); limit > 0 && len(list) > limit {
			list, more = slices.Delete(list, 0, 1), true
		}
	}
	if c.json {
		return printJSON(c.out, list)
	}
	if len(list) == 0 {
		fmt.Fprintln(c.err, "There are no such deliveries.")
		return nil
	}
	now := time.Now()
	rows := make([][]string, len(list))
	for i, d := range list {
		rows[i] = []string{d.ID, d.Event, d.Status, strconv.Itoa(d.Attempts), lastAnswer(d), deliveryTime(d, now)}
	}
	table(c.out, []string{"DELIVERY", "EVENT", "STATUS", "ATTEMPTS", "LAST ANSWER", "WHEN"}, rows)
	if more {
		fmt.Fprintf(c.err, "There are more than %d, of which these are the newest; raise --limit or narrow the list.\n", limit)
	}
	return nil
}

// lastAnswer is how the last attempt has ended.
func lastAnswer(d client.Delivery) string {
	switch {
	case d.LastStatus == 0:
		return clean(d.LastError)
	case d.LastError == "":
		return strconv.Itoa(d.LastStatus)
	}
	return strconv.Itoa(d.LastStatus) + " " + clean(d.LastError)
}

// deliveryTime is when a delivery was done, or is due.
func deliveryTime(d client.Delivery, now time.Time) string {
	if d.Status == client.DeliveryPending {
		return "due " + moment(d.NextAt, now)
	}
	return moment(d.DoneAt, now)
}

func webhooksReplay(s *settings) *cobra.Command {
	var from string
	c := &cobra.Command{
		Use: "replay NAME [DELIVERY]", Short: "Sends a delivery, or what was given up, once more",
		Long: `Sends the event of one delivery once more, whatever has become of it; or, with --since, the events that were
given up since then, unless another delivery has brought them or is to. The receiver sees the same webhook-id again.`,
		Example: "  claviger webhooks replay app dlv_01JTP3Q4R5S6T7V8W9X0Y1Z2A3\n  claviger webhooks replay app --since 2d",
	}
	c.Flags().StringVar(&from, "since", "", "replay what was given up since then: 1h, 7d, or a time")
	does(c, s, 1, 2, func(ctx context.Context, call *call) error {
		if (from != "") == (len(call.args) == 2) {
			return usage("name one delivery, or give --since")
		}
		s, err := call.client()
		if err != nil {
			return err
		}
		if from != "" {
			return replayFailed(ctx, call, s, from)
		}
		d, err := s.Replay(ctx, call.args[0], call.args[1])
		if err != nil {
			return s.failure(err)
		}
		if call.json {
			return printJSON(call.out, d)
		}
		fmt.Fprintf(call.out, "Event %s is sent once more, as delivery %s.\n", d.Event, d.ID)
		return nil
	})
	return c
}

func replayFailed(ctx context.Context, c *call, s *server, from string) error {
	at, err := since(from, time.Now())
	if err != nil {
		return err
	}
	got, err := s.ReplayFailed(ctx, c.args[0], at)
	if err != nil {
		return s.failure(err)
	}
	if c.json {
		return printJSON(c.out, got)
	}
	fmt.Fprintf(c.out, "Sent once more: %s.\n", plural(got.Replayed, "event"))
	if got.Gone > 0 {
		fmt.Fprintf(c.err, "Not sent, as they are not kept any more: %s.\n", plural(got.Gone, "event"))
	}
	return nil
}
