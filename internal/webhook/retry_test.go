package webhook_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/internal/webhook"
	"github.com/claviger-proxy/claviger/vault"
)

// What fails is tried again for more than a day, and then no more.
func TestRetries(t *testing.T) {
	p := open(t)
	r := newReceiver(t, status(500))
	w := p.webhook("app", r)
	e := p.event()
	breaks := []time.Duration{
		5 * time.Second, 30 * time.Second, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour,
	}
	for range 12 {
		breaks = append(breaks, 2*time.Hour)
	}
	jitter := map[time.Duration]bool{}
	for i, want := range breaks {
		d := p.wantResult(webhook.CodeStatus, 500)
		got := d.NextAt.Sub(p.now())
		if d.Status != vault.DeliveryPending || d.Attempts != i+1 || got < want || got > want+want/10 {
			t.Fatalf("after attempt %d: got %+v, in %s, want in %s", i+1, d, got, want)
		}
		jitter[got-want] = true
		p.ahead.Add(int64(got) - 1)
		if due, next, err := p.vault.DueDeliveries(t.Context(), p.now(), 10); err != nil || len(due) > 0 || !next.Equal(d.NextAt) {
			t.Errorf("got %+v due, next %s, %v", due, next, err)
		}
		p.pass(1)
	}
	d := p.wantResult(webhook.CodeStatus, 500)
	if d.Status != vault.DeliveryFailed || d.Attempts != 20 || !d.DoneAt.Equal(p.now()) || p.now().Sub(epoch) < 24*time.Hour || len(jitter) < 10 {
		t.Errorf("got %+v after %s, and %d different breaks", d, p.now().Sub(epoch), len(jitter))
	}
	if now := p.stored(w); now.Disabled || !now.FailingSince.Equal(epoch) {
		t.Errorf("got %+v", now)
	}
	for len(r.arrived) > 0 {
		if got := <-r.arrived; got.header.Get("webhook-id") != string(e.ID) {
			t.Errorf("got %v", got)
		}
	}
}

// A receiver that has recovered gets what is left.
func TestRecovers(t *testing.T) {
	p := open(t)
	r := newReceiver(t, status(500))
	w := p.webhook("app", r)
	p.event()
	d := p.wantResult(webhook.CodeStatus, 500)
	r.change(status(200))
	p.pass(d.NextAt.Sub(p.now()))
	if d := p.wantResult("", 200); d.Attempts != 2 || d.Status != vault.DeliveryDelivered {
		t.Errorf("got %+v", d)
	}
	if now := p.stored(w); !now.FailingSince.IsZero() || !now.LastDeliveredAt.Equal(p.now()) {
		t.Errorf("got %+v", now)
	}
}

func TestRetryAfter(t *testing.T) {
	soon := 5*time.Second + 500*time.Millisecond
	for _, tt := range []struct {
		name        string
		status      int
		header      string
		least, most time.Duration
	}{
		{"seconds", 429, "120", 2 * time.Minute, 2 * time.Minute},
		{"seconds with 503", 503, "120", 2 * time.Minute, 2 * time.Minute},
		{"a time", 429, epoch.Add(10 * time.Minute).Format(http.TimeFormat), 10 * time.Minute, 10 * time.Minute},
		{"too long", 429, "86400", time.Hour, time.Hour},
		{"far away", 503, "Fri, 31 Dec 9999 23:59:59 GMT", time.Hour, time.Hour},
		{"a great number", 429, "4294967295", time.Hour, time.Hour},
		{"less than the break", 429, "1", 5 * time.Second, soon},
		{"in the past", 429, "Mon, 02 Jan 2006 15:04:05 GMT", 5 * time.Second, soon},
		{"nonsense", 429, "soon", 5 * time.Second, soon},
		{"negative", 429, "-5", 5 * time.Second, soon},
		{"none", 503, "", 5 * time.Second, soon},
		{"another status", 500, "120", 5 * time.Second, soon},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := open(t)
			r := newReceiver(t, status(tt.status, "Retry-After", tt.header))
			p.webhook("app", r)
			p.event()
			d := p.wantResult(webhook.CodeStatus, tt.status)
			if got := d.NextAt.Sub(p.now()); got < tt.least || got > tt.most {
				t.Errorf("tried again in %s, want %s to %s", got, tt.least, tt.most)
			}
		})
	}
}

