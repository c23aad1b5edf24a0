package declared_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/declared"
)

// paged is a connector whose lists go on in some way; TestPages puts the way in.
const paged = `
schema: 1
name: paged
title: Paged
mode: static
account: [{name: key, secret: true}]
inject: [{in: header, name: X-Key, template: "{account.key}"}]
api: {base_url: "https://api.paged.example.com/v1"}
verify: {path: /me}
discover:
  - {path: "/sites?all=true", items: data, id: id, into: site, paginate: {WAY}}
`

// openPaged opens a provider whose user has two sites, and returns what asks it: status, header and body.
func openPaged(t *testing.T, way string) func(query, body string) (int, http.Header, map[string]any, []declared.Violation) {
	t.Helper()
	text := strings.Replace(paged, "WAY", way, 1)
	if strings.Contains(way, "in: body") {
		text = strings.Replace(text, `path: "/sites?all=true"`, `method: POST, path: /sites, json: {filter: {all: true}}`, 1)
	}
	c, err := connectors.Decode("paged.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	client, err := declared.Register(c, callback+"/work")
	if err != nil {
		t.Fatal(err)
	}
	p, err := declared.New(c, client, declared.Options{Several: true})
	if err != nil {
		t.Fatal(err)
	}
	return func(query, body string) (int, http.Header, map[string]any, []declared.Violation) {
		t.Helper()
		method := http.MethodGet
		if body != "" {
			method = http.MethodPost
		}
		r, err := http.NewRequestWithContext(t.Context(), method, "https://api.paged.example.com/v1/sites"+query, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Key", client.Account["key"])
		if body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		before := len(p.Violations())
		resp, err := p.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var doc map[string]any
		_ = json.NewDecoder(resp.Body).Decode(&doc) // what is no JSON has no members
		return resp.StatusCode, resp.Header, doc, p.Violations()[before:]
	}
}

// A provider gives out its pages, and refuses whoever asks otherwise than it has said.
func TestPages(t *testing.T) {
	for _, tt := range []struct {
		name, way string
		// next is what a further page is asked for with, after CURSOR was put in; a body if it begins with a brace.
		first, next string
		// bad are requests for pages with the status that they get.
		bad map[string]int
	}{
		{
			"cursor", "style: cursor, next: meta.next, param: after, size_param: limit, size: 9", "?all=true&limit=9", "?all=true&limit=9&after=CURSOR",
			map[string]int{
				"?all=true": 400, "?all=true&limit=10": 400, "?all=true&limit=9&limit=9": 400, "?all=true&limit=9&page=2": 400,
				"?all=true&after=CURSOR": 400, "?all=true&limit=9&after=x": 404, "?all=true&limit=9&after=": 404,
			},
		},
		{
			"last item", "style: cursor, last: id, more: more, param: after", "?all=true", "?all=true&after=other-item",
			map[string]int{"?all=true&after=x": 404, "?all=true&offset=1": 400},
		},
		{
			"URL", "style: next_url, next: next, size_param: limit, size: 9", "?all=true&limit=9", "?continued=CURSOR",
			map[string]int{"?continued=x": 404, "?continued=CURSOR&limit=9": 400, "?all=true&continued=CURSOR": 400, "?all=true": 400},
		},
		{
			"page", "style: page, param: page", "?all=true", "?all=true&page=2",
			map[string]int{"?all=true&page=0": 404, "?all=true&page=1": 404, "?all=true&page=4": 404, "?all=true&page=02": 404, "?all=true&page=2&page=3": 404},
		},
		{
			"offset", "style: offset, param: skip", "?all=true", "?all=true&skip=3",
			map[string]int{"?all=true&skip=0": 404, "?all=true&skip=1": 404, "?all=true&skip=5": 404},
		},
		{
			"body", "style: page, param: filter.page, size_param: page.size, size: 9, in: body", `{"filter":{"all":true},"page":{"size":9}}`,
			`{"filter":{"all":true,"page":2},"page":{"size":9}}`,
			map[string]int{
				`{"filter":{"all":true},"page":{"size":"9"}}`: 400, `{"filter":{"all":true,"page":"2"},"page":{"size":9}}`: 404, `{"filter":{"all":true}}`: 400,
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			says := openPaged(t, tt.way)
			ask := func(what string) (int, map[string]any, []declared.Violation) {
				query, body := what, ""
				if strings.HasPrefix(what, "{") {
					query, body = "", what
				}
				status, _, doc, wrong := says(query, body)
				return status, doc, wrong
			}
			status, doc, wrong := ask(tt.first)
			items, _ := doc["data"].([]any)
			if status != 200 || len(wrong) > 0 || len(items) == 0 || items[0].(map[string]any)["id"] != "other-item" {
				t.Fatalf("the first page is %d %v, %v", status, doc, wrong)
			}
			cursor := "none"
			meta, _ := doc["meta"].(map[string]any)
			for _, given := range []any{doc["next"], meta["next"]} {
				if text, ok := given.(string); ok {
					cursor = strings.NewReplacer("?continued=", "", "https://api.paged.example.com/v1/sites", "").Replace(text)
				}
			}
			if tt.name == "cursor" {
				cursor = url.QueryEscape(cursor)
			}
			for what, want := range tt.bad {
				if status, _, wrong := ask(strings.Replace(what, "CURSOR", cursor, 1)); status != want || len(wrong) != 1 {
					t.Errorf("%s is answered with %d, want %d; violations are %v", what, status, want, wrong)
				}
			}
			if status, doc, wrong = ask(strings.Replace(tt.next, "CURSOR", cursor, 1)); status != 200 || len(wrong) > 0 || doc["data"] == nil {
				t.Errorf("the second page is %d %v, %v", status, doc, wrong)
			}
		})
	}
}
