package consent_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// tvYAML is a connector with a device mode, sitesYAML one more, whose accounts have two sites, phoneYAML one that
// offers it beside a code. strictYAML has a scope that users must grant, stepsYAML a request after the token, hostedYAML
// and walledYAML are of accounts that have a host each, where only hostedYAML's tokens are revoked. The others have no
// device.
const (
	tvYAML = "schema: 1\nname: tv\ntitle: TV\nmode: device\n" + deviceParts
	// deviceParts stand in all of these.
	deviceParts = `
device: {url: https://id.test/device}
token: {url: https://id.test/token, client_auth: none}
revoke: {url: https://id.test/revoke}
api: {base_url: https://api.test}
identity: {path: /me, id: id, name: name}
`
	sitesYAML  = "schema: 1\nname: sites\ntitle: Sites\nmode: device\ndiscover: [{path: /sites, id: id, into: site}]\n" + deviceParts
	phoneYAML  = "schema: 1\nname: phone\ntitle: Phone\nauthorize: {url: https://id.test/authorize}\n" + deviceParts
	strictYAML = "schema: 1\nname: strict\ntitle: Strict\nauthorize: {url: https://id.test/authorize, scope: {required: [must]}}\n" + deviceParts
	stepsYAML  = "schema: 1\nname: steps\ntitle: Steps\nauthorize: {url: https://id.test/authorize}\nsteps: [{request: {url: https://id.test/more, form: {token: '{token}'}}}]\n" + deviceParts
	hostedYAML = "schema: 1\nname: hosted\ntitle: Hosted\nrevoke: {url: 'https://{captured.host}/revoke'}\n" + hostParts
	walledYAML = "schema: 1\nname: walled\ntitle: Walled\nrevoke: {url: https://id.test/revoke}\n" + hostParts
	hostParts  = `
authorize: {url: https://id.test/authorize}
device: {url: https://id.test/device}
token: {url: https://id.test/token, client_auth: none, capture: {host: host}}
api: {base_url: "https://{captured.host}", within: [api.test]}
`
	webYAML = "schema: 1\nname: web\ntitle: Web\nauthorize: {url: https://id.test/authorize}\ntoken: {url: https://id.test/token, client_auth: none}\napi: {base_url: https://api.test}\n"
	keyYAML = "schema: 1\nname: key\ntitle: Key\nmode: static\naccount: [{name: key, secret: true}]\ninject: [{in: header, name: X-Key, template: '{account.key}'}]\napi: {base_url: https://api.test}\n"
)

// reply is what the provider answers; without a status and an error it is 200.
type reply struct {
	status     int
	body       string
	retryAfter string
	err        error
}

func refuses(code string) reply { return reply{status: 400, body: `{"error":"` + code + `"}`} }

var (
	pending  = refuses("authorization_pending")
	slower   = refuses("slow_down")
	consents = reply{body: `{"access_token":"canary-access","refresh_token":"canary-refresh","token_type":"bearer","expires_in":3600,"scope":"a b"}`}
)

// A screen is a flow whose users have no browser, in a bubble of testing/synctest, and a provider without
// a network. Anything with the word canary in it is a secret.
type screen struct {
	t     *testing.T
	vault *vault.Vault
	set   *connection.Set
	store *brittle
	flow  *consent.Flow
	logs  lockedBuffer

	mu sync.Mutex
	// codes is the answer to a request for a device code, which has the number of the request in it; polls are those
	// to the polls, of which the last one stays, more is that to a request after the token. who is the ID that the
	// provider knows the user by. during, if set, is called with the path of each request while that is answered.
	codes     reply
	polls     []reply
	more      reply
	who       string
	during    func(path string)
	asked     []url.Values // for device codes
	polled    []time.Time
	polledFor []string // the device codes
	revoked   int
	events    []consent.Event
	connected []vault.AccountID
}

// onScreen runs a test with a screen in a bubble.
func onScreen(t *testing.T, test func(*testing.T, *screen)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &screen{t: t, who: "ada", polls: []reply{pending}}
		s.codes.body = `{"device_code":"canary-device-code","user_code":"WDJB-MJHT","verification_uri":"https://id.test/activate",` +
			`"verification_uri_complete":"https://id.test/activate?user_code=WDJB-MJHT","expires_in":600,"interval":5}`
		s.store = &brittle{Store: vaulttest.NewMemory()}
		var err error
		if s.vault, err = vault.OpenWith(t.Context(), s.store, vaulttest.NewKeys(t), vault.Options{}); err != nil {
			t.Fatal(err)
		}
		files := fstest.MapFS{}
		var configured []vault.Connection
		for name, text := range map[string]string{
			"tv": tvYAML, "sites": sitesYAML, "phone": phoneYAML, "web": webYAML, "key": keyYAML,
			"strict": strictYAML, "steps": stepsYAML, "hosted": hostedYAML, "walled": walledYAML,
		} {
			files[name+".yaml"] = &fstest.MapFile{Data: []byte(text)}
			c := vault.Connection{Name: name, Connector: name, Scopes: []string{"a"}, ClientID: "id"}
			if name == "key" {
				c.ClientID, c.Scopes = "", nil
			}
			configured = append(configured, c)
		}
		made, err := connectors.LoadDir(files, ".")
		if err != nil {
			t.Fatal(err)
		}
		if s.set, err = connection.NewSet(t.Context(), s.vault, (*connectors.Catalog)(nil).With(made...), configured); err != nil {
			t.Fatal(err)
		}
		s.flow = s.another()
		test(t, s)
		if text := s.logs.String(); strings.Contains(text, "canary") || strings.Contains(text, "WDJB-") {
			t.Errorf("the log holds a secret: %s", text)
		}
	})
}

