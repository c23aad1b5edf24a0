package integration

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

func init() { caddy.RegisterModule(new(recorder)) }

// recorder is the handler events.handlers.recorder: it keeps our events, in the order in which they
// come.
type recorder struct{}

func (*recorder) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "events.handlers.recorder", New: func() caddy.Module { return new(recorder) }}
}

func (*recorder) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	return nil
}

// told are the events that came to any recorder. While hold is there, a recorder hangs.
var told struct {
	mu     sync.Mutex
	events []caddy.Event
	hold   chan struct{}
}

func (*recorder) Handle(_ context.Context, e caddy.Event) error {
	if !strings.HasPrefix(e.Name(), "connected_account.") && !strings.HasPrefix(e.Name(), "consent_") {
		return nil
	}
	told.mu.Lock()
	hold := told.hold
	told.mu.Unlock()
	if hold != nil {
		<-hold
	}
	told.mu.Lock()
	defer told.mu.Unlock()
	told.events = append(told.events, e)
	return nil
}

// listening is a sidecar with a recorder of all events that are told from now on.
func listening(t *testing.T) *sidecar {
	t.Helper()
	told.mu.Lock()
	told.events = nil
	told.mu.Unlock()
	return start(t, options{global: "events {\n\ton * recorder\n}"})
}

func events() []caddy.Event {
	told.mu.Lock()
	defer told.mu.Unlock()
	return append([]caddy.Event(nil), told.events...)
}

// names are the events, with what is special about each.
func names(list []caddy.Event) (all []string) {
	for _, e := range list {
		line := strings.TrimPrefix(e.Name(), "connected_account.")
		for _, key := range []string{"old_status", "status", "reason", "class"} {
			if v, _ := e.Data[key].(string); v != "" {
				line += " " + v
			}
		}
		all = append(all, line)
	}
	return all
}

// wantEvents waits for as many events as are wanted, and compares them.
func wantEvents(t *testing.T, want ...string) []caddy.Event {
	t.Helper()
	await(t, fmt.Sprintf("there are %d events", len(want)), func() bool { return len(events()) >= len(want) })
	got := events()
	if diff := cmp.Diff(want, names(got)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	return got
}

// An account's life as Caddy's event system tells it, across a reload. Who the user is stays out.
func TestEvents(t *testing.T) {
	s := listening(t)
	const identifier = "katherine-johnson@space.example"
	a := s.connect("alice", identifier)
	if _, err := s.api().Refresh(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	s.options.claviger = "link_ttl 1m"
	s.load(s.caddyfile())
	s.provider.RevokeUser("alice")
	if done, err := s.api().Check(t.Context(), a.ID); err != nil || done.OK {
		t.Fatalf("got %+v, %v", done, err)
	}
	s.connect("alice", identifier)
	if _, err := s.api().Disconnect(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.api().Forget(t.Context(), identifier); err != nil {
		t.Fatal(err)
	}
	got := wantEvents(t,
		"link_generated", "consent_started", "created ACTIVE", "oauth_succeeded ACTIVE",
		"token_refreshed ACTIVE",
		"token_refresh_failed EXPIRED invalid_grant permanent", "status_updated ACTIVE EXPIRED invalid_grant",
		"link_generated", "consent_started", "updated ACTIVE", "status_updated EXPIRED ACTIVE", "oauth_succeeded ACTIVE",
		"status_updated ACTIVE DISCONNECTED disconnected", "deleted DISCONNECTED",
	)
	ids := map[any]bool{}
	for _, e := range got {
		if e.Data["account"] != a.ID || e.Data["connection"] != "demo" || e.Data["connector"] != "demo" {
			t.Errorf("%s is about %v at %v, %v", e.Name(), e.Data["account"], e.Data["connection"], e.Data["connector"])
		}
		if id, ours := e.Data["id"]; ours && (ids[id] || !strings.HasPrefix(id.(string), "evt_")) {
			t.Errorf("%s has the ID %v", e.Name(), id)
		} else {
			ids[id] = true
		}
		text := fmt.Sprint(e.Data)
		for _, personal := range []string{identifier, a.Identity.Name, a.Identity.Email} {
			if strings.Contains(text, personal) {
				t.Errorf("%s tells who the user is: %s", e.Name(), text)
			}
		}
	}
	if link := got[3].Data["link"]; link != got[1].Data["link"] || !strings.HasPrefix(fmt.Sprint(link), "lnk_") {
		t.Errorf("the consent was of the link %v, then %v", got[1].Data["link"], link)
	}
}

// A handler that does not come back holds up neither a refresh nor a request.
func TestEventHandlerHangs(t *testing.T) {
	s := listening(t)
	hold := make(chan struct{})
	hang := func(c chan struct{}) {
		told.mu.Lock()
		defer told.mu.Unlock()
		told.hold = c
	}
	hang(hold)
	t.Cleanup(func() { hang(nil) })
	a := s.connect("alice", "user_1")
	for range 3 {
		if done, err := s.api().Refresh(t.Context(), a.ID); err != nil || !done.Refreshed {
			t.Fatalf("got %+v, %v", done, err)
		}
	}
	s.get("/api/me", "Connected-Account: demo/user_1").wantOK(t)
	if n := len(events()); n != 0 {
		t.Errorf("%d events were handled", n)
	}
	hang(nil)
	close(hold)
	wantEvents(t, "link_generated", "consent_started", "created ACTIVE", "oauth_succeeded ACTIVE",
		"token_refreshed ACTIVE", "token_refreshed ACTIVE", "token_refreshed ACTIVE")
}

// What a consent that fails tells.
func TestEventConsentFailed(t *testing.T) {
	s := listening(t)
	link, err := s.api().CreateLink(t.Context(), client.NewLink{Connection: "demo", Identifier: "user_1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fakeprovider.NewBrowser().Consent(link.URL, "alice", false); err != nil {
		t.Fatal(err)
	}
	wantEvents(t, "link_generated", "consent_started", "consent_failed access_denied")
}

// Interface guards
var (
	_ caddyfile.Unmarshaler = (*recorder)(nil)
	_ caddy.Module          = (*recorder)(nil)
)
