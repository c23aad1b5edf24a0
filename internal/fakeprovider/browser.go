package fakeprovider

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"
)

const (
	maxRedirects = 20
	maxPages     = 10
	maxPage      = 4 << 20
)

// A Page is where a browser ended up.
type Page struct {
	URL    string // of the page itself, after redirects
	Status int
	Header http.Header
	Body   string
	// Visited are all URLs that were asked for on the way, redirects included, in order. After
	// Consent it has those of the whole journey.
	Visited []string
}

// A Browser is a person with a browser, good enough for pages made of plain forms: it keeps cookies,
// follows redirects, and sends the Origin and Sec-Fetch headers that browsers send. It runs no
// scripts. It is not safe for concurrent use.
type Browser struct {
	// Transport makes the requests. Nil means a new connection for each, without a proxy.
	Transport http.RoundTripper
	// Header is added to every request.
	Header http.Header

	jar  http.CookieJar
	page Page
}

// NewBrowser returns a browser without cookies.
func NewBrowser() *Browser {
	jar, _ := cookiejar.New(nil) // fails only on options
	return &Browser{jar: jar}
}

// Page returns the page the browser is on.
func (b *Browser) Page() Page { return b.page }

// Cookies returns the cookies the browser would send to a URL.
func (b *Browser) Cookies(rawURL string) []*http.Cookie {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil
	}
	return b.jar.Cookies(u)
}

// Get opens a URL as if it were typed in. An answer of any status is a page; an error means there was
// no answer, or redirects without end.
func (b *Browser) Get(rawURL string) (Page, error) {
	return b.open(http.MethodGet, rawURL, nil, "")
}

// Submit fills the page's forms and presses a button: the first whose name, value or text contains
// one of the words, or the first of the page if there are no words. Text fields keep what is in them.
func (b *Browser) Submit(button ...string) (Page, error) {
	for _, f := range b.forms() {
		for _, press := range f.buttons {
			if len(button) == 0 || press.means(button) {
				return b.press(f, press, "")
			}
		}
	}
	return Page{}, fmt.Errorf("no button %q on %s", button, withoutQuery(b.page.URL))
}

// Fill writes values into the fields of those names, and presses a button as Submit does. A select takes any value.
func (b *Browser) Fill(values map[string]string, button ...string) (Page, error) {
	for _, f := range b.forms() {
		if !f.write(values) {
			continue
		}
		for _, press := range f.buttons {
			if len(button) == 0 || press.means(button) {
				return b.press(f, press, "")
			}
		}
	}
	return Page{}, fmt.Errorf("no form with fields for all values on %s", withoutQuery(b.page.URL))
}

// Consent walks from startURL through login and consent as user. It presses the one button of a link
// page, signs in with the password "demo", presses whatever means allow or deny, and returns the page
// on which the journey ends: the first without a form, back at the app, or with an error status.
func (b *Browser) Consent(startURL, user string, allow bool) (Page, error) {
	page, err := b.Get(startURL)
	visited := page.Visited
	if err != nil {
		return Page{}, err
	}
	start, left, signedIn := origin(page.URL), false, ""
	if o := origin(startURL); o != start {
		start, left = o, true
	}
	for range maxPages {
		here, forms := origin(page.URL), b.forms()
		left = left || here != start
		arrived := left && here == start || signedIn != "" && here != signedIn
		form, button, ok := choose(forms, allow || (here == start && signedIn == ""))
		if arrived || page.Status >= 400 || !ok {
			page.Visited = visited
			return page, nil
		}
		if form.asksForUser() {
			signedIn = here
		}
		page, err = b.press(form, button, user)
		visited = append(visited, page.Visited...)
		if err != nil {
			return Page{}, err
		}
	}
	return Page{}, fmt.Errorf("consent did not end after %d pages, last %s", maxPages, withoutQuery(page.URL))
}

