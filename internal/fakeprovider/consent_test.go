package fakeprovider_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

func TestConsentToMail(t *testing.T) {
	for _, offline := range []string{"openid mail.read", "openid mail.read offline_access", "mail.read"} {
		t.Run(offline, func(t *testing.T) {
			a := start(t, fakeprovider.Config{})
			a.scopes = offline
			q := a.consent("alice", true)
			if q.Get("state") != "a state" || q.Get("iss") != a.provider.URL() {
				t.Errorf("got state %q and iss %q, want the state sent and %s", q.Get("state"), q.Get("iss"), a.provider.URL())
			}
			got := a.exchange(q.Get("code"), verifier)
			if got.Access == "" || got.Refresh == "" || got.Type != "Bearer" || got.Scope != offline || got.ExpiresIn != 3600 {
				t.Fatalf("got status %d, error %q, type %q, scope %q, expires_in %d, want full tokens",
					got.status, got.Error, got.Type, got.Scope, got.ExpiresIn)
			}
			if _, body := a.get("/api/me", got.Access); !strings.Contains(body, "alice@postbox.example") {
				t.Errorf("/api/me: got %s, want alice", body)
			}
			for _, secret := range []string{q.Get("code"), got.Access, got.Refresh, verifier, a.provider.ClientSecret()} {
				if !slices.Contains(a.provider.Secrets(), secret) {
					t.Errorf("Secrets lacks %s…", secret[:6])
				}
			}
		})
	}
}

func TestAuthorizeRefuses(t *testing.T) {
	a := start(t, fakeprovider.Config{})
	tests := []struct {
		name    string
		changes url.Values
		want    string // error at the callback; empty: an error page instead
	}{
		{"no PKCE", url.Values{"code_challenge": {""}, "code_challenge_method": {""}}, "invalid_request"},
		{"plain PKCE", url.Values{"code_challenge_method": {"plain"}}, "invalid_request"},
		{"form post", url.Values{"response_mode": {"form_post"}}, "invalid_request"},
		{"implicit", url.Values{"response_type": {"id_token token"}}, "unauthorized_client"},
		{"other redirect", url.Values{"redirect_uri": {"http://127.0.0.1:1/callback"}}, ""},
		{"other client", url.Values{"client_id": {"someone"}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			page, err := fakeprovider.NewBrowser().Get(a.authorizeURL(tt.changes))
			if err != nil {
				t.Fatal(err)
			}
			if tt.want == "" {
				if page.Status != http.StatusBadRequest || len(page.Visited) != 1 {
					t.Errorf("got status %d after %d requests, want 400 at once", page.Status, len(page.Visited))
				}
				return
			}
			u, _ := url.Parse(page.URL)
			q := u.Query()
			if u.Fragment != "" {
				q, _ = url.ParseQuery(u.Fragment)
			}
			if q.Get("error") != tt.want {
				t.Errorf("got %q, want error %s", q.Get("error"), tt.want)
			}
		})
	}
}

func TestCodeRefused(t *testing.T) {
	tests := []struct {
		name string
		form func(url.Values)
		want string
	}{
		{"wrong verifier", func(f url.Values) { f.Set("code_verifier", strings.Repeat("x", 43)) }, "invalid_grant"},
		{"no verifier", func(f url.Values) { f.Del("code_verifier") }, "invalid_request"},
		{"other redirect", func(f url.Values) { f.Set("redirect_uri", "http://127.0.0.1:1/") }, "invalid_grant"},
		{"unknown code", func(f url.Values) { f.Set("code", "fpc_made_up") }, "invalid_grant"},
		{"wrong secret", func(f url.Values) { f.Set("client_id", "claviger-demo"); f.Set("client_secret", "guessed it") }, "invalid_client"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := start(t, fakeprovider.Config{})
			form := url.Values{
				"grant_type": {"authorization_code"}, "code": {a.consent("alice", true).Get("code")},
				"code_verifier": {verifier}, "redirect_uri": {a.callback},
			}
			tt.form(form)
			if got := a.token(form); got.Error != tt.want || got.Access != "" {
				t.Errorf("got error %q and token %q, want %s", got.Error, got.Access, tt.want)
			}
		})
	}
}

func TestCodeTwiceEndsGrant(t *testing.T) {
	a := start(t, fakeprovider.Config{})
	code := a.consent("alice", true).Get("code")
	first := a.exchange(code, verifier)
	if second := a.exchange(code, verifier); second.Error != "invalid_grant" {
		t.Errorf("second use: got error %q, want invalid_grant", second.Error)
	}
	a.wantStatus("/api/me", first.Access, http.StatusUnauthorized)
	if got := a.refresh(first.Refresh); got.Error != "invalid_grant" {
		t.Errorf("refresh: got error %q, want invalid_grant", got.Error)
	}
}