// 410 disables a webhook at once. What is pending fails, and can be replayed when it is enabled again.
func TestGone(t *testing.T) {
	p := open(t)
	r := newReceiver(t, status(500))
	w := p.webhook("app", r)
	e := p.event()
	first := p.wantResult(webhook.CodeStatus, 500)
	r.change(status(410))
	p.event()
	if d := p.wantResult(webhook.CodeGone, 410); d.Status != vault.DeliveryFailed {
		t.Errorf("got %+v", d)
	}
	now := p.stored(w)
	if !now.Disabled || now.DisabledReason != webhook.ReasonGone || !now.DisabledAt.Equal(p.now()) {
		t.Errorf("got %+v", now)
	}
	p.pass(first.NextAt.Sub(p.now()))
	if d := p.wantResult(webhook.CodeEndpointDisabled, 0); d.Status != vault.DeliveryFailed || d.Attempts != 1 || d.ID != first.ID {
		t.Errorf("got %+v", d)
	}
	p.event() // not for it
	if _, err := p.vault.ReplayEvent(t.Context(), e.ID, first.WebhookID); !errors.Is(err, vault.ErrDisabled) {
		t.Errorf("got error %v, want %v", err, vault.ErrDisabled)
	}
	now.Disabled = false
	wantNil(t, p.vault.PutWebhook(t.Context(), &now))
	r.change(status(200))
	again, err := p.vault.ReplayEvent(t.Context(), e.ID, first.WebhookID)
	wantNil(t, err)
	p.deliverer.Wake()
	if d := p.wantResult("", 200); d.ID != again.ID || d.EventID != e.ID {
		t.Errorf("got %+v", d)
	}
	var last arrival
	n := 0
	for ; len(r.arrived) > 0; n++ {
		last = <-r.arrived
	}
	if n != 3 || last.header.Get("webhook-id") != string(e.ID) {
		t.Errorf("got %d requests, the last %v", n, last)
	}
	if got := p.logs.FilterMessage("a webhook was disabled").Len(); got != 1 {
		t.Errorf("the log tells of %d webhooks disabled, want 1", got)
	}
}

// A webhook is disabled by a delivery that is given up when nothing was delivered for three days, and
// not before.
func TestLastingFailure(t *testing.T) {
	for _, tt := range []struct {
		name     string
		givenUp  time.Duration // since the first failure
		success  bool          // between
		disabled bool
	}{
		{"within three days", 72*time.Hour - 1, false, false},
		{"after three days", 72 * time.Hour, false, true},
		{"with a success between", 72 * time.Hour, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := open(t)
			r := newReceiver(t, status(503))
			w := p.webhook("app", r)
			p.event()
			for i := range 19 {
				d := p.wantResult(webhook.CodeStatus, 503)
				if tt.success && i == 10 {
					r.change(status(200))
					p.event()
					p.wantResult("", 200)
					r.change(status(503))
				}
				if i < 18 {
					p.pass(d.NextAt.Sub(p.now()))
				}
			}
			p.pass(epoch.Add(tt.givenUp).Sub(p.now()))
			if d := p.wantResult(webhook.CodeStatus, 503); d.Status != vault.DeliveryFailed || d.Attempts != 20 {
				t.Errorf("got %+v", d)
			}
			now := p.stored(w)
			if now.Disabled != tt.disabled || tt.disabled && (now.DisabledReason != webhook.ReasonFailing || !now.DisabledAt.Equal(p.now())) {
				t.Errorf("got %+v", now)
			}
		})
	}
}

// After days in which there was nothing to deliver, one failure neither disables a webhook that had
// failed before nor loses the event.
func TestFailureAfterQuietDays(t *testing.T) {
	p := open(t)
	r := newReceiver(t, status(503))
	w := p.webhook("app", r)
	p.event()
	for d := p.wantResult(webhook.CodeStatus, 503); d.Status == vault.DeliveryPending; d = p.wantResult(webhook.CodeStatus, 503) {
		p.pass(d.NextAt.Sub(p.now()))
	}
	p.pass(5 * 24 * time.Hour)
	e := p.event()
	d := p.wantResult(webhook.CodeStatus, 503)
	if now := p.stored(w); now.Disabled || d.Status != vault.DeliveryPending {
		t.Errorf("after one failure: got %+v and %+v", now, d)
	}
	r.change(status(200))
	p.pass(d.NextAt.Sub(p.now()))
	if d := p.wantResult("", 200); d.EventID != e.ID {
		t.Errorf("got %+v", d)
	}
}

// What a delivery needs may be gone.
func TestGoneMeanwhile(t *testing.T) {
	for _, tt := range []struct {
		name string
		key  func(vault.Delivery) vault.Key
		code string
	}{
		{"webhook", func(d vault.Delivery) vault.Key { return vault.Key{Kind: vault.KindWebhook, ID: string(d.WebhookID)} }, webhook.CodeEndpointGone},
		{"event", func(d vault.Delivery) vault.Key { return vault.Key{Kind: vault.KindEvent, ID: string(d.EventID)} }, webhook.CodeEventGone},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := open(t)
			r := newReceiver(t, status(500))
			p.webhook("app", r)
			p.event()
			d := p.wantResult(webhook.CodeStatus, 500)
			rec, err := p.store.Get(t.Context(), tt.key(d))
			wantNil(t, err)
			wantNil(t, p.store.Apply(t.Context(), vault.Change{Record: rec, Delete: true}))
			p.pass(d.NextAt.Sub(p.now()))
			if d := p.wantResult(tt.code, 0); d.Status != vault.DeliveryFailed || d.Attempts != 1 || len(r.arrived) != 1 {
				t.Errorf("got %+v and %d requests", d, len(r.arrived))
			}
		})
	}
}
