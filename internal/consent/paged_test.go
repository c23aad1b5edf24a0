package consent_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/internal/fakeprovider"
	"github.com/claviger-proxy/claviger/internal/oauth"
	"github.com/claviger-proxy/claviger/internal/problem"
	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// shelf answers for a list of sites with several pages, counted from 0, and passes everything else on.
type shelf struct {
	mu    sync.Mutex
	page  func(n int, r *http.Request) (status int, link, body string)
	asked []string
	// strays are requests with a credential to hosts that are none of the provider's.
	strays []string
}

func (s *shelf) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !strings.HasPrefix(r.URL.Host, "127.0.0.1:") {
		s.strays = append(s.strays, r.URL.String())
		return nil, errors.New("there is no such host")
	}
	if !strings.Contains(r.URL.Path, "/sites") {
		return plainTransport.RoundTrip(r)
	}
	if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
		return nil, errors.New("a page is asked for without a credential")
	}
	s.asked = append(s.asked, r.URL.RequestURI())
	status, link, body := s.page(len(s.asked)-1, r)
	header := http.Header{}
	if link != "" {
		header.Set("Link", link)
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r, ProtoMajor: 1, ProtoMinor: 1}, nil
}

// requests are those for pages since the last call.
func (s *shelf) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.asked
	s.asked = nil
	return list
}

var byCursor = &connectors.Paginate{Style: connectors.PageCursor, Next: "next", Param: "after", SizeParam: "limit", Size: 100}

// openShelf opens a desk whose users have a list of sites in pages.
func openShelf(t *testing.T, how *connectors.Paginate, page func(n int, r *http.Request) (status int, link, body string)) (*desk, *shelf) {
	t.Helper()
	s := &shelf{page: page}
	d := open(t, func(d *desk, o *settings) {
		d.options.API = s
		o.connector = func(c *connectors.Connector) {
			base, err := connectors.ParseTemplate(c.API.BaseURL.String() + "/lists")
			if err != nil {
				t.Fatal(err)
			}
			c.API.Bases = map[string]connectors.Template{"lists": base}
			ask := at(t, "/sites?archived=false")
			ask.Base, c.Paginate = "lists", how
			c.Discover = []connectors.Discover{{Ask: ask, Items: "data", ID: "id", Into: "site"}}
		}
	})
	return d, s
}

// shelved is a page of sites with a cursor, which may be empty.
func shelved(next string, ids ...string) string {
	list := []map[string]string{}
	for _, id := range ids {
		list = append(list, map[string]string{"id": id})
	}
	text, _ := json.Marshal(map[string]any{"data": list, "next": next})
	return string(text)
}

// The user chooses from all pages, also those behind an empty one.
func TestPagedChoice(t *testing.T) {
	answers := []string{shelved("a b&c", "s-1"), shelved("d"), shelved("", "s-2", "s-1")}
	d, s := openShelf(t, byCursor, func(n int, _ *http.Request) (int, string, string) { return 200, "", answers[n] })
	b, page, _ := d.toChoice(consent.Request{})
	for _, id := range []string{"s-1", "s-2"} {
		if strings.Count(page.Body, `value="`+id+`"`) != 1 {
			t.Errorf("%s is there %d times", id, strings.Count(page.Body, `value="`+id+`"`))
		}
	}
	if strings.Contains(page.Body, "Not all are shown") {
		t.Error("the page says that some are missing")
	}
	asked := s.requests()
	for i, want := range []string{"/sites?archived=false&limit=100", "/sites?archived=false&after=a+b%26c&limit=100", "/sites?archived=false&after=d&limit=100"} {
		if len(asked) != 3 || !strings.HasSuffix(asked[i], want) {
			t.Fatalf("asked for %q, want one that ends in %s", asked, want)
		}
	}
	d.choose(b, page.URL, 0, "s-2")
	if got := d.captured("user_1"); got["site"] != "s-2" {
		t.Errorf("captured is %v", got)
	}
}

// One site on the last of all pages is all there is.
func TestPagedOne(t *testing.T) {
	d, s := openShelf(t, byCursor, func(n int, _ *http.Request) (int, string, string) {
		return 200, "", []string{shelved("a"), shelved("", "s-1")}[n]
	})
	d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{}).URL, "alice", true)
	if got := d.captured("user_1"); got["site"] != "s-1" || len(s.requests()) != 2 {
		t.Errorf("captured is %v", got)
	}
}