func TestParallelCodes(t *testing.T) {
	const callers = 10
	a := start(t, fakeprovider.Config{})
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {a.consent("alice", true).Get("code")},
		"code_verifier": {verifier}, "redirect_uri": {a.callback},
	}
	release, waiting := a.provider.HoldToken()
	results := make(chan tokens, callers)
	for range callers {
		go func() {
			got, err := a.tryToken(form)
			if err != nil {
				t.Errorf("token call: %v", err)
			}
			results <- got
		}()
	}
	await(t, waiting, callers)
	release()
	won := 0
	for range callers {
		if got := <-results; got.Access != "" {
			won++
			defer a.wantStatus("/api/me", got.Access, http.StatusUnauthorized)
		}
	}
	if won != 1 {
		t.Errorf("got %d successes, want 1", won)
	}
}

func TestUserInfoAndKeys(t *testing.T) {
	a := start(t, fakeprovider.Config{})
	tok := a.grant("bob")
	if _, body := a.get("/userinfo", tok.Access); !strings.Contains(body, `"sub":"bob"`) || !strings.Contains(body, "bob@postbox.example") {
		t.Errorf("userinfo: got %s, want bob", body)
	}
	if _, body := a.get("/keys", ""); !strings.Contains(body, `"alg":"ES256"`) || strings.Contains(body, `"d":`) {
		t.Errorf("keys: got %s, want a public ES256 key", body)
	}
}

func TestStartRefusesUsers(t *testing.T) {
	for _, users := range [][]fakeprovider.User{{{ID: ""}}, {{ID: "a:b"}}, {{ID: "a"}, {ID: "a"}}} {
		if s, err := fakeprovider.Start(t.Context(), fakeprovider.Config{Users: users}); err == nil || s != nil {
			t.Errorf("users %v: got server %t and error %v, want an error alone", users, s != nil, err)
		}
	}
}

func TestCodeExpires(t *testing.T) {
	c := newClock()
	a := start(t, fakeprovider.Config{Now: c.now})
	code := a.consent("alice", true).Get("code")
	c.forward(6 * time.Minute)
	if got := a.exchange(code, verifier); got.Error != "invalid_grant" {
		t.Errorf("got error %q, want invalid_grant", got.Error)
	}
}

func TestScopesAndOffline(t *testing.T) {
	a := start(t, fakeprovider.Config{OfflineOnly: true, Scopes: []string{"mail.read"}})
	a.scopes = "mail.read mail.send"
	got := a.exchange(a.consent("alice", true).Get("code"), verifier)
	if got.Access == "" || got.Refresh != "" || got.Scope != "mail.read" {
		t.Errorf("got error %q, scope %q, refresh token %t, want mail.read without refresh", got.Error, got.Scope, got.Refresh != "")
	}
	a.scopes = "mail.read offline_access"
	if got := a.exchange(a.consent("alice", true).Get("code"), verifier); got.Refresh == "" {
		t.Errorf("got error %q and no refresh token with offline_access", got.Error)
	}
}

func TestDeny(t *testing.T) {
	a := start(t, fakeprovider.Config{})
	q := a.consent("alice", false)
	if q.Get("error") != "access_denied" || q.Get("state") != "a state" || q.Get("iss") != a.provider.URL() || q.Has("code") {
		t.Errorf("got %v, want access_denied with state and iss, without a code", q)
	}
	if got := a.provider.LiveGrants("alice"); got != 0 {
		t.Errorf("got %d grants, want none", got)
	}
}

func TestOmitIssuer(t *testing.T) {
	a := start(t, fakeprovider.Config{OmitIssuer: true})
	if q := a.consent("alice", true); q.Has("iss") || !q.Has("code") {
		t.Errorf("got %v, want a code without iss", q)
	}
}

func TestDiscovery(t *testing.T) {
	a := start(t, fakeprovider.Config{})
	_, body := a.get("/.well-known/openid-configuration", "")
	var got map[string]any
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("decoding %s: %v", body, err)
	}
	u := a.provider.URL()
	for name, want := range map[string]any{
		"issuer": u, "authorization_endpoint": u + "/authorize", "token_endpoint": u + "/oauth/token",
		"revocation_endpoint": u + "/revoke", "authorization_response_iss_parameter_supported": true,
	} {
		if got[name] != want {
			t.Errorf("%s: got %v, want %v", name, got[name], want)
		}
	}
}

func TestStartAndClose(t *testing.T) {
	a := start(t, fakeprovider.Config{})
	begun := time.Now()
	other, err := fakeprovider.Start(t.Context(), fakeprovider.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if d := time.Since(begun); d > time.Second {
		t.Errorf("start took %v", d)
	}
	if other.Port() == a.provider.Port() || other.Port() == 0 {
		t.Errorf("got port %d twice or none", other.Port())
	}
	for range 2 {
		if err := other.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if _, err := http.Get(other.URL()); err == nil {
		t.Error("got an answer from a closed server")
	}
}
