package fakeprovider_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

// linkPages is an app as Claviger will be: a link page with one button, a binding cookie, a callback
// whose page has a form of its own.
func linkPages(t *testing.T, a *app) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	html := func(w http.ResponseWriter, body string) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, body)
	}
	mux.HandleFunc("GET /link/{id}", func(w http.ResponseWriter, _ *http.Request) {
		html(w, `<form method="post"><input type="hidden" name="csrf" value="c&amp;s"><button>Cancel</button><button>Continue to Postbox</button></form>`)
	})
	mux.HandleFunc("POST /link/{id}", func(w http.ResponseWriter, r *http.Request) {
		if got := r.PostFormValue("csrf"); got != "c&s" {
			t.Errorf("got csrf %q", got)
		}
		if r.Header.Get("Origin") != "http://"+r.Host || r.Header.Get("Sec-Fetch-Site") != "same-origin" {
			t.Errorf("got Origin %q and Sec-Fetch-Site %q", r.Header.Get("Origin"), r.Header.Get("Sec-Fetch-Site"))
		}
		http.SetCookie(w, &http.Cookie{Name: "binding", Value: "1", Path: "/"})
		http.Redirect(w, r, a.authorizeURL(nil), http.StatusSeeOther)
	})
	mux.HandleFunc("GET /callback", func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie("binding"); err != nil {
			t.Errorf("callback: %v", err)
		}
		if got := r.Header.Get("Sec-Fetch-Site"); got != "same-site" {
			t.Errorf("callback: got Sec-Fetch-Site %q, want same-site", got)
		}
		html(w, `<p>Connected.</p><form method="post" action="/disconnect"><button>Disconnect</button></form>`)
	})
	mux.HandleFunc("POST /disconnect", func(http.ResponseWriter, *http.Request) { t.Error("the browser went too far") })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	a.callback = s.URL + "/callback"
	a.provider.SetRedirectURIs(a.callback)
	return s
}

func TestJourneyFromLinkPage(t *testing.T) {
	for _, allow := range []bool{true, false} {
		t.Run(fmt.Sprintf("allow=%t", allow), func(t *testing.T) {
			a := start(t, fakeprovider.Config{})
			s := linkPages(t, a)
			b := fakeprovider.NewBrowser()
			page, err := b.Consent(s.URL+"/link/1", "bob@postbox.example", allow)
			if err != nil {
				t.Fatal(err)
			}
			q := a.arrived(page)
			if q.Has("code") != allow || (q.Get("error") == "access_denied") == allow {
				t.Errorf("got %v", q)
			}
			if !strings.Contains(page.Body, "Connected.") || page.Visited[0] != s.URL+"/link/1" || !slices.Contains(page.Visited, page.URL) {
				t.Errorf("got page %q after %d URLs", page.Body, len(page.Visited))
			}
			if len(b.Cookies(s.URL)) != 1 {
				t.Errorf("got cookies %v, want one", b.Cookies(s.URL))
			}
		})
	}
}

func TestFormsOfEveryKind(t *testing.T) {
	var got string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/sent" {
			got = r.Method + " " + r.URL.RawQuery
			return
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, `<form action="/search"><input name="q"></form>
<form action="/nowhere">
<input name="text" value="kept"><input name="off" disabled value="x"><input value="nameless">
<input type="checkbox" name="box" checked><input type="checkbox" name="empty"><input type="radio" name="r" value="1"><input type="radio" name="r" value="2" checked>
<select name="s"><option value="a">A<option value="b" selected>B</select><select name="first"><option>One<option>Two</select>
<textarea name="area">long</textarea>
<button type="button">Allow nothing</button><input type="submit" name="go" value="Later"><button name="go" value="now" formaction="/sent">Go</button></form>`)
	}))
	defer s.Close()
	b := fakeprovider.NewBrowser()
	if _, err := b.Get(s.URL); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Submit("nothing"); err == nil {
		t.Error("pressed a button that sends nothing")
	}
	if _, err := b.Submit("NOW"); err != nil {
		t.Fatal(err)
	}
	if want := "GET area=long&box=on&first=One&go=now&r=2&s=b&text=kept"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if b.Page().URL[:len(s.URL)+6] != s.URL+"/sent?" {
		t.Errorf("the browser is on %s", b.Page().URL)
	}
}