// A page that fails fails the whole, whichever it is; the log says which page, and no more.
func TestPagedFails(t *testing.T) {
	byURL := &connectors.Paginate{Style: connectors.PageNextURL, Next: "next"}
	byLink := &connectors.Paginate{Style: connectors.PageLink}
	first := shelved("after-1", "s-1")
	for name, tt := range map[string]struct {
		how    *connectors.Paginate
		first  string
		status int
		link   string
		body   string
		log    string
	}{
		"a refused token":      {byCursor, first, 401, "", `{"error":"canary-word"}`, "page 2: status 401"},
		"trouble":              {byCursor, first, 500, "", "", "page 2: status 500"},
		"an error in disguise": {byCursor, first, 200, "", `{"error":"canary-word"}`, "page 2: the answer has no list"},
		"half an answer":       {byCursor, first, 200, "", `{"data":[`, "page 2: the answer has no list"},
		"too much":             {byCursor, first, 200, "", `"` + strings.Repeat("x", 1<<20) + `"`, "page 2: identity_unreadable"},
		"a redirect":           {byCursor, first, 302, "", "", "page 2: status 302"},
		"another host":         {byURL, "", 200, "", shelved("https://canary-word.example.org/sites", "s-1"), "another scheme or host"},
		"another path":         {byURL, "", 200, "", shelved("/canary-word/sites", "s-1"), "does not lie under the path"},
		"a way up":             {byURL, "", 200, "", shelved("../../canary-word/sites", "s-1"), "does not lie under the path"},
		"a linked host":        {byLink, "", 200, `<//canary-word.example.org/sites>; rel="next"`, shelved("", "s-1"), "another scheme or host"},
		"a broken header":      {byLink, "", 200, `<canary-word`, shelved("", "s-1"), "the header Link cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			d, s := openShelf(t, tt.how, func(n int, _ *http.Request) (int, string, string) {
				if n == 0 && tt.first != "" {
					return 200, "", tt.first
				}
				return tt.status, tt.link, tt.body
			})
			page := d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{}).URL, "alice", true)
			of(page).want(t, http.StatusBadGateway, "discovery_failed")
			d.wantAccounts(0)
			if len(s.strays) > 0 {
				t.Errorf("requests went to %q", s.strays)
			}
			if want := 1 + min(len(tt.first), 1); len(s.requests()) != want {
				t.Errorf("want %d pages", want)
			}
			if log := d.logs.String(); !strings.Contains(log, tt.log) || strings.Contains(log, "canary-word") {
				t.Errorf("the log has no %q, or something of the answer: %s", tt.log, log)
			}
			if d.provider.Requests("/revoke") != 1 {
				t.Error("the grant was not given back")
			}
		})
	}
}

// A URL that the provider names is asked for as it is.
func TestPagedURL(t *testing.T) {
	for name, how := range map[string]*connectors.Paginate{
		"next_url": {Style: connectors.PageNextURL, Next: "next", SizeParam: "limit", Size: 5}, "link": {Style: connectors.PageLink, SizeParam: "limit", Size: 5},
	} {
		d, s := openShelf(t, how, func(n int, r *http.Request) (int, string, string) {
			next := "http://" + r.URL.Host + r.URL.Path + "/more?q=a%2fb|c&access_token=mine"
			if n > 0 {
				return 200, "", shelved("", "s-1")
			}
			return 200, "<" + next + ">; rel=next", shelved(next)
		})
		d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{}).URL, "alice", true)
		asked := s.requests()
		if len(asked) != 2 || !strings.HasSuffix(asked[0], "/sites?archived=false&limit=5") || !strings.HasSuffix(asked[1], "/sites/more?q=a%2fb|c") {
			t.Errorf("%s: asked for %q", name, asked)
		}
		if got := d.captured("user_1"); got["site"] != "s-1" {
			t.Errorf("%s: captured is %v", name, got)
		}
	}
}

