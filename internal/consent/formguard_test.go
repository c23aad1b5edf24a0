package consent_test

import (
	"html/template"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/internal/fakeprovider"
	"github.com/claviger-proxy/claviger/vault"
)

// Looking at a link or its form burns nothing and binds nothing (O-07).
func TestFormPreview(t *testing.T) {
	w, b := openWindow(t), fakeprovider.NewBrowser()
	issued := w.link(consent.Request{Connection: "key"})
	ask := func(method, target string, b *fakeprovider.Browser) answer {
		return w.post(target, b, "", func(r *http.Request) { r.Method, r.Body, r.ContentLength = method, nil, 0 })
	}
	for _, method := range []string{http.MethodHead, http.MethodGet} {
		if a := ask(method, issued.URL, b); a.status != http.StatusOK || a.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d with the cookie %q", method, a.status, a.header.Get("Set-Cookie"))
		}
	}
	if l := w.stored(issued); l.Status != vault.LinkOpen || w.told() != "" {
		t.Errorf("the link is %s, events are %q", l.Status, w.told())
	}
	w.toForm(b, issued)
	before := w.stored(issued).Version
	for _, method := range []string{http.MethodHead, http.MethodGet} {
		a := ask(method, w.form(issued), b)
		a.want(t, http.StatusOK, "")
		if !strings.Contains(a.header.Get("Set-Cookie"), "Max-Age=1200") { // from now on
			t.Errorf("the cookie is %q", a.header.Get("Set-Cookie"))
		}
		if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("the headers are %v", a.header)
		}
		if method == http.MethodGet {
			wantPolicy(t, a)
		}
	}
	ask(http.MethodPut, w.form(issued), b).want(t, http.StatusMethodNotAllowed, "method_not_allowed")
	if after := w.stored(issued).Version; after != before || w.last("/me") != "" {
		t.Errorf("the link is version %d, was %d", after, before)
	}
}

// A form that did not come from our page, or not from the browser that began, or has something else in it, does nothing.
func TestFormForged(t *testing.T) {
	good := sent("key", canaryKey)
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for _, tt := range []struct {
		name, body string
		stranger   bool
		change     func(*http.Request)
		status     int
		code       string
	}{
		{"from another site", good, false, header("Sec-Fetch-Site", "cross-site"), 403, "origin_refused"},
		{"from another origin", good, false, func(r *http.Request) {
			r.Header.Del("Sec-Fetch-Site")
			r.Header.Set("Origin", "https://evil.example")
		}, 403, "origin_refused"},
		{"from another browser", good, true, header("X", "x"), 404, "nothing_to_fill_in"},
		{"with half a cookie", good, false, func(r *http.Request) {
			c := r.Cookies()[0]
			r.Header.Set("Cookie", c.Name+"="+before(c.Value)+"x")
		}, 400, "state_unknown"},
		{"unknown field", good + "&admin=1", false, header("X", "x"), 400, "form_invalid"},
		{"field twice", good + "&key=b", false, header("X", "x"), 400, "form_invalid"},
		{"too long", sent("key", strings.Repeat("a", 200<<10)), false, header("X", "x"), 400, "form_invalid"},
		{"too long for the field", sent("key", strings.Repeat("a", 17<<10)), false, header("X", "x"), 422, "account_inputs_invalid"},
		{"line break", sent("key", "canary\nkey"), false, header("X", "x"), 422, "account_inputs_invalid"},
		{"nothing", "", false, header("X", "x"), 422, "account_inputs_invalid"},
		{"no form", good, false, header("Content-Type", "text/plain"), 400, "form_invalid"},
		{"bad escape", "key=%zz-canary", false, header("X", "x"), 400, "form_invalid"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, b := openWindow(t), fakeprovider.NewBrowser()
			issued := w.link(consent.Request{Connection: "key"})
			w.toForm(b, issued)
			who := b
			if tt.stranger {
				who = fakeprovider.NewBrowser()
			}
			w.post(w.form(issued), who, tt.body, tt.change).want(t, tt.status, tt.code)
			w.wantNothing(vault.ConnectedAccount{})
			if l := w.stored(issued); l.Status != vault.LinkStarted || w.last("/me") != "" {
				t.Errorf("the link is %s, the provider has seen %q", l.Status, w.last("/me"))
			}
			of(w.see(b.Fill(map[string]string{"key": canaryKey}))).want(t, http.StatusOK, "")
		})
	}
}

