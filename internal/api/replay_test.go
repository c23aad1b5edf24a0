package api_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// watchedStore tells of each scan of an index before it is done.
type watchedStore struct {
	vault.Store
	scan func(ctx context.Context, index, prefix string) error
}

func (s *watchedStore) Scan(ctx context.Context, index, prefix string, after vault.Cursor, limit int) ([]vault.Entry, error) {
	if s.scan != nil {
		if err := s.scan(ctx, index, prefix); err != nil {
			return nil, err
		}
	}
	return s.Store.Scan(ctx, index, prefix, after, limit)
}

// standing is the index that what was given up is read from.
const standing = "delivery.webhook.status"

// What is sent once more may be given up while the rest is still being looked for: it is not sent for a
// third time.
func TestReplayGivenUpMeanwhile(t *testing.T) {
	store := &watchedStore{Store: vaulttest.NewStore(t)}
	k := setupAt(t, vaulttest.OpenAt(t, store, vaulttest.NewKeys(t), nil), 9090, nil)
	k.webhook("app")
	const n = 201 // more than a page
	for i := range n {
		k.account("mail", fmt.Sprint("user-", i), nil)
	}
	giveUp := func(ctx context.Context) error {
		for {
			page, err := k.vault.Deliveries(ctx, vault.DeliveryQuery{Status: vault.DeliveryPending})
			if err != nil || len(page.Items) == 0 {
				return err
			}
			for _, d := range page.Items {
				if _, _, err := k.vault.NoteDelivery(ctx, d, failed); err != nil {
					return err
				}
			}
		}
	}
	if err := giveUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	store.scan = func(ctx context.Context, index, _ string) error {
		if index == standing {
			return giveUp(ctx)
		}
		return nil
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	got, err := k.ReplayFailed(ctx, "app", time.Now().Add(-time.Hour))
	if err != nil || got.Replayed != n {
		t.Errorf("got %+v, %v, want %d", got, err, n)
	}
}

// An event that one delivery has brought, or is still to bring, is not sent again for another one that
// was given up, whichever was the first.
func TestReplayDelivered(t *testing.T) {
	for name, ends := range map[string][]vault.Attempt{
		"delivered first": {delivered, failed}, "delivered last": {failed, delivered},
		"delivered between": {failed, delivered, failed}, "pending": {failed, {Unsent: true, NextAt: time.Now().Add(time.Hour)}},
		"delivered to another webhook": {failed}, "given up twice": {failed, failed},
	} {
		t.Run(name, func(t *testing.T) {
			k := setup(t, nil)
			k.webhook("app")
			k.account("mail", "ada", nil)
			page, err := k.Deliveries(t.Context(), "app", client.DeliveryQuery{})
			if err != nil {
				t.Fatal(err)
			}
			k.settle(ends[0])
			for _, end := range ends[1:] {
				if _, err := k.Replay(t.Context(), "app", page.Items[0].ID); err != nil {
					t.Fatal(err)
				}
				k.settle(end)
			}
			want := 0
			switch name {
			case "given up twice":
				want = 1
			case "delivered to another webhook":
				want = 1
				k.webhook("other")
				w, err := k.Webhook(t.Context(), "other")
				if err != nil {
					t.Fatal(err)
				}
				if _, err := k.vault.ReplayEvent(t.Context(), vault.EventID(page.Items[0].Event), vault.WebhookID(w.ID)); err != nil {
					t.Fatal(err)
				}
				k.settle(delivered)
			}
			if got, err := k.ReplayFailed(t.Context(), "app", time.Now().Add(-time.Hour)); err != nil || got.Replayed != want {
				t.Errorf("got %+v, %v, want %d", got, err, want)
			}
		})
	}
}

// Only what was given up since then counts, also of an event that was given up before, too.
func TestReplaySince(t *testing.T) {
	k := setup(t, nil)
	k.webhook("app")
	k.account("mail", "ada", nil)
	k.settle(failed)
	k.account("mail", "ben", nil)
	k.settle(failed)
	since := time.Now()
	page, err := k.Deliveries(t.Context(), "app", client.DeliveryQuery{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Replay(t.Context(), "app", page.Items[0].ID); err != nil {
		t.Fatal(err)
	}
	k.settle(failed)
	if got, err := k.ReplayFailed(t.Context(), "app", since); err != nil || got.Replayed != 1 {
		t.Errorf("got %+v, %v, want one of two", got, err)
	}
}

// Several callers at once, of two configurations, send each event once more.
func TestReplayAtOnce(t *testing.T) {
	k, second := twice(t, vaulttest.NewStore(t))
	k.webhook("app")
	const n = 20
	for i := range n {
		k.account("mail", fmt.Sprint("user-", i), nil)
	}
	k.settle(failed)
	since := time.Now().Add(-time.Hour)
	var all sync.WaitGroup
	var replayed [8]int
	for i := range replayed {
		all.Go(func() {
			c := []*client.Client{k.Client, second}[i%2]
			got, err := c.ReplayFailed(t.Context(), "app", since)
			if err != nil {
				t.Error(err)
			}
			replayed[i] = got.Replayed
		})
	}
	all.Wait()
	sum := 0
	for _, r := range replayed {
		sum += r
	}
	if pending := k.count("app", client.DeliveryPending); sum != n || pending != n {
		t.Errorf("%v were sent, and %d are pending, want %d", replayed, pending, n)
	}
}

// A second call for a webhook waits for as long as its caller does; one for another webhook does not.
func TestReplayInTurn(t *testing.T) {
	store := &watchedStore{Store: vaulttest.NewStore(t)}
	k, second := twice(t, store)
	app, other := k.webhook("app"), k.webhook("other")
	k.account("mail", "ada", nil)
	k.settle(failed)
	reading, proceed := make(chan struct{}), make(chan struct{})
	var begun atomic.Bool
	store.scan = func(_ context.Context, index, prefix string) error {
		if index == standing && prefix == app.ID+"/failed/" && !begun.Swap(true) {
			close(reading)
			<-proceed
		}
		return nil
	}
	since := time.Now().Add(-time.Hour)
	first := make(chan error, 1)
	go func() {
		got, err := k.ReplayFailed(t.Context(), app.Name, since)
		if err == nil && got.Replayed != 1 {
			err = fmt.Errorf("got %+v", got)
		}
		first <- err
	}()
	<-reading
	if got, err := second.ReplayFailed(t.Context(), other.Name, since); err != nil || got.Replayed != 1 {
		t.Errorf("another webhook: got %+v, %v", got, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if got, err := second.ReplayFailed(ctx, app.Name, since); err == nil || ctx.Err() == nil {
		t.Errorf("it did not wait: got %+v, %v", got, err)
	}
	close(proceed)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if got, err := second.ReplayFailed(t.Context(), app.Name, since); err != nil || got.Replayed != 0 {
		t.Errorf("afterwards: got %+v, %v", got, err)
	}
}
