package integration

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

// deviceAPI is the part of a connector that offers a code for other machines beside its consent page.
const deviceAPI = `device:
  url: http://127.0.0.1:{app.port}/device_authorization
revoke:
  url: http://127.0.0.1:{app.port}/revoke
api:
  base_url: http://127.0.0.1:{app.port}
identity: {path: /api/me, id: id, name: name}`

// deviceOptions have a connection set to such a connector, whose provider is asked each second.
func deviceOptions() options {
	return options{provider: fakeprovider.Config{DeviceInterval: time.Second}, connectors: map[string]string{"set": deviceAPI}}
}

// device begins a journey without a browser.
func (s *sidecar) device(identifier string) client.Link {
	s.t.Helper()
	l, err := s.api().CreateLink(s.t.Context(), client.NewLink{Connection: "set", Identifier: identifier, Device: true})
	if err != nil {
		s.t.Fatal(err)
	}
	return l
}

// decide is the user who has typed in the code.
func (s *sidecar) decide(l client.Link, user string, allow bool) {
	s.t.Helper()
	page, err := fakeprovider.NewBrowser().Consent(l.VerificationURIComplete, user, allow)
	if want := "Your device is " + map[bool]string{false: "not "}[allow] + "connected"; err != nil || !strings.Contains(page.Body, want) {
		s.t.Fatalf("the page is %s, %v", page.Body, err)
	}
}

// becomes waits until a link has that status.
func (s *sidecar) becomes(l client.Link, status string) (got client.LinkState) {
	s.t.Helper()
	await(s.t, "the link is "+status, func() bool {
		var err error
		if got, err = s.api().Link(s.t.Context(), l.ID); err != nil {
			s.t.Fatal(err)
		}
		return got.Status == status
	})
	return got
}

// polls counts the requests with a device code.
func (s *sidecar) polls() int {
	return s.provider.TokenCalls("urn:ietf:params:oauth:grant-type:device_code")
}

// A journey is gone on with after a reload and after a restart, and nobody is asked more often for it than the
// provider allows.
func TestDeviceThroughRestart(t *testing.T) {
	s := start(t, deviceOptions())
	l := s.device("alice")
	await(t, "the provider is asked", func() bool { return s.polls() > 0 })
	s.load(strings.Replace(s.caddyfile(), "Example App", "Renamed App", 1))
	n := s.polls()
	await(t, "it is asked after a reload", func() bool { return s.polls() > n+1 })
	begun, late := time.Now(), s.device("late")
	s.decide(late, "bob", true)
	if s.becomes(late, client.LinkConnected); time.Since(begun) > 10*time.Second {
		t.Errorf("what begins after a reload takes %s", time.Since(begun))
	}
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	n = s.polls()
	time.Sleep(1500 * time.Millisecond)
	if got := s.polls(); got != n {
		t.Errorf("asked %d times after the end", got-n)
	}
	s.load(s.caddyfile())
	s.decide(l, "alice", true)
	if got := s.becomes(l, client.LinkConnected); got.ConnectedAccountID != l.ConnectedAccountID {
		t.Errorf("the account is %s, want %s", got.ConnectedAccountID, l.ConnectedAccountID)
	}
	s.get("/@set/alice/api/me").wantOK(t)
	last := map[string]time.Time{}
	for _, e := range s.provider.Log() {
		if code := e.Form.Get("device_code"); code != "" {
			if wait := e.Time.Sub(last[code]); wait < time.Second {
				t.Errorf("asked %s after the time before", wait)
			}
			last[code] = e.Time
		}
	}

	denied := s.device("bob")
	s.decide(denied, "bob", false)
	if got := s.becomes(denied, client.LinkFailed); got.Code != "access_denied" {
		t.Errorf("the link is %+v", got)
	}
	revoked := s.device("carol")
	if err := s.api().RevokeLink(t.Context(), revoked.ID); err != nil {
		t.Fatal(err)
	}
	s.becomes(revoked, client.LinkFailed)
	s.showsNothing([]string{l.UserCode, denied.UserCode, revoked.UserCode},
		"/claviger/links", "/claviger/links/"+l.ID, "/claviger/events", "/config/", "/metrics")
}

// A server that stops while the provider makes out the token stores it first.
func TestStopDuringDevice(t *testing.T) {
	s := start(t, deviceOptions())
	release, waiting := s.provider.HoldToken()
	l := s.device("alice")
	s.decide(l, "alice", true)
	await(t, "the provider is asked", func() bool { return waiting() == 1 })
	stopped := make(chan error)
	go func() { stopped <- caddy.Stop() }()
	select {
	case err := <-stopped:
		t.Errorf("stopped while a token is awaited: %v", err)
	case <-time.After(300 * time.Millisecond):
		release()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	}
	s.load(s.caddyfile())
	s.becomes(l, client.LinkConnected)
	s.get("/@set/alice/api/me").wantOK(t)
}

// showsNothing looks for what users are to see only in the log, and in answers of the admin endpoint, which it
// gives to the leak check as well.
func (s *sidecar) showsNothing(secrets []string, paths ...string) {
	s.t.Helper()
	texts := map[string]string{"the log": readFile(s.t, logFile())}
	for _, path := range paths {
		req, err := http.NewRequestWithContext(s.t.Context(), "GET", s.admin()+path, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		a, err := send(noRedirects, req)
		if err != nil || a.StatusCode != http.StatusOK {
			s.t.Fatalf("%s: %d, %v", path, a.StatusCode, err)
		}
		keepAnswer(a.Header, []byte(a.body))
		texts[path] = a.body
	}
	for where, text := range texts {
		for _, secret := range secrets {
			if form, _, found := findSecret(text, secret); found {
				s.t.Errorf("%s holds %q (%s)", where, secret, form)
			}
		}
	}
}
