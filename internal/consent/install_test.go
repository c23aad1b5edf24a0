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

const (
	unasked   = "install_not_begun_here"
	ambiguous = "install_ambiguous"
)

// An install page that drops the state leads back to the one journey that the browser has begun.
func TestInstallWithoutState(t *testing.T) {
	d, m := openMarket(t)
	b, callback := d.travel(d.begin(consent.Request{}).URL, "", true)
	if mustParse(t, callback).Query().Has("state") {
		t.Fatal("the market gives the state back")
	}
	page := d.see(b.Get(callback))
	of(page).want(t, http.StatusOK, "")
	if !strings.Contains(page.Body, "alice") {
		t.Error("the last page does not say who was connected")
	}
	if a, ok := d.account("user_1"); !ok || a.Identity.ID != "alice" {
		t.Errorf("the account is %+v", a)
	}
	if d.told() != "consent_started" {
		t.Errorf("events are %q", d.told())
	}
	m.wantExchanged(t, 1)
}

// A state that is given back counts: it must be right, however right the cookie is.
func TestInstallState(t *testing.T) {
	d, m := openMarket(t)
	m.keeps = true
	b, callback := d.travel(d.begin(consent.Request{}).URL, "", true)
	_, elsewhere := d.travel(d.begin(consent.Request{Identifier: "user_2"}).URL, "", true)
	for _, tt := range []struct{ name, state, code string }{
		{"unknown", "unknown", "state_unknown"},
		{"tampered", mustParse(t, callback).Query().Get("state") + "x", "state_unknown"},
		{"too long", strings.Repeat("a", 300), "callback_invalid"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d.do(http.MethodGet, edit(t, callback, map[string]string{"state": tt.state}), b.Browser).want(t, http.StatusBadRequest, tt.code)
		})
	}
	d.do(http.MethodGet, edit(t, callback, map[string]string{"state": ""})+"&state=", b.Browser).want(t, http.StatusBadRequest, "callback_invalid")
	d.do(http.MethodGet, callback+"&state=b", b.Browser).want(t, http.StatusBadRequest, "callback_invalid")
	m.wantExchanged(t, 0)
	of(d.see(b.Get(callback))).want(t, http.StatusOK, "")
	of(d.see(b.Get(elsewhere))).want(t, http.StatusForbidden, "wrong_browser")
	d.wantAccounts(1)
	m.wantExchanged(t, 1)
}

// Without the connector's word a callback needs its state, whatever the browser holds.
func TestInstallStateRequired(t *testing.T) {
	d, m := openMarket(t, append(silent, "  state: install\n", "  state: required\n")...)
	b, callback := d.travel(d.begin(consent.Request{}).URL, "", true)
	d.do(http.MethodGet, callback, b.Browser).want(t, http.StatusBadRequest, "callback_invalid")
	d.wantAccounts(0)
	m.wantExchanged(t, 0)
}

// An attacker's code opened in a browser that has begun nothing there connects nothing: nothing pending, another
// connection's link, one that is only open, over, taken back, or too old.
func TestInstallInjected(t *testing.T) {
	tests := []struct {
		name string
		// prepare returns the victim's browser.
		prepare func(d *desk) *fakeprovider.Browser
	}{
		{"nothing begun", func(*desk) *fakeprovider.Browser { return fakeprovider.NewBrowser() }},
		{"a link looked at", func(d *desk) *fakeprovider.Browser {
			b := fakeprovider.NewBrowser()
			d.see(b.Get(d.begin(consent.Request{}).URL))
			return b
		}},
		{"another connection's", func(d *desk) *fakeprovider.Browser {
			b, _ := d.travel(d.begin(consent.Request{Connection: "other"}).URL, "", true)
			return b.Browser
		}},
		{"too old", func(d *desk) *fakeprovider.Browser {
			b, _ := d.travel(d.begin(consent.Request{}).URL, "", true)
			d.later(15*time.Minute + time.Second)
			return b.Browser
		}},
		{"connected", func(d *desk) *fakeprovider.Browser {
			b, callback := d.travel(d.begin(consent.Request{}).URL, "", true)
			of(d.see(b.Get(callback))).want(d.t, http.StatusOK, "")
			return b.Browser
		}},
		{"taken back", func(d *desk) *fakeprovider.Browser {
			issued := d.begin(consent.Request{})
			b, _ := d.travel(issued.URL, "", true)
			if _, err := d.flow.Revoke(d.t.Context(), issued.Link.ID); err != nil {
				d.t.Fatal(err)
			}
			return b.Browser
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, m := openMarket(t, silent...)
			b := tt.prepare(d)
			before := m.count()
			m.sign("mallory")
			_, callback := d.travel(d.begin(consent.Request{Identifier: "mallory"}).URL, "", true)
			a := d.do(http.MethodGet, callback, b)
			a.want(t, http.StatusBadRequest, unasked)
			if !strings.Contains(a.body, "Market") || !strings.Contains(a.body, "Tidy Inbox") {
				t.Errorf("the page does not say where to begin: %s", a.body)
			}
			if a, ok := d.account("user_1"); ok && a.Identity.ID != "alice" {
				t.Errorf("the account is %s's", a.Identity.ID)
			}
			m.wantExchanged(t, before)
		})
	}
}

