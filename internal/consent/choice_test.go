package consent_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/consent"
	"github.com/claviger-proxy/claviger/internal/fakeprovider"
	"github.com/claviger-proxy/claviger/internal/problem"
	"github.com/claviger-proxy/claviger/vault"
)

// places answers for the lists of sites and of plans, and passes everything else on.
type places struct {
	mu           sync.Mutex
	sites, plans string
	asked        []string
}

const (
	twoSites = `[{"id":"s-1","name":"One & <only>","url":"https://one"},{"id":"s-2","name":"Two","url":"https://two"}]`
	twoPlans = `[{"id":7,"name":"Small"},{"id":8,"name":"Large"}]`
)

func (p *places) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	text, ok := map[string]string{"/sites": p.sites, "/plans": p.plans}[r.URL.Path[strings.LastIndexByte(r.URL.Path, '/'):]]
	p.asked = append(p.asked, r.URL.Path)
	p.mu.Unlock()
	if !ok {
		return plainTransport.RoundTrip(r)
	}
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text)), Request: r, ProtoMajor: 1, ProtoMinor: 1}, nil
}

// at asks for a path.
func at(t *testing.T, path string) connectors.Ask {
	t.Helper()
	p, err := connectors.ParseTemplate(path)
	if err != nil {
		t.Fatal(err)
	}
	return connectors.Ask{Path: p}
}

// openPlaces opens a desk whose users have two sites, and two plans if plans says so.
func openPlaces(t *testing.T, plans bool) (*desk, *places) {
	t.Helper()
	p := &places{sites: twoSites, plans: twoPlans}
	d := open(t, func(d *desk, s *settings) {
		d.options.API = p
		s.connector = func(c *connectors.Connector) {
			c.Discover = []connectors.Discover{{Ask: at(t, "/sites"), ID: "id", Label: "name", Into: "site", Capture: map[string]string{"url": "url"}}}
			if plans {
				c.Discover = append(c.Discover, connectors.Discover{Ask: at(t, "/plans"), ID: "id", Label: "name", Into: "plan"})
			}
		}
	})
	return d, p
}

// toChoice walks through a link up to the page that lets the user choose.
func (d *desk) toChoice(r consent.Request) (*fakeprovider.Browser, fakeprovider.Page, consent.Issued) {
	d.t.Helper()
	issued, b := d.begin(r), fakeprovider.NewBrowser()
	page := d.consent(b, issued.URL, "alice", true)
	of(page).want(d.t, http.StatusOK, "")
	if want := d.site.URL + "/oauth/choice?link=" + string(issued.Link.ID); page.URL != want || !strings.Contains(page.Body, "radio") {
		d.t.Fatalf("the journey is at %s, want %s with radio buttons", page.URL, want)
	}
	return b, page, issued
}

// choose sends the form of a page that lets the user choose.
func (d *desk) choose(b *fakeprovider.Browser, page string, entry int, item string, change ...func(*http.Request)) answer {
	d.t.Helper()
	form := url.Values{"entry": {strconv.Itoa(entry)}, "item": {item}}
	return d.do(http.MethodPost, page, b, append([]func(*http.Request){func(r *http.Request) {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "null") // our pages send no referrer
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(form.Encode())), int64(len(form.Encode()))
	}}, change...)...)
}

func (d *desk) captured(identifier string) map[string]string {
	d.t.Helper()
	a, ok := d.account(identifier)
	if !ok {
		d.t.Fatal("there is no account")
	}
	g, err := d.vault.Grant(d.t.Context(), a.ID)
	if err != nil {
		d.t.Fatal(err)
	}
	return g.Captured
}