func TestFormTwoTabs(t *testing.T) {
	w, one := openWindow(t), fakeprovider.NewBrowser()
	first, second := w.link(consent.Request{Connection: "key"}), w.link(consent.Request{Connection: "key"})
	w.toForm(one, first)
	w.toForm(one, second)
	// Two links in one browser do not take each other's cookie away.
	if a := w.post(w.form(first), one, sent("key", canaryKey)); a.status != http.StatusSeeOther || !strings.Contains(a.header.Get("Location"), "/oauth/done") {
		t.Errorf("the first tab gets %d %s", a.status, a.header.Get("Location"))
	}
	of(w.see(one.Fill(map[string]string{"key": canaryKey + "-2"}))).want(t, http.StatusOK, "")
	if g := w.grant(w.account("key")); !g.Inputs["key"].Equal(vault.NewSecret(canaryKey + "-2")) {
		t.Error("the account has the earlier key")
	}

	// One link in two browsers: the later one goes on.
	other := fakeprovider.NewBrowser()
	issued := w.link(consent.Request{Connection: "key"})
	w.toForm(one, issued)
	w.toForm(other, issued)
	w.post(w.form(issued), one, sent("key", canaryKey)).want(t, http.StatusBadRequest, "state_unknown")
	of(w.see(other.Fill(map[string]string{"key": canaryKey}))).want(t, http.StatusOK, "")
	of(w.see(one.Get(issued.URL))).want(t, http.StatusGone, "link_used")
}

// A double click is one try, and the second answer leads to where the first one does.
func TestFormTwice(t *testing.T) {
	w, b := openWindow(t), fakeprovider.NewBrowser()
	issued := w.link(consent.Request{Connection: "key"})
	w.toForm(b, issued)
	w.hold = make(chan struct{})
	var first answer
	var sending sync.WaitGroup
	sending.Go(func() { first = w.post(w.form(issued), b, sent("key", canaryKey)) })
	waitFor(t, func() bool { return w.stored(issued).Status == vault.LinkTaken })
	if l := w.stored(issued); len(l.Inputs) != 0 {
		t.Error("what is being tried out is kept")
	}
	of(w.see(b.Get(w.form(issued)))).want(t, http.StatusOK, "")
	wants(t, b.Page().Body, "One moment", `href="`+template.HTMLEscapeString(b.Page().URL)+`"`)
	w.post(w.form(issued), b, sent("key", canaryKey)).want(t, http.StatusOK, "") // the page that waits
	close(w.hold)
	sending.Wait()
	if first.status != http.StatusSeeOther || !strings.Contains(first.header.Get("Location"), "/oauth/done") {
		t.Errorf("the first one gets %d %s", first.status, first.header.Get("Location"))
	}
	of(w.see(b.Get(w.form(issued)))).want(t, http.StatusOK, "")
	wants(t, b.Page().Body, "You are connected")
	if len(w.connected) != 1 {
		t.Errorf("told of %v", w.connected)
	}
}

func TestFormOver(t *testing.T) {
	w, b := openWindow(t), fakeprovider.NewBrowser()
	late := w.link(consent.Request{Connection: "key"})
	w.toForm(b, late)
	w.clock.Add(int64(19 * time.Minute))
	of(w.see(b.Get(w.form(late)))).want(t, http.StatusOK, "")
	w.clock.Add(int64(2 * time.Minute))
	w.post(w.form(late), b, sent("key", canaryKey)).want(t, http.StatusGone, "link_expired")
	of(w.see(b.Get(w.form(late)))).want(t, http.StatusGone, "link_expired")

	revoked := w.link(consent.Request{Connection: "key"})
	w.toForm(b, revoked)
	if _, err := w.flow.Revoke(t.Context(), revoked.Link.ID); err != nil {
		t.Fatal(err)
	}
	of(w.see(b.Fill(map[string]string{"key": canaryKey}))).want(t, http.StatusGone, "link_revoked")

	gone := w.link(consent.Request{Connection: "key"})
	w.toForm(b, gone)
	w.connect("key", "user_1", map[string]string{"key": canaryKey})
	w.later()
	a := w.account("key")
	if _, err := w.vault.SetStatus(t.Context(), a.ID, 0, vault.StatusDisconnected, "disconnected"); err != nil {
		t.Fatal(err)
	}
	of(w.see(b.Fill(map[string]string{"key": canaryKey}))).want(t, http.StatusConflict, "account_disconnected")
	w.see(b.Get(w.site.URL + "/oauth/form"))
	of(b.Page()).want(t, http.StatusNotFound, "nothing_to_fill_in")
}

