package consent_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

func TestO21Headers(t *testing.T) {
	d := open(t)
	link := d.begin(consent.Request{ReturnURL: d.app.URL}).URL
	b, callback := d.travel(d.begin(consent.Request{}).URL, "alice", true)
	completed := d.do(http.MethodGet, callback, b.Browser)
	answers := map[string]answer{
		"link":      d.do(http.MethodGet, link, nil),
		"start":     d.do(http.MethodPost, link, nil),
		"completed": completed,
		"done":      d.do(http.MethodGet, completed.header.Get("Location"), b.Browser),
		"refused":   d.do(http.MethodGet, callback, b.Browser),
		"elsewhere": d.do(http.MethodGet, d.site.URL+"/oauth/x", nil),
	}
	for name, a := range answers {
		t.Run(name, func(t *testing.T) {
			for header, want := range map[string]string{
				"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
			} {
				if got := a.header.Get(header); got != want {
					t.Errorf("%s is %q, want %q", header, got, want)
				}
			}
			if a.status == http.StatusSeeOther {
				if a.body != "" {
					t.Error("a redirect has a body")
				}
				return
			}
			wantPolicy(t, a)
		})
	}
	if to := completed.header.Get("Location"); completed.status != http.StatusSeeOther || strings.Contains(to, "code") || strings.Contains(to, "state") {
		t.Errorf("completing leads to %d %s", completed.status, to)
	}
	policy := answers["link"].header.Get("Content-Security-Policy")
	for _, want := range []string{d.provider.URL(), d.app.URL, "'self'", "https:"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy %q does not let the button lead to %s", policy, want)
		}
	}
	cookie := answers["start"].header.Get("Set-Cookie")
	for _, want := range []string{"claviger_consent_", "Path=/oauth", "HttpOnly", "SameSite=Lax", "Max-Age="} {
		if !strings.Contains(cookie, want) {
			t.Errorf("the cookie %q lacks %s", cookie, want)
		}
	}
}

// wantPolicy checks that the page has nothing but its own style.
func wantPolicy(t *testing.T, a answer) {
	t.Helper()
	policy := a.header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action "} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy %q lacks %s", policy, want)
		}
	}
	_, rest, _ := strings.Cut(a.body, "<style>")
	text, _, ok := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(text))
	if want := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !ok || !strings.Contains(policy, want) {
		t.Errorf("the policy %q does not allow the page's style, %s", policy, want)
	}
	for _, word := range []string{"<script", "src=", "<link", "@import", "url(", " style="} {
		if strings.Contains(a.body, word) {
			t.Errorf("the page has %s", word)
		}
	}
}

func TestSecureCookie(t *testing.T) {
	d := open(t)
	for callback, want := range map[string][]string{
		"https://accounts.example.com/oauth/callback": {"__Secure-claviger_consent_", "Path=/oauth;", "Secure"},
		"https://accounts.example.com/callback":       {"__Host-claviger_consent_", "Path=/;", "Secure"},
	} {
		o := d.options
		o.Callback = mustParse(t, callback)
		f, err := consent.New(o)
		if err != nil {
			t.Fatal(err)
		}
		issued, err := f.Begin(t.Context(), consent.Request{Connection: "demo", Identifier: "user_1"})
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		f.ServeHTTP(w, httptest.NewRequest(http.MethodPost, issued.URL, nil))
		for _, part := range want {
			if got := w.Header().Get("Set-Cookie"); !strings.Contains(got, part) {
				t.Errorf("the cookie is %q, want %s in it", got, part)
			}
		}
	}
}

func TestNothingHere(t *testing.T) {
	d := open(t)
	escaped := strings.Replace(d.begin(consent.Request{}).URL, "/link/", "/%6cink/", 1)
	for target, code := range map[string]string{
		strings.TrimPrefix(escaped, d.site.URL): "page_not_found",
		"/":                                     "page_not_found", "/oauth": "page_not_found", "/oauth/link": "page_not_found", "/oauth/link/": "page_not_found",
		"/oauth/callback": "callback_unknown", "/oauth/callback/nowhere?code=a&state=b": "callback_unknown",
		"/oauth/callback/demo/": "callback_unknown", "/oauth/link/a/b": "link_not_found",
	} {
		a := d.do(http.MethodGet, d.site.URL+target, nil)
		a.want(t, http.StatusNotFound, code)
		if code == "callback_unknown" && !strings.Contains(a.body, d.site.URL+"/oauth/callback/") {
			t.Error("the page does not say what to register")
		}
	}
	of(d.see(fakeprovider.NewBrowser().Get(d.site.URL+"/oauth/done?link=lnk_x"))).want(t, http.StatusOK, "")
	for target, want := range map[string]bool{
		"/oauth/link/x": true, "/oauth/done": true, "/oauth/callback/x": true, "/oauth/x": false, "/": false, "/callback/x": false,
	} {
		if got := d.flow.Serves(httptest.NewRequest(http.MethodGet, target, nil)); got != want {
			t.Errorf("Serves(%s) is %v", target, got)
		}
	}
}

// Without a name for the app the sentences are still sentences.
func TestPagesWithoutAppName(t *testing.T) {
	d := open(t, func(d *desk, _ *settings) { d.options.AppName = "" })
	issued := d.begin(consent.Request{})
	b := fakeprovider.NewBrowser()
	link := d.see(b.Get(issued.URL))
	done := d.consent(b, issued.URL, "alice", true)
	used := d.see(b.Get(issued.URL))
	for want, body := range map[string]string{
		"<strong>The app</strong> asks for access": link.Body, "The app can now use your Demo provider account.": done.Body,
		"go back to the app and ask for a new link": used.Body,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("a page lacks %q: %s", want, body)
		}
	}
	for _, body := range []string{link.Body, done.Body, used.Body} {
		if strings.ContainsAny(body[strings.Index(body, "</style>"):], "{}") {
			t.Errorf("a place is left unfilled: %s", body)
		}
	}
}

// L-09
func TestRedactURI(t *testing.T) {
	for uri, want := range map[string]string{
		"/oauth/link/abc":                              "/oauth/link/REDACTED",
		"/oauth/link/abc?x=1":                          "/oauth/link/REDACTED",
		"/oauth/callback/demo?code=SECRET&state=S":     "/oauth/callback/demo?REDACTED",
		"https://id.example/authorize?state=SECRET":    "https://id.example/authorize?REDACTED",
		"https://accounts.example.com/oauth/link/abc/": "https://accounts.example.com/oauth/link/REDACTED",
		"/oauth/done":                                  "/oauth/done",
		"":                                             "",
	} {
		if got := consent.RedactURI(uri); got != want {
			t.Errorf("RedactURI(%s) is %s, want %s", uri, got, want)
		}
	}
}
