package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/client"
)

// turn is what a server has when it is asked once more: its clock, and the events that have become visible.
type turn struct {
	asOf   time.Time
	events []client.Event
}

// past is a server that takes one turn for each first page. Who asks once more is interrupted.
type past struct {
	t         *testing.T
	turns     []turn
	interrupt context.CancelFunc
	// asked are the since of all requests, sizes how many items their answers had.
	asked []time.Time
	sizes []int
	// before, if there is one, is called at each request.
	before func()

	now  turn
	seen []client.Event
}

func (p *past) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	since, err := time.Parse(time.RFC3339, q.Get("since"))
	if err != nil {
		p.t.Error(err)
	}
	p.asked = append(p.asked, since)
	if p.before != nil {
		p.before()
	}
	first, _ := strconv.Atoi(q.Get("after"))
	if first == 0 && len(p.turns) == 0 {
		p.interrupt()
		return
	}
	if first == 0 {
		p.now, p.turns = p.turns[0], p.turns[1:]
		p.seen = append(p.seen, p.now.events...)
	}
	var found []client.Event
	for _, e := range p.seen {
		if !e.Timestamp.Before(since) {
			found = append(found, e)
		}
	}
	limit, _ := strconv.Atoi(q.Get("limit"))
	page := client.EventPage{AsOf: p.now.asOf}
	page.Items = found[first:min(first+limit, len(found))]
	if first+limit < len(found) {
		page.Next = strconv.Itoa(first + limit)
	}
	p.sizes = append(p.sizes, len(page.Items))
	_ = json.NewEncoder(w).Encode(page)
}

// listen starts the server, and returns a call of a command that prints JSON.
func listen(t *testing.T, turns ...turn) (ctx context.Context, p *past, c *call, out *strings.Builder) {
	t.Helper()
	ctx, interrupt := context.WithCancel(t.Context())
	p = &past{t: t, turns: turns, interrupt: interrupt}
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	out = new(strings.Builder)
	return ctx, p, &call{settings: &settings{json: true, admin: s.URL}, out: out}, out
}

// printed are the IDs of the events that were printed.
func printed(t *testing.T, out *strings.Builder) string {
	t.Helper()
	var ids []string
	for line := range strings.Lines(out.String()) {
		var e client.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, e.ID)
	}
	return strings.Join(ids, " ")
}

func eventAt(n int, at time.Time) client.Event {
	return client.Event{ID: fmt.Sprint("evt_", n), Type: "connected_account.created", Timestamp: at, Data: client.EventData{Identifier: fmt.Sprint("user_", n)}}
}

var beginning = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return beginning.Add(time.Duration(seconds) * time.Second) }

// Events are printed once, those too that become visible after a later one.
func TestFollow(t *testing.T) {
	ctx, p, c, out := listen(t,
		turn{at(0), []client.Event{eventAt(1, at(-1))}},
		turn{at(30), []client.Event{eventAt(2, at(1)), eventAt(3, at(30))}},
		turn{at(31), []client.Event{eventAt(4, at(29)), eventAt(5, at(31))}},
	)
	if err := events(ctx, c, &eventOptions{follow: true}); err != nil {
		t.Fatal(err)
	}
	if got, want := printed(t, out), "evt_2 evt_3 evt_4 evt_5"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if want := []time.Time{at(0), at(20), at(21)}; !slices.Equal(p.asked[1:], want) {
		t.Errorf("it has asked for what is since %v, want %v", p.asked[1:], want)
	}
}

// What is not listed does not hold the beginning of the next turn back.
func TestFollowNothing(t *testing.T) {
	ctx, p, c, _ := listen(t, turn{at(0), nil}, turn{at(3600), nil})
	if err := events(ctx, c, &eventOptions{follow: true, types: []string{"created"}}); err != nil {
		t.Fatal(err)
	}
	if got := p.asked[len(p.asked)-1]; !got.Equal(at(3590)) {
		t.Errorf("the last time it has asked for what is since %v, want %v", got, at(3590))
	}
}

// The server's clock decides, whatever ours shows.
func TestEventsClock(t *testing.T) {
	for _, tt := range []struct {
		name string
		o    eventOptions
		want time.Time
	}{
		{"from now on", eventOptions{follow: true}, at(0)},
		{"from a while ago on", eventOptions{follow: true, since: "5m"}, at(-300)},
		{"from a time on", eventOptions{follow: true, since: at(-7).Format(time.RFC3339)}, at(-7)},
		{"a list", eventOptions{}, at(-24 * 3600)},
		{"a list of what is new", eventOptions{since: "1d"}, at(-24 * 3600)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			turns := []turn{{asOf: at(0)}, {asOf: at(1)}}
			if tt.o.follow {
				turns = turns[:1]
			}
			ctx, p, c, _ := listen(t, turns...)
			if err := events(ctx, c, &tt.o); err != nil {
				t.Fatal(err)
			}
			if got := p.asked[1]; !got.Equal(tt.want) {
				t.Errorf("it has asked for what is since %v, want %v", got, tt.want)
			}
		})
	}
}

// A long history is printed page by page, and of it only the end is remembered.
func TestFollowRemembersLittle(t *testing.T) {
	var all []client.Event
	for n := range 1000 {
		all = append(all, eventAt(n, at(n)))
	}
	ctx, p, c, out := listen(t, turn{at(1000), all}, turn{at(1001), nil})
	s, err := c.client()
	if err != nil {
		t.Fatal(err)
	}
	q := client.EventQuery{Since: at(0), PageQuery: client.PageQuery{Limit: eventPage}}
	f := follower{call: c, server: s, query: q, recent: map[string]time.Time{}}
	most := 0
	p.before = func() { most = max(most, len(f.recent)) }
	for _, want := range []int{10, 9} {
		if err := f.turn(ctx); err != nil {
			t.Fatal(err)
		}
		if len(f.recent) != want {
			t.Errorf("%d events are remembered, want %d", len(f.recent), want)
		}
	}
	if most != 10 {
		t.Errorf("at most %d events were remembered, want 10", most)
	}
	if n := strings.Count(out.String(), "\n"); n != len(all) || slices.Max(p.sizes) != eventPage {
		t.Errorf("%d events were printed of pages of %d, want %d", n, p.sizes, len(all))
	}
}

func TestSince(t *testing.T) {
	for text, want := range map[string]time.Time{
		"90m": at(-90 * 60), "7d": at(-7 * 24 * 3600), "2026-05-01T00:00:00+02:00": time.Date(2026, 4, 30, 22, 0, 0, 0, time.UTC),
	} {
		if got, err := since(text, at(0)); err != nil || !got.Equal(want) {
			t.Errorf("%q: got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "d", "-1h", "-1d", "tomorrow", "2026-05-01"} {
		var f *failure
		if got, err := since(text, at(0)); !errors.As(err, &f) || f.exit != exitUsage || !got.IsZero() {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
}

func TestEventLine(t *testing.T) {
	e := client.Event{Type: "connected_account.status_updated", Data: client.EventData{
		ID: "ca_1", Connection: "mail", Identifier: "ada", Status: "EXPIRED", OldStatus: "ACTIVE", Reason: "invalid\x1b_grant", Class: "permanent",
	}}
	if got := eventLine(e); !strings.HasSuffix(got, "  status_updated  mail/ada  ACTIVE to EXPIRED  invalid_grant  (permanent)  ca_1") {
		t.Errorf("got %q", got)
	}
}
