package paging_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/paging"
)

const base = "https://api.example.com/v1"

func parse(t testing.TB, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// asked is a request as the line that a test has for it.
func asked(r paging.Request) string {
	switch {
	case r.URL != nil:
		return r.URL.String()
	case len(r.Members) > 0:
		text, _ := json.Marshal(r.Members)
		return string(text)
	}
	return "?" + r.Query.Encode()
}

// walked sends answers into a walk, and returns what was asked for, how many items there were, and the error.
func walked(t *testing.T, w *paging.Walk, answers ...paging.Page) (requests []string, items int, err error) {
	t.Helper()
	for _, a := range answers {
		r, ok := w.Next()
		if !ok {
			t.Fatalf("the list ends after %d pages", len(requests))
		}
		requests = append(requests, asked(r))
		if a.URL = r.URL; a.URL == nil {
			a.URL = parse(t, base+"/things?order=name")
		}
		page, err := w.Take(a)
		items += len(page)
		if err != nil {
			if _, more := w.Next(); more || page != nil {
				t.Errorf("after an error there is another page, or %v", page)
			}
			return requests, items, err
		}
	}
	if r, more := w.Next(); more {
		requests = append(requests, asked(r)+" not answered")
	}
	return requests, items, nil
}

func pages(bodies ...string) (list []paging.Page) {
	for _, body := range bodies {
		header := http.Header{}
		if link, rest, ok := strings.Cut(body, "|"); ok {
			header.Set("Link", link)
			body = rest
		}
		list = append(list, paging.Page{Header: header, Body: []byte(body)})
	}
	return list
}

func TestWalk(t *testing.T) {
	one := 1
	type how = connectors.Paginate
	for _, tt := range []struct {
		name  string
		how   *how
		list  string
		pages []paging.Page
		// want are the requests, and items the number of items.
		want  []string
		items int
	}{
		{"one page", nil, "data", pages(`{"data":[1,2],"next":"a"}`), []string{"?"}, 2},
		{"the answer is the list", nil, "", pages(`[1]`), []string{"?"}, 1},

		{
			"cursor", &how{Style: "cursor", Next: `meta.@x\.next`, Param: "page[after]", SizeParam: "$top", Size: 2}, "data",
			pages(`{"data":[1,2],"meta":{"@x.next":"b c&d"}}`, `{"data":[3],"meta":{"@x.next":null}}`),
			[]string{"?%24top=2", "?%24top=2&page%5Bafter%5D=b+c%26d"},
			3,
		},
		{
			"cursor that is empty at the end", &how{Style: "cursor", Next: "next", Param: "c"}, "data",
			pages(`{"data":[1],"next":"a"}`, `{"data":[2],"next":""}`),
			[]string{"?", "?c=a"},
			2,
		},
		{
			"cursor that is false at the end", &how{Style: "cursor", Next: "next", Param: "c"}, "data",
			pages(`{"data":[1],"next":"a"}`, `{"data":[2],"next":false}`),
			[]string{"?", "?c=a"},
			2,
		},
		{
			"cursor that is a number", &how{Style: "cursor", Next: "next", Param: "c"}, "data",
			pages(`{"data":[1],"next":12345678901234567890}`, `{"data":[2]}`),
			[]string{"?", "?c=12345678901234567890"},
			2,
		},
		{
			"cursor that repeats", &how{Style: "cursor", Next: "next", Param: "c"}, "data",
			pages(`{"data":[1],"next":"a"}`, `{"data":[2],"next":"b"}`, `{"data":[3],"next":"a"}`),
			[]string{"?", "?c=a", "?c=b"},
			3,
		},
		{
			"empty page with a cursor", &how{Style: "cursor", Next: "next", Param: "c"}, "data",
			pages(`{"data":[],"next":"a"}`, `{"data":[1]}`),
			[]string{"?", "?c=a"},
			1,
		},
		{
			"page without items", &how{Style: "cursor", Next: "next", Param: "c"}, "data",
			pages(`{"next":"a"}`, `{"data":null,"next":"b"}`, `{"data":[1]}`),
			[]string{"?", "?c=a", "?c=b"},
			1,
		},
		{
			"cursor and no more", &how{Style: "cursor", Next: "next", More: "more", Param: "c"}, "data",
			pages(`{"data":[1],"next":"a","more":true}`, `{"data":[2],"next":"b","more":false}`),
			[]string{"?", "?c=a"},
			2,
		},
		{
			"cursor, and nothing about more", &how{Style: "cursor", Next: "next", More: "more", Param: "c"}, "data",
			pages(`{"data":[1],"next":"a"}`, `{"data":[2],"more":null}`),
			[]string{"?", "?c=a"},
			2,
		},

		{
			"last item", &how{Style: "cursor", Last: "id", More: "has_more", Param: "starting_after"}, "data",
			pages(`{"data":[{"id":"a"},{"id":"b"}],"has_more":true}`, `{"data":[{"id":"c"}],"has_more":false}`),
			[]string{"?", "?starting_after=b"},
			3,
		},
		{
			"last item until an empty page", &how{Style: "cursor", Last: "id", Param: "after"}, "data",
			pages(`{"data":[{"id":1}]}`, `{"data":[{"id":2}]}`, `{"data":[]}`),
			[]string{"?", "?after=1", "?after=2"},
			2,
		},
		{
			"last item in a body", &how{Style: "cursor", Last: "id", Param: "variables.after", SizeParam: "first", Size: 5, In: "body"}, "data",
			pages(`{"data":[{"id":1}]}`, `{"data":[]}`),
			[]string{`{"first":5}`, `{"first":5,"variables.after":1}`},
			1,
		},

		{
			"next URL", &how{Style: "next_url", Next: `@odata\.nextLink`, SizeParam: "$top", Size: 2}, "value",
			pages(`{"value":[1],"@odata.nextLink":"https://api.example.com/v1/things?$skiptoken=x"}`, `{"value":[2]}`),
			[]string{"?%24top=2", base + "/things?$skiptoken=x"},
			2,
		},
		{
			"next URL that is relative", &how{Style: "next_url", Next: "next"}, "value",
			pages(`{"value":[1],"next":"?p=2"}`, `{"value":[2],"next":"more/3"}`, `{"value":[3],"next":"/v1/4#x"}`, `{"value":[],"next":""}`),
			[]string{"?", base + "/things?p=2", base + "/more/3", base + "/4"},
			3,
		},
		{
			"next URL that repeats", &how{Style: "next_url", Next: "next"}, "value",
			pages(`{"value":[1],"next":"?p=2"}`, `{"value":[2],"next":"things?p=2#again"}`),
			[]string{"?", base + "/things?p=2"},
			2,
		},
		{
			"next URL that is the first page", &how{Style: "next_url", Next: "next"}, "value",
			pages(`{"value":[1],"next":"?order=name"}`),
			[]string{"?"},
			1,
		},
		{
			"next URL and no more", &how{Style: "next_url", Next: "links.next", More: "meta.has_more"}, "value",
			pages(`{"value":[1],"links":{"next":"?p=2"},"meta":{"has_more":false}}`),
			[]string{"?"},
			1,
		},
		{
			"link", &how{Style: "link", SizeParam: "per_page", Size: 100}, "",
			pages(`<?page=1>; rel="first", <?page=2>; rel="next"|[1]`, `<?page=1>; rel="prev"|[2]`),
			[]string{"?per_page=100", base + "/things?page=2"},
			2,
		},

		{
			"pages", &how{Style: "page", Param: "page", SizeParam: "per_page", Size: 2}, "data",
			pages(`{"data":[1,2]}`, `{"data":[3]}`, `{"data":[]}`),
			[]string{"?per_page=2", "?page=2&per_page=2", "?page=3&per_page=2"},
			3,
		},
		{
			"pages from 0", &how{Style: "page", Param: "page", First: new(int)}, "data",
			pages(`{"data":[1]}`, `{"data":[]}`),
			[]string{"?", "?page=1"},
			1,
		},
		{
			"pages and no more", &how{Style: "page", Param: "page", More: "more"}, "data",
			pages(`{"data":[1],"more":true}`, `{"data":[],"more":true}`, `{"data":[2],"more":false}`),
			[]string{"?", "?page=2", "?page=3"},
			2,
		},
		{
			"pages that are not counted there", &how{Style: "page", Param: "page"}, "data",
			pages(`{"data":[{"id":1}]}`, `{"data":[{"id":1}]}`),
			[]string{"?", "?page=2"},
			1,
		},
		{
			"a page behind the last one", &how{Style: "page", Param: "page"}, "data",
			pages(`{"data":[1]}`, `{"data":[2]}`, `{"data":[2]}`),
			[]string{"?", "?page=2", "?page=3"},
			2,
		},
		{
			"pages in a body", &how{Style: "page", Param: "page.number", In: "body"}, "data",
			pages(`{"data":[1]}`, `{"data":[]}`),
			[]string{"?", `{"page.number":2}`},
			1,
		},
		{
			"items", &how{Style: "offset", Param: "skip", SizeParam: "limit", Size: 9}, "data",
			pages(`{"data":[1,2,3]}`, `{"data":[4]}`, `{"data":[]}`),
			[]string{"?limit=9", "?limit=9&skip=3", "?limit=9&skip=4"},
			4,
		},
		{
			"items from 1", &how{Style: "offset", Param: "start", First: &one}, "data",
			pages(`{"data":[1,2]}`, `{"data":[]}`),
			[]string{"?", "?start=3"},
			2,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			requests, items, err := walked(t, paging.New(tt.how, tt.list, parse(t, base)), tt.pages...)
			if diff := cmp.Diff(tt.want, requests); diff != "" || items != tt.items || err != nil {
				t.Errorf("%d items, %v, want %d; requests (-want +got):\n%s", items, err, tt.items, diff)
			}
		})
	}
}

