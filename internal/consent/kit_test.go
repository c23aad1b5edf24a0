package consent_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/internal/fakeprovider"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// A desk is a flow behind a web server, an app to return to, and the provider demo.
type desk struct {
	t        *testing.T
	flow     *consent.Flow
	vault    *vault.Vault
	set      *connection.Set
	store    *brittle
	provider *fakeprovider.Server
	site     *httptest.Server
	app      *httptest.Server
	options  consent.Options
	clock    atomic.Int64 // how far ahead of the real time it is
	logs     lockedBuffer

	mu        sync.Mutex
	events    []consent.Event
	connected []vault.AccountID
	pages     []string
}

// setting changes a desk before it opens.
type setting func(*desk, *settings)

type settings struct {
	provider  fakeprovider.Config
	connector func(*connectors.Connector)
	// installURL is that of both connections.
	installURL string
}

// open starts everything. The connections demo and other are two connectors of one provider, so
// that answers can be taken from one to the other.
func open(t *testing.T, change ...setting) *desk {
	t.Helper()
	d := &desk{t: t}
	s := settings{connector: func(*connectors.Connector) {}}
	d.site = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.flow.ServeHTTP(w, r) }))
	d.app = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "back at the app") }))
	callback, err := url.Parse(d.site.URL + "/oauth/callback")
	if err != nil {
		t.Fatal(err)
	}
	core := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), &d.logs, zap.DebugLevel)
	d.options = consent.Options{
		Callback: callback, ReturnURLs: []string{d.app.URL}, AppName: "Tidy Inbox", Log: zap.New(core),
		OAuth: oauth.New(oauth.Options{}), Now: d.now,
		Notify: func(e consent.Event) { d.mu.Lock(); defer d.mu.Unlock(); d.events = append(d.events, e) },
		OnConnected: func(a vault.ConnectedAccount) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.connected = append(d.connected, a.ID)
		},
	}
	for _, c := range change {
		c(d, &s)
	}
	s.provider.RedirectURIs = []string{callback.String() + "/demo", callback.String() + "/other"}
	if d.provider, err = fakeprovider.Start(context.Background(), s.provider); err != nil {
		t.Fatal(err)
	}
	d.store = &brittle{Store: vaulttest.NewStore(t)}
	d.vault = vaulttest.OpenAt(t, d.store, vaulttest.NewKeys(t), d.now)
	d.connect(s.connector, s.installURL)
	d.options.Vault, d.options.Connections = d.vault, d.set
	if d.flow, err = consent.New(d.options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
	return d
}

// connect makes the connections.
func (d *desk) connect(change func(*connectors.Connector), installURL string) {
	d.t.Helper()
	catalog, err := connectors.Builtin()
	if err != nil {
		d.t.Fatal(err)
	}
	found, ok := catalog.Lookup("demo")
	if !ok {
		d.t.Fatal("there is no connector demo")
	}
	own := *found
	change(&own)
	var configured []vault.Connection
	for _, name := range []string{"demo", "other"} {
		configured = append(configured, vault.Connection{
			Name: name, Connector: "demo", ClientID: d.provider.ClientID(),
			ClientSecret: vault.NewSecret(d.provider.ClientSecret()),
			Params:       map[string]string{"port": strconv.Itoa(d.provider.Port())}, InstallURL: installURL,
		})
	}
	if d.set, err = connection.NewSet(context.Background(), d.vault, catalog.With(&own), configured); err != nil {
		d.t.Fatal(err)
	}
}

// close looks for leaks in whatever the test has made, and stops the servers.
func (d *desk) close() {
	seen := map[string]string{"the log": d.logs.String(), "the pages": strings.Join(d.pages, "\n")}
	for where, text := range seen {
		for _, secret := range d.provider.Secrets() {
			if strings.Contains(text, secret) || strings.Contains(text, url.QueryEscape(secret)) {
				d.t.Errorf("%s hold a secret", where)
			}
		}
	}
	for _, word := range []string{"code=", "state=", "/link/"} {
		if strings.Contains(d.logs.String(), word) {
			d.t.Errorf("the log holds %q: %s", word, d.logs.String())
		}
	}
	d.site.Close()
	d.app.Close()
	if err := d.provider.Close(); err != nil {
		d.t.Error(err)
	}
}

func (d *desk) now() time.Time { return time.Now().Add(time.Duration(d.clock.Load())) }

// later moves the clock of flow and vault.
func (d *desk) later(by time.Duration) { d.clock.Add(int64(by)) }

func (d *desk) begin(r consent.Request) consent.Issued {
	d.t.Helper()
	if r.Connection == "" {
		r.Connection = "demo"
	}
	if r.Identifier == "" {
		r.Identifier = "user_1"
	}
	issued, err := d.flow.Begin(d.t.Context(), r)
	if err != nil {
		d.t.Fatalf("Begin: %v", err)
	}
	return issued
}