func TestChoice(t *testing.T) {
	d, _ := openPlaces(t, false)
	b, page, issued := d.toChoice(consent.Request{ReturnURL: d.app.URL + "/done", State: "x"})
	for _, want := range []string{
		`<input type="radio" name="item" value="s-1" required>`, `<input type="radio" name="item" value="s-2" required>`,
		"One &amp; &lt;only&gt;", "Two", "<fieldset>", "<legend>", "user_1", "Tidy Inbox",
	} {
		if !strings.Contains(page.Body, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	if csp := page.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, d.app.URL) ||
		strings.Contains(page.Body, "<script") {
		t.Errorf("the page has the policy %s", csp)
	}
	l, err := d.vault.FindLink(t.Context(), issued.Link.Token)
	if err != nil || l.Status != vault.LinkChoice || l.Held.IsZero() || !l.Verifier.IsZero() {
		t.Errorf("the link is %+v, %v", l, err)
	}
	d.wantAccounts(0)
	if len(d.connected) != 0 {
		t.Errorf("told of %v", d.connected)
	}
	of(d.see(b.Get(d.site.URL+"/oauth/done?link="+string(issued.Link.ID)))).want(t, http.StatusOK, "") // leads back to the choice
	if !strings.Contains(b.Page().Body, "radio") {
		t.Error("the last page does not lead back to the choice")
	}

	a := d.choose(b, page.URL, 0, "s-2")
	back := mustParse(t, a.header.Get("Location"))
	if a.status != http.StatusSeeOther || back.Query().Get("status") != "connected" || back.Query().Get("connected_account_id") != string(issued.Link.AccountID) {
		t.Errorf("the choice leads with %d to %s", a.status, back)
	}
	if got := d.captured("user_1"); got["site"] != "s-2" || got["url"] != "https://two" {
		t.Errorf("captured is %v", got)
	}
	if who, _ := d.account("user_1"); who.Identity.ID != "alice" || len(d.connected) != 1 {
		t.Errorf("the account is %+v, told of %v", who, d.connected)
	}
	if l, err = d.vault.FindLink(t.Context(), issued.Link.Token); err != nil || l.Status != vault.LinkUsed || !l.Held.IsZero() {
		t.Errorf("the link is %s and holds something: %v", l.Status, err)
	}
	d.wantExchanges(1)
	d.choose(b, page.URL, 0, "s-1").want(t, http.StatusConflict, "already_done")
	d.do(http.MethodGet, page.URL, b).want(t, http.StatusConflict, "already_done")
	if d.provider.Requests("/revoke") != 0 {
		t.Error("something was revoked")
	}
}

// What two questions ask is not mixed up: a late answer to the first one is none to the second.
func TestChoiceTwice(t *testing.T) {
	d, p := openPlaces(t, true)
	p.plans = `[{"id":"s-1","name":"Small"},{"id":"s-2","name":"Large"}]`
	b, page, issued := d.toChoice(consent.Request{})
	d.later(8 * time.Minute)
	a := d.choose(b, page.URL, 0, "s-1")
	if a.status != http.StatusSeeOther || a.header.Get("Location") != page.URL || a.header.Get("Set-Cookie") == "" {
		t.Fatalf("the first choice leads with %d to %v", a.status, a.header)
	}
	d.later(8 * time.Minute)
	d.choose(b, page.URL, 0, "s-2").want(t, http.StatusConflict, "already_done")
	second := d.see(b.Get(page.URL))
	if !strings.Contains(second.Body, "Large") || !strings.Contains(second.Body, `name="entry" value="1"`) {
		t.Error("the second question is not asked")
	}
	if a := d.choose(b, page.URL, 1, "s-2"); !strings.Contains(a.header.Get("Location"), "/oauth/done?link="+string(issued.Link.ID)) {
		t.Errorf("the second choice leads with %d to %v", a.status, a.header)
	}
	if got := d.captured("user_1"); got["site"] != "s-1" || got["plan"] != "s-2" || got["url"] != "https://one" {
		t.Errorf("captured is %v", got)
	}
}

func TestChoiceForged(t *testing.T) {
	d, _ := openPlaces(t, false)
	b, page, issued := d.toChoice(consent.Request{})
	stranger, elsewhere, _ := d.toChoice(consent.Request{Identifier: "user_2"})
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	own, theirs := b.Cookies(page.URL)[0], stranger.Cookies(elsewhere.URL)[0]
	padded := "entry=0&item=s-1&more=" + strings.Repeat("x", 64<<10)
	for _, tt := range []struct {
		name   string
		answer answer
		status int
		code   string
	}{
		{"an item that was not offered", d.choose(b, page.URL, 0, "s-3"), 409, "choice_not_offered"},
		{"the name of an item", d.choose(b, page.URL, 0, "Two"), 409, "choice_not_offered"},
		{"none", d.choose(b, page.URL, 0, ""), 409, "choice_not_offered"},
		{"a later question", d.choose(b, page.URL, 1, "s-1"), 409, "already_done"},
		{"no form", d.do(http.MethodPost, page.URL, b, header("Origin", d.site.URL)), 409, "choice_not_offered"},
		{"far too much", d.choose(b, page.URL, 0, strings.Repeat("s", 1<<20)), 409, "choice_not_offered"},
		{"without cookies", d.choose(nil, page.URL, 0, "s-1"), 404, "nothing_to_choose"},
		{"another browser", d.choose(stranger, page.URL, 0, "s-1"), 404, "nothing_to_choose"},
		{"for another browser's link", d.choose(b, elsewhere.URL, 0, "s-1"), 404, "nothing_to_choose"},
		{"token of the link, another secret", d.choose(nil, page.URL, 0, "s-1", header("Cookie", own.Name+"="+before(own.Value)+after(theirs.Value))), 404, "nothing_to_choose"},
		{"cookie of another link by this one's name", d.choose(nil, page.URL, 0, "s-1", header("Cookie", own.Name+"="+theirs.Value)), 404, "nothing_to_choose"},
		{"a good choice in too much", d.choose(b, page.URL, 0, "s-1", func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(padded)), int64(len(padded))
		}), 409, "choice_not_offered"},
		{"no link", d.choose(b, d.site.URL+"/oauth/choice", 0, "s-1"), 404, "nothing_to_choose"},
		{"another origin", d.choose(b, page.URL, 0, "s-1", header("Origin", "https://evil.example")), 403, "origin_refused"},
		{"another site", d.choose(b, page.URL, 0, "s-1", header("Sec-Fetch-Site", "cross-site")), 403, "origin_refused"},
		{"a look from another browser", of(d.see(fakeprovider.NewBrowser().Get(page.URL))), 404, "nothing_to_choose"},
		{"the link once more", of(d.see(b.Get(issued.URL))), 410, "link_used"},
		{"PUT", d.do(http.MethodPut, page.URL, b), 405, "method_not_allowed"},
	} {
		tt.answer.want(t, tt.status, tt.code)
		if strings.Contains(tt.answer.body, "s-2") || tt.answer.header.Get("Location") != "" {
			t.Errorf("%s: the answer shows what there is to choose", tt.name)
		}
	}
	d.wantAccounts(0)
	if a := d.choose(b, page.URL, 0, "s-1"); a.status != http.StatusSeeOther {
		t.Errorf("after all that the choice gives %d", a.status)
	}
	d.wantAccounts(1)
}

