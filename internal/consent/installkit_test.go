package consent_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
)

// A market is a provider whose apps are installed, written by hand. Its install page drops the state, unless it is
// to keep it, and knows no PKCE. Each install has a code, which its token URL takes once, and is of whoever is signed
// in.
type market struct {
	server *httptest.Server

	mu sync.Mutex
	// keeps tells that the state is given back.
	keeps     bool
	who       string
	installs  []*install
	exchanges int
}

type install struct{ id, code, token, who string }

const marketed = `
schema: 1
name: demo
title: Market
tested: {how: documentation, date: 2026-03-01}
app: [{name: port, pattern: "[0-9]+", example: "9090"}]
authorize:
  url: BASE/install
  omit: [response_type]
  pkce: "off"
  scope: {none: true}
callback:
  state: install
  capture: {install: installId}
install:
  inbound: true
  pass: [installId, own, shop]
token:
  url: BASE/installs/{captured.install}/token
  client_auth: post
  body: json
  ttl: never
api: {base_url: BASE/api}
identity: {path: /me, id: id, name: name}
`

// Edits of the market's connector: without installs that begin there, and without a page of the app's for them.
var (
	silent = []string{"install:\n  inbound: true\n  pass: [installId, own, shop]\n", pageless + "\n"}
	alone  = []string{"schema: 1", pageless + "\nschema: 1"}
)

const pageless = "# nobody goes on to the app"

// openMarket opens a desk whose connections are both at one market. edits are pairs of what is another text in its
// connector.
func openMarket(t *testing.T, edits ...string) (*desk, *market) {
	t.Helper()
	m := &market{who: "alice"}
	m.server = httptest.NewServer(m)
	t.Cleanup(m.server.Close)
	text := strings.NewReplacer(edits...).Replace(strings.ReplaceAll(marketed, "BASE", m.server.URL))
	var d *desk
	t.Cleanup(func() { // after the desk has closed
		for where, text := range map[string]string{"the log": d.logs.String(), "the pages": strings.Join(d.pages, "\n"), "the events": d.told()} {
			if strings.Contains(text, "canary") {
				t.Errorf("%s hold a secret", where)
			}
		}
	})
	d = open(t, func(d *desk, s *settings) {
		if !strings.Contains(text, pageless) {
			s.installURL = d.app.URL + "/market?from=market&own=1"
		}
		s.connector = func(c *connectors.Connector) {
			made, err := connectors.Decode("demo.yaml", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			*c = *made
		}
	})
	return d, m
}

func (m *market) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	id, isToken := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/installs/"), "/token")
	switch {
	case r.URL.Path == "/install":
		m.page(w, r)
	case r.URL.Path == "/api/me":
		m.me(w, r)
	case isToken && r.Method == http.MethodPost:
		m.exchange(w, r, id)
	default:
		http.NotFound(w, r)
	}
}

// me tells whose install a token is of.
func (m *market) me(w http.ResponseWriter, r *http.Request) {
	for _, i := range m.installs {
		if r.Header.Get("Authorization") == "Bearer "+i.token {
			fmt.Fprintf(w, `{"id":%q,"name":%q}`, i.who, i.who)
			return
		}
	}
	w.WriteHeader(http.StatusUnauthorized)
}

// exchange gives the token of an install for its code.
func (m *market) exchange(w http.ResponseWriter, r *http.Request, id string) {
	m.exchanges++
	var body struct{ Code string }
	_ = json.NewDecoder(r.Body).Decode(&body)
	for _, i := range m.installs {
		if i.id == id && i.code == body.Code && i.code != "" {
			i.code = ""
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"access_token":%q,"token_type":"bearer"}`, i.token)
			return
		}
	}
	w.WriteHeader(http.StatusBadRequest)
	fmt.Fprint(w, `{"error":"invalid_grant"}`)
}

// page installs the app for whoever is signed in, and sends the browser back.
func (m *market) page(w http.ResponseWriter, r *http.Request) {
	n := len(m.installs) + 1
	i := &install{fmt.Sprintf("install-%d", n), fmt.Sprintf("canary-code-%d", n), fmt.Sprintf("canary-token-%d", n), m.who}
	m.installs = append(m.installs, i)
	back := url.Values{"code": {i.code}, "installId": {i.id}}
	if m.keeps {
		back.Set("state", r.URL.Query().Get("state"))
	}
	if m.who == "" {
		back = url.Values{"error": {"access_denied"}}
	}
	http.Redirect(w, r, r.URL.Query().Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

// sign signs somebody in; "" is one who refuses.
func (m *market) sign(who string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.who = who
}

// count is how many codes were brought to the market.
func (m *market) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.exchanges
}

// wantExchanged checks how many codes were brought to the market.
func (m *market) wantExchanged(t *testing.T, n int) {
	t.Helper()
	if got := m.count(); got != n {
		t.Errorf("%d codes were exchanged, want %d", got, n)
	}
}