// What a browser shows for a link has to be the whole of it.
func TestInstallForgedCookie(t *testing.T) {
	for _, tt := range []struct {
		name  string
		forge func(own, stranger string) string
	}{
		{"of another link", func(_, stranger string) string { return stranger }},
		{"token of the link, another secret", func(own, stranger string) string { return before(own) + after(stranger) }},
		{"another token, secret of the link", func(own, stranger string) string { return before(stranger) + after(own) }},
		{"no secret", func(own, _ string) string { return before(own) }},
		{"no token", func(own, _ string) string { return "." + after(own) }},
		{"longer", func(own, _ string) string { return own + "a" }},
		{"long token", func(own, _ string) string { return strings.Repeat("a", 100) + own }},
		{"twice", func(own, _ string) string { return own + "; %s=" + own }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, m := openMarket(t, silent...)
			b, callback := d.travel(d.begin(consent.Request{}).URL, "", true)
			stranger, elsewhere := d.travel(d.begin(consent.Request{Identifier: "user_2"}).URL, "", true)
			own := b.Cookies(callback)[0]
			value := tt.forge(own.Value, stranger.Cookies(elsewhere)[0].Value)
			d.do(http.MethodGet, callback, nil, func(r *http.Request) {
				r.Header.Set("Cookie", own.Name+"="+strings.ReplaceAll(value, "%s", own.Name))
			}).want(t, http.StatusBadRequest, unasked)
			m.wantExchanged(t, 0)
			of(d.see(b.Get(callback))).want(t, http.StatusOK, "") // and nothing was burned
		})
	}
}

// Of two that a browser has begun nobody knows which one is answered. Both are closed, so that a new one can be alone.
func TestInstallTwoPending(t *testing.T) {
	d, m := openMarket(t)
	one, two := d.begin(consent.Request{}), d.begin(consent.Request{Identifier: "user_2"})
	b, _ := d.travel(one.URL, "", true)
	callback := d.again(b, two.URL, "", true)
	a := d.do(http.MethodGet, callback, b.Browser)
	a.want(t, http.StatusConflict, ambiguous)
	if !strings.Contains(a.body, "Market") {
		t.Errorf("the page does not name the provider: %s", a.body)
	}
	d.wantAccounts(0)
	m.wantExchanged(t, 0)
	for _, issued := range []consent.Issued{one, two} {
		if l, err := d.flow.Link(t.Context(), issued.Link.ID); err != nil || l.Status != vault.LinkFailed || l.Outcome != ambiguous {
			t.Errorf("the link is %s %s, %v", l.Status, l.Outcome, err)
		}
	}
	if want := "consent_started consent_started consent_failed:" + ambiguous + " consent_failed:" + ambiguous; d.told() != want {
		t.Errorf("events are %q, want %q", d.told(), want)
	}
	again := d.again(b, d.begin(consent.Request{}).URL, "", true)
	of(d.see(b.Get(again))).want(t, http.StatusOK, "")
	m.wantExchanged(t, 1)
}

// Others that do not wait for this do not count: of another connection, of another user who has finished.
func TestInstallOnePendingAmongOthers(t *testing.T) {
	d, m := openMarket(t)
	b, first := d.travel(d.begin(consent.Request{Identifier: "done"}).URL, "", true)
	of(d.see(b.Get(first))).want(t, http.StatusOK, "")
	elsewhere := d.again(b, d.begin(consent.Request{Connection: "other"}).URL, "", true)
	callback := d.again(b, d.begin(consent.Request{}).URL, "", true)
	of(d.see(b.Get(callback))).want(t, http.StatusOK, "")
	if _, ok := d.account("user_1"); !ok {
		t.Error("user_1 is not connected")
	}
	of(d.see(b.Get(elsewhere))).want(t, http.StatusOK, "")
	d.wantAccounts(3)
	m.wantExchanged(t, 3)
}

