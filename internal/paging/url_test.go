package paging_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/paging"
)

// after is the request that follows an answer that names a URL.
func after(t testing.TB, base, from, next string) (*url.URL, error) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"data": []int{1}, "next": next})
	if err != nil {
		t.Fatal(err)
	}
	w := paging.New(&connectors.Paginate{Style: connectors.PageNextURL, Next: "next"}, "data", parse(t, base))
	if _, err := w.Take(paging.Page{URL: parse(t, from), Header: http.Header{}, Body: body}); err != nil {
		return nil, err
	}
	r, _ := w.Next()
	return r.URL, nil
}

// A URL is followed if it stays at the base.
func TestNextURL(t *testing.T) {
	const base, from = "https://api.example.com/v1", "https://api.example.com/v1/things?page=1"
	for next, want := range map[string]string{
		"https://api.example.com/v1/things?page=2":     "",
		"HTTPS://API.Example.com:443/v1/things?page=2": "https://api.example.com/v1/things?page=2",
		"//api.example.com/v1?x":                       "https://api.example.com/v1?x",
		"/v1":                                          "https://api.example.com/v1",
		"/v1/":                                         "https://api.example.com/v1/",
		"?a=b c\u00e9":                                 "https://api.example.com/v1/things?a=b%20c%C3%A9",
		"/v1/groups/a%2Fb?url=https://evil.example.org": "https://api.example.com/v1/groups/a%2Fb?url=https://evil.example.org",
		"/v1/a/../b": "https://api.example.com/v1/b",
		"https://api.example.com/v1/x#https://evil/": "https://api.example.com/v1/x",
	} {
		if want == "" {
			want = next
		}
		if got, err := after(t, base, from, next); err != nil || got == nil || got.String() != want {
			t.Errorf("%s leads to %v, %v, want %s", next, got, err, want)
		}
	}
	for next, want := range map[string]error{
		"https://evil.example.org/v1/things":             paging.ErrHost,
		"//evil.example.org/v1/things":                   paging.ErrHost,
		"http://api.example.com/v1/things":               paging.ErrHost,
		"https://api.example.com:8443/v1/things":         paging.ErrHost,
		"https://api.example.com./v1/things":             paging.ErrHost,
		"https://api.example.com.evil.example/v1/things": paging.ErrHost,
		"https://user@api.example.com/v1/things":         paging.ErrHost,
		"https://api.example.com@evil.example/v1/things": paging.ErrHost,
		"https:api.example.com/v1":                       paging.ErrHost,
		"javascript:alert(1)":                            paging.ErrHost,
		"data:application/json,[]":                       paging.ErrHost,
		"https://api.example.com":                        paging.ErrPath,
		"/v2/things":                                     paging.ErrPath,
		"/v10":                                           paging.ErrPath,
		"../../v2":                                       paging.ErrPath,
		"/v1/../v2":                                      paging.ErrPath,
		"/v1/%2e%2e/v2":                                  paging.ErrPath,
		"/v1/..%2Fv2":                                    paging.ErrPath,
		"/v1/x%5C..%5C..%5Cv2":                           paging.ErrPath,
		`/v1/\..\v2`:                                     paging.ErrPath,
		"/v1/a\nb":                                       paging.ErrURL,
		"/v1/%zz":                                        paging.ErrURL,
		"https://api.example.com:port/v1":                paging.ErrURL,
		"/v1/" + strings.Repeat("x", 10_000):             paging.ErrURL,
		"/v1/" + strings.Repeat("é", 3_000):              paging.ErrURL,
	} {
		if got, err := after(t, base, from, next); got != nil || !errors.Is(err, want) {
			t.Errorf("%.80s leads to %v, %v, want %v", next, got, err, want)
		}
	}
	for _, root := range []string{"https://api.example.com", "https://api.example.com/", "http://127.0.0.1:8080"} {
		if got, err := after(t, root, root+"/things", "/other?p=2"); err != nil || got == nil {
			t.Errorf("below %s: %v, %v", root, got, err)
		}
	}
}