func (b *Browser) press(f form, button control, user string) (Page, error) {
	target, err := resolve(b.page.URL, f.actionOf(button))
	if err != nil {
		return Page{}, err
	}
	values := f.fill(button, user)
	if f.method != http.MethodPost {
		target.RawQuery = values.Encode()
		return b.open(http.MethodGet, target.String(), nil, b.page.URL)
	}
	return b.open(http.MethodPost, target.String(), []byte(values.Encode()), b.page.URL)
}

// open asks for a URL and follows redirects. from is the page whose form or link leads there.
func (b *Browser) open(method, rawURL string, body []byte, from string) (Page, error) {
	var visited []string
	site := "none"
	for range maxRedirects {
		if from != "" {
			site = farther(site, relation(from, rawURL))
		}
		visited = append(visited, rawURL)
		page, err := b.once(method, rawURL, body, from, site)
		if err != nil {
			return Page{}, err
		}
		page.Visited = visited
		to := page.Header.Get("Location")
		if page.Status < 300 || page.Status > 399 || to == "" {
			b.page = page
			return page, nil
		}
		next, err := resolve(rawURL, to)
		if err != nil {
			return Page{}, err
		}
		if page.Status != http.StatusTemporaryRedirect && page.Status != http.StatusPermanentRedirect {
			method, body = http.MethodGet, nil
		}
		rawURL = next.String()
	}
	return Page{}, fmt.Errorf("more than %d redirects, last %s", maxRedirects, withoutQuery(rawURL))
}

func (b *Browser) once(method, rawURL string, body []byte, from, site string) (Page, error) {
	req, err := http.NewRequest(method, rawURL, bytes.NewReader(body))
	if err != nil {
		return Page{}, errors.New("not a URL to open")
	}
	for name, values := range b.Header {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	req.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	req.Header.Set("Sec-Fetch-Mode", "navigate")
	req.Header.Set("Sec-Fetch-Dest", "document")
	req.Header.Set("Sec-Fetch-Site", site)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", origin(from))
	}
	client := &http.Client{
		Transport:     b.Transport,
		Jar:           b.jar,
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if client.Transport == nil {
		client.Transport = &http.Transport{DisableKeepAlives: true}
	}
	res, err := client.Do(req)
	if err != nil {
		return Page{}, fmt.Errorf("opening %s: %w", withoutQuery(rawURL), unwrapURL(err))
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxPage))
	if err != nil {
		return Page{}, fmt.Errorf("reading %s: %w", withoutQuery(rawURL), err)
	}
	return Page{URL: rawURL, Status: res.StatusCode, Header: res.Header, Body: string(text)}, nil
}

// unwrapURL drops the part of an error that repeats the URL, which may hold a code.
func unwrapURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

func resolve(base, ref string) (*url.URL, error) {
	b, err := url.Parse(base)
	if err != nil {
		return nil, errors.New("the page's URL is not valid")
	}
	to, err := b.Parse(ref)
	if err != nil || to.Host == "" {
		return nil, fmt.Errorf("a link on %s leads nowhere", withoutQuery(base))
	}
	return to, nil
}

func origin(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func withoutQuery(rawURL string) string {
	u, _, _ := strings.Cut(rawURL, "?")
	return u
}

// relation is Sec-Fetch-Site for one step. A site is taken to be a scheme and a host, whatever the
// port: right for addresses and single names, which is what tests have.
func relation(from, to string) string {
	a, errA := url.Parse(from)
	b, errB := url.Parse(to)
	switch {
	case errA != nil || errB != nil:
		return "cross-site"
	case a.Scheme == b.Scheme && a.Host == b.Host:
		return "same-origin"
	case a.Scheme == b.Scheme && a.Hostname() == b.Hostname():
		return "same-site"
	}
	return "cross-site"
}

// farther returns the more distant relation, because a redirect does not make a request nearer.
func farther(a, b string) string {
	far := map[string]int{"none": 0, "same-origin": 1, "same-site": 2, "cross-site": 3}
	if far[a] > far[b] {
		return a
	}
	return b
}
