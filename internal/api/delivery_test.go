package api_test

import (
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/api"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// settle notes on every pending delivery how its one attempt has ended.
func (k *kit) settle(a vault.Attempt) {
	k.t.Helper()
	page, err := k.vault.Deliveries(k.t.Context(), vault.DeliveryQuery{Status: vault.DeliveryPending})
	if err != nil {
		k.t.Fatal(err)
	}
	for _, d := range page.Items {
		if _, _, err := k.vault.NoteDelivery(k.t.Context(), d, a); err != nil {
			k.t.Fatal(err)
		}
	}
}

var (
	failed    = vault.Attempt{HTTPStatus: 500, Code: "status"}
	delivered = vault.Attempt{Delivered: true, HTTPStatus: 200}
)

// count is how many deliveries of the webhook have that status.
func (k *kit) count(webhook, status string) (n int) {
	k.t.Helper()
	for _, err := range k.AllDeliveries(k.t.Context(), webhook, client.DeliveryQuery{Status: status}) {
		if err != nil {
			k.t.Fatal(err)
		}
		n++
	}
	return n
}

func TestDeliveries(t *testing.T) {
	k := setup(t, nil)
	k.webhook("app")
	k.webhook("other")
	k.account("mail", "ada", nil)
	k.settle(failed)
	k.account("mail", "ben", nil)
	page, err := k.Deliveries(t.Context(), "app", client.DeliveryQuery{})
	if err != nil || len(page.Items) != 2 {
		t.Fatalf("got %+v, %v", page, err)
	}
	first, second := page.Items[0], page.Items[1]
	if first.Status != client.DeliveryFailed || first.Attempts != 1 || first.LastStatus != 500 || first.LastError != "status" ||
		first.DoneAt.IsZero() || first.CreatedAt.IsZero() || !first.NextAt.IsZero() {
		t.Errorf("the failed one is %+v", first)
	}
	if second.Status != client.DeliveryPending || second.Attempts != 0 || second.NextAt.IsZero() || !second.DoneAt.IsZero() {
		t.Errorf("the pending one is %+v", second)
	}
	if e, err := k.Event(t.Context(), first.Event); err != nil || e.Data.Identifier != "ada" {
		t.Errorf("its event is %+v, %v", e, err)
	}
	if all, one, none := k.count("app", ""), k.count("app", "failed"), k.count("app", "delivered"); all != 2 || one != 1 || none != 0 {
		t.Errorf("got %d, %d, %d", all, one, none)
	}
	pages, err := k.Deliveries(t.Context(), "app", client.DeliveryQuery{PageQuery: client.PageQuery{Limit: 1}})
	if err != nil || len(pages.Items) != 1 || pages.Next == "" {
		t.Errorf("got %+v, %v", pages, err)
	}
	k.send("GET", "/claviger/webhooks/app/deliveries?status=lost", "").wants(t, 400, "parameter_invalid")
	k.send("GET", "/claviger/webhooks/nobody/deliveries", "").wants(t, 404, "webhook_not_found")
}

func TestReplay(t *testing.T) {
	woken := 0
	k := setup(t, func(o *api.Options) { o.Deliver = func() { woken++ } })
	k.webhook("app")
	k.webhook("other")
	k.account("mail", "ada", nil)
	k.settle(delivered)
	page, err := k.Deliveries(t.Context(), "app", client.DeliveryQuery{})
	if err != nil {
		t.Fatal(err)
	}
	first := page.Items[0]
	got, err := k.Replay(t.Context(), "app", first.ID)
	if err != nil || got.ID == first.ID || got.Event != first.Event || got.Status != client.DeliveryPending || woken != 1 {
		t.Errorf("got %+v, %v; the deliverer was woken %d times", got, err, woken)
	}
	if n := k.count("app", ""); n != 2 {
		t.Errorf("there are %d deliveries", n)
	}
	_, err = k.Replay(t.Context(), "other", first.ID)
	refused(t, err, 404, "record_not_found")
	_, err = k.Replay(t.Context(), "app", "dlv_01ARZ3NDEKTSV4RRFFQ69G5FAV")
	refused(t, err, 404, "record_not_found")
	if _, err := k.DisableWebhook(t.Context(), "app"); err != nil {
		t.Fatal(err)
	}
	_, err = k.Replay(t.Context(), "app", first.ID)
	refused(t, err, 409, "webhook_disabled")
	_, err = k.ReplayFailed(t.Context(), "app", time.Now().Add(-time.Hour))
	refused(t, err, 409, "webhook_disabled")
}

// What was given up is sent once more, and once only, however often that is asked for.
func TestReplayFailed(t *testing.T) {
	woken := 0
	k := setup(t, func(o *api.Options) { o.Deliver = func() { woken++ } })
	k.webhook("app")
	k.account("mail", "ada", nil)
	k.account("mail", "ben", nil)
	k.settle(failed)
	k.account("mail", "cleo", nil)
	k.settle(delivered)
	replay := func(since time.Time, want int) {
		t.Helper()
		before := woken
		got, err := k.ReplayFailed(t.Context(), "app", since)
		if err != nil || got.Replayed != want || (woken > before) != (want > 0) {
			t.Errorf("got %+v, %v, want %d; the deliverer was woken: %t", got, err, want, woken > before)
		}
	}
	hourAgo := time.Now().Add(-time.Hour)
	replay(time.Now().Add(time.Hour), 0)
	replay(hourAgo, 2)
	replay(hourAgo, 0) // they are pending
	k.settle(failed)
	replay(hourAgo, 2)
	k.settle(delivered)
	replay(hourAgo, 0)
	if n := k.count("app", "failed"); n != 4 {
		t.Errorf("%d have failed", n)
	}
	for _, body := range []string{`{}`, `{"since":"soon"}`, `{"since":3}`} {
		k.send("POST", "/claviger/webhooks/app/replay", body).wants(t, 400, "field_invalid")
	}
	k.send("POST", "/claviger/webhooks/nobody/replay", `{"since":"1h"}`).wants(t, 404, "webhook_not_found")
	if got := k.send("POST", "/claviger/webhooks/app/replay", `{"since":"1h"}`); got.status != 200 || got.text != "{\"replayed\":0}\n" {
		t.Errorf("got %d %s", got.status, got.text)
	}
}

// An event that is gone cannot be sent again, and does not keep others from it.
func TestReplayGone(t *testing.T) {
	store := vaulttest.NewStore(t)
	v, err := vault.Open(t.Context(), store, vaulttest.NewKeys(t))
	if err != nil {
		t.Fatal(err)
	}
	k := setupAt(t, v, 9090, nil)
	k.webhook("app")
	k.account("mail", "ada", nil)
	k.account("mail", "ben", nil)
	k.account("mail", "cleo", nil)
	k.settle(failed)
	page, err := k.Deliveries(t.Context(), "app", client.DeliveryQuery{})
	if err != nil || len(page.Items) != 3 {
		t.Fatalf("got %+v, %v", page, err)
	}
	event, err := store.Get(t.Context(), vault.Key{Kind: vault.KindEvent, ID: page.Items[0].Event})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Apply(t.Context(), vault.Change{Record: vault.Record{Key: event.Key, Version: event.Version}, Delete: true}); err != nil {
		t.Fatal(err)
	}
	_, err = k.Replay(t.Context(), "app", page.Items[0].ID)
	if e := refused(t, err, 404, "record_not_found"); !strings.Contains(e.Detail, "the event of this delivery") {
		t.Errorf("it says %q", e.Detail)
	}
	if got, err := k.ReplayFailed(t.Context(), "app", time.Now().Add(-time.Hour)); err != nil || got != (client.Replayed{Replayed: 2, Gone: 1}) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := k.Forget(t.Context(), "ben"); err != nil { // and the deliveries with it
		t.Fatal(err)
	}
	_, err = k.Replay(t.Context(), "app", page.Items[1].ID)
	if e := refused(t, err, 404, "record_not_found"); !strings.Contains(e.Detail, "no such delivery of this webhook") {
		t.Errorf("it says %q", e.Detail)
	}
}
