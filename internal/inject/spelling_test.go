package inject_test

import (
	"encoding/base64"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/connectors"
)

// head is what the connectors of TestSpellings have in common.
const head = `
schema: 1
name: test
title: Test
mode: static
api: {base_url: "https://api.example.com"}
account:
  - {name: email, pattern: ".+@.+"}
  - {name: key, secret: true}
  - {name: app_key, secret: true}
  - {name: sid, pattern: "[A-Z0-9]+"}
`

func pair(text string) http.Header {
	return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(text))}}
}

// How providers want to have it, declared as in their files: the rows of "API key / basic with odd
// spellings".
func TestSpellings(t *testing.T) {
	const base = "https://api.example.com"
	tests := []struct {
		name, file string
		url        string
		have, want http.Header
		wantURL    string
		body       string
	}{
		{name: "Zendesk", file: `inject: [{in: basic, basic: {user: "{account.email}/token", password: "{account.key}"}}]`, want: pair("a@example.com/token:k1")},
		{name: "Freshdesk", file: `inject: [{in: basic, basic: {user: "{account.key}", password: X}}]`, want: pair("k1:X")},
		{name: "Stripe", file: `inject: [{in: basic, basic: {user: "{account.key}"}}]`, want: pair("k1:")},
		{name: "Mailchimp", file: `inject: [{in: basic, basic: {user: any, password: "{account.key}"}}]`, want: pair("any:k1")},
		{name: "Twilio", file: `inject: [{in: basic, basic: {user: "{account.sid}", password: "{account.key}"}}]`, want: pair("AC1:k1")},
		{
			name: "Datadog",
			file: `inject: [{in: header, name: DD-API-KEY, template: "{account.key}"}, {in: header, name: DD-APPLICATION-KEY, template: "{account.app_key}"}]`,
			have: http.Header{"dd_api_key": {"mine"}, "DD-APPLICATION-KEY": {"mine"}},
			want: http.Header{"Dd-Api-Key": {"k1"}, "Dd-Application-Key": {"a2"}},
		},
		{
			name: "Trello", url: base + "/1/members/me?fields=id&key=mine&TOKEN=mine",
			file:    `inject: [{in: query, name: key, template: "{account.key}"}, {in: query, name: token, template: "{account.app_key}"}]`,
			wantURL: base + "/1/members/me?fields=id&key=k1&token=a2",
		},
		{
			name: "Telegram", url: base + "/sendMessage?chat_id=1", file: `inject: [{in: path, template: "bot{account.key}"}]`,
			wantURL: base + "/botk1/sendMessage?chat_id=1",
		},
		{
			name: "Mandrill", file: `inject: [{in: body, name: key, template: "{account.key}"}]`,
			body: `{"message":{"to":[]},"key":"k1"}`,
		},
		{name: "bare", file: `inject: [{in: header, name: Authorization, template: "{account.key}"}]`, want: http.Header{"Authorization": {"k1"}}},
		{name: "PagerDuty", file: `inject: [{in: header, name: Authorization, template: "Token token={account.key}"}]`, want: http.Header{"Authorization": {"Token token=k1"}}},
		{name: "Okta", file: `inject: [{in: header, name: Authorization, template: "SSWS {account.key}"}]`, want: http.Header{"Authorization": {"SSWS k1"}}},
		{name: "halves in a function", file: `inject: [{in: header, name: X-Auth, template: '{b64(account.email, ":", account.key)}'}]`, want: http.Header{"X-Auth": {"YUBleGFtcGxlLmNvbTprMQ=="}}},
		{name: "session", file: `inject: [{in: cookie, name: B1SESSION, template: "{account.key}"}]`, want: http.Header{"Cookie": {"B1SESSION=k1"}}},
	}
	values := connectors.Values{"account.email": "a@example.com", "account.key": "k1", "account.app_key": "a2", "account.sid": "AC1"}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, err := connectors.Decode("test.yaml", []byte(head+test.file))
			if err != nil {
				t.Fatal(err)
			}
			if test.url == "" {
				test.url, test.wantURL = base+"/", base+"/"
			}
			if test.want == nil {
				test.want = http.Header{}
			}
			p := compile(t, c)
			if test.have == nil {
				test.have = http.Header{"Authorization": {"mine"}, "Cookie": {"B1SESSION=mine"}}
			}
			r := request(t, test.url, test.have)
			p.Strip(r)
			credential := prepare(t, p, values)
			credential.Apply(r)
			if diff := cmp.Diff(test.want, r.Header); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
			if got := r.URL.String(); got != test.wantURL {
				t.Errorf("got URL  %s\nwant URL %s", got, test.wantURL)
			}
			if p.NeedsBody() != (test.body != "") {
				t.Fatalf("it needs the body: %t", p.NeedsBody())
			}
			if test.body == "" {
				return
			}
			body, err := credential.Body("", contentType(jsonType), []byte(`{"key":"mine","message":{"to":[]}}`))
			if err != nil || string(body) != test.body {
				t.Errorf("got %s (%v), want %s", body, err, test.body)
			}
		})
	}
}

func TestTwitch(t *testing.T) {
	p := plan(t, nil, header(t, "Client-Id", "{client_id}"), header(t, "Authorization", "Bearer {token}"))
	r := request(t, "https://api.twitch.tv/helix/users", http.Header{"Client-Id": {"mine"}})
	p.Strip(r)
	if err := apply(p, r, connectors.Values{"client_id": "app", "token": token}); err != nil {
		t.Fatal(err)
	}
	want := http.Header{"Client-Id": {"app"}, "Authorization": {"Bearer " + token}}
	if diff := cmp.Diff(want, r.Header); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

// Slack has a bot's token, and the user's own for what bots may not do.
func TestSlack(t *testing.T) {
	c := connector(t, nil)
	c.API.Slots = []connectors.Slot{{Name: "user", Paths: []string{"/api/search.messages", "/api/stars.list"}}}
	p := compile(t, c)
	credential := prepare(t, p, connectors.Values{"token": "xoxb-bot", "token.user": "xoxp-user"})
	for _, test := range []struct{ path, wanted, want string }{
		{"/api/chat.postMessage", "", "Bearer xoxb-bot"},
		{"/api/search.messages", "", "Bearer xoxp-user"},
		{"/api/chat.postMessage", "user", "Bearer xoxp-user"},
	} {
		slot, err := p.Slot(test.path, test.wanted)
		if err != nil {
			t.Fatal(err)
		}
		r := request(t, "https://slack.com"+test.path, nil)
		if err := credential.ApplySlot(r, slot); err != nil {
			t.Fatal(err)
		}
		if got := r.Header.Get("Authorization"); got != test.want {
			t.Errorf("%s, wanted %q: got %q, want %q", test.path, test.wanted, got, test.want)
		}
	}
}
