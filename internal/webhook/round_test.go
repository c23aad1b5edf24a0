package webhook_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/internal/webhook"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// failing is a store that cannot note deliveries while it is off, or only one. Ping tells of it, or not.
// read counts the due deliveries that were read.
type failing struct {
	vault.Store
	off  atomic.Bool
	only vault.DeliveryID
	ping bool
	read atomic.Int64
}

func (s *failing) Apply(ctx context.Context, changes ...vault.Change) error {
	refused := func(c vault.Change) bool {
		return c.Kind == vault.KindDelivery && c.Version > 0 && (s.only == "" || c.ID == string(s.only))
	}
	if s.off.Load() && slices.ContainsFunc(changes, refused) {
		return vault.ErrFull
	}
	return s.Store.Apply(ctx, changes...)
}

func (s *failing) Ping(ctx context.Context) error {
	if s.off.Load() && s.ping {
		return vault.ErrFull
	}
	return s.Store.Ping(ctx)
}

func (s *failing) Scan(ctx context.Context, index, prefix string, after vault.Cursor, limit int) ([]vault.Entry, error) {
	entries, err := s.Store.Scan(ctx, index, prefix, after, limit)
	if index == "delivery.due" {
		s.read.Add(int64(len(entries)))
	}
	return entries, err
}

// looking counts how often a deliverer has looked at the clock to see what it can do.
type looking struct {
	p     *post
	times atomic.Int64
}

func (l *looking) options(o *webhook.Options) {
	o.Now = func() time.Time { l.times.Add(1); return l.p.now() }
}

// wake wakes the deliverer until it has looked some times more.
func (l *looking) wake(t *testing.T) {
	t.Helper()
	until := l.times.Load() + 20
	for deadline := time.Now().Add(20 * time.Second); l.times.Load() < until; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the deliverer does not wake")
		}
		l.p.deliverer.Wake()
	}
}

// With a store that takes no writes nothing is begun for a while, whatever there is to deliver, and the
// log has one line.
func TestStoreTakesNoWrites(t *testing.T) {
	for _, tt := range []struct {
		name string
		ping bool // tells of it
		sent int
	}{
		{"known before", true, 0},
		{"known by trying", false, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := open(t)
			p.stop()
			store := &failing{Store: p.store, ping: tt.ping}
			p.vault = vaulttest.OpenAt(t, store, p.keys, p.now)
			r := newReceiver(t, status(200))
			p.webhook("app", r)
			const backlog = 400
			for range backlog {
				p.event()
			}
			store.off.Store(true)
			look := looking{p: p}
			p.start(look.options)
			troubled := func() int { return p.logs.FilterMessage("events cannot be delivered for now").Len() }
			for troubled() == 0 || len(r.arrived) < tt.sent {
				time.Sleep(time.Millisecond)
			}
			for range 3 {
				look.wake(t)
			}
			if n := p.logs.FilterLevelExact(zap.ErrorLevel).Len(); n != 1 || troubled() != 1 {
				t.Errorf("the log has %d errors, want 1: %v", n, p.logs.All())
			}
			if n := store.read.Load(); n > 20 {
				t.Errorf("%d due deliveries were read, want a few", n)
			}
			if n := len(r.arrived); n != tt.sent {
				t.Errorf("%d were sent, want %d", n, tt.sent)
			}
			p.pass(11 * time.Second) // and looks again
			look.wake(t)
			if n := store.read.Load(); n > 40 || troubled() != 1 {
				t.Errorf("later: %d due deliveries were read, and the log tells %d times of it", n, troubled())
			}
			store.off.Store(false)
			p.pass(time.Minute)
			for range backlog {
				p.wantResult("", 200)
			}
			if n := p.logs.FilterMessage("events are delivered again").Len(); n != 1 {
				t.Errorf("the log tells %d times that it works again, want once", n)
			}
		})
	}
}

// One delivery that cannot be noted does not hold up the others for long.
func TestOneCannotBeNoted(t *testing.T) {
	p := open(t)
	p.stop()
	store := &failing{Store: p.store}
	p.vault = vaulttest.OpenAt(t, store, p.keys, p.now)
	p.webhook("app", newReceiver(t, status(200)))
	p.event()
	store.only = p.pending().ID
	store.off.Store(true)
	const others = 20
	for range others {
		p.event()
	}
	p.start()
	p.wantResult("", 200) // which was begun beside it
	for p.logs.FilterMessage("events cannot be delivered for now").Len() == 0 {
		time.Sleep(time.Millisecond)
	}
	p.pass(11 * time.Second)
	for range others - 1 {
		if d := p.wantResult("", 200); d.ID == store.only {
			t.Errorf("got %+v", d)
		}
	}
}