func TestChoiceInParallel(t *testing.T) {
	d, _ := openPlaces(t, false)
	b, page, _ := d.toChoice(consent.Request{})
	answers := make(chan answer, 20)
	var wg sync.WaitGroup
	for i := range cap(answers) {
		wg.Go(func() { answers <- d.choose(b, page.URL, 0, "s-"+strconv.Itoa(i%2+1)) })
	}
	wg.Wait()
	close(answers)
	count := map[int]int{}
	for a := range answers {
		count[a.status]++
	}
	if count[http.StatusSeeOther] != 1 || count[http.StatusConflict] != 19 || len(d.connected) != 1 {
		t.Errorf("statuses are %v, want one 303 and nineteen 409", count)
	}
	d.wantAccounts(1)
}

// Who chooses too late has nothing connected, and the provider is told that the grant is not kept.
func TestChoiceExpired(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		d, _ := openPlaces(t, false)
		b, page, issued := d.toChoice(consent.Request{})
		d.later(11 * time.Minute)
		for range 2 {
			var a answer
			if method == http.MethodGet {
				a = d.do(method, page.URL, b)
			} else {
				a = d.choose(b, page.URL, 0, "s-1")
			}
			if a.status != http.StatusGone && a.status != http.StatusConflict {
				t.Errorf("%s gives %d", method, a.status)
			}
		}
		l, err := d.vault.FindLink(t.Context(), issued.Link.Token)
		if err != nil || l.Status != vault.LinkFailed || l.Outcome != "link_expired" || !l.Held.IsZero() {
			t.Errorf("%s: the link is %+v, %v", method, l, err)
		}
		if d.provider.Requests("/revoke") != 1 || d.told() != "consent_started consent_failed:link_expired" {
			t.Errorf("%s: %d revocations, events %q", method, d.provider.Requests("/revoke"), d.told())
		}
		d.wantAccounts(0)
	}
}

// Another process, which has the vault and nothing else, goes on.
func TestChoiceAfterRestart(t *testing.T) {
	d, _ := openPlaces(t, true)
	b, page, _ := d.toChoice(consent.Request{})
	restart := func() {
		t.Helper()
		var err error
		if d.flow, err = consent.New(d.options); err != nil {
			t.Fatal(err)
		}
	}
	restart()
	if !strings.Contains(d.see(b.Get(page.URL)).Body, "radio") {
		t.Error("nothing is asked any more")
	}
	d.choose(b, page.URL, 0, "s-2")
	restart()
	d.choose(b, page.URL, 1, "8")
	if got := d.captured("user_1"); got["site"] != "s-2" || got["plan"] != "8" {
		t.Errorf("captured is %v", got)
	}
	d.wantExchanges(1)
}

