package integration

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

// afresh starts the server again, which looks at once for what is due; otherwise it would take half a
// minute to see what has come meanwhile.
func (s *sidecar) afresh() {
	s.t.Helper()
	if err := caddy.Stop(); err != nil {
		s.t.Fatal(err)
	}
	s.load(s.caddyfile())
}

// tenders counts the goroutines that look after accounts.
func tenders() int {
	stacks := make([]byte, 8<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "internal/broker.(*Broker).Tend(")
}

// A token is refreshed ahead of its time although nobody sends a request, and again when the next one
// is about to expire.
func TestRefreshAhead(t *testing.T) {
	s := start(t, options{provider: fakeprovider.Config{AccessTTL: 4 * time.Second}})
	s.connect("alice", "user_1")
	s.provider.ResetLog()
	s.afresh()
	await(t, "the token is refreshed twice", func() bool { return s.refreshes() >= 2 })
	a := s.account("demo", "user_1")
	if left := time.Until(a.TokenExpiresAt); a.Status != client.StatusActive || left < time.Second || !a.NextDueAt.Before(a.TokenExpiresAt) || a.NextDueAt.IsZero() {
		t.Errorf("the account is %s, its token expires in %s, and it is due at %v", a.Status, left, a.NextDueAt)
	}
	if n := s.provider.Requests("/api/me"); n != 0 {
		t.Errorf("the provider's API saw %d requests", n)
	}
	s.get("/api/echo", "Connected-Account: demo/user_1").wantOK(t)
}

// An account that has not been used for idle_after is left alone.
func TestIdleAccount(t *testing.T) {
	s := start(t, options{
		provider: fakeprovider.Config{AccessTTL: 3 * time.Second}, claviger: "refresh {\n\tidle_after 1ms\n}",
	})
	s.connect("alice", "user_1")
	s.provider.ResetLog()
	s.afresh()
	await(t, "it is decided that nothing is due", func() bool { return time.Until(s.account("demo", "user_1").NextDueAt) > 12*time.Hour })
	await(t, "the token has expired", func() bool { return s.account("demo", "user_1").TokenExpiresAt.Before(time.Now()) })
	if n := s.refreshes(); n != 0 {
		t.Errorf("got %d refreshes of an account that nobody uses", n)
	}
	s.get("/api/echo", "Connected-Account: demo/user_1").wantOK(t)
	if n := s.refreshes(); n != 1 {
		t.Errorf("got %d refreshes, want the one of the request", n)
	}
}

// a request that is refused makes no refresh, though the token has expired.
func TestR18RefusedBeforeRefresh(t *testing.T) {
	s := start(t, options{
		provider: fakeprovider.Config{AccessTTL: time.Second}, claviger: "refresh {\n\tidle_after 1ms\n}",
	})
	s.connect("alice", "user_1")
	s.provider.ResetLog()
	await(t, "the token has expired", func() bool { return s.account("demo", "user_1").TokenExpiresAt.Before(time.Now()) })
	for _, path := range []string{"/api/echo/%2e%2e/admin", "/api/echo/%00", "/api/echo/%5c..%5cadmin"} {
		if got := s.get(path, "Connected-Account: demo/user_1"); got.StatusCode != 400 {
			t.Errorf("%s: got status %d, want a refusal", path, got.StatusCode)
		}
	}
	if n := s.refreshes(); n != 0 {
		t.Errorf("refused requests have made %d refreshes", n)
	}
	s.get("/api/echo", "Connected-Account: demo/user_1").wantOK(t)
	if n := s.refreshes(); n != 1 {
		t.Errorf("got %d refreshes, want the one of the request", n)
	}
}

// Whatever the number of configurations that come and go, the accounts are looked after by one.
func TestReloadHandsOver(t *testing.T) {
	s := start(t, options{provider: fakeprovider.Config{AccessTTL: 4 * time.Second}})
	s.connect("alice", "user_1")
	s.provider.ResetLog()
	s.afresh()
	for i := range 10 {
		s.options.claviger = fmt.Sprintf("refresh {\n\tworkers %d\n}", i+1)
		s.load(s.caddyfile())
	}
	await(t, "one of them tends", func() bool { return tenders() == 1 })
	n := s.refreshes()
	await(t, "tokens are refreshed after the reloads", func() bool { return s.refreshes() >= n+2 })
	if a := s.account("demo", "user_1"); a.Status != client.StatusActive || a.Failures != 0 {
		t.Errorf("the account is %s with %d failures", a.Status, a.Failures)
	}
	s.options.without = true
	s.load(s.caddyfile())
	await(t, "nobody tends without the app", func() bool { return tenders() == 0 })
}