func TestLink(t *testing.T) {
	const page = "https://api.example.com/v1/things?page=2"
	for header, want := range map[string]string{
		"<" + page + ">; rel=next":                                    page,
		"<" + page + `>;rel="next"`:                                   page,
		" , < " + page + ` > ; REL = "Last NEXT" ; title=x`:           page,
		`<x>; title="a, <y>; rel=next", <` + page + `>; rel=next`:     page,
		`<x>; title="a \" , <y>; rel=next", <` + page + `>; rel=next`: page,
		`<x>;;title; rel=prev,,<` + page + ">;rel=next;":              page,
		"<" + page + ">; rel=next, <broken":                           page,
		`<?page=2>; rel=next; rel="prev"`:                             page,
		`<?page=2;a,b>; rel=next`:                                     page + ";a,b",
		`<x>; rel=prev, <y>; rel="next-archive"`:                      "",
		`<x>; rel=prev; rel=next`:                                     "",
		`<x>; anchor="#part"; rel=next`:                               "",
		`<x>; title="rel=next"`:                                       "",
		"":                                                            "",
	} {
		w := paging.New(&connectors.Paginate{Style: connectors.PageLink}, "", parse(t, base))
		_, err := w.Take(paging.Page{URL: parse(t, base+"/things"), Header: http.Header{"Link": {header}}, Body: []byte("[]")})
		r, more := w.Next()
		if err != nil || more != (want != "") || more && r.URL.String() != want {
			t.Errorf("%s leads to %v, %v, want %q", header, r.URL, err, want)
		}
	}
	several := http.Header{"Link": {"<x>; rel=prev", "<" + page + ">; rel=next"}}
	w := paging.New(&connectors.Paginate{Style: connectors.PageLink}, "", parse(t, base))
	if _, err := w.Take(paging.Page{URL: parse(t, base), Header: several, Body: []byte("[]")}); err != nil {
		t.Error(err)
	}
	if r, _ := w.Next(); r.URL == nil {
		t.Error("a second header is not read")
	}
	for _, header := range []string{"x; rel=next", "<x", `<x>; rel="next`, `<x>; rel="next\`, "<x> rel=next", `<x>; rel="a"b`, "<x>; rel=prev, y"} {
		w := paging.New(&connectors.Paginate{Style: connectors.PageLink}, "", parse(t, base))
		_, err := w.Take(paging.Page{URL: parse(t, base), Header: http.Header{"Link": {header}}, Body: []byte("[]")})
		if !errors.Is(err, paging.ErrLink) {
			t.Errorf("%s: %v, want that it cannot be read", header, err)
		}
	}
}

// stays tells whether whoever reads a URL finds it below the base.
func stays(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Host != "api.example.com" || u.User != nil || u.Fragment != "" {
		return false
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return false
	}
	plain := strings.ReplaceAll(u.Path, `\`, "/")
	return (u.Path == "/v1" || strings.HasPrefix(u.Path, "/v1/")) && !slices.Contains(strings.Split(plain, "/"), "..")
}

// FuzzNextURL checks that no URL in an answer leads away from the base, and that what is followed stays the same when
// it is read once more.
func FuzzNextURL(f *testing.F) {
	for _, seed := range []string{
		base + "/things?page=2", "//evil.example/v1", "/v1/../v2", "?p=2", "/v1/%2e%2e/x", `\\evil.example\v1`, "https:/evil", "/v1/a%2Fb#c", "http://api.example.com/v1",
		"https://api.example.com:443/v1;x", "/v1//evil/..", " /v1", "https://api.example.com%2f@evil/v1", "\u212aelvin", "/v1/\u2025/x", "?a b", "/v1/%00",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, next string) {
		got, err := after(t, base, base+"/things", next)
		if err != nil || got == nil {
			if got != nil {
				t.Errorf("%q leads to %s, in spite of %v", next, got, err)
			}
			return
		}
		if !stays(got.String()) {
			t.Errorf("%q leads to %s", next, got)
		}
		if again, err := after(t, base, base+"/things", got.String()); err != nil || again == nil || again.String() != got.String() {
			t.Errorf("%.200q leads to %.200s, and that to %.200v, %v", next, got, again, err)
		}
	})
}

// FuzzLink checks that no header leads away from the base, and that what stands in the quotes of another link changes
// nothing.
func FuzzLink(f *testing.F) {
	for _, seed := range []string{
		`<?page=2>; rel="next"`, `<a>; rel="prev next", <b>; rel=last`, `<//evil.example/v1>; rel=next`, `<a>; title="\"", <b>; rel=next`, "<a", `", <x>; rel="next`,
		"<a>;rel=next;anchor=b", ",,;<>", `<a>; title*=UTF-8''x; rel=next`, "<\t>; rel=next",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		follow := func(header string) (*url.URL, error) {
			w := paging.New(&connectors.Paginate{Style: connectors.PageLink}, "", parse(t, base))
			_, err := w.Take(paging.Page{URL: parse(t, base+"/things"), Header: http.Header{"Link": {header}}, Body: []byte("[]")})
			r, _ := w.Next()
			return r.URL, err
		}
		if got, err := follow(text); got != nil && (err != nil || !stays(got.String())) {
			t.Errorf("%q leads to %s, %v", text, got, err)
		}
		quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text)
		got, err := follow(`<x>; rel=prev; title="` + quoted + `", <?page=2>; rel=next`)
		if err != nil || got == nil || got.RawQuery != "page=2" {
			t.Errorf("with the title %q the next page is %v, %v", text, got, err)
		}
	})
}