// What cannot be read on is an error, on whichever page.
func TestWalkErrors(t *testing.T) {
	type how = connectors.Paginate
	cursor := &how{Style: "cursor", Next: "next", More: "more", Param: "c"}
	last := &how{Style: "cursor", Last: "id", More: "more", Param: "c"}
	next := &how{Style: "next_url", Next: "next", More: "more"}
	const first = `{"data":[{"id":1}],"next":"a","more":true}`
	for _, tt := range []struct {
		name string
		how  *how
		body string
		want error
	}{
		{"no JSON", cursor, `<html>`, paging.ErrUnreadable},
		{"nothing", cursor, ``, paging.ErrUnreadable},
		{"an error in disguise", cursor, `{"ok":false,"error":"invalid_cursor"}`, paging.ErrUnreadable},
		{"no list", cursor, `{"data":{"id":1},"next":"b"}`, paging.ErrUnreadable},
		{"a text", cursor, `{"data":"none"}`, paging.ErrUnreadable},
		{"more that is a text", cursor, `{"data":[],"more":"yes"}`, paging.ErrMore},
		{"more and no cursor", cursor, `{"data":[1],"more":true}`, paging.ErrCursor},
		{"more and an empty cursor", cursor, `{"data":[1],"next":"","more":true}`, paging.ErrCursor},
		{"a cursor that is a list", cursor, `{"data":[1],"next":["b"]}`, paging.ErrCursor},
		{"a cursor that is true", cursor, `{"data":[1],"next":true}`, paging.ErrCursor},
		{"a long cursor", cursor, `{"data":[1],"next":"` + strings.Repeat("x", 10_000) + `"}`, paging.ErrCursor},
		{"a last item without", last, `{"data":[{"id":2},{"name":"x"}]}`, paging.ErrCursor},
		{"more and no last item", last, `{"data":[],"more":true}`, paging.ErrCursor},
		{"more and no URL", next, `{"data":[1],"more":true}`, paging.ErrCursor},
		{"a URL that is an object", next, `{"data":[1],"next":{"href":"?b"}}`, paging.ErrCursor},
		{"no URL", next, `{"data":[1],"next":"https://[::1"}`, paging.ErrURL},
		{"another host", next, `{"data":[1],"next":"https://api.example.org/v1/things"}`, paging.ErrHost},
		{"a Link that ends too soon", &how{Style: "link"}, "</v1/x; rel=next|" + `{"data":[1]}`, paging.ErrLink},
	} {
		for n := range 2 {
			answers := pages([]string{first, tt.body}[1-n:]...)
			if answers[0].Header.Set("Link", "<?a>; rel=next"); n == 0 {
				answers = pages(tt.body)
			}
			_, _, err := walked(t, paging.New(tt.how, "data", parse(t, base)), answers...)
			if !errors.Is(err, tt.want) {
				t.Errorf("%s, on page %d: %v, want %v", tt.name, n+1, err, tt.want)
			}
			if text := fmt.Sprint(err); strings.Contains(text, "example.org") || strings.Contains(text, "invalid_cursor") {
				t.Errorf("%s: the error shows the answer: %s", tt.name, text)
			}
		}
	}
}