// another is a further flow on the same vault.
func (s *screen) another() *consent.Flow {
	s.t.Helper()
	core := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), &s.logs, zap.DebugLevel)
	f, err := consent.New(consent.Options{
		Vault: s.vault, Connections: s.set, OAuth: oauth.New(oauth.Options{Transport: s}), API: s, Log: zap.New(core),
		Callback:   &url.URL{Scheme: "https", Host: "accounts.example.com", Path: "/oauth/callback"},
		ReturnURLs: []string{"https://app.example.com"},
		Notify:     func(e consent.Event) { s.mu.Lock(); defer s.mu.Unlock(); s.events = append(s.events, e) },
		OnConnected: func(a vault.ConnectedAccount) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.connected = append(s.connected, a.ID)
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return f
}

// from has the provider answer to polls like this from now on, and during be called.
func (s *screen) from(during func(path string), polls ...reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.during, s.polls = during, polls
}

// RoundTrip is the provider.
func (s *screen) RoundTrip(r *http.Request) (*http.Response, error) {
	form := url.Values{}
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		if form, err = url.ParseQuery(string(body)); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	var say reply
	switch path := r.URL.Path; path {
	case "/device":
		s.asked = append(s.asked, form)
		say = s.codes
		say.body = strings.Replace(say.body, "canary-device-code", fmt.Sprintf("canary-device-code-%d", len(s.asked)), 1)
	case "/token":
		if form.Get("code") == "" {
			s.polledFor = append(s.polledFor, form.Get("device_code"))
			if !strings.HasPrefix(form.Get("device_code"), "canary-device-code-") {
				s.t.Errorf("polled with %v", form)
			}
		}
		say = s.polls[min(len(s.polled), len(s.polls)-1)]
		s.polled = append(s.polled, time.Now())
	case "/me":
		say.body = fmt.Sprintf(`{"id":%q,"name":"Ada"}`, s.who)
	case "/sites":
		say.body = `[{"id":"one"},{"id":"two"}]`
	case "/more":
		say = s.more
	case "/revoke":
		s.revoked++
	default:
		s.t.Errorf("the provider was asked for %s", path)
	}
	during := s.during
	s.mu.Unlock()
	if during != nil {
		during(r.URL.Path)
	}
	if say.err != nil {
		return nil, say.err
	}
	resp := &http.Response{
		StatusCode: say.status, Body: io.NopCloser(strings.NewReader(say.body)), Request: r,
		Header: http.Header{"Content-Type": {"application/json"}},
	}
	if resp.StatusCode == 0 {
		resp.StatusCode = http.StatusOK
	}
	if say.retryAfter != "" {
		resp.Header.Set("Retry-After", say.retryAfter)
	}
	return resp, nil
}

// tend tends a flow until the function that it returns is called.
func (s *screen) tend(f *consent.Flow) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.Tend(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// begin begins a journey for user_1 at tv.
func (s *screen) begin() consent.Device {
	s.t.Helper()
	d, err := s.flow.BeginDevice(s.t.Context(), consent.Request{Connection: "tv", Identifier: "user_1"})
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

// after waits, and returns the link as it is then.
func (s *screen) after(d consent.Device, wait time.Duration) vault.Link {
	s.t.Helper()
	time.Sleep(wait)
	synctest.Wait()
	l, err := s.vault.Link(s.t.Context(), d.Link.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	return l
}

// waits are the times between two polls, the first since then.
func (s *screen) waits(since time.Time) (list []time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, at := range s.polled {
		list = append(list, at.Sub(since))
		since = at
	}
	return list
}

func (s *screen) wantWaits(since time.Time, want ...time.Duration) {
	s.t.Helper()
	if got := s.waits(since); !slices.Equal(got, want) {
		s.t.Errorf("the waits are %v, want %v", got, want)
	}
}

// wantOver checks how a journey has ended, and that it has left nothing.
func (s *screen) wantOver(l vault.Link, code string) {
	s.t.Helper()
	if l.Status != vault.LinkFailed || l.Outcome != code || !l.Held.IsZero() {
		s.t.Errorf("the link is %s with %q, want %s; it holds something: %v", l.Status, l.Outcome, code, !l.Held.IsZero())
	}
	_, err := s.vault.Account(s.t.Context(), l.AccountID)
	if !l.Reconnect && !errors.Is(err, vault.ErrNotFound) {
		s.t.Errorf("there is an account: %v", err)
	}
	if got := s.told(); got != "consent_started consent_failed:"+code {
		s.t.Errorf("told of %q", got)
	}
}

// told returns the names of the events, with their reasons.
func (s *screen) told() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, e := range s.events {
		if e.Connection != "tv" || e.Connector != "tv" || e.Link == "" || e.Account == "" {
			s.t.Errorf("the event is %+v", e)
		}
		names = append(names, strings.TrimSuffix(e.Name+":"+e.Reason, ":"))
	}
	return strings.Join(names, " ")
}

// account connects user_1 to an account of that ID at the provider.
func (s *screen) account(who string) vault.ConnectedAccount {
	s.t.Helper()
	c, err := s.set.ByName("tv")
	if err != nil {
		s.t.Fatal(err)
	}
	a, err := s.vault.Connect(s.t.Context(), vault.Link{}, vault.ConnectedAccount{
		ConnectionID: c.ID, Connector: "tv", Identifier: "user_1", Identity: vault.Identity{ID: who},
	}, vaulttest.Grant("canary-first", time.Now()))
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}
