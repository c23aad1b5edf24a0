package consent_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/internal/fakeprovider"
	"github.com/claviger-proxy/claviger/vault"
)

// A browser that goes away does not break off what its code was spent for.
func TestBrowserGoesAway(t *testing.T) {
	d := open(t)
	b, callback := d.travel(d.begin(consent.Request{}).URL, "alice", true)
	release, waiting := d.provider.HoldToken()
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, callback, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range b.Cookies(callback) {
		r.AddCookie(c)
	}
	gone := make(chan error)
	go func() {
		_, err := plainTransport.RoundTrip(r)
		gone <- err
	}()
	waitFor(t, func() bool { return waiting() == 1 })
	leave()
	if err := <-gone; err == nil {
		t.Fatal("the browser stayed")
	}
	release()
	waitFor(t, func() bool { _, ok := d.account("user_1"); return ok })
}

func TestSaveFails(t *testing.T) {
	d := open(t)
	b, callback := d.travel(d.begin(consent.Request{}).URL, "alice", true)
	d.store.refuse.Store(vault.KindGrant)
	page := d.see(b.Get(callback))
	of(page).want(t, http.StatusServiceUnavailable, "save_failed")
	if !strings.Contains(page.Body, "Try again in a few minutes") {
		t.Error("the page does not say what to do")
	}
	if d.provider.Requests("/revoke") != 1 {
		t.Error("the new token was not revoked")
	}
	d.wantAccounts(0)
	d.wantExchanges(1)

	d.store.refuse.Store(vault.Kind(""))
	of(d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{}).URL, "alice", true)).want(t, http.StatusOK, "")
}

// The provider gives no second refresh token, and the first one cannot be read at first. It must not
// be replaced by none.
func TestRefreshTokenIsKept(t *testing.T) {
	d := open(t)
	of(d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{}).URL, "alice", true)).want(t, http.StatusOK, "")
	a, _ := d.account("user_1")
	before, err := d.vault.Grant(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := d.provider.Grant("alice", "openid", "mail.read")
	if err != nil {
		t.Fatal(err)
	}
	d.provider.SetFault("/oauth/token", fakeprovider.Fault{Count: 1, Body: `{"token_type":"bearer","access_token":"` + tokens.Access + `"}`})
	d.store.blind.Store(1)
	of(d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{}).URL, "alice", true)).want(t, http.StatusOK, "")
	after, err := d.vault.Grant(t.Context(), a.ID)
	if err != nil || after.Generation != before.Generation+1 || !after.Refresh.Equal(before.Refresh) || before.Refresh.IsZero() {
		t.Errorf("got generation %d, error %v; want the next one with the refresh token of the first", after.Generation, err)
	}
}

// A write that was done although it was reported as failed is not undone by a revocation.
func TestSaveFailsAfterTheWrite(t *testing.T) {
	d := open(t)
	b, callback := d.travel(d.begin(consent.Request{}).URL, "alice", true)
	d.store.forgetful.Store(true)
	d.store.refuse.Store(vault.KindGrant)
	of(d.see(b.Get(callback))).want(t, http.StatusOK, "")
	if d.provider.Requests("/revoke") != 0 {
		t.Error("a token that is kept was revoked")
	}
	d.wantAccounts(1)
}

func TestVaultUnavailable(t *testing.T) {
	d := open(t)
	link := d.begin(consent.Request{}).URL
	b, callback := d.travel(link, "alice", true)
	d.store.refuse.Store(vault.KindLink)
	d.do(http.MethodPost, link, nil).want(t, http.StatusServiceUnavailable, "vault_unavailable")
	d.do(http.MethodGet, callback, b.Browser).want(t, http.StatusServiceUnavailable, "vault_unavailable")
	if _, err := d.flow.Begin(t.Context(), consent.Request{Connection: "demo", Identifier: "user_2"}); !errors.Is(err, errBrittle) {
		t.Errorf("Begin returns %v", err)
	}
	d.wantExchanges(0)
	d.store.refuse.Store(vault.Kind(""))
	of(d.see(b.Get(callback))).want(t, http.StatusOK, "")
}

func TestExchangeFails(t *testing.T) {
	tests := []struct {
		name  string
		fault fakeprovider.Fault
		code  string
	}{
		{"in trouble", fakeprovider.Fault{Status: http.StatusServiceUnavailable}, "provider_unavailable"},
		{"cut", fakeprovider.Fault{Destroy: true}, "provider_unavailable"},
		{"client refused", fakeprovider.Fault{Status: http.StatusUnauthorized, Body: `{"error":"invalid_client"}`}, "oauth_client_rejected"},
		{"code refused", fakeprovider.Fault{Status: http.StatusBadRequest, Body: `{"error":"invalid_grant","error_description":"<b>secret words</b>"}`}, "exchange_failed"},
		{"no token", fakeprovider.Fault{Body: `{"ok":true}`}, "exchange_failed"},
	}
	d := open(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d.provider.SetFault("/oauth/token", tt.fault)
			page := d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{}).URL, "alice", true)
			of(page).want(t, http.StatusBadGateway, tt.code)
			if strings.Contains(page.Body+d.logs.String(), "secret words") {
				t.Error("the provider's words are passed on")
			}
		})
	}
	d.wantAccounts(0)
}

func TestConnectionIsGone(t *testing.T) {
	d := open(t)
	_, err := d.set.Add(t.Context(), vault.Connection{
		Name: "spare", Connector: "demo", ClientID: d.provider.ClientID(), ClientSecret: vault.NewSecret(d.provider.ClientSecret()),
		Params: map[string]string{"port": strconv.Itoa(d.provider.Port())},
	})
	if err != nil {
		t.Fatal(err)
	}
	link := d.begin(consent.Request{Connection: "spare"}).URL
	d.do(http.MethodGet, link, nil).want(t, http.StatusOK, "")
	if err := d.set.Remove(t.Context(), "spare"); err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		d.do(method, link, nil).want(t, http.StatusServiceUnavailable, "connection_unusable")
	}
}

// waitFor polls until the condition holds.
func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for !condition() {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-deadline:
			t.Fatal("waited in vain")
		}
	}
}
