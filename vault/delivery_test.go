package vault_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// allDeliveries lists deliveries in small pages.
func allDeliveries(t *testing.T, v *vault.Vault, q vault.DeliveryQuery) (all []vault.Delivery) {
	t.Helper()
	for q.Limit = 2; ; {
		page, err := v.Deliveries(t.Context(), q)
		wantNil(t, err)
		all = append(all, page.Items...)
		if q.After = page.Next; q.After == "" {
			return all
		}
	}
}

// delivered makes an account and returns the delivery of its event to the webhook.
func delivered(t *testing.T, v *vault.Vault, w vault.Webhook, identifier string) vault.Delivery {
	t.Helper()
	conn, err := v.FindConnection(t.Context(), w.Project, "for-"+w.Name)
	if err != nil {
		conn = vault.Connection{Name: "for-" + w.Name, Project: w.Project, Connector: "github"}
		wantNil(t, v.PutConnection(t.Context(), &conn))
	}
	a := vaulttest.Account(t, v, conn, identifier, vaulttest.Grant(identifier, epoch))
	e := allEvents(t, v, vault.EventQuery{AccountID: a.ID})
	found := allDeliveries(t, v, vault.DeliveryQuery{EventID: e[0].ID, WebhookID: w.ID})
	if len(found) != 1 {
		t.Fatalf("got %d deliveries, want 1", len(found))
	}
	return found[0]
}

