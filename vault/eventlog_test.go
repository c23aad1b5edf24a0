package vault_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

const week = 7 * 24 * time.Hour

// everything does to an account all that makes events, one each second, and returns their types.
func everything(t *testing.T, v *vault.Vault, c *clock, identifier string) (vault.ConnectedAccount, []vault.EventType) {
	t.Helper()
	conn := vaulttest.Connection(t, v, "conn-"+identifier)
	a := vault.ConnectedAccount{ConnectionID: conn.ID, Connector: "github", Identifier: identifier}
	g := func(generation uint64) vault.Grant {
		g := vaulttest.Grant(fmt.Sprint(generation), c.now())
		g.Generation = generation
		return g
	}
	l := newLink("token-"+identifier, c)
	l.ConnectionID, l.Identifier, l.Expires = conn.ID, identifier, farAway
	steps := []struct {
		do   func() error
		want []vault.EventType
	}{
		{func() error { return v.CreateAccount(t.Context(), &a) }, []vault.EventType{vault.EventCreated}},
		{func() error {
			l.AccountID, l.Reconnect = a.ID, true
			return v.CreateLink(t.Context(), &l)
		}, []vault.EventType{vault.EventLinkGenerated}},
		{func() (err error) {
			a, err = v.Connect(t.Context(), l, a, g(1))
			return err
		}, []vault.EventType{vault.EventUpdated, vault.EventStatusUpdated, vault.EventOAuthSucceeded}},
		{func() error { _, err := v.ReplaceGrant(t.Context(), a.ID, g(2)); return err }, nil},
		{func() error {
			_, err := v.EndRefresh(t.Context(), a.ID, vault.Failure{Generation: 2, Code: "invalid_grant", Class: "terminal", Answered: true, Expired: true})
			return err
		}, []vault.EventType{vault.EventTokenRefreshFailed, vault.EventStatusUpdated}},
		{func() error {
			_, err := v.Note(t.Context(), a.ID, 0, func(f *vault.Facts) []vault.Event {
				return []vault.Event{{Type: vault.EventRefreshTokenExpiring, Expires: c.now().Add(time.Hour)}, {Type: vault.EventTokenFetched}}
			})
			return err
		}, []vault.EventType{vault.EventRefreshTokenExpiring, vault.EventTokenFetched}},
		{func() error { return v.DeleteAccount(t.Context(), a.ID) }, []vault.EventType{vault.EventDeleted}},
	}
	var types []vault.EventType
	for _, s := range steps {
		c.add(time.Second)
		wantNil(t, s.do())
		types = append(types, s.want...)
	}
	return a, types
}

// allEvents lists events in pages of that size.
func allEvents(t *testing.T, v *vault.Vault, q vault.EventQuery) (all []vault.Event) {
	t.Helper()
	for {
		page, err := v.Events(t.Context(), q)
		wantNil(t, err)
		if len(page.Damaged) > 0 {
			t.Errorf("got damaged events %v", page.Damaged)
		}
		all = append(all, page.Items...)
		if q.After = page.Next; q.After == "" {
			return all
		}
	}
}

func typesOf(events []vault.Event) (types []vault.EventType) {
	for _, e := range events {
		types = append(types, e.Type)
	}
	return types
}

