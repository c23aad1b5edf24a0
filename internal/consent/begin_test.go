package consent_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/internal/problem"
)

func TestO15ReturnURL(t *testing.T) {
	d := open(t, func(d *desk, _ *settings) {
		d.options.ReturnURLs = []string{"https://app.example.com", "https://exact.example.com/done?a=1", "http://127.0.0.1:8080", "http://[::1]:8080"}
	})
	tests := []struct {
		name, url string
		ok        bool
	}{
		{"origin", "https://app.example.com", true},
		{"path", "https://app.example.com/settings?tab=2", true},
		{"upper case", "HTTPS://APP.example.com/x", true},
		{"own port", "https://app.example.com:443/x", true},
		{"exact", "https://exact.example.com/done?a=1", true},
		{"loopback", "http://127.0.0.1:8080/x", true},
		{"loopback 6", "http://[::1]:8080/x", true},
		{"exact, other query", "https://exact.example.com/done?a=2", false},
		{"exact, deeper", "https://exact.example.com/done/x?a=1", false},
		{"exact, root", "https://exact.example.com/", false},
		{"no scheme", "//evil.example", false},
		{"backslash", `/\evil.example`, false},
		{"tab", "/%09/evil.example", false},
		{"raw tab", "/\t/evil.example", false},
		{"relative", "/settings", false},
		{"scheme only", "https:evil.example", false},
		{"one slash", "https:/app.example.com", false},
		{"three slashes", "https:///app.example.com", false},
		{"user", "https://app.example.com@evil.example", false},
		{"user of the right host", "https://evil@app.example.com/", false},
		{"longer host", "https://app.example.com.evil.example", false},
		{"trailing dot", "https://app.example.com./", false},
		{"subdomain", "https://x.app.example.com/", false},
		{"backslash in host", `https://app.example.com\@evil.example/`, false},
		{"backslash in path", `https://app.example.com/\evil`, false},
		{"script", "javascript:alert(1)", false},
		{"script with host", "javascript://app.example.com/%0aalert(1)", false},
		{"data", "data:text/html,x", false},
		{"line break", "https://app.example.com/\r\nSet-Cookie: a=b", false},
		{"space", " https://app.example.com/", false},
		{"5 kB", "https://app.example.com/" + strings.Repeat("a", 5000), false},
		{"other port", "https://app.example.com:8443/", false},
		{"empty port", "https://app.example.com:/", false},
		{"not https", "http://app.example.com/", false},
		{"loopback, other port", "http://127.0.0.1:9090/", false},
		{"loopback by another name", "http://localhost:8080/", false},
		{"fragment", "https://app.example.com/#x", false},
		{"not ASCII", "https://app.exаmple.com/", false},
		{"escaped host", "https://app%2eexample.com/", false},
		{"null", "null", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := d.flow.Begin(t.Context(), consent.Request{Connection: "demo", Identifier: "user_1", ReturnURL: tt.url})
			if tt.ok != (err == nil) {
				t.Errorf("Begin returns %v", err)
			}
			if !tt.ok {
				wantCode(t, err, http.StatusBadRequest, "return_url_not_allowed")
			}
		})
	}
}

func TestO15CheckedAgainAtUse(t *testing.T) {
	d := open(t)
	b, callback := d.travel(d.begin(consent.Request{ReturnURL: d.app.URL + "/done"}).URL, "alice", true)
	d.options.ReturnURLs = nil
	strict, err := consent.New(d.options)
	if err != nil {
		t.Fatal(err)
	}
	d.flow = strict
	page := d.see(b.Get(callback))
	if !strings.HasPrefix(page.URL, d.site.URL+"/oauth/done?link=") {
		t.Errorf("the journey ends at %s", page.URL)
	}
}

func TestBeginRefuses(t *testing.T) {
	d := open(t)
	tests := []struct {
		name string
		r    consent.Request
		code string
	}{
		{"no identifier", consent.Request{Connection: "demo"}, "identifier_invalid"},
		{"slash in identifier", consent.Request{Connection: "demo", Identifier: "a/b"}, "identifier_invalid"},
		{"long state", consent.Request{Connection: "demo", Identifier: "a", State: strings.Repeat("s", 513)}, "return_state_invalid"},
		{"control in state", consent.Request{Connection: "demo", Identifier: "a", State: "a\nb"}, "return_state_invalid"},
		{"space in scope", consent.Request{Connection: "demo", Identifier: "a", Scopes: []string{"a b"}}, "scopes_invalid"},
		{"too many scopes", consent.Request{Connection: "demo", Identifier: "a", Scopes: make([]string, 101)}, "scopes_invalid"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			issued, err := d.flow.Begin(t.Context(), tt.r)
			wantCode(t, err, http.StatusBadRequest, tt.code)
			if issued.URL != "" || issued.Link.ID != "" {
				t.Error("there is a link beside the error")
			}
		})
	}
	_, err := d.flow.Begin(t.Context(), consent.Request{Connection: "nowhere", Identifier: "a"})
	var ce *connection.Error
	if !errors.As(err, &ce) || ce.Code != connection.CodeNotFound {
		t.Errorf("an unknown connection gives %v", err)
	}
}

func TestOptionsCheck(t *testing.T) {
	for _, callback := range []string{
		"http://accounts.example.com/oauth/callback", "https://accounts.example.com", "https://accounts.example.com/",
		"https://accounts.example.com/oauth/link", "https://accounts.example.com/done", "https://a@accounts.example.com/cb",
		"https://accounts.example.com/cb?x=1", "https://accounts.example.com/cb#x", "https://accounts.example.com//cb",
		"/oauth/callback", "ftp://accounts.example.com/cb",
	} {
		if (consent.Options{Callback: mustParse(t, callback)}).Check() == nil {
			t.Errorf("the callback %s is accepted", callback)
		}
	}
	good := mustParse(t, "https://accounts.example.com/oauth/callback/")
	for _, returnURL := range []string{"", "app.example.com", "http://app.example.com", "https://*.example.com\\", "https://a@b"} {
		if (consent.Options{Callback: good, ReturnURLs: []string{returnURL}}).Check() == nil {
			t.Errorf("the return URL %q is accepted", returnURL)
		}
	}
	if err := (consent.Options{Callback: good, ReturnURLs: []string{"https://app.example.com"}}).Check(); err != nil {
		t.Error(err)
	}
	if err := (consent.Options{}).Check(); err != nil {
		t.Errorf("without a callback: %v", err)
	}
}

func TestNew(t *testing.T) {
	d := open(t)
	o := d.options
	o.Callback = mustParse(t, "https://accounts.example.com/oauth/callback/")
	f, err := consent.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := f.Callback("gmail"), "https://accounts.example.com/oauth/callback/gmail"; got != want {
		t.Errorf("Callback is %s, want %s", got, want)
	}
	o.Vault = nil
	if f, err := consent.New(o); err == nil || f != nil {
		t.Error("a flow without a vault is made")
	}
	o = d.options
	o.ReturnURLs = []string{"app.example.com"}
	if f, err := consent.New(o); err == nil || f != nil {
		t.Error("a flow with a broken return URL is made")
	}
}

func wantCode(t *testing.T, err error, status int, code string) {
	t.Helper()
	var p *problem.Problem
	if !errors.As(err, &p) || p.Status != status || p.Code != code || p.Detail == "" || p.Next == "" {
		t.Errorf("the error is %#v, want %d %s", err, status, code)
	}
}
