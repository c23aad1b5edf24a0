package fakeprovider_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

const verifier = "a-code-verifier-of-at-least-forty-three-characters"

// An app is the client's side of a test: a callback and plain HTTP calls.
type app struct {
	t        *testing.T
	provider *fakeprovider.Server
	callback string
	scopes   string
}

func start(t *testing.T, c fakeprovider.Config) *app {
	t.Helper()
	back := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "back at the app")
	}))
	t.Cleanup(back.Close)
	c.RedirectURIs = []string{back.URL + "/callback"}
	s, err := fakeprovider.Start(t.Context(), c)
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return &app{t: t, provider: s, callback: back.URL + "/callback", scopes: "openid mail.read"}
}

// authorizeURL is where a user is sent; changes overwrite parameters, and an empty one is left out.
func (a *app) authorizeURL(changes url.Values) string {
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{
		"response_type": {"code"}, "client_id": {a.provider.ClientID()}, "redirect_uri": {a.callback},
		"scope": {a.scopes}, "state": {"a state"}, "code_challenge_method": {"S256"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
	}
	for name, v := range changes {
		q[name] = v
		if v[0] == "" {
			q.Del(name)
		}
	}
	return a.provider.URL() + "/authorize?" + q.Encode()
}

// consent returns the parameters the callback received.
func (a *app) consent(user string, allow bool) url.Values {
	a.t.Helper()
	page, err := fakeprovider.NewBrowser().Consent(a.authorizeURL(nil), user, allow)
	if err != nil {
		a.t.Fatalf("Consent: %v", err)
	}
	return a.arrived(page)
}

func (a *app) arrived(page fakeprovider.Page) url.Values {
	a.t.Helper()
	u, err := url.Parse(page.URL)
	if err != nil || !strings.HasPrefix(page.URL, a.callback) {
		a.t.Fatalf("ended on %s with status %d, want the callback", page.URL, page.Status)
	}
	return u.Query()
}

type tokens struct {
	Access    string `json:"access_token"`
	Refresh   string `json:"refresh_token"`
	Type      string `json:"token_type"`
	Scope     string `json:"scope"`
	ExpiresIn int    `json:"expires_in"`
	Error     string `json:"error"`
	status    int
}

func (a *app) token(form url.Values) tokens {
	a.t.Helper()
	got, err := a.tryToken(form)
	if err != nil {
		a.t.Fatalf("token call: %v", err)
	}
	return got
}

// tryToken may be called from any goroutine.
func (a *app) tryToken(form url.Values) (tokens, error) {
	req, err := http.NewRequest(http.MethodPost, a.provider.URL()+"/oauth/token", strings.NewReader(form.Encode()))
	if err != nil {
		return tokens{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if !form.Has("client_secret") {
		req.SetBasicAuth(url.QueryEscape(a.provider.ClientID()), url.QueryEscape(a.provider.ClientSecret()))
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return tokens{}, err
	}
	defer func() { _ = res.Body.Close() }()
	got := tokens{status: res.StatusCode}
	return got, json.NewDecoder(res.Body).Decode(&got)
}

func (a *app) exchange(code, codeVerifier string) tokens {
	a.t.Helper()
	return a.token(url.Values{
		"grant_type": {"authorization_code"}, "code": {code},
		"code_verifier": {codeVerifier}, "redirect_uri": {a.callback},
	})
}

// await returns when n token calls are held.
func await(t *testing.T, waiting func() int, n int) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for waiting() < n {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("got %d token calls, want %d", waiting(), n)
		}
	}
}

func (a *app) refresh(token string) tokens {
	a.t.Helper()
	return a.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

func (a *app) grant(user string) fakeprovider.Tokens {
	a.t.Helper()
	got, err := a.provider.Grant(user, "mail.read")
	if err != nil {
		a.t.Fatalf("Grant: %v", err)
	}
	return got
}

func (a *app) request(method, path, token string, body io.Reader) *http.Response {
	a.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = a.provider.URL() + path
	}
	req, err := http.NewRequestWithContext(a.t.Context(), method, path, body)
	if err != nil {
		a.t.Fatalf("building a request: %v", err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		a.t.Fatalf("%s %s: %v", method, path, err)
	}
	a.t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

func (a *app) get(path, token string) (status int, body string) {
	a.t.Helper()
	res := a.request(http.MethodGet, path, token, nil)
	return res.StatusCode, read(a.t, res.Body)
}

func (a *app) wantStatus(path, token string, want int) {
	a.t.Helper()
	if got, body := a.get(path, token); got != want {
		a.t.Errorf("GET %s: got status %d, want %d; body %s", path, got, want, body)
	}
}

func read(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("reading a body: %v", err)
	}
	return string(b)
}

// A clock goes forward when told to.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}
