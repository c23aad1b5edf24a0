package connection_test

import (
	"io"
	"net/url"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/internal/paging"
	"github.com/claviger-proxy/claviger/vault"
)

const paged = `schema: 1
name: paged
title: Paged
mode: static
account: [{name: key, secret: true}]
inject: [{in: query, name: api_key, template: "{account.key}"}]
api: {base_url: "https://api.example.com/v1"}
discover:
  - {path: "/sites?name=a%20b&archived", id: id, into: site}
  - method: POST
    path: /search
    json: {query: "<a>", variables: {archived: false, id: 12345678901234567890}, "odd.name": {a: 1}}
    id: id
    into: team
`

// A page is asked for with what its list has beside the declared request, and with the credential, once.
func TestRequestPage(t *testing.T) {
	k := decoded(t, paged)
	all, err := connection.New(vault.Connection{Name: "work", Connector: k.Name}, (*connectors.Catalog)(nil).With(k))
	if err != nil {
		t.Fatal(err)
	}
	c, err := all.For(vault.NewSecrets(map[string]string{"key": "K"}), nil)
	if err != nil {
		t.Fatal(err)
	}
	sites, search := k.Discover[0].Ask, k.Discover[1].Ask
	to := func(text string) paging.Request {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return paging.Request{URL: u}
	}
	const root = "https://api.example.com/v1"
	for _, tt := range []struct {
		name      string
		ask       connectors.Ask
		page      paging.Request
		url, body string
	}{
		{"the first", sites, paging.Request{}, root + "/sites?name=a%20b&archived&api_key=K", ""},
		{"parameters", sites, paging.Request{Query: url.Values{"page[size]": {"5"}, "after": {"b&c"}}}, root + "/sites?name=a%20b&archived&after=b%26c&page%5Bsize%5D=5&api_key=K", ""},
		{"a URL", sites, to(root + "/sites/next?t=x%2fy"), root + "/sites/next?t=x%2fy&api_key=K", ""},
		{"a URL with the credential", sites, to(root + "/sites?API_KEY=K&t=x&access_token=y"), root + "/sites?t=x&api_key=K", ""},
		{
			"members", search,
			paging.Request{Members: map[string]any{"variables.after": "x", "page.number": 2, `odd\.name.b\.c`: true}},
			root + "/search?api_key=K",
			`{"odd.name":{"a":1,"b.c":true},"page":{"number":2},"query":"\u003ca\u003e","variables":{"after":"x","archived":false,"id":12345678901234567890}}`,
		},
		{"a URL with a body", search, to(root + "/search/2"), root + "/search/2?api_key=K", `{"odd.name":{"a":1},"query":"\u003ca\u003e","variables":{"archived":false,"id":12345678901234567890}}`},
	} {
		u, err := c.PageURL(tt.ask, tt.page)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if u.Query().Has("api_key") {
			t.Errorf("%s: the URL without the credential is %s", tt.name, u)
		}
		r, err := c.RequestPage(t.Context(), tt.ask, tt.page, u, vault.Secret{}, nil)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		var body []byte
		if r.Body != nil {
			body, err = io.ReadAll(r.Body)
		}
		if r.URL.String() != tt.url || string(body) != tt.body || err != nil || r.ContentLength != int64(len(body)) {
			t.Errorf("%s: %s with %s (%d bytes, %v)\nwant %s with %s", tt.name, r.URL, body, r.ContentLength, err, tt.url, tt.body)
		}
	}
	for _, away := range []string{"https://api.example.org/v1/x", "http://api.example.com/v1/x", "https://api.example.com/v2", "https://a@api.example.com/v1/x"} {
		if u, err := c.PageURL(sites, to(away)); err == nil || u != nil {
			t.Errorf("%s is asked for", away)
		}
	}
	for _, path := range []string{"query.after", "variables.archived.after"} {
		if r, err := c.RequestPage(t.Context(), search, paging.Request{Members: map[string]any{path: "x"}}, to(root).URL, vault.Secret{}, nil); err == nil || r != nil {
			t.Errorf("%s is set", path)
		}
	}
}