// A callback without a state is not for a link whose user is at the form still.
func TestFormInstall(t *testing.T) {
	w, b := openWindow(t), fakeprovider.NewBrowser()
	issued := w.link(consent.Request{Connection: "installed"})
	w.toForm(b, issued)
	of(w.see(b.Get(w.site.URL+"/oauth/callback/installed?code=canary-code"))).want(t, http.StatusBadRequest, "install_not_begun_here")
	if l := w.stored(issued); l.Status != vault.LinkStarted {
		t.Errorf("the link is %s", l.Status)
	}
}

// Every field has a label, and what describes it is there.
func TestFormAccessible(t *testing.T) {
	w, b := openWindow(t), fakeprovider.NewBrowser()
	for _, connection := range []string{"desk", "pem", "kinds", "sub"} {
		w.toForm(b, w.link(consent.Request{Connection: connection}))
		for _, page := range []fakeprovider.Page{b.Page(), w.see(b.Submit())} {
			root, err := html.Parse(strings.NewReader(page.Body))
			if err != nil {
				t.Fatal(err)
			}
			ids, labels, fields := map[string]int{}, map[string]bool{}, 0
			for n := range root.Descendants() {
				at := map[string]string{}
				for _, a := range n.Attr {
					at[a.Key] = a.Val
				}
				if at["id"] != "" {
					ids[at["id"]]++
				}
				labels[at["for"]] = true
			}
			for n := range root.Descendants() {
				at := map[string]string{}
				for _, a := range n.Attr {
					at[a.Key] = a.Val
				}
				if n.Data == "a" && strings.HasPrefix(at["href"], "https:") && at["rel"] != "noopener noreferrer" {
					t.Errorf("%s: a link has rel %q", connection, at["rel"])
				}
				if n.Data != "input" && n.Data != "select" && n.Data != "textarea" {
					continue
				}
				fields++
				if ids[at["id"]] != 1 || !labels[at["id"]] {
					t.Errorf("%s: the field %s has no label", connection, at["name"])
				}
				for _, id := range strings.Fields(at["aria-describedby"]) {
					if ids[id] != 1 {
						t.Errorf("%s: %s is described by %s, which is there %d times", connection, at["name"], id, ids[id])
					}
				}
				if n.Data != "select" && at["autocomplete"] != "off" {
					t.Errorf("%s: %s may be filled in by the browser", connection, at["name"])
				}
			}
			if fields == 0 || strings.Contains(page.Body, "<script") {
				t.Errorf("%s: the page has %d fields", connection, fields)
			}
		}
		if connection == "kinds" {
			wants(t, b.Page().Body, "Needed only if Kind is key.", "Needed only if Kind is guest.", "Choose…", "Choose one.")
		}
		if connection == "pem" {
			wants(t, b.Page().Body, "<textarea", `placeholder="-----BEGIN PRIVATE KEY-----"`)
		}
	}
}

// An account whose key is refused gets a link as any other one.
func TestFormReissue(t *testing.T) {
	w, b := openWindow(t), fakeprovider.NewBrowser()
	a := w.connect("key", "user_1", map[string]string{"key": canaryKey})
	w.later()
	issued, err := w.flow.Reissue(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	if l := w.stored(issued); len(l.Inputs) != 0 || !l.Reconnect {
		t.Errorf("the link has %d inputs", len(l.Inputs))
	}
	wants(t, w.see(b.Get(issued.URL)).Body, "needs you to connect your Counter account again")
	w.toForm(b, issued)
	of(w.see(b.Fill(map[string]string{"key": canaryKey + "-2"}))).want(t, http.StatusOK, "")
	if g := w.grant(a); !g.Inputs["key"].Equal(vault.NewSecret(canaryKey + "-2")) {
		t.Error("the account has the old key")
	}
}