// A webhook gets the events of its project that it wants, and no others.
func TestWhoGetsWhichEvents(t *testing.T) {
	c := newClock()
	v, err := vault.OpenWith(t.Context(), storeAt(t, c), vaulttest.NewKeys(t), vault.Options{Now: c.now, KeepEvents: -1})
	wantNil(t, err)
	hooks := map[string]vault.Webhook{
		"all":      newWebhook(t, v, "all"),
		"some":     newWebhook(t, v, "some", vault.EventDeleted, vault.EventTokenFetched),
		"refresh":  newWebhook(t, v, "refresh", vault.EventTokenRefreshed),
		"disabled": newWebhook(t, v, "disabled", vault.EventCreated),
		"deleted":  newWebhook(t, v, "deleted"),
	}
	off := hooks["disabled"]
	off.Disabled = true
	wantNil(t, v.PutWebhook(t.Context(), &off))
	wantNil(t, v.DeleteWebhook(t.Context(), hooks["deleted"].ID))
	other := vault.Webhook{Name: "other", Project: "other", URL: "https://hooks.test"}
	wantNil(t, v.PutWebhook(t.Context(), &other))
	hooks["other"] = other
	_, types := everything(t, v, c, "ada")
	want := map[string][]vault.EventType{
		"all":     slices.DeleteFunc(types, func(e vault.EventType) bool { return e == vault.EventTokenFetched }),
		"some":    {vault.EventTokenFetched, vault.EventDeleted},
		"refresh": {vault.EventTokenRefreshed},
	}
	n := 0
	for name, w := range hooks {
		var got []vault.EventType
		for _, d := range allDeliveries(t, v, vault.DeliveryQuery{WebhookID: w.ID}) {
			e, err := v.Event(t.Context(), d.EventID)
			wantNil(t, err)
			got = append(got, e.Type)
			wantDelivery := vault.Delivery{
				ID: d.ID, Project: "default", EventID: e.ID, WebhookID: w.ID, Status: vault.DeliveryPending, NextAt: e.At, CreatedAt: e.At, Version: 1,
			}
			if d := cmp.Diff(wantDelivery, d); d != "" {
				t.Errorf("delivery (-want +got):\n%s", d)
			}
			n++
		}
		if d := cmp.Diff(want[name], got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	backlog, err := v.Backlog(t.Context())
	wantNil(t, err)
	if backlog != n {
		t.Errorf("got a backlog of %d, want %d", backlog, n)
	}
}

// Events last as long as their deliveries, whatever the options say, and both are gone after a week.
func TestDeliveriesExpire(t *testing.T) {
	for _, keep := range []time.Duration{-1, time.Hour, 0, 2 * week} {
		c := newClock()
		store := storeAt(t, c)
		v, err := vault.OpenWith(t.Context(), store, vaulttest.NewKeys(t), vault.Options{Now: c.now, KeepEvents: keep})
		wantNil(t, err)
		d := delivered(t, v, newWebhook(t, v, "app"), "ada")
		c.add(time.Hour)
		_, _, err = v.NoteDelivery(t.Context(), d, vault.Attempt{NextAt: c.now(), Code: "timeout"})
		wantNil(t, err)
		check := func(k vault.Key, want time.Duration) {
			t.Helper()
			if r := records(t, store)[k]; !r.Expires.Equal(epoch.Add(want)) {
				t.Errorf("kept for %s: the %s expires at %s, want %s", keep, k.Kind, r.Expires, epoch.Add(want))
			}
		}
		event := vault.Key{Kind: vault.KindEvent, ID: string(d.EventID)}
		check(vault.Key{Kind: vault.KindDelivery, ID: string(d.ID)}, week)
		check(event, max(week, keep))
		again, err := v.ReplayEvent(t.Context(), d.EventID, d.WebhookID)
		wantNil(t, err)
		check(vault.Key{Kind: vault.KindDelivery, ID: string(again.ID)}, week+time.Hour)
		check(event, max(week+time.Hour, keep))
	}
}

func TestDeliveryQueries(t *testing.T) {
	v := vaulttest.New(t)
	first, second := newWebhook(t, v, "first"), newWebhook(t, v, "second")
	var all []vault.Delivery
	for i := range 5 {
		d := delivered(t, v, first, fmt.Sprint("user-", i))
		all = append(all, d)
		if i < 2 {
			_, _, err := v.NoteDelivery(t.Context(), d, vault.Attempt{Delivered: true})
			wantNil(t, err)
		}
	}
	pending := vault.DeliveryPending
	tests := []struct {
		name string
		q    vault.DeliveryQuery
		want int
	}{
		{"all", vault.DeliveryQuery{}, 10},
		{"of a webhook", vault.DeliveryQuery{WebhookID: first.ID}, 5},
		{"of an event", vault.DeliveryQuery{EventID: all[3].EventID}, 2},
		{"of an event at a webhook", vault.DeliveryQuery{EventID: all[3].EventID, WebhookID: second.ID}, 1},
		{"pending", vault.DeliveryQuery{Status: pending}, 8},
		{"pending at a webhook", vault.DeliveryQuery{Status: pending, WebhookID: first.ID}, 3},
		{"pending of an event", vault.DeliveryQuery{Status: pending, EventID: all[0].EventID}, 1},
		{"failed", vault.DeliveryQuery{Status: vault.DeliveryFailed}, 0},
		{"of a project", vault.DeliveryQuery{Project: "other"}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := allDeliveries(t, v, tt.q)
			if len(got) != tt.want || !slices.IsSortedFunc(got, func(a, b vault.Delivery) int {
				return 2*compare(string(a.EventID), string(b.EventID)) + compare(string(a.ID), string(b.ID))
			}) {
				t.Errorf("got %d deliveries, want %d: %+v", len(got), tt.want, got)
			}
		})
	}
	_, err := v.Deliveries(t.Context(), vault.DeliveryQuery{PageQuery: vault.PageQuery{After: "x"}})
	wantErr(t, err, vault.ErrBadCursor)
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// What is due is listed by webhook, the earliest first, and one with many does not hide another.
func TestDueDeliveries(t *testing.T) {
	c := newClock()
	store, keys := storeAt(t, c), vaulttest.NewKeys(t)
	v := vaulttest.OpenAt(t, store, keys, c.now)
	busy, calm, done := newWebhook(t, v, "busy"), newWebhook(t, v, "calm"), newWebhook(t, v, "done")
	var ids []vault.DeliveryID
	note := func(q vault.DeliveryQuery, a vault.Attempt) {
		t.Helper()
		for _, d := range allDeliveries(t, v, q) {
			_, _, err := v.NoteDelivery(t.Context(), d, a)
			wantNil(t, err)
		}
	}
	for i := range 7 {
		ids = append(ids, delivered(t, v, busy, fmt.Sprint("user-", i)).ID)
		c.add(time.Millisecond)
	}
	later := c.now().Add(1500 * time.Millisecond)
	note(vault.DeliveryQuery{WebhookID: calm.ID}, vault.Attempt{NextAt: later, Code: "timeout"})
	note(vault.DeliveryQuery{WebhookID: done.ID}, vault.Attempt{Delivered: true})
	bad := records(t, store)[vault.Key{Kind: vault.KindDelivery, ID: string(ids[0])}]
	bad.Sealed[20] ^= 1
	put(t, store, bad)
	wantDue := func(at time.Time, each int, wantNext time.Time, wantBusy []vault.DeliveryID, wantCalm int) {
		t.Helper()
		due, next, err := v.DueDeliveries(t.Context(), at, each)
		wantNil(t, err)
		var gotBusy []vault.DeliveryID
		gotCalm := 0
		for _, d := range due {
			switch d.WebhookID {
			case busy.ID:
				gotBusy = append(gotBusy, d.ID)
			case calm.ID:
				gotCalm++
			}
		}
		if !slices.Equal(gotBusy, wantBusy) || gotCalm != wantCalm || len(due) != len(wantBusy)+wantCalm || !next.Equal(wantNext) {
			t.Errorf("at %s by %d: got %v, %d others and next %s, want %v, %d and %s", at, each, gotBusy, gotCalm, next, wantBusy, wantCalm, wantNext)
		}
	}
	wantDue(epoch.Add(-1), 3, epoch.Add(time.Millisecond), nil, 0)
	wantDue(epoch.Add(2*time.Millisecond), 3, epoch.Add(3*time.Millisecond), ids[1:3], 0)
	wantDue(c.now(), 1, later, ids[1:2], 0)
	wantDue(later.Add(-1), 3, later, ids[1:4], 0)
	wantDue(later, 3, time.Time{}, ids[1:4], 3)
	wantDue(later, 100, time.Time{}, ids[1:], 7)
	backlog, err := v.Backlog(t.Context())
	wantNil(t, err)
	if backlog != 14 {
		t.Errorf("got a backlog of %d, want 14", backlog)
	}
}

// What an attempt leaves on its delivery and its webhook.
func TestNoteDelivery(t *testing.T) {
	later := epoch.Add(time.Hour)
	tests := []struct {
		name    string
		attempt vault.Attempt
		want    vault.Delivery
		webhook func(*vault.Webhook)
	}{
		{
			"delivered",
			vault.Attempt{Delivered: true, HTTPStatus: 204},
			vault.Delivery{Status: vault.DeliveryDelivered, Attempts: 1, LastStatus: 204, DoneAt: epoch},
			func(w *vault.Webhook) { w.LastDeliveredAt, w.Version = epoch, 2 },
		},
		{
			"to be tried again",
			vault.Attempt{NextAt: later, HTTPStatus: 500, Code: "status"},
			vault.Delivery{Status: vault.DeliveryPending, Attempts: 1, LastStatus: 500, LastError: "status", NextAt: later},
			func(w *vault.Webhook) { w.FailingSince, w.Version = epoch, 2 },
		},
		{
			"given up",
			vault.Attempt{Code: "timeout"},
			vault.Delivery{Status: vault.DeliveryFailed, Attempts: 1, LastError: "timeout", DoneAt: epoch},
			func(w *vault.Webhook) { w.FailingSince, w.Version = epoch, 2 },
		},
		{
			"not sent",
			vault.Attempt{Unsent: true, Code: "endpoint_disabled"},
			vault.Delivery{Status: vault.DeliveryFailed, LastError: "endpoint_disabled", DoneAt: epoch},
			func(*vault.Webhook) {},
		},
		{
			"failing",
			vault.Attempt{NextAt: later, Code: "timeout", Disable: "failing", FailingFor: time.Nanosecond},
			vault.Delivery{Status: vault.DeliveryPending, Attempts: 1, LastError: "timeout", NextAt: later},
			func(w *vault.Webhook) { w.FailingSince, w.Version = epoch, 2 },
		},
		{
			"gone",
			vault.Attempt{HTTPStatus: 410, Code: "gone", Disable: "gone"},
			vault.Delivery{Status: vault.DeliveryFailed, Attempts: 1, LastStatus: 410, LastError: "gone", DoneAt: epoch},
			func(w *vault.Webhook) {
				w.FailingSince, w.Disabled, w.DisabledReason, w.DisabledAt, w.Version = epoch, true, "gone", epoch, 2
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := vaulttest.NewAt(t, newClock().now)
			w := newWebhook(t, v, "app")
			d := delivered(t, v, w, "ada")
			got, off, err := v.NoteDelivery(t.Context(), d, tt.attempt)
			wantNil(t, err)
			want := tt.want
			want.ID, want.Project, want.EventID, want.WebhookID, want.CreatedAt, want.Version = d.ID, d.Project, d.EventID, w.ID, epoch, 2
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("delivery (-want +got):\n%s", d)
			}
			stored, err := v.Delivery(t.Context(), d.ID)
			wantNil(t, err)
			if d := cmp.Diff(got, stored); d != "" {
				t.Errorf("delivery (-returned +stored):\n%s", d)
			}
			tt.webhook(&w)
			hook, err := v.Webhook(t.Context(), w.ID)
			wantNil(t, err)
			if d := cmp.Diff(w, hook); d != "" {
				t.Errorf("webhook (-want +got):\n%s", d)
			}
			none, _, err := v.NoteDelivery(t.Context(), d, vault.Attempt{Delivered: true})
			wantErr(t, err, vault.ErrConflict)
			if none != (vault.Delivery{}) {
				t.Errorf("delivery beside an error: %+v", none)
			}
			disabled := hook.Disabled
			if off != disabled {
				t.Errorf("got disabled %v, want %v", off, disabled)
			}
			if got := len(allDeliveries(t, v, vault.DeliveryQuery{WebhookID: w.ID, EventID: eventOf(t, v, "bob")})); (got == 0) != disabled {
				t.Errorf("the next event has %d deliveries, disabled %v", got, disabled)
			}
		})
	}
}

// eventOf makes an account and returns its event.
func eventOf(t *testing.T, v *vault.Vault, identifier string) vault.EventID {
	t.Helper()
	a := vaulttest.Account(t, v, vaulttest.Connection(t, v, "more"), identifier, vaulttest.Grant("1", epoch))
	return allEvents(t, v, vault.EventQuery{AccountID: a.ID})[0].ID
}

// A webhook that works is written once an hour, and a failing one keeps the time of its first failure.
func TestWebhookHealth(t *testing.T) {
	c := newClock()
	v := vaulttest.NewAt(t, c.now)
	w := newWebhook(t, v, "app")
	steps := []struct {
		after         time.Duration
		ok            bool
		version       uint64
		failing, last time.Duration // since the epoch; -1 is never
	}{
		{0, true, 2, -1, 0},
		{59 * time.Minute, true, 2, -1, 0},
		{time.Minute, true, 3, -1, time.Hour},
		{time.Minute, false, 4, 61 * time.Minute, time.Hour},
		{time.Minute, false, 4, 61 * time.Minute, time.Hour},
		{time.Minute, true, 5, -1, 63 * time.Minute},
	}
	at := func(d time.Duration) time.Time {
		if d < 0 {
			return time.Time{}
		}
		return epoch.Add(d)
	}
	for i, s := range steps {
		c.add(s.after)
		_, _, err := v.NoteDelivery(t.Context(), delivered(t, v, w, fmt.Sprint("user-", i)), vault.Attempt{Delivered: s.ok})
		wantNil(t, err)
		got, err := v.Webhook(t.Context(), w.ID)
		wantNil(t, err)
		if got.Version != s.version || !got.FailingSince.Equal(at(s.failing)) || !got.LastDeliveredAt.Equal(at(s.last)) {
			t.Errorf("step %d: got version %d, failing since %s, delivered at %s", i, got.Version, got.FailingSince, got.LastDeliveredAt)
		}
	}
}

// A change of the webhook in the same moment is no obstacle to noting a delivery, and is not lost.
func TestNoteDeliveryWhileWebhookChanges(t *testing.T) {
	store := &hooked{Store: vaulttest.NewStore(t)}
	v := vaulttest.OpenAt(t, store, vaulttest.NewKeys(t), nil)
	w := newWebhook(t, v, "app")
	d := delivered(t, v, w, "ada")
	change := once(func() { w.Secret = secretOf(40); wantNil(t, v.PutWebhook(t.Context(), &w)) })
	store.apply = func(changes []vault.Change) error {
		if changes[0].Kind == vault.KindDelivery {
			change()
		}
		return nil
	}
	_, _, err := v.NoteDelivery(t.Context(), d, vault.Attempt{Delivered: true})
	wantNil(t, err)
	got, err := v.Webhook(t.Context(), w.ID)
	wantNil(t, err)
	if got.Version != 3 || !got.Secret.Equal(w.Secret) || got.LastDeliveredAt.IsZero() {
		t.Errorf("got %+v", got)
	}
}

func TestReplayEvent(t *testing.T) {
	c := newClock()
	v := vaulttest.NewAt(t, c.now)
	w, calm := newWebhook(t, v, "app"), newWebhook(t, v, "calm", vault.EventDeleted)
	d := delivered(t, v, w, "ada")
	failed, _, err := v.NoteDelivery(t.Context(), d, vault.Attempt{Code: "timeout"})
	wantNil(t, err)
	c.add(time.Hour)
	again, err := v.ReplayEvent(t.Context(), d.EventID, d.WebhookID)
	wantNil(t, err)
	want := vault.Delivery{
		ID: again.ID, Project: "default", EventID: d.EventID, WebhookID: w.ID, Status: vault.DeliveryPending, NextAt: c.now(), CreatedAt: c.now(), Version: 1,
	}
	if d := cmp.Diff(want, again); d != "" {
		t.Errorf("replay (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]vault.Delivery{failed, again}, allDeliveries(t, v, vault.DeliveryQuery{WebhookID: w.ID})); d != "" {
		t.Errorf("deliveries (-want +got):\n%s", d)
	}
	other, err := v.ReplayEvent(t.Context(), d.EventID, calm.ID)
	wantNil(t, err)
	if other.WebhookID != calm.ID || other.EventID != d.EventID {
		t.Errorf("got %+v", other)
	}
	foreign := vault.Webhook{Name: "app", Project: "other", URL: "https://hooks.test"}
	wantNil(t, v.PutWebhook(t.Context(), &foreign))
	calm.Disabled = true
	wantNil(t, v.PutWebhook(t.Context(), &calm))
	for _, bad := range []struct {
		event   vault.EventID
		webhook vault.WebhookID
		want    error
	}{
		{d.EventID, foreign.ID, vault.ErrNotFound},
		{d.EventID, "whk_x", vault.ErrNotFound},
		{"evt_x", w.ID, vault.ErrNotFound},
		{d.EventID, calm.ID, vault.ErrDisabled},
	} {
		got, err := v.ReplayEvent(t.Context(), bad.event, bad.webhook)
		wantErr(t, err, bad.want)
		if got != (vault.Delivery{}) {
			t.Errorf("delivery beside an error: %+v", got)
		}
	}
}

// A process of a fleet learns of the webhooks of another one, and of their end.
func TestReloadWebhooks(t *testing.T) {
	store, keys := vaulttest.NewStore(t), vaulttest.NewKeys(t)
	first, second := vaulttest.OpenAt(t, store, keys, nil), vaulttest.OpenAt(t, store, keys, nil)
	w := newWebhook(t, first, "app")
	conn := vaulttest.Connection(t, first, "github")
	wantGot := func(name string, want int) {
		t.Helper()
		vaulttest.Account(t, second, conn, name, vaulttest.Grant("1", epoch))
		if got := len(allDeliveries(t, first, vault.DeliveryQuery{WebhookID: w.ID})); got != want {
			t.Errorf("%s: got %d deliveries, want %d", name, got, want)
		}
	}
	wantGot("before", 0)
	wantNil(t, second.ReloadWebhooks(t.Context()))
	wantGot("after", 1)
	wantNil(t, first.DeleteWebhook(t.Context(), w.ID))
	wantGot("deleted", 1)
	wantNil(t, second.ReloadWebhooks(t.Context()))
	wantGot("deleted-and-known", 1)
	third := newWebhook(t, first, "third")
	if open := vaulttest.OpenAt(t, store, keys, nil); true {
		vaulttest.Account(t, open, conn, "opened", vaulttest.Grant("1", epoch))
	}
	if got := len(allDeliveries(t, first, vault.DeliveryQuery{WebhookID: third.ID})); got != 1 {
		t.Errorf("got %d deliveries after opening, want 1", got)
	}
}

// A webhook that is stored while the list is read is not lost from it.
func TestReloadWhileWebhooksChange(t *testing.T) {
	store := &hooked{Store: vaulttest.NewStore(t)}
	v := vaulttest.OpenAt(t, store, vaulttest.NewKeys(t), nil)
	var w vault.Webhook
	store.looked = once(func() { w = newWebhook(t, v, "app") })
	wantNil(t, v.ReloadWebhooks(t.Context()))
	delivered(t, v, w, "ada")
}

// A webhook is deleted with its deliveries, and with no others.
func TestDeleteWebhookWithDeliveries(t *testing.T) {
	store := vaulttest.NewStore(t)
	v := vaulttest.OpenAt(t, store, vaulttest.NewKeys(t), nil)
	gone, stays := newWebhook(t, v, "gone"), newWebhook(t, v, "stays")
	users(t, v, 120)
	wantNil(t, v.DeleteWebhook(t.Context(), gone.ID))
	if left := allDeliveries(t, v, vault.DeliveryQuery{WebhookID: gone.ID}); len(left) > 0 {
		t.Errorf("%d deliveries are left", len(left))
	}
	if left := allDeliveries(t, v, vault.DeliveryQuery{WebhookID: stays.ID}); len(left) != 240 {
		t.Errorf("another webhook has %d deliveries, want 240", len(left))
	}
	var found faults
	_, err := v.Verify(t.Context(), found.add)
	wantNil(t, err)
	if len(found) > 0 {
		t.Errorf("got faults %v", found)
	}
}

// Verify and a backup know the kinds, and what does not fit.
func TestDeliveriesAreKept(t *testing.T) {
	store, to, keys := vaulttest.NewStore(t), vaulttest.NewStore(t), vaulttest.NewKeys(t)
	v := vaulttest.OpenAt(t, store, keys, nil)
	w := newWebhook(t, v, "app")
	d := delivered(t, v, w, "ada")
	promoteNew(t, v)
	wantNil(t, v.Reseal(t.Context()))
	wantNil(t, restore(t, backup(t, v), to, keys))
	if d := cmp.Diff(records(t, store), records(t, to)); d != "" {
		t.Errorf("records (-backup +restored):\n%s", d)
	}
	restored := vaulttest.OpenAt(t, to, keys, nil)
	got, err := restored.Delivery(t.Context(), d.ID)
	wantNil(t, err)
	hook, err := restored.Webhook(t.Context(), w.ID)
	wantNil(t, err)
	if d := cmp.Diff(d, got) + cmp.Diff(w, hook); d != "" || !hook.Secret.Equal(w.Secret) {
		t.Errorf("after all (-before +after):\n%s", d)
	}
	event, delivery := vault.Key{Kind: vault.KindEvent, ID: string(d.EventID)}, vault.Key{Kind: vault.KindDelivery, ID: string(d.ID)}
	harms := map[string]func() vault.Key{
		"nothing":          func() vault.Key { return vault.Key{} },
		"altered webhook":  func() vault.Key { return alter(t, to, vault.Key{Kind: vault.KindWebhook, ID: string(w.ID)}) },
		"altered event":    func() vault.Key { return alter(t, to, event) },
		"altered delivery": func() vault.Key { return alter(t, to, delivery) },
		"event is gone":    func() vault.Key { remove(t, to, event); return delivery },
		"webhook is gone": func() vault.Key {
			remove(t, to, vault.Key{Kind: vault.KindWebhook, ID: string(w.ID)})
			return vault.Key{}
		},
	}
	whole := records(t, to)
	for name, harm := range harms {
		for _, r := range whole {
			put(t, to, r)
		}
		k := harm()
		var found faults
		_, err := restored.Verify(t.Context(), found.add)
		wantNil(t, err)
		if k == (vault.Key{}) && len(found) > 0 || k != (vault.Key{}) && (len(found) != 1 || found[0].Key != k) {
			t.Errorf("%s: got faults %v, want of %v", name, found, k)
		}
	}
}

// alter changes a bit of what is sealed.
func alter(t *testing.T, s vault.Store, k vault.Key) vault.Key {
	t.Helper()
	r, err := s.Get(t.Context(), k)
	wantNil(t, err)
	r.Sealed = slices.Clone(r.Sealed)
	r.Sealed[len(r.Sealed)-1] ^= 1
	put(t, s, r)
	return k
}

// Of what is not due yet, the first is read and nothing else.
func TestDueDeliveriesReadLittle(t *testing.T) {
	scans := 0
	v, err := vault.OpenWith(t.Context(), vaulttest.NewStore(t), vaulttest.NewKeys(t), vault.Options{Observe: func(op string, _ time.Duration, _ error) {
		if op == "scan" {
			scans++
		}
	}})
	wantNil(t, err)
	for i := range 3 {
		newWebhook(t, v, fmt.Sprint("w-", i))
	}
	users(t, v, 20)
	scans = 0
	due, next, err := v.DueDeliveries(t.Context(), epoch.AddDate(-1, 0, 0), 1)
	wantNil(t, err)
	if len(due) > 0 || next.IsZero() || scans != 4 {
		t.Errorf("got %d due, next %s, by %d scans, want 4", len(due), next, scans)
	}
}
