package fakeprovider_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

func TestSecretInBody(t *testing.T) {
	a := start(t, fakeprovider.Config{})
	form := url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {a.grant("alice").Refresh},
		"client_id": {a.provider.ClientID()}, "client_secret": {a.provider.ClientSecret()},
	}
	if got := a.token(form); got.Access == "" {
		t.Errorf("got error %q, want a token", got.Error)
	}
}

func TestNarrowerRefresh(t *testing.T) {
	a := start(t, fakeprovider.Config{})
	tok, err := a.provider.Grant("alice", "mail.read", "mail.send")
	if err != nil {
		t.Fatal(err)
	}
	got := a.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tok.Refresh}, "scope": {"mail.send"}})
	if got.Scope != "mail.send" {
		t.Errorf("got scope %q, want mail.send", got.Scope)
	}
	if got = a.refresh(got.Refresh); got.Scope != "mail.read mail.send" {
		t.Errorf("next refresh: got scope %q, want both again", got.Scope)
	}
	got = a.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {got.Refresh}, "scope": {"mail.delete"}})
	if got.Error != "invalid_scope" {
		t.Errorf("wider: got error %q, want invalid_scope", got.Error)
	}
}

func TestTokenRequestsNobodyShouldSend(t *testing.T) {
	a := start(t, fakeprovider.Config{})
	tests := []struct{ name, body, user, password, want string }{
		{"empty", "", "", "", "invalid_request"},
		{"bad escape in Basic", "grant_type=refresh_token&refresh_token=x", "%zz", "x", "invalid_request"},
		{"secret twice", "grant_type=refresh_token&refresh_token=x&client_secret=x", "a", "b", "invalid_request"},
		{"other grant type", "grant_type=password&username=alice", "", "", "unsupported_grant_type"},
		{"JWT bearer", "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=x", "", "", "server_error"},
		{"refresh without token", "grant_type=refresh_token", "", "", "invalid_request"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req, _ := http.NewRequest(http.MethodPost, a.provider.URL()+"/oauth/token", strings.NewReader(tt.body))
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if tt.user != "" {
				req.SetBasicAuth(tt.user, tt.password)
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			if got := decode[tokens](t, read(t, res.Body)); got.Error != tt.want || res.StatusCode != http.StatusBadRequest {
				t.Errorf("got %d %q, want 400 %s", res.StatusCode, got.Error, tt.want)
			}
		})
	}
}

func TestRotation(t *testing.T) {
	a := start(t, fakeprovider.Config{})
	first := a.grant("alice")
	second := a.refresh(first.Refresh)
	if second.Refresh == "" || second.Refresh == first.Refresh || second.Scope != "mail.read" {
		t.Fatalf("got error %q, scope %q, new token %t, want a new refresh token", second.Error, second.Scope, second.Refresh != first.Refresh)
	}
	a.wantStatus("/api/me", first.Access, http.StatusOK)
	a.wantStatus("/api/me", second.Access, http.StatusOK)
	if got := a.refresh(first.Refresh); got.Error != "invalid_grant" || got.status != http.StatusBadRequest {
		t.Errorf("reuse: got %d %q, want 400 invalid_grant", got.status, got.Error)
	}
	a.wantStatus("/api/me", second.Access, http.StatusUnauthorized)
	if got := a.refresh(second.Refresh); got.Error != "invalid_grant" {
		t.Errorf("after reuse: got error %q, want invalid_grant", got.Error)
	}
	if got := a.provider.LiveGrants("alice"); got != 0 {
		t.Errorf("got %d live grants, want 0", got)
	}
}

