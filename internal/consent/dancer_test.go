package consent_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
)

// A dancer is a provider of OAuth 1.0a, written by hand. It signs everybody in as ada, and notes what is not as
// RFC 5849 wants it.
type dancer struct {
	t      *testing.T
	server *httptest.Server

	mu sync.Mutex
	// deny is the query with which a user who refuses is sent back; the token's place is TOKEN.
	deny string
	// answer changes the answer to a call, by its path.
	answer  map[string]func(url.Values) (int, string)
	pending map[string]*dance
	tokens  map[string]string
	who     string
	secrets []string
	calls   map[string]int
}

// dance is one consent: temporary credentials and what belongs to them.
type dance struct{ secret, callback, verifier string }

const dancing = `
schema: 1
name: demo
title: Dancer
tested: {how: documentation, date: 2026-03-01}
app: [{name: port, pattern: "[0-9]+", example: "9090"}]
mode: oauth1
authorize:
  request_url: BASE/request
  url: BASE/authorize
  params: {expiration: never}
  reconsent_params: {again: "1"}
token: {url: BASE/access, ttl: never}
signer: {kind: oauth1}
api: {base_url: BASE/api}
identity: {path: /me, id: id, name: name}
`

// openDance opens a desk whose connections are both at one dancer.
func openDance(t *testing.T, change ...setting) (*desk, *dancer) {
	t.Helper()
	p := &dancer{
		t: t, who: "ada", answer: map[string]func(url.Values) (int, string){}, pending: map[string]*dance{},
		tokens: map[string]string{}, calls: map[string]int{},
	}
	p.server = httptest.NewServer(p)
	t.Cleanup(p.server.Close)
	var d *desk
	t.Cleanup(func() { p.lookForLeaks(d) }) // after the desk has closed
	d = open(t, append([]setting{func(_ *desk, s *settings) {
		s.provider.ClientSecret = clientSecret
		s.connector = func(c *connectors.Connector) {
			made, err := connectors.Decode("demo.yaml", []byte(strings.ReplaceAll(dancing, "BASE", p.server.URL)))
			if err != nil {
				t.Fatal(err)
			}
			*c = *made
		}
	}}, change...)...)
	return d, p
}

func (p *dancer) lookForLeaks(d *desk) {
	for where, text := range map[string]string{"the log": d.logs.String(), "the pages": strings.Join(d.pages, "\n"), "the events": d.told()} {
		for _, secret := range p.secrets {
			if strings.Contains(text, secret) || strings.Contains(text, url.QueryEscape(secret)) {
				p.t.Errorf("%s hold a secret", where)
			}
		}
	}
}

func (p *dancer) made(name string) string {
	secret := name + "-" + rand.Text() + "/+"
	p.secrets = append(p.secrets, secret)
	return secret
}

func (p *dancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls[r.URL.Path]++
	status, text := http.StatusNotFound, ""
	switch {
	case r.URL.Path == "/authorize":
		p.authorize(w, r)
		return
	case r.Method == http.MethodPost && r.URL.Path == "/request":
		status, text = p.request(r)
	case r.Method == http.MethodPost && r.URL.Path == "/access":
		status, text = p.access(r)
	case r.URL.Path == "/api/me":
		status, text = p.me(r)
	}
	w.WriteHeader(status)
	fmt.Fprint(w, text)
}

// request gives temporary credentials.
func (p *dancer) request(r *http.Request) (int, string) {
	params, ok := p.signed(r, "")
	if !ok || params["oauth_token"] != "" || params["oauth_callback"] == "" {
		return http.StatusUnauthorized, "oauth_problem=signature_invalid"
	}
	token := p.made("temporary")
	p.pending[token] = &dance{secret: p.made("temporary-secret"), callback: params["oauth_callback"]}
	return p.said("/request", url.Values{
		"oauth_token": {token}, "oauth_token_secret": {p.pending[token].secret}, "oauth_callback_confirmed": {"true"},
	})
}

// authorize is the consent page.
func (p *dancer) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	given := p.pending[q.Get("oauth_token")]
	if given == nil || q.Get("expiration") != "never" {
		http.Error(w, "who are you?", http.StatusBadRequest)
		return
	}
	given.verifier = p.made("verifier")
	back := given.callback + "&" + url.Values{"oauth_token": {q.Get("oauth_token")}, "oauth_verifier": {given.verifier}}.Encode()
	if p.deny != "" {
		back = given.callback + "&" + strings.ReplaceAll(p.deny, "TOKEN", url.QueryEscape(q.Get("oauth_token")))
	}
	http.Redirect(w, r, back, http.StatusFound)
}

// access gives a token, once.
func (p *dancer) access(r *http.Request) (int, string) {
	token := p.claimed(r)
	given := p.pending[token]
	if given == nil {
		return http.StatusUnauthorized, "oauth_problem=token_rejected"
	}
	params, ok := p.signed(r, given.secret)
	if !ok || given.verifier == "" || params["oauth_verifier"] != given.verifier {
		return http.StatusUnauthorized, "oauth_problem=verifier_invalid"
	}
	delete(p.pending, token)
	access := p.made("token")
	p.tokens[access] = p.made("token-secret")
	return p.said("/access", url.Values{"oauth_token": {access}, "oauth_token_secret": {p.tokens[access]}})
}

func (p *dancer) me(r *http.Request) (int, string) {
	secret, known := p.tokens[p.claimed(r)]
	if _, ok := p.signed(r, secret); !ok || !known {
		return http.StatusUnauthorized, "{}"
	}
	return http.StatusOK, fmt.Sprintf(`{"id":%q,"name":"Ada Lovelace"}`, p.who)
}

func (p *dancer) said(path string, answer url.Values) (int, string) {
	if change := p.answer[path]; change != nil {
		return change(answer)
	}
	return http.StatusOK, answer.Encode()
}

func (p *dancer) claimed(r *http.Request) string { return headerOf(r)["oauth_token"] }

// headerOf are the parameters of the header, decoded.
func headerOf(r *http.Request) map[string]string {
	params := map[string]string{}
	list, _ := strings.CutPrefix(r.Header.Get("Authorization"), "OAuth ")
	for pair := range strings.SplitSeq(list, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		params[name], _ = url.PathUnescape(strings.Trim(value, `"`))
	}
	return params
}

// signed checks the signature of a request without a form.
func (p *dancer) signed(r *http.Request, secret string) (map[string]string, bool) {
	escape := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
	params, pairs := headerOf(r), []string{}
	for name, value := range params {
		if name != "oauth_signature" {
			pairs = append(pairs, escape(name)+"="+escape(value))
		}
	}
	for name, values := range r.URL.Query() {
		for _, value := range values {
			pairs = append(pairs, escape(name)+"="+escape(value))
		}
	}
	slices.Sort(pairs)
	mac := hmac.New(sha1.New, []byte(escape(clientSecret)+"&"+escape(secret)))
	fmt.Fprint(mac, r.Method+"&"+escape("http://"+r.Host+r.URL.EscapedPath())+"&"+escape(strings.Join(pairs, "&")))
	want := base64.StdEncoding.EncodeToString(mac.Sum(nil))
	return params, params["oauth_signature"] == want && params["oauth_signature_method"] == "HMAC-SHA1"
}

// clientSecret is that of the app at the dancer.
const clientSecret = "canary-client+secret/"

// count is how many calls of a path there were.
func (p *dancer) count(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[path]
}

func (p *dancer) change(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}
