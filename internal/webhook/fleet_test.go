package webhook_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// Of a fleet, one process delivers a delivery.
func TestFleet(t *testing.T) {
	p := open(t)
	r := newReceiver(t, status(200))
	p.webhook("app", r)
	first := p.results
	stop := p.stop
	p.vault = vaulttest.OpenAt(t, p.store, p.keys, p.now)
	p.start()
	const n = 60
	for range n {
		p.event()
	}
	for range n {
		select {
		case <-first:
		case <-p.results:
		case <-time.After(20 * time.Second):
			t.Fatal("nothing is delivered")
		}
	}
	stop()
	p.stop()
	seen := map[string]int{}
	for len(r.arrived) > 0 {
		seen[(<-r.arrived).header.Get("webhook-id")]++
	}
	for id, times := range seen {
		if times != 1 {
			t.Errorf("%s came %d times", id, times)
		}
	}
	if len(seen) != n {
		t.Errorf("got %d events, want %d", len(seen), n)
	}
}

// Deliveries that another process is at do not hide those after them.
func TestLeasedByOthers(t *testing.T) {
	p := open(t)
	p.stop()
	r := newReceiver(t, status(200))
	p.webhook("app", r)
	for range 5 {
		p.event()
		page, err := p.vault.Deliveries(t.Context(), vault.DeliveryQuery{})
		wantNil(t, err)
		_, err = p.vault.LeaseDelivery(t.Context(), page.Items[len(page.Items)-1].ID, time.Minute)
		wantNil(t, err)
	}
	e := p.event()
	p.start()
	if d := p.wantResult("", 200); d.EventID != e.ID {
		t.Errorf("got %+v", d)
	}
	// More than once: one may be put aside only after a minute has passed.
	ctx, cancel := context.WithCancel(t.Context())
	var passing sync.WaitGroup
	passing.Go(func() {
		for ctx.Err() == nil {
			p.pass(time.Minute)
			time.Sleep(50 * time.Millisecond)
		}
	})
	defer passing.Wait()
	defer cancel()
	for range 5 {
		p.wantResult("", 200)
	}
}

// leasing is a store that calls a test before it gives a lease, and after it has it back.
type leasing struct {
	vault.Store
	before func(name string)
	after  func()
}

func (s *leasing) Lease(ctx context.Context, name string, ttl time.Duration) (func(), error) {
	s.before(name)
	release, err := s.Store.Lease(ctx, name, ttl)
	return func() { release(); s.after() }, err
}

// What another process has delivered between looking and leasing is not sent again.
func TestDeliveredBeforeTheLease(t *testing.T) {
	p := open(t)
	p.stop()
	released := make(chan struct{}, 10)
	store := &leasing{Store: p.store, after: func() { released <- struct{}{} }}
	other := p.vault
	p.vault = vaulttest.OpenAt(t, store, p.keys, p.now)
	r := newReceiver(t, status(200))
	p.webhook("app", r)
	p.event()
	d := p.pending()
	store.before = func(name string) {
		if name == "delivery/"+string(d.ID) {
			_, _, err := other.NoteDelivery(context.Background(), d, vault.Attempt{Delivered: true})
			if err != nil {
				t.Error(err)
			}
		}
	}
	p.start()
	<-released
	e := p.event()
	p.wantResult("", 200)
	if n := len(r.arrived); n != 1 {
		t.Fatalf("got %d requests, want 1", n)
	}
	if got := <-r.arrived; got.header.Get("webhook-id") != string(e.ID) {
		t.Errorf("got %v, want %s", got, e.ID)
	}
}

// A webhook that another process has made gets what happens here, a few seconds later.
func TestWebhookOfAnotherProcess(t *testing.T) {
	p := open(t)
	here := p.vault
	p.vault = vaulttest.OpenAt(t, p.store, p.keys, p.now)
	p.webhook("app", newReceiver(t, status(200)))
	p.vault = here
	p.pass(10 * time.Second)
	for deadline := time.After(20 * time.Second); ; {
		p.event()
		select {
		case <-p.results:
			return
		case <-deadline:
			t.Fatal("nothing is delivered")
		case <-time.After(time.Millisecond): // it may not have been read yet
		}
	}
}

// A deliverer that is ended leaves no connection open.
func TestEndedClosesConnections(t *testing.T) {
	closed := make(chan struct{}, 1)
	r := httptest.NewUnstartedServer(status(200))
	r.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed {
			closed <- struct{}{}
		}
	}
	r.Start()
	t.Cleanup(r.Close)
	p := open(t)
	wantNil(t, p.vault.PutWebhook(t.Context(), &vault.Webhook{Name: "app", URL: r.URL}))
	p.event()
	p.wantResult("", 200)
	p.stop()
	select {
	case <-closed:
	case <-time.After(20 * time.Second):
		t.Error("a connection is open")
	}
}
