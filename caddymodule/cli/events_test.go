package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/client"
)

// past is a server whose events become visible one after the other: at the first request the first list
// of them, at the second one the second, and at the last the caller is interrupted.
func past(t *testing.T, interrupt func(), turns ...[]client.Event) *server {
	t.Helper()
	var seen []client.Event
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(turns) == 0 {
			interrupt()
			return
		}
		seen, turns = append(seen, turns[0]...), turns[1:]
		since, err := time.Parse(time.RFC3339, r.URL.Query().Get("since"))
		if err != nil {
			t.Error(err)
		}
		page := client.Page[client.Event]{Items: []client.Event{}}
		for _, e := range seen {
			if !e.Timestamp.Before(since) {
				page.Items = append(page.Items, e)
			}
		}
		_ = json.NewEncoder(w).Encode(page)
	}))
	t.Cleanup(s.Close)
	c, err := client.New(client.Options{Base: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	return &server{Client: c}
}

func eventAt(n int, at time.Time) client.Event {
	return client.Event{ID: fmt.Sprint("evt_", n), Type: "connected_account.created", Timestamp: at, Data: client.EventData{Identifier: fmt.Sprint("user_", n)}}
}

// Events are printed once, those too that become visible after a later one.
func TestFollow(t *testing.T) {
	begin := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return begin.Add(time.Duration(seconds) * time.Second) }
	ctx, interrupt := context.WithCancel(t.Context())
	s := past(t, interrupt,
		[]client.Event{eventAt(1, at(-1)), eventAt(2, at(1)), eventAt(3, at(30))},
		[]client.Event{eventAt(4, at(29)), eventAt(5, at(31))},
		nil,
	)
	var out strings.Builder
	call := &call{settings: &settings{json: true}, out: &out}
	if err := follow(ctx, call, s, client.EventQuery{Since: begin}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		var e client.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		got = append(got, e.ID)
	}
	if want := "evt_2 evt_3 evt_4 evt_5"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSince(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"90m": now.Add(-90 * time.Minute), "7d": now.AddDate(0, 0, -7), "2026-05-01T00:00:00+02:00": time.Date(2026, 4, 30, 22, 0, 0, 0, time.UTC),
	} {
		if got, err := since(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "d", "-1h", "-1d", "tomorrow", "2026-05-01"} {
		var f *failure
		if got, err := since(text, now); !errors.As(err, &f) || f.exit != exitUsage || !got.IsZero() {
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
