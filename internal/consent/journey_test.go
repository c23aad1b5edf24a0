package consent_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/internal/fakeprovider"
	"github.com/claviger-proxy/claviger/vault"
)

func TestConnect(t *testing.T) {
	d := open(t)
	issued := d.begin(consent.Request{Scopes: []string{"mail.send"}})
	if want := d.site.URL + "/oauth/link/"; !strings.HasPrefix(issued.URL, want) || len(issued.URL) != len(want)+43 {
		t.Errorf("the link is %s", issued.URL)
	}
	d.wantAccounts(0)

	b := fakeprovider.NewBrowser()
	link := d.see(b.Get(issued.URL))
	for _, want := range []string{"Tidy Inbox", "Demo provider", "user_1", "mail.read", "mail.send", "Continue to Demo provider"} {
		if !strings.Contains(link.Body, want) {
			t.Errorf("the link page does not show %q", want)
		}
	}
	page := d.consent(b, issued.URL, "alice", true)
	of(page).want(t, http.StatusOK, "")
	if want := d.site.URL + "/oauth/done?link=" + string(issued.Link.ID); page.URL != want {
		t.Errorf("the journey ends at %s, want %s", page.URL, want)
	}
	for _, want := range []string{"You are connected", "Alice Moreau", "alice@postbox.example"} {
		if !strings.Contains(page.Body, want) {
			t.Errorf("the last page does not show %q", want)
		}
	}
	other := d.see(fakeprovider.NewBrowser().Get(page.URL))
	if strings.Contains(other.Body, "Alice") || strings.Contains(other.Body, "connected") {
		t.Error("another browser is told what came of it")
	}

	a, ok := d.account("user_1")
	if !ok || a.ID != issued.Link.AccountID || a.Status != vault.StatusActive {
		t.Fatalf("the account is %+v", a)
	}
	if want := (vault.Identity{ID: "alice", Name: "Alice Moreau", Email: "alice@postbox.example"}); a.Identity != want {
		t.Errorf("the identity is %+v", a.Identity)
	}
	g, err := d.vault.Grant(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	if g.Generation != 1 || g.Access.IsZero() || g.Refresh.IsZero() || g.ClientID != d.provider.ClientID() ||
		g.RedirectURI != d.flow.Callback("demo") || a.TokenExpiresAt.IsZero() {
		t.Errorf("the grant is %+v, the account %+v", g, a)
	}
	if got := strings.Join(a.RequestedScopes, " "); !strings.HasSuffix(got, "mail.read mail.send") {
		t.Errorf("requested scopes are %q", got)
	}
	if got, want := d.told(), "consent_started"; got != want {
		t.Errorf("events are %q, want %q", got, want)
	}
	if len(d.connected) != 1 || d.connected[0] != a.ID {
		t.Errorf("OnConnected got %v", d.connected)
	}
	d.wantExchanges(1)
}

func TestConnectReturnsToTheApp(t *testing.T) {
	d := open(t)
	issued := d.begin(consent.Request{ReturnURL: d.app.URL + "/done?tab=2&status=x", State: "cart 7&x=1"})
	page := d.consent(fakeprovider.NewBrowser(), issued.URL, "alice", true)
	u, err := url.Parse(page.URL)
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"tab": {"2"}, "status": {"connected"}, "connection": {"demo"}, "identifier": {"user_1"},
		"connected_account_id": {string(issued.Link.AccountID)}, "state": {"cart 7&x=1"},
	}
	if u.Path != "/done" || u.RawQuery != want.Encode() {
		t.Errorf("the browser returns to %s, want %s", page.URL, want.Encode())
	}
}

func TestDenied(t *testing.T) {
	d := open(t)
	page := d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{}).URL, "alice", false)
	of(page).want(t, http.StatusForbidden, "access_denied")

	back := d.begin(consent.Request{ReturnURL: d.app.URL, State: "s"})
	page = d.consent(fakeprovider.NewBrowser(), back.URL, "alice", false)
	q := mustParse(t, page.URL).Query()
	if q.Get("status") != "failed" || q.Get("error") != "access_denied" || q.Get("state") != "s" || q.Has("connected_account_id") {
		t.Errorf("the app is told %s", page.URL)
	}
	d.wantAccounts(0)
	d.wantExchanges(0)
	if want := "consent_started consent_failed:access_denied"; d.told() != want+" "+want {
		t.Errorf("events are %q", d.told())
	}
	of(d.see(fakeprovider.NewBrowser().Get(back.URL))).want(t, http.StatusGone, "link_closed")
}

