package integration

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

// metrics are the values of our metrics, by name and labels as they stand on the page.
func (s *sidecar) metrics() map[string]float64 {
	s.t.Helper()
	page := s.metricsPage()
	values := map[string]float64{}
	for line := range strings.Lines(page) {
		name, text, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || !strings.HasPrefix(name, "caddy_claviger_") {
			continue
		}
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			s.t.Fatalf("%s has the value %q", name, text)
		}
		values[name] = v
	}
	return values
}

func (s *sidecar) metricsPage() string {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), "GET", s.admin()+"/metrics", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	a, err := persist(newClient(s.t, nil), req)
	if err != nil || a.StatusCode != 200 {
		s.t.Fatalf("got %v %s", err, a.body)
	}
	return a.body
}

// What happens to tokens is counted, by connector and outcome.
func TestMetricsOfTokens(t *testing.T) {
	s := start(t, options{})
	const identifier = "katherine-johnson@space.example"
	a := s.connect("alice", identifier)
	before := s.metrics()
	since := func(name string, want float64) {
		t.Helper()
		if got := s.metrics()[name] - before[name]; got != want {
			t.Errorf("%s has grown by %v, want %v", name, got, want)
		}
	}
	now := func(name string, want float64) {
		t.Helper()
		if got, ok := s.metrics()[name]; !ok || got != want {
			t.Errorf("%s is %v (there: %t), want %v", name, got, ok, want)
		}
	}
	now(`caddy_claviger_connection_refused{connection="demo"}`, 0)
	now(`caddy_claviger_unsaved_tokens`, 0)
	now(`caddy_claviger_vault_accounts{status="ACTIVE"}`, 1)

	if _, err := s.api().Refresh(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	since(`caddy_claviger_refreshes_total{connector="demo",outcome="refreshed"}`, 1)
	since(`caddy_claviger_refresh_seconds_count{connector="demo"}`, 1)
	since(`caddy_claviger_refreshes_forced_total{connector="demo"}`, 0)
	if due := s.metrics()["caddy_claviger_next_due_seconds"]; due < 60 || due > 3600 {
		t.Errorf("the next is due in %v seconds, want within the hour that the token lives", due)
	}

	s.provider.ExpireAccess("alice")
	release, waiting := s.provider.HoldToken()
	defer release()
	done := make(chan struct{})
	go func() { // ends with the answer
		defer close(done)
		s.get("/api/me", "Connected-Account: "+a.ID).wantOK(t)
	}()
	await(t, "the refresh is at the provider", func() bool { return waiting() == 1 })
	await(t, "a request waits", func() bool { return s.metrics()["caddy_claviger_refresh_waiting"] == 1 })
	release()
	<-done
	now(`caddy_claviger_refresh_waiting`, 0)
	since(`caddy_claviger_refreshes_forced_total{connector="demo"}`, 1)

	if _, err := s.api().Check(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	s.provider.SetFault("/api/me", fakeprovider.Fault{Status: 503, Count: 1})
	if _, err := s.api().Check(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	since(`caddy_claviger_checks_total{connector="demo",result="ok"}`, 1)
	since(`caddy_claviger_checks_total{connector="demo",result="failed"}`, 1)

	s.provider.SetFault("/oauth/token", fakeprovider.Fault{Status: 401, Body: `{"error":"invalid_client"}`, Count: 1})
	if _, err := s.api().Refresh(t.Context(), a.ID); err == nil {
		t.Error("the client was not refused")
	}
	since(`caddy_claviger_refreshes_total{connector="demo",outcome="operator"}`, 1)
	now(`caddy_claviger_connection_refused{connection="demo"}`, 1)
	await(t, "the client is taken again", func() bool {
		got, err := s.api().Refresh(t.Context(), a.ID)
		return err == nil && got.Refreshed
	})
	now(`caddy_claviger_connection_refused{connection="demo"}`, 0)

	s.provider.RevokeUser("alice")
	if _, err := s.api().Refresh(t.Context(), a.ID); err == nil {
		t.Error("the grant has not ended")
	}
	since(`caddy_claviger_refreshes_total{connector="demo",outcome="permanent"}`, 1)

	page := s.metricsPage()
	for _, personal := range append(s.provider.Secrets(), a.ID, identifier, a.Identity.Email, "user_1") {
		if len(personal) > 5 && strings.Contains(page, personal) {
			t.Error("the metrics have an account, a user or a secret in them")
		}
	}
}

// Work that has piled up shows as time below zero.
func TestMetricsBehind(t *testing.T) {
	s := start(t, options{provider: fakeprovider.Config{AccessTTL: 3 * time.Second}})
	s.connect("alice", "user_1")
	release, waiting := s.provider.HoldToken()
	defer release()
	s.afresh()
	due := func() float64 {
		v, ok := s.metrics()["caddy_claviger_next_due_seconds"]
		if !ok {
			t.Fatal("nothing is due")
		}
		return v
	}
	await(t, "the refresh is at the provider", func() bool { return waiting() == 1 })
	await(t, "it is late", func() bool { return due() < -0.5 })
	release()
	await(t, "the next one is to come", func() bool { return due() > 0 })
}
