package consent_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

func TestO04OtherBrowser(t *testing.T) {
	d := open(t)
	b, callback := d.travel(d.begin(consent.Request{}).URL, "alice", true)
	stranger := fakeprovider.NewBrowser()
	page := d.see(stranger.Get(callback))
	of(page).want(t, http.StatusForbidden, "wrong_browser")
	of(d.see(b.Get(callback))).want(t, http.StatusConflict, "already_done")
	d.wantAccounts(0)
	d.wantExchanges(0)
	if want := "consent_started consent_failed:wrong_browser"; d.told() != want {
		t.Errorf("events are %q, want %q", d.told(), want)
	}
}

// Both halves of the cookie count: who made the link knows its token, and who started another
// journey has a secret of his own.
func TestO04ForgedCookie(t *testing.T) {
	tests := []struct {
		name  string
		forge func(own, stranger string) string
	}{
		{"of another link", func(_, stranger string) string { return stranger }},
		{"token of the link, another secret", func(own, stranger string) string { return before(own) + after(stranger) }},
		{"another token, secret of the link", func(own, stranger string) string { return before(stranger) + after(own) }},
		{"no secret", func(own, _ string) string { return before(own) }},
		{"nothing", func(string, string) string { return "" }},
		{"longer", func(own, _ string) string { return own + "a" }},
		{"twice", func(own, _ string) string { return own + "; %s=" + own }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := open(t)
			b, callback := d.travel(d.begin(consent.Request{}).URL, "alice", true)
			stranger, elsewhere := d.travel(d.begin(consent.Request{Identifier: "user_2"}).URL, "bob", true)
			own := b.Cookies(callback)[0]
			value := tt.forge(own.Value, stranger.Cookies(elsewhere)[0].Value)
			d.do(http.MethodGet, callback, nil, func(r *http.Request) {
				r.Header.Set("Cookie", own.Name+"="+strings.ReplaceAll(value, "%s", own.Name))
			}).want(t, http.StatusForbidden, "wrong_browser")
			d.wantAccounts(0)
			d.wantExchanges(0)
		})
	}
}

func before(cookie string) string { return cookie[:strings.Index(cookie, ".")+1] }

func after(cookie string) string { return cookie[strings.Index(cookie, ".")+1:] }

func TestO07Prefetch(t *testing.T) {
	d := open(t)
	link := d.begin(consent.Request{}).URL
	for _, method := range []string{http.MethodHead, http.MethodGet, http.MethodHead} {
		a := d.do(method, link, nil)
		a.want(t, http.StatusOK, "")
		if a.header.Get("Set-Cookie") != "" {
			t.Errorf("%s sets a cookie", method)
		}
	}
	if d.told() != "" {
		t.Errorf("events are %q, want none", d.told())
	}
	of(d.consent(fakeprovider.NewBrowser(), link, "alice", true)).want(t, http.StatusOK, "")
}

func TestO08LoginCSRF(t *testing.T) {
	d := open(t)
	_, attackers := d.travel(d.begin(consent.Request{Identifier: "attacker"}).URL, "bob", true)
	victim, own := d.travel(d.begin(consent.Request{Identifier: "victim"}).URL, "alice", true)
	of(d.see(victim.Get(attackers))).want(t, http.StatusForbidden, "wrong_browser")

	// The attacker's code with the victim's state falls at the second net, PKCE.
	code := mustParse(t, attackers).Query().Get("code")
	of(d.see(victim.Get(edit(t, own, map[string]string{"code": code})))).want(t, http.StatusBadGateway, "exchange_failed")
	d.wantAccounts(0)
}

// The button counts only on our own page: otherwise the maker of a link could press it unseen.
func TestO08StartFromElsewhere(t *testing.T) {
	d := open(t)
	link := d.begin(consent.Request{}).URL
	tests := []struct {
		name         string
		site, origin string
		ok           bool
	}{
		{"own page", "same-origin", d.site.URL, true},
		{"own page without referrer", "same-origin", "null", true},
		{"old browser", "", d.site.URL, true},
		{"no browser", "", "", true},
		{"cross-site", "cross-site", "https://evil.example", false},
		{"same site", "same-site", "null", false},
		{"old browser, other origin", "", "https://evil.example", false},
		{"old browser, sandboxed frame", "", "null", false},
		{"lying origin", "cross-site", d.site.URL, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := d.do(http.MethodPost, link, nil, func(r *http.Request) {
				if tt.site != "" {
					r.Header.Set("Sec-Fetch-Site", tt.site)
				}
				if tt.origin != "" {
					r.Header.Set("Origin", tt.origin)
				}
			})
			if tt.ok {
				a.want(t, http.StatusSeeOther, "")
				return
			}
			a.want(t, http.StatusForbidden, "origin_refused")
			if a.header.Get("Set-Cookie") != "" {
				t.Error("a cookie is set")
			}
		})
	}
}

func TestO09StolenCode(t *testing.T) {
	d := open(t)
	_, victims := d.travel(d.begin(consent.Request{Identifier: "victim"}).URL, "alice", true)
	thief, own := d.travel(d.begin(consent.Request{Identifier: "thief"}).URL, "bob", true)
	stolen := edit(t, own, map[string]string{"code": mustParse(t, victims).Query().Get("code")})
	of(d.see(thief.Get(stolen))).want(t, http.StatusBadGateway, "exchange_failed")
	d.wantAccounts(0)
}

func TestO24TwoTabs(t *testing.T) {
	d := open(t)
	one, two := d.begin(consent.Request{}).URL, d.begin(consent.Request{}).URL
	b, first := d.travel(one, "alice", true)
	second := d.again(b, two, "alice", true)
	of(d.see(b.Get(second))).want(t, http.StatusOK, "")
	of(d.see(b.Get(first))).want(t, http.StatusOK, "")
	d.wantAccounts(1)
}
