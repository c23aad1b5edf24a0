package consent_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

func TestO01State(t *testing.T) {
	d := open(t)
	b, callback := d.travel(d.begin(consent.Request{}).URL, "alice", true)
	state := mustParse(t, callback).Query().Get("state")
	tests := []struct {
		name, target, code string
	}{
		{"missing", edit(t, callback, map[string]string{"state": ""}), "callback_invalid"},
		{"unknown", edit(t, callback, map[string]string{"state": "unknown"}), "state_unknown"},
		{"tampered", edit(t, callback, map[string]string{"state": state[:len(state)-1] + "_"}), "state_unknown"},
		{"too long", edit(t, callback, map[string]string{"state": strings.Repeat("a", 5000)}), "callback_invalid"},
		{"of another connection", strings.Replace(callback, "/demo?", "/other?", 1), "state_unknown"},
		{"neither code nor error", edit(t, callback, map[string]string{"code": ""}), "callback_invalid"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d.do(http.MethodGet, tt.target, b.Browser).want(t, http.StatusBadRequest, tt.code)
		})
	}
	d.wantAccounts(0)
	d.wantExchanges(0)
	of(d.see(b.Get(callback))).want(t, http.StatusOK, "")
}

func TestO02SameCallbackInParallel(t *testing.T) {
	d := open(t)
	b, callback := d.travel(d.begin(consent.Request{}).URL, "alice", true)
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
	if count[http.StatusSeeOther] != 1 || count[http.StatusConflict] != 19 {
		t.Errorf("statuses are %v, want one 303 and nineteen 409", count)
	}
	d.do(http.MethodGet, callback, b.Browser).want(t, http.StatusConflict, "already_done")
	d.wantExchanges(1)
	d.wantAccounts(1)
}

func TestO03StateExpires(t *testing.T) {
	d := open(t)
	b, callback := d.travel(d.begin(consent.Request{}).URL, "alice", true)
	late, lateCallback := d.travel(d.begin(consent.Request{Identifier: "user_2"}).URL, "bob", true)

	restarted, err := consent.New(d.options) // a new process, the same vault
	if err != nil {
		t.Fatal(err)
	}
	d.flow = restarted
	of(d.see(b.Get(callback))).want(t, http.StatusOK, "")

	d.later(10*time.Minute + time.Second)
	of(d.see(late.Get(lateCallback))).want(t, http.StatusGone, "link_expired")
	d.wantAccounts(1)
	d.wantExchanges(1)
}

func TestO06LinkReplay(t *testing.T) {
	d := open(t)
	used := d.begin(consent.Request{})
	d.consent(fakeprovider.NewBrowser(), used.URL, "alice", true)
	old := d.begin(consent.Request{})
	d.later(15*time.Minute + time.Second)
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		d.do(method, used.URL, nil).want(t, http.StatusGone, "link_used")
		d.do(method, old.URL, nil).want(t, http.StatusGone, "link_expired")
		d.do(method, old.URL+"x", nil).want(t, http.StatusNotFound, "link_not_found")
	}
}

func TestO06SecondOpen(t *testing.T) {
	d := open(t)
	link := d.begin(consent.Request{}).URL
	b, first := d.travel(link, "alice", true)
	second := d.again(b, link, "alice", true)
	of(d.see(b.Get(first))).want(t, http.StatusBadRequest, "state_unknown")
	of(d.see(b.Get(second))).want(t, http.StatusOK, "")
	d.wantExchanges(1)
}

func TestO11MixUp(t *testing.T) {
	always := func(_ *desk, s *settings) {
		s.connector = func(c *connectors.Connector) { c.Authorize.IssuerRequired = true }
	}
	tests := []struct {
		name    string
		setting setting
		change  map[string]string
		status  int
		code    string
	}{
		{"wrong issuer", nil, map[string]string{"iss": "https://evil.example"}, http.StatusBadRequest, "issuer_mismatch"},
		{"no issuer where it is required", always, map[string]string{"iss": ""}, http.StatusBadRequest, "issuer_mismatch"},
		{"no issuer where it is not", nil, map[string]string{"iss": ""}, http.StatusOK, ""},
		{"right issuer where it is required", always, nil, http.StatusOK, ""},
		{"wrong issuer of an error", nil, map[string]string{"iss": "https://evil.example", "code": "", "error": "access_denied"}, http.StatusBadRequest, "issuer_mismatch"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var change []setting
			if tt.setting != nil {
				change = append(change, tt.setting)
			}
			d := open(t, change...)
			b, callback := d.travel(d.begin(consent.Request{}).URL, "alice", true)
			of(d.see(b.Get(edit(t, callback, tt.change)))).want(t, tt.status, tt.code)
			if tt.code != "" {
				d.wantExchanges(0)
				d.wantAccounts(0)
			}
		})
	}
}