// A configuration that is refused after it has begun leaves the accounts to the one that runs. It has
// another client secret, so its own refreshes would fail.
func TestReloadRefusedHandsBack(t *testing.T) {
	s := start(t, options{provider: fakeprovider.Config{AccessTTL: 4 * time.Second}})
	s.connect("alice", "user_1")
	s.provider.ResetLog()
	s.afresh()
	bad := *s
	bad.options.sites = "http://:" + fmt.Sprint(s.provider.Port()) + " {\n\tbind 127.0.0.1\n\trespond ok\n}"
	s.write("wrong_secret", "not-the-secret\n")
	text := strings.Replace(bad.caddyfile(), s.dir+"/client_secret", s.dir+"/wrong_secret", 1)
	for range 8 { // the apps start in any order
		if err := load(text); err == nil || !strings.Contains(err.Error(), "address already in use") {
			t.Fatalf("got %v, want that the port is taken", err)
		}
	}
	await(t, "one of them tends", func() bool { return tenders() == 1 })
	// One that a refused configuration has begun may have failed meanwhile.
	s.provider.ResetLog()
	await(t, "tokens are refreshed", func() bool { return s.refreshes() >= 2 })
	if a := s.account("demo", "user_1"); a.Status != client.StatusActive || a.Failures != 0 || time.Until(a.TokenExpiresAt) < 0 {
		t.Errorf("the account is %s with %d failures, last %s", a.Status, a.Failures, a.LastError)
	}
}

// A check finds out that the provider takes neither the token nor its successor.
func TestCheckRefused(t *testing.T) {
	s := start(t, options{})
	a := s.connect("alice", "user_1")
	if done, err := s.api().Check(t.Context(), a.ID); err != nil || !done.OK {
		t.Fatalf("got %+v, %v", done, err)
	}
	s.provider.ExpireAccess("alice") // its successor is taken
	if done, err := s.api().Check(t.Context(), a.ID); err != nil || !done.OK || s.refreshes() != 1 {
		t.Fatalf("got %+v, %v after %d refreshes", done, err, s.refreshes())
	}
	b := s.connect("bob", "user_2")
	s.provider.RevokeUser("bob")
	done, err := s.api().Check(t.Context(), b.ID)
	if err != nil || done.OK || done.Account.Status != client.StatusExpired {
		t.Errorf("got %+v, %v, want an EXPIRED account", done, err)
	}
	s.get("/api/me", "Connected-Account: demo/user_2").want(t, 409, "account_expired")
	s.get("/api/me", "Connected-Account: demo/user_1").wantOK(t)
}

// With check_every nobody has to ask.
func TestCheckEvery(t *testing.T) {
	s := start(t, options{claviger: "refresh {\n\tcheck_every 1s\n}"})
	s.connect("alice", "user_1")
	s.connect("bob", "user_2")
	s.provider.SetFault("/api/me", fakeprovider.Fault{Status: 401})
	s.afresh()
	await(t, "the refused accounts are EXPIRED", func() bool {
		a, b := s.account("demo", "user_1"), s.account("demo", "user_2")
		return a.Status == client.StatusExpired && a.Reason == "credential_refused" && b.Status == client.StatusExpired && !b.CheckedAt.IsZero()
	})
}

// expose_tokens is switched on and off by a reload.
func TestFetchToken(t *testing.T) {
	s := start(t, options{})
	a := s.connect("alice", "user_1")
	refused := func() {
		t.Helper()
		_, err := s.api().Token(t.Context(), a.ID)
		wantError(t, err, "does not hand out tokens")
	}
	refused()
	closed := s.caddyfile()
	s.load(strings.Replace(closed, "param port", "expose_tokens on\nparam port", 1))
	got, err := s.api().TokenNamed(t.Context(), "demo", "user_1")
	if err != nil || got.Account != a.ID || got.TokenType != "Bearer" || got.ExpiresAt.IsZero() {
		t.Fatalf("got a token of %s until %v, %v", got.Account, got.ExpiresAt, err)
	}
	if !strings.Contains(strings.Join(s.provider.Secrets(), "\n"), got.AccessToken) {
		t.Error("it is no token of the provider")
	}
	if c, err := s.api().Connection(t.Context(), "demo"); err != nil || !c.ExposeTokens {
		t.Errorf("got %+v, %v", c, err)
	}
	s.load(closed)
	refused()
}