func TestReconnectKeepsTheID(t *testing.T) {
	d := open(t)
	first := d.begin(consent.Request{})
	d.consent(fakeprovider.NewBrowser(), first.URL, "alice", true)
	before, _ := d.account("user_1")
	if _, err := d.vault.SetStatus(t.Context(), before.ID, 0, vault.StatusExpired, "invalid_grant"); err != nil {
		t.Fatal(err)
	}

	issued, err := d.flow.Reissue(t.Context(), before)
	if err != nil {
		t.Fatal(err)
	}
	link := d.see(fakeprovider.NewBrowser().Get(issued.URL))
	if !strings.Contains(link.Body, "Reconnect your Demo provider account") {
		t.Error("the page does not say that it is again")
	}
	of(d.consent(fakeprovider.NewBrowser(), issued.URL, "alice", true)).want(t, http.StatusOK, "")
	after, _ := d.account("user_1")
	g, err := d.vault.Grant(t.Context(), after.ID)
	if err != nil {
		t.Fatal(err)
	}
	if after.ID != before.ID || after.Status != vault.StatusActive || after.Reason != "" || g.Generation != 2 {
		t.Errorf("the account is %+v, its grant's generation %d", after, g.Generation)
	}
	d.wantAccounts(1)
}

func TestReissueMakesOneLink(t *testing.T) {
	d := open(t)
	d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{}).URL, "alice", true)
	a, _ := d.account("user_1")
	urls := make(chan string, 100)
	var wg sync.WaitGroup
	for range cap(urls) {
		wg.Go(func() {
			issued, err := d.flow.Reissue(t.Context(), a)
			if err != nil {
				t.Error(err)
			}
			urls <- issued.URL
		})
	}
	wg.Wait()
	first := <-urls
	for range cap(urls) - 1 {
		if got := <-urls; got != first {
			t.Fatal("two links for one account")
		}
	}
	reissue := func() string {
		t.Helper()
		issued, err := d.flow.Reissue(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		return issued.URL
	}
	d.later(12 * time.Minute)
	if reissue() != first {
		t.Error("a link with three minutes left is not used again")
	}
	d.later(2 * time.Minute)
	second := reissue()
	if second == first {
		t.Error("a link with a minute left is handed out")
	}
	d.travel(second, "alice", true)
	if reissue() == second {
		t.Error("a link that was opened is handed out")
	}
}

// O-25: an account that is disconnected on purpose does not come back by a consent that was under way.
func TestDisconnectedMeanwhile(t *testing.T) {
	d := open(t)
	d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{}).URL, "alice", true)
	a, _ := d.account("user_1")
	open := d.begin(consent.Request{})
	b, callback := d.travel(d.begin(consent.Request{}).URL, "alice", true)
	d.later(time.Second)
	if _, err := d.vault.SetStatus(t.Context(), a.ID, 0, vault.StatusDisconnected, "by_request"); err != nil {
		t.Fatal(err)
	}
	of(d.see(b.Get(callback))).want(t, http.StatusConflict, "account_disconnected")
	a, _ = d.account("user_1")
	if reissued, err := d.flow.Reissue(t.Context(), a); err != nil || reissued.URL == open.URL {
		t.Errorf("a link from before the disconnection is handed out, or %v", err)
	}
	if a, _ := d.account("user_1"); a.Status != vault.StatusDisconnected {
		t.Errorf("the account is %s", a.Status)
	}
	d.wantExchanges(1)

	d.later(time.Second)
	of(d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{}).URL, "alice", true)).want(t, http.StatusOK, "")
}

// O-25, while the code is being exchanged.
func TestDisconnectedDuringTheExchange(t *testing.T) {
	d := open(t)
	d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{}).URL, "alice", true)
	a, _ := d.account("user_1")
	b, callback := d.travel(d.begin(consent.Request{}).URL, "alice", true)
	release, waiting := d.provider.HoldToken()
	done := make(chan fakeprovider.Page)
	go func() { p, _ := b.Get(callback); done <- p }()
	waitFor(t, func() bool { return waiting() == 1 })
	d.later(time.Second)
	if _, err := d.vault.SetStatus(t.Context(), a.ID, 0, vault.StatusDisconnected, "by_request"); err != nil {
		t.Fatal(err)
	}
	release()
	of(<-done).want(t, http.StatusConflict, "account_disconnected")
	if d.provider.Requests("/revoke") != 1 {
		t.Error("the new token was not revoked")
	}
}

// A provider that is asked again while the grant works may give no second refresh token.
func TestReconnectKeepsTheRefreshToken(t *testing.T) {
	d := open(t)
	again := func(user string) vault.Grant {
		t.Helper()
		tokens, err := d.provider.Grant(user)
		if err != nil {
			t.Fatal(err)
		}
		d.provider.SetFault("/oauth/token", fakeprovider.Fault{Body: `{"access_token":"` + tokens.Access + `","token_type":"Bearer","expires_in":3600}`})
		d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{}).URL, user, true)
		d.provider.ClearFaults()
		a, _ := d.account("user_1")
		g, err := d.vault.Grant(t.Context(), a.ID)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{}).URL, "alice", true)
	a, _ := d.account("user_1")
	first, err := d.vault.Grant(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	if second := again("alice"); second.Generation != 2 || !second.Refresh.Equal(first.Refresh) || second.Access.Equal(first.Access) {
		t.Errorf("the second grant is %+v", second)
	}
	if _, err := d.vault.SetStatus(t.Context(), a.ID, 0, vault.StatusExpired, "invalid_grant"); err != nil {
		t.Fatal(err)
	}
	if third := again("alice"); third.Generation != 3 || !third.Refresh.IsZero() {
		t.Errorf("a dead refresh token is kept: %+v", third)
	}
}