// More links than anybody begins are not looked through.
func TestInstallManyCookies(t *testing.T) {
	d, m := openMarket(t, silent...)
	b, callback := d.travel(d.begin(consent.Request{}).URL, "", true)
	own := b.Cookies(callback)[0]
	d.do(http.MethodGet, callback, b.Browser, func(r *http.Request) {
		for i := range 25 {
			r.AddCookie(&http.Cookie{Name: own.Name + strings.Repeat("x", i+1), Value: "a.b"})
		}
	}).want(t, http.StatusConflict, ambiguous)
	m.wantExchanged(t, 0)
}

// What is left: an attacker's code in the browser of somebody who is installing at that moment. An account that was
// connected before does not become the attacker's, and the page says whose a new one is.
func TestInstallLoginCSRF(t *testing.T) {
	d, m := openMarket(t)
	victim, own := d.travel(d.begin(consent.Request{}).URL, "", true)
	of(d.see(victim.Get(own))).want(t, http.StatusOK, "")
	d.again(victim, d.begin(consent.Request{}).URL, "", true)
	m.sign("mallory")
	_, attackers := d.travel(d.begin(consent.Request{Identifier: "mallory"}).URL, "", true)
	of(d.see(victim.Get(attackers))).want(t, http.StatusConflict, "identity_mismatch")
	if a, _ := d.account("user_1"); a.Identity.ID != "alice" {
		t.Errorf("the account is %s's", a.Identity.ID)
	}
	d.wantAccounts(1)

	fresh, _ := d.travel(d.begin(consent.Request{Identifier: "user_2"}).URL, "", true)
	_, attackers = d.travel(d.begin(consent.Request{Identifier: "mallory"}).URL, "", true)
	page := d.see(fresh.Get(attackers))
	of(page).want(t, http.StatusOK, "")
	if !strings.Contains(page.Body, "mallory") {
		t.Error("the page does not say whose account it is")
	}
}

