package consent_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/internal/fakeprovider"
	"github.com/claviger-proxy/claviger/vault"
)

func TestOAuth1(t *testing.T) {
	d, p := openDance(t)
	issued := d.begin(consent.Request{})
	page := d.consent(fakeprovider.NewBrowser(), issued.URL, "", true)
	of(page).want(t, http.StatusOK, "")
	if !strings.Contains(page.Body, "Ada Lovelace") {
		t.Error("the last page does not say who it is")
	}
	a, _ := d.account("user_1")
	if a.ID != issued.Link.AccountID || a.Status != vault.StatusActive || a.Identity.ID != "ada" || !a.TokenExpiresAt.IsZero() {
		t.Errorf("the account is %+v", a)
	}
	g, err := d.vault.Grant(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	if p.tokens[g.Access.Reveal()] == "" || !g.Slots["secret"].Equal(vault.NewSecret(p.tokens[g.Access.Reveal()])) {
		t.Error("the token and its secret are not those of the provider")
	}
	if len(g.Captured) != 0 || !g.Refresh.IsZero() || g.ClientID == "" || g.RedirectURI != d.flow.Callback("demo") {
		t.Errorf("the grant is %+v", g)
	}
	l, err := d.vault.FindLink(t.Context(), issued.Link.Token)
	if err != nil || l.Status != vault.LinkUsed || !l.Held.IsZero() {
		t.Errorf("the link holds something still, or is %s: %v", l.Status, err)
	}
	if got := d.told(); got != "consent_started" {
		t.Errorf("events are %q", got)
	}
}

func TestOAuth1Reconnect(t *testing.T) {
	d, p := openDance(t)
	d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{}).URL, "", true)
	first, _ := d.account("user_1")
	old, _ := d.vault.Grant(t.Context(), first.ID)
	issued := d.begin(consent.Request{})
	b, callback := d.travel(issued.URL, "", true)
	if p.count("/request") != 2 {
		t.Errorf("temporary credentials were asked for %d times, want 2", p.count("/request"))
	}
	of(d.see(b.Get(callback))).want(t, http.StatusOK, "")
	again, _ := d.account("user_1")
	g, err := d.vault.Grant(t.Context(), again.ID)
	if err != nil || again.ID != first.ID || g.Generation != old.Generation+1 || g.Slots["secret"].Equal(old.Slots["secret"]) {
		t.Errorf("the account is %+v, its grant of generation %d: %v", again, g.Generation, err)
	}
	p.change(func() { p.who = "eve" })
	of(d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{}).URL, "", true)).want(t, http.StatusConflict, "identity_mismatch")
}

// The provider is asked before the link is started; when it gives nothing, the link is as it was.
func TestOAuth1NoTemporaryCredentials(t *testing.T) {
	tests := []struct {
		name   string
		answer func(url.Values) (int, string)
		status int
		code   string
	}{
		{"refused", func(url.Values) (int, string) { return 401, "oauth_problem=consumer_key_rejected" }, 502, "oauth_client_rejected"},
		{"in trouble", func(url.Values) (int, string) { return 503, "" }, 502, "provider_unavailable"},
		{"not confirmed", func(v url.Values) (int, string) { v.Del("oauth_callback_confirmed"); return 200, v.Encode() }, 502, "provider_refused"},
		{"no token", func(url.Values) (int, string) { return 200, "<html>" }, 502, "provider_refused"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, p := openDance(t)
			p.answer["/request"] = tt.answer
			issued := d.begin(consent.Request{})
			a := d.do(http.MethodPost, issued.URL, nil, func(r *http.Request) { r.Header.Set("Origin", d.site.URL) })
			a.want(t, tt.status, tt.code)
			if a.header.Get("Set-Cookie") != "" || a.header.Get("Location") != "" {
				t.Errorf("the browser gets %v", a.header)
			}
			l, err := d.vault.FindLink(t.Context(), issued.Link.Token)
			if err != nil || l.Status != vault.LinkOpen || !l.State.IsZero() || !l.Held.IsZero() || d.told() != "" {
				t.Errorf("the link is %+v (%v), events are %q", l, err, d.told())
			}
			p.change(func() { delete(p.answer, "/request") })
			of(d.consent(fakeprovider.NewBrowser(), issued.URL, "", true)).want(t, http.StatusOK, "")
		})
	}
}

func TestO01O13OAuth1Callback(t *testing.T) {
	d, p := openDance(t)
	b, callback := d.travel(d.begin(consent.Request{}).URL, "", true)
	for name, test := range map[string]struct {
		target, code string
	}{
		"no state":              {edit(t, callback, map[string]string{"state": ""}), "callback_invalid"},
		"other state":           {edit(t, callback, map[string]string{"state": "unknown"}), "state_unknown"},
		"no verifier":           {edit(t, callback, map[string]string{"oauth_verifier": ""}), "callback_invalid"},
		"no token":              {edit(t, callback, map[string]string{"oauth_token": ""}), "callback_invalid"},
		"verifier twice":        {callback + "&oauth_verifier=a", "callback_invalid"},
		"token twice":           {callback + "&oauth_token=a", "callback_invalid"},
		"verifier and error":    {callback + "&error=access_denied", "callback_invalid"},
		"verifier and denial":   {callback + "&denied=a", "callback_invalid"},
		"long token":            {edit(t, callback, map[string]string{"oauth_token": strings.Repeat("a", 5000)}), "callback_invalid"},
		"of another connection": {strings.Replace(callback, "/demo?", "/other?", 1), "state_unknown"},
		"a code in its place":   {edit(t, callback, map[string]string{"oauth_verifier": "", "code": "a"}), "callback_invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			d.do(http.MethodGet, test.target, b.Browser).want(t, http.StatusBadRequest, test.code)
		})
	}
	if p.count("/access") != 0 {
		t.Error("the provider was asked for a token")
	}
	of(d.see(b.Get(callback))).want(t, http.StatusOK, "")
}

