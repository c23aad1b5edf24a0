package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/internal/fakeprovider"
	"github.com/claviger-proxy/claviger/vault"
)

// exposed adds the connection "open", whose tokens may be fetched, and an account of that user at it.
func exposed(t *testing.T, k *kit, p *fakeprovider.Server, user string) (vault.ConnectedAccount, fakeprovider.Tokens) {
	t.Helper()
	n := demoConnection("open")
	n.ExposeTokens, n.ClientSecret = true, canaryConfigured
	n.Params["port"] = k.port(t)
	if c, err := k.CreateConnection(t.Context(), n); err != nil || !c.ExposeTokens {
		t.Fatalf("made %+v, %v", c, err)
	}
	tokens, err := p.Grant(user, "mail.read")
	if err != nil {
		t.Fatal(err)
	}
	return k.account("open", user, func(_ *vault.ConnectedAccount, g *vault.Grant) {
		g.Access, g.Refresh, g.Expires = vault.NewSecret(tokens.Access), vault.NewSecret(tokens.Refresh), tokens.Expires
	}), tokens
}

// port is the provider's.
func (k *kit) port(t *testing.T) string {
	t.Helper()
	c, err := k.set.ByName("mail")
	if err != nil {
		t.Fatal(err)
	}
	return c.Params["port"]
}

func TestToken(t *testing.T) {
	k, p := withProvider(t)
	a, tokens := exposed(t, k, p, "alice")
	got, err := k.Token(t.Context(), string(a.ID))
	want := client.Token{AccessToken: tokens.Access, TokenType: "Bearer", ExpiresAt: got.ExpiresAt, Account: string(a.ID)}
	if err != nil || got != want || got.ExpiresAt.Sub(tokens.Expires).Abs() > time.Second {
		t.Errorf("got a token of %s until %v, %v", got.Account, got.ExpiresAt, err)
	}
	if named, err := k.TokenNamed(t.Context(), "open", "alice"); err != nil || named != got {
		t.Errorf("by name it is another one: %v", err)
	}
	raw := k.send("GET", "/claviger/accounts/"+string(a.ID)+"/token", "")
	if raw.header.Get("Cache-Control") != "no-store" || strings.Contains(raw.text, tokens.Refresh) || !strings.Contains(raw.text, tokens.Access) {
		t.Errorf("got %v, with the refresh token: %t", raw.header, strings.Contains(raw.text, tokens.Refresh))
	}
	events, err := k.vault.Events(t.Context(), vault.EventQuery{AccountID: a.ID, Types: []vault.EventType{vault.EventTokenFetched}})
	if err != nil || len(events.Items) != 3 {
		t.Errorf("got %d events, %v, want 3", len(events.Items), err)
	}
	if strings.Contains(k.log.String(), tokens.Access) {
		t.Error("the token is in the log")
	}
	k.send("GET", "/claviger/accounts/"+string(a.ID)+"/token?x=1", "").wants(t, 400, "parameter_unknown")

	// One that has expired is refreshed first.
	old, err := p.Grant("bob", "mail.read")
	if err != nil {
		t.Fatal(err)
	}
	b := k.account("open", "bob", func(_ *vault.ConnectedAccount, g *vault.Grant) {
		g.Access, g.Refresh, g.Expires = vault.NewSecret(old.Access), vault.NewSecret(old.Refresh), time.Now().Add(-time.Minute)
	})
	p.SetFault("/oauth/token", fakeprovider.Fault{Status: 503, Count: 1})
	_, err = k.Token(t.Context(), string(b.ID))
	refused(t, err, 502, "refresh_failed")
	if _, err := k.Refresh(t.Context(), string(b.ID)); err != nil {
		t.Fatal(err)
	}
	if got, err := k.Token(t.Context(), string(b.ID)); err != nil || got.AccessToken == old.Access || time.Until(got.ExpiresAt) < time.Minute {
		t.Errorf("got the old token: %t, until %v, %v", got.AccessToken == old.Access, got.ExpiresAt, err)
	}
}