// see notes a page for the leak check.
func (d *desk) see(p fakeprovider.Page, err error) fakeprovider.Page {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pages = append(d.pages, p.Body)
	return p
}

// consent lets user walk through the link.
func (d *desk) consent(b *fakeprovider.Browser, link, user string, allow bool) fakeprovider.Page {
	d.t.Helper()
	return d.see(b.Consent(link, user, allow))
}

// A traveller is a browser that stops before it goes back to the callback.
type traveller struct {
	*fakeprovider.Browser
	stop     string
	callback string
}

// travel walks through the link and returns the callback that the browser has not opened yet.
func (d *desk) travel(link, user string, allow bool) (*traveller, string) {
	d.t.Helper()
	tr := &traveller{Browser: fakeprovider.NewBrowser(), stop: d.options.Callback.Path + "/"}
	return tr, d.again(tr, link, user, allow)
}

// again walks through a link with a traveller that has cookies already.
func (d *desk) again(tr *traveller, link, user string, allow bool) string {
	d.t.Helper()
	tr.callback = ""
	tr.Transport = tr
	d.consent(tr.Browser, link, user, allow)
	tr.Transport = nil
	if tr.callback == "" {
		d.t.Fatal("the provider did not send the browser back")
	}
	return tr.callback
}

func (tr *traveller) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.URL.Path, tr.stop) {
		tr.callback = r.URL.String()
		return &http.Response{
			StatusCode: http.StatusTeapot, Header: http.Header{}, Body: http.NoBody, Request: r, ProtoMajor: 1, ProtoMinor: 1,
		}, nil
	}
	return plainTransport.RoundTrip(r)
}

var plainTransport = &http.Transport{DisableKeepAlives: true}

// answer is what one request got, without following redirects.
type answer struct {
	status int
	header http.Header
	body   string
}

// do sends one request, with the browser's cookies if there is a browser.
func (d *desk) do(method, target string, b *fakeprovider.Browser, change ...func(*http.Request)) answer {
	d.t.Helper()
	r, err := http.NewRequest(method, target, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	if b != nil {
		for _, c := range b.Cookies(target) {
			r.AddCookie(c)
		}
	}
	for _, f := range change {
		f(r)
	}
	resp, err := plainTransport.RoundTrip(r)
	if err != nil {
		d.t.Error(err)
		return answer{}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Error(err)
	}
	d.see(fakeprovider.Page{Body: string(body)}, nil)
	return answer{resp.StatusCode, resp.Header, string(body)}
}

// want checks status and code of an answer.
func (a answer) want(t *testing.T, status int, code string) {
	t.Helper()
	if got := a.header.Get("Claviger-Error"); a.status != status || got != code {
		t.Errorf("answer is %d %q, want %d %q", a.status, got, status, code)
	}
}

func of(p fakeprovider.Page) answer { return answer{p.Status, p.Header, p.Body} }

// account returns the account of the identifier at demo.
func (d *desk) account(identifier string) (vault.ConnectedAccount, bool) {
	d.t.Helper()
	c, err := d.set.ByName("demo")
	if err != nil {
		d.t.Fatal(err)
	}
	a, err := d.vault.FindAccount(d.t.Context(), c.ID, identifier)
	if err != nil && !errors.Is(err, vault.ErrNotFound) {
		d.t.Fatal(err)
	}
	return a, err == nil
}

// wantAccounts checks how many accounts there are.
func (d *desk) wantAccounts(n int) {
	d.t.Helper()
	page, err := d.vault.Accounts(d.t.Context(), vault.AccountQuery{})
	if err != nil {
		d.t.Fatal(err)
	}
	if len(page.Items) != n {
		d.t.Errorf("there are %d accounts, want %d", len(page.Items), n)
	}
}

// wantExchanges checks how many codes were brought to the token endpoint.
func (d *desk) wantExchanges(n int) {
	d.t.Helper()
	if got := d.provider.TokenCalls("authorization_code"); got != n {
		d.t.Errorf("%d codes were exchanged, want %d", got, n)
	}
}

// told returns the names of the events, with their reasons.
func (d *desk) told() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var names []string
	for _, e := range d.events {
		names = append(names, strings.TrimSuffix(e.Name+":"+e.Reason, ":"))
	}
	return strings.Join(names, " ")
}

// edit changes parameters of a URL; an empty value removes one.
func edit(t *testing.T, rawURL string, changes map[string]string) string {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for name, value := range changes {
		if q.Set(name, value); value == "" {
			q.Del(name)
		}
	}
	u.RawQuery = q.Encode()
	return u.String()
}