// The token in the callback is the one that the browser was sent away with, or nothing is asked.
func TestOAuth1OtherToken(t *testing.T) {
	d, p := openDance(t)
	_, elsewhere := d.travel(d.begin(consent.Request{Identifier: "user_2"}).URL, "", true)
	b, callback := d.travel(d.begin(consent.Request{}).URL, "", true)
	theirs := mustParse(t, elsewhere).Query()
	swapped := edit(t, callback, map[string]string{"oauth_token": theirs.Get("oauth_token"), "oauth_verifier": theirs.Get("oauth_verifier")})
	of(d.see(b.Get(swapped))).want(t, http.StatusBadRequest, "token_mismatch")
	of(d.see(b.Get(callback))).want(t, http.StatusConflict, "already_done")
	if p.count("/access") != 0 {
		t.Error("the provider was asked for a token")
	}
	d.wantAccounts(0)
}

func TestO02OAuth1Replay(t *testing.T) {
	d, p := openDance(t)
	b, callback := d.travel(d.begin(consent.Request{}).URL, "", true)
	statuses := make(chan int, 20)
	var wg sync.WaitGroup
	for range cap(statuses) {
		wg.Go(func() { statuses <- d.do(http.MethodGet, callback, b.Browser).status })
	}
	wg.Wait()
	close(statuses)
	count := map[int]int{}
	for s := range statuses {
		count[s]++
	}
	if count[http.StatusSeeOther] != 1 || count[http.StatusConflict] != 19 || p.count("/access") != 1 {
		t.Errorf("statuses are %v with %d calls, want one 303 and nineteen 409", count, p.count("/access"))
	}
	d.do(http.MethodGet, callback, b.Browser).want(t, http.StatusConflict, "already_done")
	d.wantAccounts(1)
}

func TestO04OAuth1OtherBrowser(t *testing.T) {
	d, p := openDance(t)
	b, callback := d.travel(d.begin(consent.Request{}).URL, "", true)
	of(d.see(fakeprovider.NewBrowser().Get(callback))).want(t, http.StatusForbidden, "wrong_browser")
	of(d.see(b.Get(callback))).want(t, http.StatusConflict, "already_done")
	if p.count("/access") != 0 {
		t.Error("the provider was asked for a token")
	}
	d.wantAccounts(0)
}

// The provider is asked when the button is pressed, and not for who only looks at the link.
func TestO07OAuth1Prefetch(t *testing.T) {
	d, p := openDance(t)
	link := d.begin(consent.Request{}).URL
	for _, method := range []string{http.MethodHead, http.MethodGet} {
		d.do(method, link, nil).want(t, http.StatusOK, "")
	}
	if p.count("/request") != 0 || d.told() != "" {
		t.Errorf("the provider was asked %d times, events are %q", p.count("/request"), d.told())
	}
}

func TestO03O06OAuth1(t *testing.T) {
	d, p := openDance(t)
	issued := d.begin(consent.Request{})
	first, dead := d.travel(issued.URL, "", true)
	second, callback := d.travel(issued.URL, "", true)
	of(d.see(first.Get(dead))).want(t, http.StatusBadRequest, "state_unknown")
	of(d.see(second.Get(callback))).want(t, http.StatusOK, "")

	late, callback := d.travel(d.begin(consent.Request{Identifier: "user_2"}).URL, "", true)
	d.later(11 * time.Minute)
	of(d.see(late.Get(callback))).want(t, http.StatusGone, "link_expired")
	if p.count("/access") != 1 {
		t.Errorf("the provider was asked for a token %d times, want 1", p.count("/access"))
	}
	d.wantAccounts(1)
}

func TestOAuth1Denied(t *testing.T) {
	for query, code := range map[string]string{
		"denied=TOKEN": "access_denied", "denied=": "access_denied", "oauth_problem=user_refused": "access_denied",
		"oauth_problem=permission_denied&oauth_token=TOKEN": "access_denied", "error=access_denied": "access_denied",
		"oauth_problem=<script>": "provider_refused", "stopped=user_refused": "access_denied",
	} {
		t.Run(query, func(t *testing.T) {
			d, p := openDance(t, func(_ *desk, s *settings) {
				before := s.connector
				s.connector = func(c *connectors.Connector) { before(c); c.Callback.ErrorParams = []string{"stopped"} }
			})
			p.deny = query
			page := d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{}).URL, "", true)
			if got := page.Header.Get("Claviger-Error"); got != code || p.count("/access") != 0 {
				t.Errorf("the code is %q with %d calls, want %q", got, p.count("/access"), code)
			}
			d.wantAccounts(0)
		})
	}
}

// What the provider gives in the end may be none.
func TestOAuth1NoToken(t *testing.T) {
	for text, code := range map[string]string{
		"oauth_problem=verifier_invalid": "exchange_failed", "oauth_token=a": "exchange_failed", "oauth_token=a&oauth_token_secret=": "exchange_failed",
	} {
		d, p := openDance(t)
		p.answer["/access"] = func(url.Values) (int, string) { return 200, text }
		page := d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{}).URL, "", true)
		if got := page.Header.Get("Claviger-Error"); got != code {
			t.Errorf("%s: the code is %q, want %q", text, got, code)
		}
		d.wantAccounts(0)
	}
}
