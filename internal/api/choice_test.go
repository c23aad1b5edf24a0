package api_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/client"
	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/api"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
)

const spread = `
schema: 1
name: spread
title: Spread
app: [{name: port, pattern: "[0-9]{2,5}", example: "9090"}]
auth:
  - id: key
    title: Key
    mode: static
    account: [{name: key, secret: true}]
    inject: [{in: header, name: X-Key, template: "{account.key}"}]
  - id: oauth
    title: Sign in
    authorize: {url: "http://127.0.0.1:{app.port}/authorize"}
    token: {url: "http://127.0.0.1:{app.port}/token", client_auth: none}
api: {base_url: "http://127.0.0.1:{app.port}"}
discover: [{path: /sites, id: id, label: name, into: site}]
`

// withSites gives the API connections to a provider whose users have two sites.
func withSites(t *testing.T) *kit {
	t.Helper()
	p := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `[{"id":"s-1","name":"One"},{"id":2,"name":"Two"}]`)
	}))
	t.Cleanup(p.Close)
	u, err := url.Parse(p.URL)
	if err != nil {
		t.Fatal(err)
	}
	made, err := connectors.Decode("spread.yaml", []byte(spread))
	if err != nil {
		t.Fatal(err)
	}
	port := map[string]string{"port": u.Port()}
	return setup(t, func(o *api.Options) {
		catalog := (*connectors.Catalog)(nil).With(made)
		knows(o, catalog)
		if o.Connections, err = connection.NewSet(t.Context(), o.Vault, catalog, []vault.Connection{
			{Name: "keys", Connector: "spread", Way: "key", Params: port}, {Name: "web", Connector: "spread", Way: "oauth", Params: port, ClientID: "x"},
		}); err != nil {
			t.Fatal(err)
		}
		withFlow(t, &url.URL{Scheme: "https", Host: "accounts.example.com", Path: "/oauth/callback"})(o)
	})
}

func TestAccountChoice(t *testing.T) {
	k := withSites(t)
	n := client.NewAccount{Connection: "keys", Identifier: "ada", Inputs: map[string]string{"key": canaryPosted}}
	_, err := k.CreateAccount(t.Context(), n)
	e := refused(t, err, 409, "choice_needed")
	items := []client.Item{{Name: "site", ID: "s-1", Label: "One"}, {Name: "site", ID: "2", Label: "Two"}}
	if diff := cmp.Diff(items, e.Choices); diff != "" || !strings.Contains(e.Next, "--choose") {
		t.Errorf("next is %q, choices (-want +got):\n%s", e.Next, diff)
	}
	n.Choice = client.Choose("s-3")
	_, err = k.CreateAccount(t.Context(), n)
	if e := refused(t, err, 409, "choice_not_offered"); len(e.Choices) != 2 {
		t.Errorf("choices are %+v", e.Choices)
	}
	n.Choice = client.Choose("s-1") // which those that choose nothing keep
	if _, err := k.CreateAccount(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	for text, code := range map[string]string{
		`"s-1"`: "", `{"site":"2"}`: "", `{"tenant":"2"}`: "choice_invalid", `""`: "choice_invalid", `{"site":""}`: "choice_invalid", `{}`: "", `null`: "",
		`7`: "field_invalid", `["s-1"]`: "field_invalid", `{"site":{"id":"2"}}`: "field_invalid", `{"site":"1","site":"2"}`: "field_unknown",
	} {
		got := k.send("POST", "/claviger/accounts", `{"connection":"keys","identifier":"ada","inputs":{"key":"`+canaryPosted+`"},"choice":`+text+`}`)
		switch code {
		case "":
			if got.status != 201 {
				t.Errorf("%s: %d %s", text, got.status, got.text)
			}
		case "field_unknown":
			got.wants(t, 400, "body_invalid")
		default:
			got.wants(t, 400, code)
			if code == "field_invalid" && !strings.Contains(got.text, "field choice must be a string, or an object with string values") {
				t.Errorf("%s: %s", text, got.text)
			}
		}
	}
	k.noCanaries("GET /accounts", "GET /events")
}

func TestLinkChoice(t *testing.T) {
	k := withSites(t)
	for _, choice := range []client.Choice{nil, client.Choose("s-1"), {"site": "s-1"}} {
		if _, err := k.CreateLink(t.Context(), client.NewLink{Connection: "web", Identifier: "ada", Choice: choice}); err != nil {
			t.Errorf("%v: %v", choice, err)
		}
	}
	_, err := k.CreateLink(t.Context(), client.NewLink{Connection: "web", Identifier: "ada", Choice: client.Choice{"tenant": "a"}})
	if e := refused(t, err, 400, "choice_invalid"); e.Next == "" {
		t.Error("nothing is said about what to do")
	}
}