// Each change leaves its events, in the order in which they happened, with what they say of their
// account, and they outlive it.
func TestEventsOfAnAccount(t *testing.T) {
	for _, clear := range []bool{false, true} {
		t.Run(fmt.Sprint("clear ", clear), func(t *testing.T) {
			c := newClock()
			v, err := vault.OpenWith(t.Context(), storeAt(t, c), vaulttest.NewKeys(t), vault.Options{Now: c.now, ClearIdentifiers: clear})
			wantNil(t, err)
			a, want := everything(t, v, c, "ada")
			got := allEvents(t, v, vault.EventQuery{})
			if d := gocmp.Diff(want, typesOf(got)); d != "" {
				t.Fatalf("events (-want +got):\n%s", d)
			}
			for i, e := range got {
				if e.Identifier != "ada" || e.AccountID != a.ID || e.ConnectionID != a.ConnectionID || e.Project != "default" || i > 0 && e.ID <= got[i-1].ID {
					t.Errorf("event %d: got %+v", i, e)
				}
				one, err := v.Event(t.Context(), e.ID)
				wantNil(t, err)
				if d := gocmp.Diff(e, one); d != "" {
					t.Errorf("event %d (-listed +read):\n%s", i, d)
				}
			}
			wantEvent := vault.Event{
				ID: got[6].ID, Type: vault.EventStatusUpdated, At: epoch.Add(5 * time.Second), Project: "default", AccountID: a.ID,
				ConnectionID: a.ConnectionID, Connector: "github", Identifier: "ada", Status: vault.StatusExpired, OldStatus: vault.StatusActive, Reason: "invalid_grant",
			}
			if d := gocmp.Diff(wantEvent, got[6]); d != "" {
				t.Errorf("status event (-want +got):\n%s", d)
			}
			if got[5].Class != "terminal" || got[1].LinkID == "" || !got[1].Expires.Equal(farAway) || !got[7].Expires.Equal(epoch.Add(6*time.Second+time.Hour)) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestEventQueries(t *testing.T) {
	c := newClock()
	v := vaulttest.NewAt(t, c.now)
	a, types := everything(t, v, c, "ada")
	b, _ := everything(t, v, c, "bob")
	other := vault.Connection{Name: "other", Project: "other", Connector: "github"}
	wantNil(t, v.PutConnection(t.Context(), &other))
	vaulttest.Account(t, v, other, "ada", vaulttest.Grant("1", epoch))
	n := len(types)
	tests := []struct {
		name string
		q    vault.EventQuery
		want int
	}{
		{"all", vault.EventQuery{}, 2*n + 1},
		{"of an account", vault.EventQuery{AccountID: a.ID}, n},
		{"of another account", vault.EventQuery{AccountID: b.ID}, n},
		{"of nobody", vault.EventQuery{AccountID: vault.NewAccountID()}, 0},
		{"of a project", vault.EventQuery{Project: "other"}, 1},
		{"of an account in another project", vault.EventQuery{Project: "other", AccountID: a.ID}, 0},
		{"of types", vault.EventQuery{Types: []vault.EventType{vault.EventDeleted, vault.EventCreated}}, 5},
		{"since the beginning", vault.EventQuery{Since: epoch}, 2*n + 1},
		{"since the deletion of the first", vault.EventQuery{Since: epoch.Add(7 * time.Second)}, n + 2},
		{"since then, of an account", vault.EventQuery{Since: epoch.Add(7 * time.Second), AccountID: a.ID}, 1},
		{"since a moment later", vault.EventQuery{Since: epoch.Add(7*time.Second + time.Nanosecond)}, n + 1},
		{"since tomorrow", vault.EventQuery{Since: epoch.Add(24 * time.Hour)}, 0},
		{"since ever", vault.EventQuery{Since: time.Unix(-5, 0)}, 2*n + 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for limit := 1; limit <= 3; limit++ {
				tt.q.Limit = limit
				got := allEvents(t, v, tt.q)
				if len(got) != tt.want || !slices.IsSortedFunc(got, func(a, b vault.Event) int { return cmp.Compare(a.ID, b.ID) }) {
					t.Errorf("by %d: got %v, want %d", limit, typesOf(got), tt.want)
				}
			}
		})
	}
	_, err := v.Events(t.Context(), vault.EventQuery{PageQuery: vault.PageQuery{After: "x"}})
	wantErr(t, err, vault.ErrBadCursor)
	_, err = v.Event(t.Context(), "evt_x")
	wantErr(t, err, vault.ErrNotFound)
}

// What was before Since is not read.
func TestEventsSinceReadNothingElse(t *testing.T) {
	c, scans := newClock(), 0
	v, err := vault.OpenWith(t.Context(), storeAt(t, c), vaulttest.NewKeys(t), vault.Options{Now: c.now, Observe: func(op string, _ time.Duration, _ error) {
		if op == "scan" {
			scans++
		}
	}})
	wantNil(t, err)
	users(t, v, 30)
	c.add(time.Hour)
	a, _ := everything(t, v, c, "ada")
	for _, id := range []vault.AccountID{"", a.ID} {
		scans = 0
		q := vault.EventQuery{AccountID: id, Since: c.now(), PageQuery: vault.PageQuery{Limit: 2}}
		page, err := v.Events(t.Context(), q)
		wantNil(t, err)
		if len(page.Items) != 1 || page.Next != "" || scans != 1 {
			t.Errorf("got %v by %d scans", typesOf(page.Items), scans)
		}
	}
}

// Events of one millisecond are in the order in which they happened, and so are those of a clock that
// goes back a little.
func TestEventOrder(t *testing.T) {
	tests := []struct {
		name string
		step time.Duration
		same bool // all of them are in order, else the order is that of the clock
	}{
		{"a clock that stands", 0, true},
		{"a clock that goes back a little", -time.Millisecond, true},
		{"a clock that was put back", -time.Hour, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClock()
			c.add(100 * time.Hour)
			v := vaulttest.NewAt(t, c.now)
			conn := vaulttest.Connection(t, v, "github")
			var want []vault.AccountID
			for i := range 20 {
				want = append(want, vaulttest.Account(t, v, conn, fmt.Sprint("user-", i), vaulttest.Grant("1", epoch)).ID)
				c.add(tt.step)
			}
			if !tt.same {
				slices.Reverse(want)
			}
			var got []vault.AccountID
			for _, e := range allEvents(t, v, vault.EventQuery{PageQuery: vault.PageQuery{Limit: 3}}) {
				got = append(got, e.AccountID)
			}
			if !slices.Equal(got, want) {
				t.Errorf("got events of %v, want %v", got, want)
			}
		})
	}
}

// Events are kept for as long as the options say.
func TestEventsExpire(t *testing.T) {
	tests := []struct {
		name string
		keep time.Duration
		want time.Duration
	}{
		{"by default", 0, week},
		{"for an hour", time.Hour, time.Hour},
		{"not at all", -1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClock()
			store := storeAt(t, c)
			v, err := vault.OpenWith(t.Context(), store, vaulttest.NewKeys(t), vault.Options{Now: c.now, KeepEvents: tt.keep})
			wantNil(t, err)
			users(t, v, 1)
			n := 0
			for k, r := range records(t, store) {
				if k.Kind != vault.KindEvent {
					continue
				}
				if n++; !r.Expires.Equal(epoch.Add(tt.want)) {
					t.Errorf("an event expires at %s, want %s", r.Expires, epoch.Add(tt.want))
				}
			}
			if got := len(allEvents(t, v, vault.EventQuery{})); got != n || (n == 2) != (tt.want > 0) {
				t.Errorf("got %d events and %d in the list", n, got)
			}
		})
	}
}

// An event is there if and only if its change is.
func TestEventsAreInTheSameWrite(t *testing.T) {
	store := &hooked{Store: vaulttest.NewStore(t)}
	v := vaulttest.OpenAt(t, store, vaulttest.NewKeys(t), nil)
	newWebhook(t, v, "app", vault.EventCreated, vault.EventTokenRefreshed)
	conn := vaulttest.Connection(t, v, "github")
	failed := errors.New("no power")
	kinds := map[vault.Kind]int{}
	store.apply = func(changes []vault.Change) error {
		for _, c := range changes {
			kinds[c.Kind]++
		}
		return failed
	}
	a := vault.ConnectedAccount{ConnectionID: conn.ID, Connector: "github", Identifier: "ada"}
	_, err := v.Connect(t.Context(), vault.Link{}, a, vaulttest.Grant("1", epoch))
	wantErr(t, err, failed)
	if d := gocmp.Diff(map[vault.Kind]int{vault.KindAccount: 1, vault.KindGrant: 1, vault.KindEvent: 1, vault.KindDelivery: 1}, kinds); d != "" {
		t.Errorf("the write (-want +got):\n%s", d)
	}
	for k := range records(t, store) {
		if k.Kind != vault.KindConnection && k.Kind != vault.KindWebhook {
			t.Errorf("%s %s is there", k.Kind, k.ID)
		}
	}
	store.apply = nil
	_, err = v.Connect(t.Context(), vault.Link{}, a, vaulttest.Grant("1", epoch))
	wantNil(t, err)
	if got := allEvents(t, v, vault.EventQuery{}); len(got) != 1 || len(allDeliveries(t, v, vault.DeliveryQuery{EventID: got[0].ID})) != 1 {
		t.Errorf("got events %+v", got)
	}
}

// Many who change one account at once: the events tell its story without a gap.
func TestEventsOfTwoWriters(t *testing.T) {
	store, keys := vaulttest.NewStore(t), vaulttest.NewKeys(t)
	first, second := vaulttest.OpenAt(t, store, keys, nil), vaulttest.OpenAt(t, store, keys, nil)
	a := vaulttest.Account(t, first, vaulttest.Connection(t, first, "github"), "ada", vaulttest.Grant("1", epoch))
	const each = 20
	done := make(chan error, 2)
	for i, v := range []*vault.Vault{first, second} {
		go func() {
			for n := range each {
				status := []vault.Status{vault.StatusExpired, vault.StatusActive}[(i+n)%2]
				if _, err := v.SetStatus(t.Context(), a.ID, 0, status, ""); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 2 {
		wantNil(t, <-done)
	}
	byStatus := map[vault.Status]int{}
	events := allEvents(t, first, vault.EventQuery{Types: []vault.EventType{vault.EventStatusUpdated}})
	for _, e := range events {
		byStatus[e.OldStatus]++
		byStatus[e.Status]--
	}
	now, err := second.Account(t.Context(), a.ID)
	wantNil(t, err)
	want := map[vault.Status]int{vault.StatusActive: 0, vault.StatusExpired: 0}
	if now.Status != vault.StatusActive {
		want = map[vault.Status]int{vault.StatusActive: 1, vault.StatusExpired: -1}
	}
	if d := gocmp.Diff(want, byStatus); d != "" || len(events) == 0 {
		t.Errorf("%d events, of statuses left and reached (-want +got):\n%s", len(events), d)
	}
}

// V-01: with sealed identifiers, no event has a readable one, and none has a secret.
func TestV01EventsAreSealed(t *testing.T) {
	store := vaulttest.NewStore(t)
	v := vaulttest.OpenAt(t, store, vaulttest.NewKeys(t), nil)
	w := newWebhook(t, v, "app")
	person(t, v)
	wantReadable := func(want bool) {
		t.Helper()
		text := readable(t, store)
		for k, r := range records(t, store) {
			if got := strings.Contains(fmt.Sprintf("%s %s %v", r.Meta, r.Sealed, r.Indexes), personal[0]); k.Kind == vault.KindEvent && got != want {
				t.Errorf("the identifier of %s can be read: %v, want %v", k.ID, got, want)
			}
		}
		for _, e := range allEvents(t, v, vault.EventQuery{}) {
			if e.Identifier != personal[0] {
				t.Errorf("got an event of %q", e.Identifier)
			}
		}
		for _, secret := range []string{"access-1", "refresh-1", w.Secret.Reveal(), w.Secret.Reveal()[6:], "hooks.test"} {
			if strings.Contains(text, secret) {
				t.Errorf("%q can be read", secret)
			}
		}
	}
	for _, sealed := range []bool{true, false, true} {
		wantNil(t, v.SealIdentifiers(t.Context(), sealed))
		wantNil(t, v.Reseal(t.Context()))
		wantReadable(!sealed)
		promoteNew(t, v)
		wantNil(t, v.Reseal(t.Context()))
		wantReadable(!sealed)
		wantSealedBy(t, store, v.Keyring().Keys[0].ID)
	}
}

// Forgetting a user removes events and deliveries of that user and project, those of the deletion
// itself too, and nothing else.
func TestForgetEvents(t *testing.T) {
	store := vaulttest.NewStore(t)
	v := vaulttest.OpenAt(t, store, vaulttest.NewKeys(t), nil)
	newWebhook(t, v, "app")
	mine, _ := adas(t, v, "default")
	theirs, _ := adas(t, v, "other")
	bob := vaulttest.Account(t, v, vaulttest.Connection(t, v, "bobs"), "bob", vaulttest.Grant("bob", epoch))
	gone := allEvents(t, v, vault.EventQuery{AccountID: mine[0].ID})
	before := len(allEvents(t, v, vault.EventQuery{Project: "other"}))
	bad := records(t, store)[vault.Key{Kind: vault.KindEvent, ID: string(gone[0].ID)}]
	bad.Sealed[40] ^= 1
	put(t, store, bad)
	_, err := v.ReplayEvent(t.Context(), gone[1].ID, allDeliveries(t, v, vault.DeliveryQuery{EventID: gone[1].ID})[0].WebhookID)
	wantNil(t, err)
	got, err := v.Forget(t.Context(), "", "ada")
	wantNil(t, err)
	if want := 3 + 6 + 3; got.Events != want {
		t.Errorf("got %d events forgotten, want %d", got.Events, want)
	}
	for _, a := range mine {
		if left := allEvents(t, v, vault.EventQuery{AccountID: a.ID}); len(left) > 0 {
			t.Errorf("events are left: %+v", left)
		}
	}
	if left := len(allEvents(t, v, vault.EventQuery{Project: "other"})); left != before || len(theirs) != 3 {
		t.Errorf("another project has %d events, want %d", left, before)
	}
	bobs := allEvents(t, v, vault.EventQuery{AccountID: bob.ID})
	left := allDeliveries(t, v, vault.DeliveryQuery{})
	if len(bobs) != 1 || len(left) != 1 || left[0].EventID != bobs[0].ID {
		t.Errorf("got events %+v and deliveries %+v, want one of bob", bobs, left)
	}
	for k, r := range records(t, store) {
		for _, a := range mine {
			if strings.Contains(fmt.Sprintf("%s %s %v", r.ID, r.Meta, r.Indexes), string(a.ID)) {
				t.Errorf("%s %s has the account", k.Kind, k.ID)
			}
		}
	}
}

// eraser is a store that remembers what was erased.
type eraser struct {
	vault.Store
	erased []vault.Record
}

func (s *eraser) Erase(_ context.Context, deleted ...vault.Record) error {
	s.erased = append(s.erased, deleted...)
	return nil
}

func (s *eraser) Compact(context.Context) error { return nil }

// V-13: events and deliveries of a forgotten user are erased with all that leads to them.
func TestV13EventsAreErased(t *testing.T) {
	store := &eraser{Store: vaulttest.NewStore(t)}
	v := vaulttest.OpenAt(t, store, vaulttest.NewKeys(t), nil)
	newWebhook(t, v, "app")
	person(t, v)
	want := records(t, store)
	_, err := v.Forget(t.Context(), "", personal[0])
	wantNil(t, err)
	erased := map[vault.Key][]vault.IndexEntry{}
	for _, r := range store.erased {
		erased[r.Key] = append(erased[r.Key], r.Indexes...)
	}
	kinds := map[vault.Kind]int{}
	for k, r := range want {
		if k.Kind != vault.KindEvent && k.Kind != vault.KindDelivery {
			continue
		}
		kinds[k.Kind]++
		for _, e := range r.Indexes {
			if !slices.Contains(erased[k], e) {
				t.Errorf("%s %s: %v is not erased", k.Kind, k.ID, e)
			}
		}
	}
	if d := gocmp.Diff(map[vault.Kind]int{vault.KindEvent: 2, vault.KindDelivery: 2}, kinds); d != "" {
		t.Errorf("there were (-want +got):\n%s", d)
	}
}

// Who gets the list of types may do with it as it likes.
func TestEventTypes(t *testing.T) {
	list := vault.EventTypes()
	if len(list) != 10 || list[0] != vault.EventCreated || list[9] != vault.EventTokenFetched {
		t.Errorf("got %v", list)
	}
	list[0] = "mine"
	if got := vault.EventTypes()[0]; got != vault.EventCreated {
		t.Errorf("got %q after a change of what was returned", got)
	}
}