// Without expose_tokens no token comes out, whatever the account's status.
func TestTokenNotExposed(t *testing.T) {
	k, p := withProvider(t)
	a := granted(t, k, p, "alice")
	for _, s := range []vault.Status{vault.StatusActive, vault.StatusExpired} {
		if _, err := k.vault.SetStatus(t.Context(), a.ID, 0, s, "x"); err != nil {
			t.Fatal(err)
		}
		got, err := k.Token(t.Context(), string(a.ID))
		if e := refused(t, err, 403, "token_not_exposed"); got != (client.Token{}) || !strings.Contains(e.Next, "expose_tokens") {
			t.Errorf("got next %q", e.Next)
		}
	}
	events, err := k.vault.Events(t.Context(), vault.EventQuery{AccountID: a.ID, Types: []vault.EventType{vault.EventTokenFetched}})
	if err != nil || len(events.Items) != 0 {
		t.Errorf("got %d events, %v", len(events.Items), err)
	}
	// An account whose identifier is the route's last word is still shown.
	k.account("mail", "token", nil)
	if got, err := k.FindAccount(t.Context(), "mail", "token"); err != nil || got.Identifier != "token" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestRefresh(t *testing.T) {
	k, p := withProvider(t)
	a := granted(t, k, p, "alice")
	for i, refresh := range []func() (client.AccountRefresh, error){
		func() (client.AccountRefresh, error) { return k.Refresh(t.Context(), string(a.ID)) },
		func() (client.AccountRefresh, error) { return k.RefreshNamed(t.Context(), "mail", "alice") },
	} {
		got, err := refresh()
		if err != nil || !got.Refreshed || got.Account.RefreshedAt.IsZero() || got.Account.Connection != "mail" || p.TokenCalls("refresh_token") != i+1 {
			t.Errorf("got %+v, %v after %d refreshes", got, err, p.TokenCalls("refresh_token"))
		}
	}
	without := k.account("mail", "bob", func(_ *vault.ConnectedAccount, g *vault.Grant) { g.Refresh, g.Expires = vault.Secret{}, time.Time{} })
	if got, err := k.Refresh(t.Context(), string(without.ID)); err != nil || got.Refreshed || got.Account.Status != client.StatusActive {
		t.Errorf("without a refresh token: got %+v, %v", got, err)
	}
	k.send("POST", "/claviger/accounts/mail/alice/refresh", `{"x":1}`).wants(t, 400, "field_unknown")
	p.RevokeUser("alice")
	_, err := k.Refresh(t.Context(), string(a.ID))
	refused(t, err, 409, "account_expired")
	_, err = k.Refresh(t.Context(), string(a.ID))
	refused(t, err, 409, "account_expired")
}

func TestCheck(t *testing.T) {
	k, p := withProvider(t)
	a := granted(t, k, p, "alice")
	got, err := k.Check(t.Context(), string(a.ID))
	if err != nil || !got.OK || got.Code != "" || got.ProviderStatus != 200 || got.Account.CheckedAt.IsZero() || got.Account.Connection != "mail" {
		t.Errorf("got %+v, %v", got, err)
	}
	p.SetFault("/api/me", fakeprovider.Fault{Status: 503, Count: 1})
	if got, err = k.CheckNamed(t.Context(), "mail", "alice"); err != nil || got.OK || got.Code != "provider_status_503" || got.Account.Status != client.StatusActive {
		t.Errorf("out of order: got %+v, %v", got, err)
	}
	p.SetFault("/api/me", fakeprovider.Fault{Status: 429, Header: http.Header{"Retry-After": {"400.2"}}, Count: 1})
	if got, err = k.CheckNamed(t.Context(), "mail", "alice"); err != nil || got.OK || got.Code != "provider_rate_limited" ||
		got.RetryAfter != 401 || got.ProviderStatus != 429 || got.Account.Status != client.StatusActive {
		t.Errorf("limited: got %+v, %v", got, err)
	}
	p.SetFault("/api/me", fakeprovider.Fault{Status: 401})
	got, err = k.Check(t.Context(), string(a.ID))
	if err != nil || got.OK || got.Code != "credential_refused" || got.ProviderStatus != 401 ||
		got.Account.Status != client.StatusExpired || got.Account.Reason != "credential_refused" || got.Account.Next == "" {
		t.Errorf("refused: got %+v, %v", got, err)
	}
	if got, err = k.Check(t.Context(), string(a.ID)); err != nil || got.OK || got.Code != "account_expired" || got.ProviderStatus != 0 {
		t.Errorf("expired: got %+v, %v", got, err)
	}
	k.send("POST", "/claviger/accounts/mail/alice/check", `{"x":1}`).wants(t, 400, "field_unknown")
	if log := k.log.String(); slices.ContainsFunc(p.Secrets(), func(s string) bool { return len(s) > 7 && strings.Contains(log, s) }) {
		t.Error("a secret is in the log")
	}
}