// What was sent and could not be noted is sent again, with the same ID, after a while.
func TestSentButNotNoted(t *testing.T) {
	p := open(t)
	p.stop()
	store := &failing{Store: p.store}
	store.off.Store(true)
	p.vault = vaulttest.OpenAt(t, store, p.keys, p.now)
	p.start()
	r := newReceiver(t, status(200))
	p.webhook("app", r)
	e := p.event()
	first := <-r.arrived
	for p.logs.FilterMessage("events cannot be delivered for now").Len() == 0 {
		time.Sleep(time.Millisecond) // until it has tried to write
	}
	store.off.Store(false)
	p.pass(time.Minute)
	p.wantResult("", 200)
	second := <-r.arrived
	if first.body != second.body || second.header.Get("webhook-id") != string(e.ID) {
		t.Errorf("got %v and %v", first, second)
	}
}

// However many deliveries of a webhook are leased by others, only some are tried, and other webhooks do
// not wait for it. When the others have dealt with theirs it goes on.
func TestManyLeasedByOthers(t *testing.T) {
	p := open(t)
	p.stop()
	other := p.vault
	p.webhook("app", newReceiver(t, status(200)), vault.EventCreated)
	const leased, free = 60, 10
	for range leased + free {
		p.event()
	}
	page, err := other.Deliveries(t.Context(), vault.DeliveryQuery{PageQuery: vault.PageQuery{Limit: leased}})
	wantNil(t, err)
	for _, d := range page.Items {
		_, err = other.LeaseDelivery(t.Context(), d.ID, time.Minute)
		wantNil(t, err)
	}
	var tried atomic.Int64
	p.vault = vaulttest.OpenAt(t, &leasing{Store: p.store, before: func(string) { tried.Add(1) }, after: func() {}}, p.keys, p.now)
	look := looking{p: p}
	p.start(look.options)
	for range 20 {
		look.wake(t)
	}
	if n := tried.Load(); n < 2 || n > 40 {
		t.Errorf("%d leases were tried, want some", n)
	}
	w := p.webhook("calm", newReceiver(t, status(200)), vault.EventDeleted)
	e, err := other.Event(t.Context(), page.Items[0].EventID)
	wantNil(t, err)
	wantNil(t, p.vault.DeleteAccount(t.Context(), e.AccountID))
	p.deliverer.Wake()
	if d := p.wantResult("", 200); d.WebhookID != w.ID {
		t.Errorf("got %+v", d)
	}
	for _, d := range page.Items {
		_, _, err := other.NoteDelivery(t.Context(), d, vault.Attempt{Delivered: true})
		wantNil(t, err)
	}
	p.deliverer.Wake()
	for range free {
		p.wantResult("", 200)
	}
}

// The deliveries of a webhook whose record is damaged wait until it is restored, without being looked
// at again and again.
func TestDamagedWebhook(t *testing.T) {
	p := open(t)
	r := newReceiver(t, status(500))
	w := p.webhook("app", r)
	p.event()
	d := p.wantResult(webhook.CodeStatus, 500)
	p.stop()
	good, err := p.store.Get(t.Context(), vault.Key{Kind: vault.KindWebhook, ID: string(w.ID)})
	wantNil(t, err)
	put := func(r vault.Record) {
		t.Helper()
		wantNil(t, p.store.Load(t.Context(), func(yield func(vault.Record, error) bool) { yield(r, nil) }))
	}
	bad := good
	bad.Sealed = slices.Clone(good.Sealed)
	bad.Sealed[20] ^= 1
	put(bad)
	var tried atomic.Int64
	p.vault = vaulttest.OpenAt(t, &leasing{Store: p.store, before: func(string) {}, after: func() { tried.Add(1) }}, p.keys, p.now)
	look := looking{p: p}
	p.start(look.options)
	p.pass(d.NextAt.Sub(p.now()))
	for tried.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	look.wake(t)
	look.wake(t)
	if now := p.pending(); now.Attempts != 1 || tried.Load() != 1 || len(p.results) > 0 {
		t.Errorf("got %+v after it was tried %d times", now, tried.Load())
	}
	if n := p.logs.FilterMessage("events cannot be delivered for now").Len(); n > 0 {
		t.Error("one damaged webhook ends all deliveries")
	}
	put(good)
	r.change(status(200))
	p.pass(30 * time.Second)
	if now := p.wantResult("", 200); now.ID != d.ID {
		t.Errorf("got %+v", now)
	}
}