func TestRedirectsWithoutEnd(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/again?code=secret", http.StatusFound)
	}))
	defer s.Close()
	if page, err := fakeprovider.NewBrowser().Get(s.URL); err == nil || page.URL != "" || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v, %v, want an error without the query", page, err)
	}
	s.Close()
	if _, err := fakeprovider.NewBrowser().Get(s.URL + "/?code=secret"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v, want an error without the query", err)
	}
}

func TestUnknownUser(t *testing.T) {
	a := start(t, fakeprovider.Config{})
	page, err := fakeprovider.NewBrowser().Consent(a.authorizeURL(nil), "mallory", true)
	if err != nil || page.Status != http.StatusUnprocessableEntity || !strings.Contains(page.Body, "no account") {
		t.Errorf("got status %d, %v, want 422 and a login page that says why", page.Status, err)
	}
}

func TestPages(t *testing.T) {
	const evil = `<script>alert("1")</script>`
	a := start(t, fakeprovider.Config{Name: evil, ClientName: evil, Users: []fakeprovider.User{{ID: "eve", Name: evil, Email: evil}}})
	a.scopes = evil + " mail.read"
	b := fakeprovider.NewBrowser()
	login, err := b.Get(a.authorizeURL(map[string][]string{"login_hint": {"eve"}}))
	if err != nil {
		t.Fatal(err)
	}
	consent, err := b.Submit("sign")
	if err != nil {
		t.Fatal(err)
	}
	home, err := fakeprovider.NewBrowser().Get(a.provider.URL())
	if err != nil {
		t.Fatal(err)
	}
	for name, page := range map[string]fakeprovider.Page{"login": login, "consent": consent, "home": home} {
		t.Run(name, func(t *testing.T) {
			if page.Status != http.StatusOK || strings.Contains(page.Body, "<script") || !strings.Contains(page.Body, "&lt;script&gt;") {
				t.Errorf("got status %d, or a name that is not escaped:\n%s", page.Status, page.Body)
			}
			if strings.Contains(page.Body, "http://") || strings.Contains(page.Body, "https://") {
				t.Error("the page loads or links something from elsewhere")
			}
			style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(page.Body)
			if style == nil {
				t.Fatal("no style")
			}
			sum := sha256.Sum256([]byte(style[1]))
			csp := page.Header.Get("Content-Security-Policy")
			for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", base64.StdEncoding.EncodeToString(sum[:])} {
				if !strings.Contains(csp, want) {
					t.Errorf("policy %q lacks %s", csp, want)
				}
			}
		})
	}
	if !strings.Contains(consent.Body, "Read your mail") {
		t.Error("the consent page does not put the scope in words")
	}
}

func TestConsentPageNeedsLogin(t *testing.T) {
	a := start(t, fakeprovider.Config{})
	b := fakeprovider.NewBrowser()
	login, err := b.Get(a.authorizeURL(nil))
	if err != nil {
		t.Fatal(err)
	}
	page, err := b.Get(strings.Replace(login.URL, "/login?", "/consent?", 1))
	if err != nil || page.URL != login.URL {
		t.Errorf("got %s, %v, want the login page again", page.URL, err)
	}
	page, err = b.Get(strings.Replace(login.URL, "/login?", "/authorize/callback?", 1))
	if err != nil || a.arrived(page).Has("code") || a.arrived(page).Get("error") != "interaction_required" {
		t.Errorf("got %s, %v, want interaction_required and no code", page.URL, err)
	}
	page, err = b.Get(a.provider.URL() + "/login?id=made-up")
	if err != nil || page.Status != http.StatusBadRequest {
		t.Errorf("got status %d, %v, want 400", page.Status, err)
	}
}