func TestChoiceCannotBeKept(t *testing.T) {
	d, _ := openPlaces(t, false)
	tr, callback := d.travel(d.begin(consent.Request{}).URL, "alice", true)
	release, waiting := d.provider.HoldToken()
	done := make(chan answer)
	go func() { done <- d.do(http.MethodGet, callback, tr.Browser) }()
	waitFor(t, func() bool { return waiting() == 1 })
	d.store.refuse.Store(vault.KindLink)
	release()
	if a := <-done; !strings.Contains(a.header.Get("Location"), "/oauth/done") {
		t.Errorf("the callback leads to %v", a.header)
	}
	d.store.refuse.Store(vault.Kind(""))
	if d.provider.Requests("/revoke") != 1 {
		t.Error("a grant that cannot be kept is not revoked")
	}
	d.wantAccounts(0)
}

// A write that has happened although its answer was lost counts.
func TestChoiceWriteUnanswered(t *testing.T) {
	d, _ := openPlaces(t, false)
	tr, callback := d.travel(d.begin(consent.Request{}).URL, "alice", true)
	release, waiting := d.provider.HoldToken()
	done := make(chan answer)
	go func() { done <- d.do(http.MethodGet, callback, tr.Browser) }()
	waitFor(t, func() bool { return waiting() == 1 })
	d.store.forgetful.Store(true)
	d.store.refuse.Store(vault.KindLink)
	release()
	a := <-done
	d.store.refuse.Store(vault.Kind(""))
	if !strings.Contains(a.header.Get("Location"), "/oauth/choice") || d.provider.Requests("/revoke") != 0 {
		t.Fatalf("the callback leads to %v", a.header)
	}
	if a := d.choose(tr.Browser, a.header.Get("Location"), 0, "s-1"); a.status != http.StatusSeeOther {
		t.Errorf("the choice gives %d", a.status)
	}
	d.wantAccounts(1)
}

func TestChoiceDisconnectedMeanwhile(t *testing.T) {
	d, p := openPlaces(t, false)
	p.sites = `[{"id":"s-9","name":"Nine"}]`
	d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{}).URL, "alice", true)
	p.sites = twoSites
	b, page, _ := d.toChoice(consent.Request{})
	a, _ := d.account("user_1")
	d.later(time.Second)
	if _, err := d.vault.SetStatus(t.Context(), a.ID, 0, vault.StatusDisconnected, "disconnected"); err != nil {
		t.Fatal(err)
	}
	d.choose(b, page.URL, 0, "s-1")
	if a, _ = d.account("user_1"); a.Status != vault.StatusDisconnected || d.provider.Requests("/revoke") != 1 {
		t.Errorf("the account is %s, with %d revocations", a.Status, d.provider.Requests("/revoke"))
	}
	if !strings.HasSuffix(d.told(), "consent_failed:account_disconnected") {
		t.Errorf("events are %q", d.told())
	}
}

// An account keeps what it has chosen, as long as it is there.
func TestChoiceReconnect(t *testing.T) {
	d, p := openPlaces(t, true)
	b, page, _ := d.toChoice(consent.Request{})
	d.choose(b, page.URL, 0, "s-2")
	d.choose(b, page.URL, 1, "7")
	again := d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{}).URL, "alice", true)
	if !strings.Contains(again.Body, "You are connected") {
		t.Errorf("a reconnect ends at %s", again.URL)
	}
	if got := d.captured("user_1"); got["site"] != "s-2" || got["plan"] != "7" || got["url"] != "https://two" {
		t.Errorf("captured is %v", got)
	}
	p.sites = strings.ReplaceAll(twoSites, "s-2", "s-3")
	d.toChoice(consent.Request{})
	if got := d.captured("user_1"); got["site"] != "s-2" {
		t.Errorf("before the choice captured is %v", got)
	}
	d.toChoice(consent.Request{Identifier: "user_2"}) // another account has chosen nothing
}

