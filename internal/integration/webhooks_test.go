package integration

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/client"
)

// hooked prepares a sidecar with the webhook app in its configuration, and a receiver of its events,
// which is down.
func hooked(t *testing.T) (s *sidecar, r *receiver, secret string) {
	t.Helper()
	r, secret = newReceiver(t), webhookSecret()
	t.Setenv("CLAVIGER_TEST_WEBHOOK", secret)
	r.verifies("app", secret)
	s = prepare(t, options{claviger: appWebhook})
	s.write("hook_url", r.url("app")+"\n")
	s.load(s.caddyfile())
	return s, r, secret
}

const appWebhook = "webhook app {\n\turl {file.@dir@/hook_url}\n\tsecret {env.CLAVIGER_TEST_WEBHOOK}\n}"

// webhook makes another webhook through the API.
func (s *sidecar) webhook(r *receiver, name string, events ...string) client.WebhookWithSecret {
	s.t.Helper()
	made, err := s.api().CreateWebhook(s.t.Context(), client.NewWebhook{Name: name, URL: r.url(name), Events: events})
	if err != nil {
		s.t.Fatal(err)
	}
	r.verifies(name, made.Secret)
	return made
}

// An account's life as its webhooks are told, while the receiver is down at first and the server is
// started again in between. Nothing is lost, and no secret comes out.
func TestWebhooks(t *testing.T) {
	s, r, secret := hooked(t)
	all := s.webhook(r, "all", "connected_account.oauth_succeeded", "connected_account.token_refreshed")
	const identifier = "katherine-johnson@space.example"
	a := s.connect("alice", identifier)
	failing := func(name string, n int) bool {
		page, err := s.api().Deliveries(t.Context(), name, client.DeliveryQuery{})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range page.Items {
			if d.Attempts != 1 || d.LastError != "unreachable" {
				return false
			}
		}
		return len(page.Items) == n
	}
	await(t, "the receiver was found down", func() bool { return failing("app", 3) && failing("all", 1) })
	if backlog := s.metrics()["caddy_claviger_webhook_backlog"]; backlog != 4 {
		t.Errorf("the backlog is %v", backlog)
	}
	answers := s.page("/claviger/webhooks") + s.page("/claviger/webhooks/app/deliveries")

	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	if n := deliverers(); n != 0 {
		t.Errorf("%d deliver after the end", n)
	}
	r.up()
	s.load(s.caddyfile())
	if _, err := s.api().Refresh(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	s.provider.RevokeUser("alice")
	if done, err := s.api().Check(t.Context(), a.ID); err != nil || done.OK {
		t.Fatalf("got %+v, %v", done, err)
	}
	await(t, "all is delivered", func() bool { return len(r.events("app")) >= 5 && len(r.events("all")) >= 2 })
	await(t, "nothing is left", func() bool { return s.metrics()["caddy_claviger_webhook_backlog"] == 0 })
	for path, want := range map[string][]string{
		"app": {
			"link_generated", "created ACTIVE", "oauth_succeeded ACTIVE",
			"token_refresh_failed EXPIRED invalid_grant permanent", "status_updated ACTIVE EXPIRED invalid_grant",
		},
		"all": {"oauth_succeeded ACTIVE", "token_refreshed ACTIVE"},
	} {
		if diff := cmp.Diff(want, r.lines(path)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
		for _, one := range r.events(path) {
			d := one.event.Data
			if d.Link != "" && d.Connector == "" {
				d.Connector = "demo" // a link tells of its connection only
			}
			if d.ID != a.ID || d.Connection != "demo" || d.Connector != "demo" || d.Identifier != identifier || one.signatures != 1 {
				t.Errorf("%s is about %+v, with %d signatures", one.event.Type, d, one.signatures)
			}
			// The API tells it in the same words.
			if got := s.page("/claviger/events/" + one.event.ID); strings.TrimSpace(got) != one.body {
				t.Errorf("the API says %s, and the webhook %s", got, one.body)
			}
		}
	}

	answers += s.page("/claviger/events") + s.page("/claviger/webhooks") + s.page("/claviger/webhooks/app/deliveries") + s.page("/claviger/status")
	for _, one := range append(r.events("app"), r.events("all")...) {
		answers += one.body
	}
	secrets := append(s.provider.Secrets(), secret, all.Secret)
	places := map[string]string{"answers": answers, "/config/": s.page("/config/"), "/metrics": s.metricsPage(), "the log": readFile(t, logFile())}
	for place, text := range places {
		for _, one := range secrets {
			if form, _, found := findSecret(text, one); found && len(one) >= 8 {
				t.Errorf("%s has a secret (%s)", place, form)
			}
		}
		if strings.Contains(text, urlSecret) && place != "answers" {
			t.Errorf("%s has the URL of a webhook", place)
		}
	}
	for line := range strings.Lines(places["the log"] + places["/metrics"]) {
		// Caddy's own lines are about requests, which name the user.
		if strings.Contains(line, identifier) && (strings.Contains(line, `"logger":"claviger`) || strings.HasPrefix(line, "caddy_")) {
			t.Fatalf("who the user is stands in %s", line)
		}
	}
}

// What was given up or delivered is sent again on demand, with the same ID.
func TestWebhookReplay(t *testing.T) {
	s, r, _ := hooked(t)
	r.up()
	begun := time.Now()
	s.connect("alice", "user_1")
	await(t, "all is delivered", func() bool { return len(r.events("app")) == 3 })
	await(t, "that is noted", func() bool { return s.metrics()["caddy_claviger_webhook_backlog"] == 0 })
	page, err := s.api().Deliveries(t.Context(), "app", client.DeliveryQuery{Status: client.DeliveryDelivered})
	if err != nil || len(page.Items) != 3 {
		t.Fatalf("got %+v, %v", page, err)
	}
	if _, err := s.api().Replay(t.Context(), "app", page.Items[1].ID); err != nil {
		t.Fatal(err)
	}
	await(t, "it is there again", func() bool { return len(r.events("app")) == 4 })
	if took := time.Since(begun); took > 8*time.Second { // without being told, the deliverer looks every ten
		t.Errorf("that took %s", took)
	}
	if again := r.events("app"); again[1].body != again[2].body {
		t.Errorf("got %s, then %s", again[1].body, again[2].body)
	}
}

// A webhook cannot be made to command Caddy.
func TestWebhookToAdminEndpoint(t *testing.T) {
	s, _, _ := hooked(t)
	if _, err := s.api().CreateWebhook(t.Context(), client.NewWebhook{Name: "stop", URL: s.admin() + "/stop"}); err != nil {
		t.Fatal(err)
	}
	s.connect("alice", "user_1")
	await(t, "it was refused", func() bool {
		page, err := s.api().Deliveries(t.Context(), "stop", client.DeliveryQuery{})
		if err != nil {
			t.Fatal(err)
		}
		return len(page.Items) == 3 && page.Items[0].LastStatus == http.StatusBadRequest
	})
}

// A receiver that is gone is not asked again, until somebody enables its webhook; one that answers at
// last gets what is replayed.
func TestWebhookGone(t *testing.T) {
	s, r, _ := hooked(t)
	before := s.metrics()
	r.answers("app", http.StatusGone)
	r.up()
	s.connect("alice", "user_1")
	await(t, "it is disabled", func() bool {
		w, err := s.api().Webhook(t.Context(), "app")
		return err == nil && w.Disabled && w.DisabledReason == "gone"
	})
	await(t, "what was to come is given up", func() bool { return s.metrics()["caddy_claviger_webhook_backlog"] == 0 })
	now := s.metrics()
	for name, want := range map[string]float64{
		`caddy_claviger_webhooks_disabled{reason="gone"}`: 1, `caddy_claviger_webhooks_disabled{reason="failing"}`: 0,
		`caddy_claviger_webhooks_disabled{reason="operator"}`: 0, `caddy_claviger_webhooks_disabled{reason="not_configured"}`: 0,
	} {
		if got, ok := now[name]; got != want || !ok {
			t.Errorf("%s is %v (there: %t), want %v", name, got, ok, want)
		}
	}
	grown := func(outcome string) float64 {
		name := fmt.Sprintf("caddy_claviger_webhook_deliveries_total{outcome=%q}", outcome)
		return now[name] - before[name]
	}
	const took = "caddy_claviger_webhook_delivery_seconds_count"
	if gone := grown("gone"); gone < 1 || now[took]-before[took] != gone {
		t.Errorf("%v were refused, and %v took time", gone, now[took]-before[took])
	}

	s.load(s.caddyfile()) // which says nothing new
	if w, err := s.api().Webhook(t.Context(), "app"); err != nil || !w.Disabled {
		t.Errorf("after a reload it is %+v, %v", w, err)
	}
	r.answers("app", 0)
	if w, err := s.api().EnableWebhook(t.Context(), "app"); err != nil || w.Disabled {
		t.Fatalf("got %+v, %v", w, err)
	}
	got, err := s.api().ReplayFailed(t.Context(), "app", time.Now().Add(-time.Hour))
	if err != nil || got.Replayed < 1 {
		t.Fatalf("got %+v, %v", got, err)
	}
	await(t, "it has been sent", func() bool { return len(r.events("app")) == got.Replayed })
}

// Whatever the number of configurations that come and go, one delivers, and the webhooks are those of
// the one that runs.
func TestWebhookConfigurations(t *testing.T) {
	s, r, _ := hooked(t)
	r.up()
	state := func() (w client.Webhook) {
		t.Helper()
		w, err := s.api().Webhook(t.Context(), "app")
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	first := state()
	if first.Origin != client.OriginConfig || first.Disabled || first.URL != r.url("app") {
		t.Errorf("got %+v", first)
	}
	for i := range 5 {
		s.options.claviger = fmt.Sprintf("%s\nlink_ttl %dm", appWebhook, i+1)
		s.load(s.caddyfile())
	}
	if n := deliverers(); n != 1 {
		t.Errorf("%d deliver, want 1", n)
	}
	if w := state(); !cmp.Equal(w, first) {
		t.Errorf("reloads have changed it from %+v to %+v", first, w)
	}

	s.options.claviger = ""
	without := s.caddyfile()
	s.load(without)
	if w := state(); !w.Disabled || w.DisabledReason != "not_configured" {
		t.Errorf("out of the configuration it is %+v", w)
	}
	s.connect("alice", "user_1")

	s.options.claviger = appWebhook
	s.load(s.caddyfile())
	if w := state(); w.Disabled || w.ID != first.ID {
		t.Errorf("back in the configuration it is %+v", w)
	}
	bad, before := *s, state()
	bad.options.sites = "http://:" + itoa(s.provider.Port()) + " {\n\tbind 127.0.0.1\n\trespond ok\n}"
	secret := os.Getenv("CLAVIGER_TEST_WEBHOOK")
	t.Setenv("CLAVIGER_TEST_WEBHOOK", webhookSecret())
	s.write("hook_url", r.url("other"))
	for i := range 8 { // the apps start in any order
		if bad.options.claviger = ""; i%2 == 0 {
			bad.options.claviger = appWebhook
		}
		if err := load(bad.caddyfile()); err == nil || !strings.Contains(err.Error(), "address already in use") {
			t.Fatalf("got %v, want that the port is taken", err)
		}
	}
	if diff := cmp.Diff(before, state()); diff != "" {
		t.Errorf("a configuration that was refused has changed it (-before +after):\n%s", diff)
	}
	t.Setenv("CLAVIGER_TEST_WEBHOOK", secret)
	s.write("hook_url", r.url("app"))
	if _, err := s.api().Disconnect(t.Context(), s.account("demo", "user_1").ID); err != nil {
		t.Fatal(err)
	}
	await(t, "it is delivered", func() bool { return len(r.events("app")) == 1 })
	if got := r.lines("app"); got[0] != "status_updated ACTIVE DISCONNECTED disconnected" || r.events("app")[0].signatures != 1 {
		t.Errorf("got %q, with %d signatures", got, r.events("app")[0].signatures)
	}
	s.options.without = true
	s.load(s.caddyfile())
	await(t, "nobody delivers without the app", func() bool { return deliverers() == 0 })
	s.options.without = false
	t.Setenv("CLAVIGER_TEST_WEBHOOK", webhookSecret())
	s.load(s.caddyfile())
	if w := state(); w.EarlierSecretUntil.IsZero() {
		t.Errorf("with the app again it has the secret of before: %+v", w)
	}
}

// Another secret in the configuration signs at once, and the one before for a day, too. Another URL
// enables a webhook that was disabled.
func TestWebhookConfigurationChanges(t *testing.T) {
	s, r, before := hooked(t)
	r.answers("app", http.StatusGone)
	r.up()
	s.connect("alice", "user_1")
	await(t, "it is disabled", func() bool {
		w, err := s.api().Webhook(t.Context(), "app")
		return err == nil && w.Disabled
	})
	t.Setenv("CLAVIGER_TEST_WEBHOOK", webhookSecret())
	s.write("hook_url", r.url("new"))
	r.verifies("new", before)
	s.load(s.caddyfile())
	if _, err := s.api().Disconnect(t.Context(), s.account("demo", "user_1").ID); err != nil {
		t.Fatal(err)
	}
	await(t, "it is delivered", func() bool { return len(r.events("new")) == 1 })
	if n := r.events("new")[0].signatures; n != 2 {
		t.Errorf("%d signatures, want those of both secrets", n)
	}
}

// What is wrong with a webhook is said without its secret, before anything is started.
func TestWebhookConfigurationRefused(t *testing.T) {
	s := prepare(t, options{})
	t.Setenv("CLAVIGER_TEST_WEBHOOK", webhookSecret())
	t.Setenv("CLAVIGER_TEST_EMPTY", "")
	const good = "\turl https://app.example.com\n\tsecret {env.CLAVIGER_TEST_WEBHOOK}\n"
	for _, tt := range []struct{ name, block, says string }{
		{"empty", "", "url of webhook app is missing"},
		{"no secret", "\turl https://app.example.com\n", "secret of webhook app is missing"},
		{"empty secret", "\turl https://app.example.com\n\tsecret {env.CLAVIGER_TEST_EMPTY}\n", "secret of webhook app is empty"},
		{"literal", "\turl https://app.example.com\n\tsecret canary-secret\n", "secret must be whsec_"},
		{"empty URL", "\turl {env.CLAVIGER_TEST_EMPTY}\n\tsecret {env.CLAVIGER_TEST_WEBHOOK}\n", "url of webhook app is empty"},
		{"URL with a part that is empty", "\turl https://canary.example.com/{env.CLAVIGER_TEST_EMPTY}\n\tsecret {env.CLAVIGER_TEST_WEBHOOK}\n", "url of webhook app is not usable"},
		{"URL", "\turl http://canary.example.com\n\tsecret {env.CLAVIGER_TEST_WEBHOOK}\n", "webhook app: url must be of the form https://"},
		{"event", good + "\tevents created\n", "webhook app: events must be of connected_account.created"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.options.claviger = "webhook app {\n" + tt.block + "}"
			err := load(s.caddyfile())
			wantError(t, err, tt.says)
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("the error prints what is secret: %v", err)
			}
		})
	}
	s.options.claviger = "webhook App {\n" + good + "}"
	wantError(t, load(s.caddyfile()), "webhook App: name must be lower-case")
	s.options.claviger = "webhook app {\n" + good + "}"
	s.load(s.caddyfile())
}
