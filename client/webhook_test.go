package client_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/client"
)

// What the methods for events and webhooks send.
func TestWebhookRequests(t *testing.T) {
	var got string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Method + " " + r.RequestURI
		fmt.Fprint(w, `{}`)
	})
	since := time.Date(2026, 5, 4, 14, 0, 0, 0, time.FixedZone("", 2*3600))
	for want, call := range map[string]func() error{
		"GET /claviger/events?account=mail%2Fada&limit=2&since=2026-05-04T12%3A00%3A00Z&type=a.b&type=c.d": func() error {
			_, err := c.Events(t.Context(), client.EventQuery{
				Account: "mail/ada", Types: []string{"a.b", "c.d"}, Since: since, PageQuery: client.PageQuery{Limit: 2},
			})
			return err
		},
		"GET /claviger/events/a%2Fb":           func() error { _, err := c.Event(t.Context(), "a/b"); return err },
		"GET /claviger/webhooks/a%2Fb":         func() error { _, err := c.Webhook(t.Context(), "a/b"); return err },
		"POST /claviger/webhooks/a%2Fb/secret": func() error { _, err := c.RotateWebhookSecret(t.Context(), "a/b"); return err },
		"GET /claviger/webhooks/a/deliveries?status=lost": func() error {
			_, err := c.Deliveries(t.Context(), "a", client.DeliveryQuery{Status: "lost"})
			return err
		},
		"POST /claviger/webhooks/a/deliveries/b%2Fc/replay": func() error { _, err := c.Replay(t.Context(), "a", "b/c"); return err },
	} {
		if err := call(); err != nil || got != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
}