func TestParallelRefreshes(t *testing.T) {
	const callers = 20
	a := start(t, fakeprovider.Config{})
	token := a.grant("alice").Refresh
	release, waiting := a.provider.HoldToken()
	var wg sync.WaitGroup
	results := make(chan tokens, callers)
	for range callers {
		wg.Go(func() {
			got, err := a.tryToken(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
			if err != nil {
				t.Errorf("token call: %v", err)
			}
			results <- got
		})
	}
	await(t, waiting, callers)
	if got := a.provider.TokenCalls("refresh_token"); got != callers {
		t.Errorf("got %d refreshes in the log, want %d", got, callers)
	}
	release()
	wg.Wait()
	close(results)
	var won []tokens
	for got := range results {
		if got.Access != "" {
			won = append(won, got)
		} else if got.Error != "invalid_grant" {
			t.Errorf("got error %q, want invalid_grant", got.Error)
		}
	}
	if len(won) != 1 {
		t.Fatalf("got %d successes, want 1", len(won))
	}
	a.wantStatus("/api/me", won[0].Access, http.StatusUnauthorized)
}

func TestOmitRefreshToken(t *testing.T) {
	a := start(t, fakeprovider.Config{OmitRefreshToken: true})
	token := a.grant("alice").Refresh
	for range 2 {
		if got := a.refresh(token); got.Access == "" || got.Refresh != "" {
			t.Errorf("got error %q, refresh token %t, want an access token only", got.Error, got.Refresh != "")
		}
	}
	a.provider.SetOmitRefreshToken(false)
	if got := a.refresh(token); got.Refresh == "" {
		t.Error("got no refresh token after the option was turned off")
	}
}

func TestExpiry(t *testing.T) {
	c := newClock()
	a := start(t, fakeprovider.Config{Now: c.now, AccessTTL: 5 * time.Second, RefreshTTL: time.Minute})
	tok := a.grant("alice")
	a.wantStatus("/api/me", tok.Access, http.StatusOK)
	c.forward(5 * time.Second)
	a.wantStatus("/api/me", tok.Access, http.StatusUnauthorized)
	next := a.refresh(tok.Refresh)
	if next.ExpiresIn != 5 {
		t.Errorf("got expires_in %d, want 5", next.ExpiresIn)
	}
	a.wantStatus("/api/me", next.Access, http.StatusOK)
	c.forward(time.Minute)
	if got := a.refresh(next.Refresh); got.Error != "invalid_grant" {
		t.Errorf("expired refresh token: got error %q, want invalid_grant", got.Error)
	}
}

func TestRevokedByUser(t *testing.T) {
	a := start(t, fakeprovider.Config{})
	alice, bob := a.grant("alice"), a.grant("bob")
	a.provider.RevokeUser("alice")
	res := a.request(http.MethodGet, "/api/me", alice.Access, nil)
	if got := res.Header.Get("WWW-Authenticate"); res.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(got, `Bearer error="invalid_token"`) {
		t.Errorf("got %d with WWW-Authenticate %q, want 401 invalid_token", res.StatusCode, got)
	}
	if got := a.refresh(alice.Refresh); got.Error != "invalid_grant" {
		t.Errorf("got error %q, want invalid_grant", got.Error)
	}
	a.wantStatus("/api/me", bob.Access, http.StatusOK)
}

func TestExpireAccess(t *testing.T) {
	a := start(t, fakeprovider.Config{})
	tok, bob := a.grant("alice"), a.grant("bob")
	a.provider.ExpireAccess("alice")
	a.wantStatus("/api/me", tok.Access, http.StatusUnauthorized)
	a.wantStatus("/api/me", bob.Access, http.StatusOK)
	a.wantStatus("/api/me", a.refresh(tok.Refresh).Access, http.StatusOK)
}

func TestRevocationEndpoint(t *testing.T) {
	tests := []struct {
		name      string
		token     func(fakeprovider.Tokens) string
		hint      string
		refreshes bool
	}{
		{"refresh token", func(t fakeprovider.Tokens) string { return t.Refresh }, "refresh_token", false},
		{"refresh token without hint", func(t fakeprovider.Tokens) string { return t.Refresh }, "", false},
		{"access token", func(t fakeprovider.Tokens) string { return t.Access }, "access_token", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := start(t, fakeprovider.Config{})
			tok := a.grant("alice")
			form := url.Values{"token": {tt.token(tok)}, "client_id": {a.provider.ClientID()}, "client_secret": {a.provider.ClientSecret()}}
			if tt.hint != "" {
				form.Set("token_type_hint", tt.hint)
			}
			for range 2 {
				res, err := http.PostForm(a.provider.URL()+"/revoke", form)
				if err != nil {
					t.Fatal(err)
				}
				_ = res.Body.Close()
				if res.StatusCode != http.StatusOK {
					t.Errorf("got status %d, want 200", res.StatusCode)
				}
			}
			a.wantStatus("/api/me", tok.Access, http.StatusUnauthorized)
			if got := a.refresh(tok.Refresh).Access != ""; got != tt.refreshes {
				t.Errorf("refresh works: got %t, want %t", got, tt.refreshes)
			}
		})
	}
}