// Of a list without an end the first items can be chosen, and it is said that there are more.
func TestPagedEndless(t *testing.T) {
	d, s := openShelf(t, byCursor, func(n int, _ *http.Request) (int, string, string) {
		return 200, "", shelved(fmt.Sprint("c", n), fmt.Sprint("s-", n))
	})
	_, page, _ := d.toChoice(consent.Request{})
	if got := strings.Count(page.Body, "radio"); got != 50 || !strings.Contains(page.Body, "Not all are shown") {
		t.Errorf("there are %d radio buttons on %s", got, page.Body)
	}
	if n := len(s.requests()); n != 50 {
		t.Errorf("%d pages were asked for", n)
	}
	of(d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{Identifier: "user_2", Choice: map[string]string{"": "s-77"}}).URL, "alice", true)).
		want(t, http.StatusConflict, "choice_not_reached")
	s.requests()
	d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{Identifier: "user_3", Choice: map[string]string{"": "s-49"}}).URL, "alice", true)
	if got := d.captured("user_3"); got["site"] != "s-49" {
		t.Errorf("captured is %v", got)
	}
}

// One site that is read is not taken for all there is, where the list goes on, nor is none.
func TestPagedCut(t *testing.T) {
	d, _ := openShelf(t, byCursor, func(n int, _ *http.Request) (int, string, string) { return 200, "", shelved(fmt.Sprint("c", n), "s-1") })
	_, page, _ := d.toChoice(consent.Request{})
	if strings.Count(page.Body, "radio") != 1 || !strings.Contains(page.Body, "Not all are shown") {
		t.Errorf("the page is %s", page.Body)
	}
	d, _ = openShelf(t, byCursor, func(n int, _ *http.Request) (int, string, string) { return 200, "", shelved(fmt.Sprint("c", n)) })
	of(d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{}).URL, "alice", true)).want(t, http.StatusBadGateway, "discovery_failed")
}

// A program is told that there are more than it is shown, and may choose one of them.
func TestPagedDirect(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r.URL.RawQuery)
		n := 0
		if p := r.URL.Query().Get("p"); p != "" {
			_, _ = fmt.Sscan(p, &n)
		}
		var ids []string
		for i := range 10 {
			ids = append(ids, fmt.Sprint("s-", n*10+i))
		}
		if n == 30 {
			ids = nil
		}
		_, _ = io.WriteString(w, shelved("", ids...))
	}))
	t.Cleanup(provider.Close)
	k, err := connectors.Decode("shelf.yaml", []byte(`
schema: 1
name: shelf
title: Shelf
mode: static
account: [{name: key, secret: true}]
inject: [{in: query, name: api_key, template: "{account.key}"}]
api: {base_url: "`+provider.URL+`"}
discover: [{path: /sites, items: data, id: id, into: site, paginate: {style: page, param: p, first: 0}}]
`))
	if err != nil {
		t.Fatal(err)
	}
	store := vaulttest.New(t)
	set, err := connection.NewSet(t.Context(), store, (*connectors.Catalog)(nil).With(k), []vault.Connection{{Name: "shelf", Connector: "shelf"}})
	if err != nil {
		t.Fatal(err)
	}
	f, err := consent.New(consent.Options{Vault: store, Connections: set, OAuth: oauth.New(oauth.Options{})})
	if err != nil {
		t.Fatal(err)
	}
	request := func(id string) (vault.ConnectedAccount, *problem.Problem) {
		d := consent.Direct{Connection: "shelf", Identifier: "user_1", Inputs: map[string]string{"key": canaryKey}}
		if id != "" {
			d.Choice = map[string]string{"": id}
		}
		asked = nil
		a, err := f.Connect(t.Context(), d)
		var p *problem.Problem
		if err != nil && !errors.As(err, &p) {
			t.Fatal(err)
		}
		return a, p
	}
	if _, p := request(""); p == nil || p.Code != "choice_needed" || len(p.Choices) != 200 || !p.MoreChoices {
		t.Fatalf("got %+v", p)
	}
	if !slices.Contains(asked, "api_key="+canaryKey) || !slices.Contains(asked, "p=29&api_key="+canaryKey) || len(asked) != 31 {
		t.Errorf("asked for %q", asked)
	}
	if _, p := request("s-301"); p == nil || p.Code != "choice_not_offered" {
		t.Errorf("with something else: %+v", p)
	}
	if a, p := request("s-299"); p != nil || a.ID == "" {
		t.Errorf("with one that is not shown: %+v", p)
	}
}