func TestChoiceBeforehand(t *testing.T) {
	d, _ := openPlaces(t, true)
	connected := func(identifier string, choice map[string]string) fakeprovider.Page {
		return d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{Identifier: identifier, Choice: choice}).URL, "alice", true)
	}
	if page := connected("user_1", map[string]string{"site": "s-1", "plan": "8"}); !strings.Contains(page.Body, "You are connected") {
		t.Errorf("the journey ends at %s", page.URL)
	}
	if got := d.captured("user_1"); got["site"] != "s-1" || got["plan"] != "8" {
		t.Errorf("captured is %v", got)
	}
	// What is not said is asked, and what is said is not forgotten meanwhile.
	b, page, _ := d.toChoice(consent.Request{Identifier: "user_2", Choice: map[string]string{"plan": "8"}})
	d.choose(b, page.URL, 0, "s-2")
	if got := d.captured("user_2"); got["site"] != "s-2" || got["plan"] != "8" {
		t.Errorf("captured is %v", got)
	}
	of(connected("user_3", map[string]string{"site": "s-4"})).want(t, http.StatusConflict, "choice_not_offered")
	if _, ok := d.account("user_3"); ok || d.provider.Requests("/revoke") != 1 {
		t.Error("something else was connected, or kept")
	}
	for name, choice := range map[string]map[string]string{
		"of nothing": {"tenant": "a"}, "without a name": {"": "s-1"}, "empty": {"site": ""}, "long": {"site": strings.Repeat("a", 1025)}, "odd": {"site": "a\n"},
	} {
		_, err := d.flow.Begin(t.Context(), consent.Request{Connection: "demo", Identifier: "user_1", Choice: choice})
		if p := (*problem.Problem)(nil); !errors.As(err, &p) || p.Code != "choice_invalid" {
			t.Errorf("a choice %s gives %v", name, err)
		}
	}
}

// Items are shown once, cleaned, and no more than fit.
func TestChoiceItems(t *testing.T) {
	item := func(id, name string) string {
		text, err := json.Marshal(map[string]string{"id": id, "name": name})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	list := func(items ...string) string { return "[" + strings.Join(items, ",") + "]" }
	var many, wide []string
	for i := range 300 {
		many = append(many, item("site-"+strconv.Itoa(i), "Name"))
		wide = append(wide, item(strings.Repeat("w", 900)+strconv.Itoa(i), "Name"))
	}
	for name, test := range map[string]struct {
		sites string
		want  int // radio buttons; 0 is that nothing is asked
		code  string
	}{
		"one twice":             {list(item("s-1", "Jira"), item("s-1", "Confluence")), 0, ""},
		"two of three":          {list(item("s-1", "A"), item("s-1", "B"), item("s-2", "C")), 2, ""},
		"one without an ID":     {list(item("s-1", "A"), `{"name":"B"}`, item("s-2", "C")), 2, ""},
		"one with an odd ID":    {list(item("s-1", "A"), item("ключ", "B"), item("s-2", "C")), 2, ""},
		"none that can be used": {list(`{"name":"B"}`, `{"id":{}}`), 0, "discovery_failed"},
		"none":                  {"[]", 0, "nothing_to_use"},
		"many":                  {list(many...), 200, ""},
		"wide":                  {list(wide...), 36, ""},
		"a bad name":            {list(item("s-1", "a\u202eb\u0000<b>"+strings.Repeat("x", 500)), item("s-2", "")), 2, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d, p := openPlaces(t, false)
			p.sites = test.sites
			page := d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{}).URL, "alice", true)
			if got := page.Header.Get("Claviger-Error"); got != test.code {
				t.Errorf("the code is %q, want %q", got, test.code)
			}
			if got := strings.Count(page.Body, "radio"); got != test.want {
				t.Errorf("there are %d radio buttons, want %d", got, test.want)
			}
			if got := strings.Contains(page.Body, "Not all are shown"); got != (test.want > 2) {
				t.Errorf("that some are missing is said: %v", got)
			}
			if strings.Contains(page.Body, "\u202e") || strings.Contains(page.Body, "<b>") || strings.Contains(page.Body, strings.Repeat("x", 201)) {
				t.Error("a name is not cleaned")
			}
		})
	}
}

// A choice that is beyond what is shown can be made beforehand.
func TestChoiceBeyond(t *testing.T) {
	d, p := openPlaces(t, false)
	var many []string
	for i := range 300 {
		many = append(many, `{"id":"site-`+strconv.Itoa(i)+`"}`)
	}
	p.sites = "[" + strings.Join(many, ",") + "]"
	d.consent(fakeprovider.NewBrowser(), d.begin(consent.Request{Choice: map[string]string{"": "site-299"}}).URL, "alice", true)
	if got := d.captured("user_1"); got["site"] != "site-299" {
		t.Errorf("captured is %v", got)
	}
}