// Only a page that a user is about to see completes anything: nothing that is fetched ahead, or by another page.
func TestInstallNoNavigation(t *testing.T) {
	d, m := openMarket(t)
	b, callback := d.travel(d.begin(consent.Request{}).URL, "", true)
	for name, header := range map[string]http.Header{
		"prefetch":         {"Sec-Purpose": {"prefetch"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}},
		"prerender":        {"Sec-Purpose": {"prefetch;prerender"}},
		"prefetch of old":  {"Purpose": {"prefetch"}},
		"an image":         {"Sec-Fetch-Dest": {"image"}},
		"no navigation":    {"Sec-Fetch-Mode": {"no-cors"}},
		"a script's fetch": {"Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Dest": {"empty"}},
		"a frame":          {"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"iframe"}},
	} {
		t.Run(name, func(t *testing.T) {
			d.do(http.MethodGet, callback, b.Browser, func(r *http.Request) {
				for field, values := range header {
					r.Header[field] = values
				}
			}).want(t, http.StatusBadRequest, unasked)
		})
	}
	for _, method := range []string{http.MethodHead, http.MethodPost} {
		d.do(method, callback, b.Browser).want(t, http.StatusMethodNotAllowed, "method_not_allowed")
	}
	m.wantExchanged(t, 0)
	d.do(http.MethodGet, callback, b.Browser, func(r *http.Request) {
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.Header.Set("Sec-Fetch-Mode", "navigate")
		r.Header.Set("Sec-Fetch-Dest", "document")
	}).want(t, http.StatusSeeOther, "")
	d.wantAccounts(1)
}

func TestInstallInParallel(t *testing.T) {
	d, m := openMarket(t, silent...)
	b, callback := d.travel(d.begin(consent.Request{}).URL, "", true)
	var wg sync.WaitGroup
	statuses := make(chan int, 20)
	for range cap(statuses) {
		wg.Go(func() { statuses <- d.do(http.MethodGet, callback, b.Browser).status })
	}
	wg.Wait()
	close(statuses)
	done := 0
	for s := range statuses {
		if s == http.StatusSeeOther {
			done++
		}
	}
	if done != 1 {
		t.Errorf("%d of the callbacks completed, want 1", done)
	}
	m.wantExchanged(t, 1)
	d.wantAccounts(1)
}

// A refusal has no state either.
func TestInstallDenied(t *testing.T) {
	d, m := openMarket(t)
	m.sign("")
	b, callback := d.travel(d.begin(consent.Request{}).URL, "", true)
	of(d.see(b.Get(callback))).want(t, http.StatusForbidden, "access_denied")
	d.wantAccounts(0)
	m.wantExchanged(t, 0)
}

// An install takes longer than a consent, and not for ever.
func TestInstallTime(t *testing.T) {
	d, _ := openMarket(t, silent...)
	b, callback := d.travel(d.begin(consent.Request{}).URL, "", true)
	d.later(14 * time.Minute)
	of(d.see(b.Get(callback))).want(t, http.StatusOK, "")
}

// Who comes from the provider without having been sent there goes on to the app, with what the connector passes on.
func TestInboundInstall(t *testing.T) {
	d, m := openMarket(t)
	home := d.app.URL + "/market?"
	for _, tt := range []struct{ name, query, want string }{
		{"as declared", "shop=a.example.com&installId=17&hmac=x", "from=market&installId=17&own=1&shop=a.example.com"},
		{"with a code", "code=canary-code&installId=17", "from=market&installId=17&own=1"},
		{"with an error", "error=access_denied&installId=17", "from=market&installId=17&own=1"},
		{"with a state and no answer", "state=theirs&shop=a", "from=market&own=1&shop=a"},
		{"nothing", "", "from=market&own=1"},
		{"odd values", "shop=a%26own%3D2%23%2F%3C%22&installId=+", "from=market&installId=+&own=1&shop=a%26own%3D2%23%2F%3C%22"},
		{"the app's own", "own=2&from=mallory&shop=a", "from=market&own=1&shop=a"},
		{"twice", "shop=a&shop=b&installId=1", "from=market&installId=1&own=1"},
		{"empty", "shop=&installId=1", "from=market&installId=1&own=1"},
		{"control characters", "shop=a%0d%0aX-A:+b&installId=1", "from=market&installId=1&own=1"},
		{"no ASCII", "shop=%c3%a4&installId=1", "from=market&installId=1&own=1"},
		{"too long", "installId=1&shop=" + strings.Repeat("a", 257), "from=market&installId=1&own=1"},
		{"as long as may be", "shop=" + strings.Repeat("a", 256), "from=market&own=1&shop=" + strings.Repeat("a", 256)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := d.do(http.MethodGet, d.site.URL+"/oauth/callback/demo?"+tt.query, nil)
			a.want(t, http.StatusSeeOther, "")
			if got := a.header.Get("Location"); got != home+tt.want {
				t.Errorf("it leads to %s, want %s", got, home+tt.want)
			}
			if a.header.Get("Set-Cookie") != "" || a.header.Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("the header is %v", a.header)
			}
		})
	}
	d.do(http.MethodGet, d.site.URL+"/oauth/callback/demo?state=unknown&code=x", nil).want(t, http.StatusBadRequest, "state_unknown")
	d.do(http.MethodGet, d.site.URL+"/oauth/callback/demo?shop=%zz", nil).want(t, http.StatusBadRequest, "callback_invalid")
	d.do(http.MethodGet, d.site.URL+"/oauth/callback/none?shop=a", nil).want(t, http.StatusNotFound, "callback_unknown")
	d.do(http.MethodHead, d.site.URL+"/oauth/callback/demo?shop=a", nil).want(t, http.StatusMethodNotAllowed, "method_not_allowed")
	d.do(http.MethodGet, d.site.URL+"/oauth/callback/demo?shop=a", nil, func(r *http.Request) {
		r.Header.Set("Sec-Purpose", "prefetch")
	}).want(t, http.StatusBadRequest, unasked)
	d.wantAccounts(0)
	m.wantExchanged(t, 0)
	if d.told() != "" {
		t.Errorf("events are %q", d.told())
	}
}

// Where the provider gives the state back, an answer without one is never that of a link, pending or not.
func TestInboundInstallWhileOneIsPending(t *testing.T) {
	d, m := openMarket(t, "  state: install\n", "")
	m.keeps = true
	b, callback := d.travel(d.begin(consent.Request{}).URL, "", true)
	a := d.do(http.MethodGet, edit(t, callback, map[string]string{"state": ""}), b.Browser)
	a.want(t, http.StatusSeeOther, "")
	if to := mustParse(t, a.header.Get("Location")); to.Path != "/market" || to.Query().Has("code") {
		t.Errorf("it leads to %s", to)
	}
	m.wantExchanged(t, 0)
	of(d.see(b.Get(callback))).want(t, http.StatusOK, "")
}

// Without a page of the app's the user is told where to begin.
func TestInboundInstallWithoutPage(t *testing.T) {
	d, _ := openMarket(t, alone...)
	a := d.do(http.MethodGet, d.site.URL+"/oauth/callback/demo?shop=a%3Cb%3E&code=x", nil)
	a.want(t, http.StatusBadRequest, unasked)
	if !strings.Contains(a.body, "Tidy Inbox") || strings.Contains(a.body, url.QueryEscape("<b>")) || strings.Contains(a.body, "<b>") {
		t.Errorf("the page is %s", a.body)
	}
	wantPolicy(t, a)
}
