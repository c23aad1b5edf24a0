package consent_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/internal/fakeprovider"
	"github.com/claviger-proxy/claviger/vault"
)

// A window is a counter with pages, and an app to return to.
type window struct {
	*counter
	site, app *httptest.Server

	mu     sync.Mutex
	events []string
	pages  []string
}

func openWindow(t *testing.T) *window {
	t.Helper()
	w := &window{}
	w.site = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.flow.ServeHTTP(rw, r) }))
	w.app = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "back at the app") }))
	w.counter = openCounter(t, func(o *consent.Options) {
		o.Callback, o.ReturnURLs, o.AppName = mustParse(t, w.site.URL+"/oauth/callback"), []string{w.app.URL}, "Tidy Inbox"
		o.Notify = func(e consent.Event) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.events = append(w.events, strings.TrimSuffix(e.Name+":"+e.Reason, ":"))
		}
	})
	t.Cleanup(func() {
		w.site.Close()
		w.app.Close()
		if text := strings.Join(w.pages, "\n"); strings.Contains(text, "canary") || strings.Contains(text, "PRIVATE KEY-----\nM") {
			t.Errorf("a page holds a secret: %s", text)
		}
		if strings.Contains(w.logs.String(), "/link/") {
			t.Error("the log holds a link")
		}
	})
	return w
}

func (w *window) link(r consent.Request) consent.Issued {
	w.t.Helper()
	if r.Identifier == "" {
		r.Identifier = "user_1"
	}
	issued, err := w.flow.Begin(w.t.Context(), r)
	if err != nil {
		w.t.Fatal(err)
	}
	return issued
}

func (w *window) see(p fakeprovider.Page, err error) fakeprovider.Page {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	w.pages = append(w.pages, p.Body)
	return p
}

// toForm opens a link and presses its button.
func (w *window) toForm(b *fakeprovider.Browser, issued consent.Issued) fakeprovider.Page {
	w.t.Helper()
	w.see(b.Get(issued.URL))
	page := w.see(b.Submit())
	if want := w.form(issued); page.URL != want || page.Status != http.StatusOK {
		w.t.Fatalf("the button leads to %d %s, want %s", page.Status, page.URL, want)
	}
	return page
}

func (w *window) form(issued consent.Issued) string {
	return w.site.URL + "/oauth/form?link=" + string(issued.Link.ID)
}

// post sends a form as a browser with these cookies would, and follows nothing.
func (w *window) post(target string, b *fakeprovider.Browser, body string, change ...func(*http.Request)) answer {
	w.t.Helper()
	r, err := http.NewRequest(http.MethodPost, target, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "null") // our pages send no referrer
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, c := range b.Cookies(target) {
		r.AddCookie(c)
	}
	for _, f := range change {
		f(r)
	}
	resp, err := plainTransport.RoundTrip(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	w.pages = append(w.pages, string(text))
	return answer{resp.StatusCode, resp.Header, string(text)}
}

func (w *window) stored(issued consent.Issued) vault.Link {
	w.t.Helper()
	l, err := w.vault.Link(w.t.Context(), issued.Link.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return l
}

// account is that of user_1.
func (w *window) account(connection string) vault.ConnectedAccount {
	w.t.Helper()
	c, err := w.set.ByName(connection)
	if err != nil {
		w.t.Fatal(err)
	}
	a, err := w.vault.FindAccount(w.t.Context(), c.ID, "user_1")
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *window) told() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.events, " ")
}

// wants checks that a page has all of these.
func wants(t *testing.T, body string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(body, part) {
			t.Errorf("the page has no %s: %s", part, body[strings.Index(body, "<main>"):])
		}
	}
}

func sent(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

func wantInputsRefused(t *testing.T, err error) {
	t.Helper()
	if e, ok := errors.AsType[*connection.Error](err); !ok || e.Code != connection.CodeInvalidInputs {
		t.Errorf("the error is %v, want inputs refused", err)
	}
}