func TestO12ErrorDescription(t *testing.T) {
	d := open(t)
	const script = "<script>alert(1)</script>"
	for sent, want := range map[string]string{
		"access_denied": "access_denied", "server_error": "provider_unavailable", "invalid_scope": "scope_refused",
		"unauthorized_client": "oauth_client_rejected", "invalid_target": "oauth_client_rejected", script: "provider_refused", "": "provider_refused",
	} {
		b, callback := d.travel(d.begin(consent.Request{}).URL, "alice", true)
		u := mustParse(t, callback)
		q := u.Query()
		q.Del("code")
		q["error"], q["error_description"], q["error_uri"] = []string{sent}, []string{script}, []string{"javascript:alert(1)"}
		u.RawQuery = q.Encode()
		page := d.see(b.Get(u.String()))
		if got := page.Header.Get("Claviger-Error"); got != want {
			t.Errorf("error %q gives %q, want %q", sent, got, want)
		}
		if strings.Contains(page.Body, "alert") {
			t.Error("the provider's words are shown")
		}
		of(d.see(b.Get(callback))).want(t, http.StatusConflict, "already_done")
	}
	d.wantAccounts(0)
	d.wantExchanges(0)
}

func TestO13Duplicates(t *testing.T) {
	d := open(t)
	b, callback := d.travel(d.begin(consent.Request{}).URL, "alice", true)
	for _, add := range []string{
		"&code=b", "&state=b", "&iss=b", "&error=b", "&error=", "&error=a&error=b", "&%63ode=b", "&code=", "&x=%zz", "&x;y=1",
	} {
		d.do(http.MethodGet, callback+add, b.Browser).want(t, http.StatusBadRequest, "callback_invalid")
	}
	d.wantExchanges(0)
	of(d.see(b.Get(callback))).want(t, http.StatusOK, "")
}

func TestO14Methods(t *testing.T) {
	d := open(t)
	link := d.begin(consent.Request{}).URL
	b, callback := d.travel(link, "alice", true)
	for _, method := range []string{http.MethodPost, http.MethodHead, http.MethodPut, http.MethodOptions, "PROPFIND"} {
		a := d.do(method, callback, b.Browser)
		a.want(t, http.StatusMethodNotAllowed, "method_not_allowed")
		if got := a.header.Get("Allow"); got != "GET" {
			t.Errorf("Allow is %q", got)
		}
	}
	d.do(http.MethodDelete, link, nil).want(t, http.StatusMethodNotAllowed, "method_not_allowed")
	d.do(http.MethodPost, d.site.URL+"/oauth/done", nil).want(t, http.StatusMethodNotAllowed, "method_not_allowed")
	for _, size := range []int{4<<10 + 1, 900 << 10} {
		long := edit(t, callback, map[string]string{"code": strings.Repeat("a", size)})
		d.do(http.MethodGet, long, b.Browser).want(t, http.StatusBadRequest, "callback_invalid")
	}
	d.wantExchanges(0)
	of(d.see(b.Get(callback))).want(t, http.StatusOK, "")
}

func TestO16Host(t *testing.T) {
	d := open(t)
	link := d.begin(consent.Request{}).URL
	a := d.do(http.MethodPost, link, nil, func(r *http.Request) {
		r.Header.Set("X-Forwarded-Host", "evil.example")
		r.Header.Set("X-Forwarded-Proto", "https")
		r.Header.Set("Forwarded", "host=evil.example")
	})
	a.want(t, http.StatusSeeOther, "")
	if got := mustParse(t, a.header.Get("Location")).Query().Get("redirect_uri"); got != d.site.URL+"/oauth/callback/demo" {
		t.Errorf("redirect_uri is %s", got)
	}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		a := d.do(method, link, nil, func(r *http.Request) { r.Host = "<i>evil.example" })
		a.want(t, http.StatusMisdirectedRequest, "callback_host")
		if strings.Contains(a.body, "<i>") || !strings.Contains(a.body, d.site.URL+"/oauth/callback/") {
			t.Errorf("the page is %s", a.body)
		}
	}
}

func TestO17LinkParameters(t *testing.T) {
	d := open(t)
	link := d.begin(consent.Request{}).URL
	clean := d.do(http.MethodPost, link, nil)
	steered := d.do(http.MethodPost, link+"?scope=admin&redirect_uri=https://evil.example&client_id=x&response_type=token&state=s&return_url=https://evil.example", nil)
	steered.want(t, http.StatusSeeOther, "")
	want, got := mustParse(t, clean.header.Get("Location")).Query(), mustParse(t, steered.header.Get("Location")).Query()
	for _, name := range []string{"scope", "redirect_uri", "client_id", "response_type"} {
		if !slices.Equal(got[name], want[name]) {
			t.Errorf("%s is %q, want %q", name, got[name], want[name])
		}
	}
	if got.Get("state") == "s" {
		t.Error("the state was chosen by the link")
	}
}

func mustParse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
