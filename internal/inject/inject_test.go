package inject_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/inject"
)

func TestApply(t *testing.T) {
	tests := []struct {
		name    string
		headers map[string]string
		in      []connectors.Injection
		url     string
		have    http.Header
		want    http.Header
		wantURL string
	}{
		{name: "bearer by default", want: http.Header{"Authorization": {"Bearer " + token}}},
		{
			name: "several headers",
			in:   []connectors.Injection{header(t, "x-api-key", "{token}"), header(t, "Authorization", "Token token={token};v=1")},
			want: http.Header{"X-Api-Key": {token}, "Authorization": {"Token token=" + token + ";v=1"}},
		},
		{
			name: "token twice",
			in:   []connectors.Injection{header(t, "X-Pair", "a={token},b={token}")},
			want: http.Header{"X-Pair": {"a=" + token + ",b=" + token}},
		},
		{
			name: "braces in the template",
			in:   []connectors.Injection{header(t, "X-Key", "{{{token}}}")},
			want: http.Header{"X-Key": {"{" + token + "}"}},
		},
		{
			name: "query", in: []connectors.Injection{query(t, "api key", "k={token}&x")},
			url: "https://api.example.com/v1?a=%41+b", want: http.Header{},
			wantURL: "https://api.example.com/v1?a=%41+b&api+key=k%3D" + token + "%26x",
		},
		{
			name: "query on an empty one", in: []connectors.Injection{query(t, "key", "{token}")},
			want: http.Header{}, wantURL: "https://api.example.com/?key=" + token,
		},
		{
			name:    "default headers",
			headers: map[string]string{"user-agent": "claviger", "Notion-Version": "2022", "Accept": "x/y"},
			have:    http.Header{"User-Agent": {""}, "Notion-Version": {"2030"}},
			want: http.Header{
				"User-Agent": {"claviger"}, "Notion-Version": {"2030"}, "Accept": {"x/y"},
				"Authorization": {"Bearer " + token},
			},
		},
		{
			name: "no header map", have: http.Header(nil),
			want: http.Header{"Authorization": {"Bearer " + token}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.url == "" {
				test.url = "https://api.example.com/"
			}
			r := request(t, test.url, test.have)
			original := r.URL
			if err := apply(plan(t, test.headers, test.in...), r, one); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, r.Header); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
			if test.wantURL != "" && r.URL.String() != test.wantURL {
				t.Errorf("got URL %s, want %s", r.URL, test.wantURL)
			}
			if original.String() != test.url {
				t.Errorf("the URL of the original became %s", original)
			}
		})
	}
}

func TestValuesDoNotShare(t *testing.T) {
	p := plan(t, map[string]string{"A": "1", "B": "2", "C": "{app.region}", "D": "{app.region}"},
		header(t, "E", "{token}"), header(t, "F", "{token}"), header(t, "G", "{account.key}"))
	c := prepare(t, p, connectors.Values{"token": token, "account.key": "k", "app.region": "eu"})
	want := http.Header{"A": {"1"}, "B": {"2"}, "C": {"eu"}, "D": {"eu"}, "E": {token}, "F": {token}, "G": {"k"}}
	for range 2 {
		r := request(t, "https://api.example.com/", nil)
		c.Apply(r)
		if diff := cmp.Diff(want, r.Header); diff != "" {
			t.Errorf("headers (-want +got):\n%s", diff)
		}
		for name := range r.Header {
			r.Header.Add(name, "more")
		}
	}
}

// C-01: whatever the caller puts in the credential's place, the provider sees exactly ours.
func TestCallerCredentialIsReplaced(t *testing.T) {
	var got http.Header
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header }))
	t.Cleanup(server.Close)
	for _, have := range []http.Header{
		{"Authorization": {"Bearer mine"}},
		{"Authorization": {"Bearer mine", "Basic eA=="}},
		{"authorization": {"Bearer mine"}, "AUTHORIZATION": {"Basic eA=="}, "Authorization": {"x"}},
		{"Cookie": {"session=1"}, "Proxy-Authorization": {"Basic eA=="}, "proxy_authorization": {"x"}},
		{"X-Api-Key": {"mine"}, "X_api_KEY": {"mine"}},
		{"Connection": {"Authorization, X-Api-Key"}, "X-Api-Key": {"x"}},
	} {
		t.Run(fmt.Sprint(have), func(t *testing.T) {
			p := plan(t, nil, header(t, "Authorization", "Bearer {token}"), header(t, "X-API-Key", "{token}"))
			r := request(t, server.URL, have)
			trailer := http.Header{"X-Api-Key": {"mine"}, "Checksum": {"1"}}
			p.StripTrailer(trailer)
			p.Strip(r)
			if err := apply(p, r, one); err != nil {
				t.Fatal(err)
			}
			if len(trailer) != 1 || trailer.Get("Checksum") != "1" {
				t.Errorf("got trailer %v, want the checksum alone", trailer)
			}
			resp, err := server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			for name, values := range got {
				switch name {
				case "Authorization":
					if len(values) != 1 || values[0] != "Bearer "+token {
						t.Errorf("got Authorization %q, want ours once", values)
					}
				case "X-Api-Key":
					if len(values) != 1 || values[0] != token {
						t.Errorf("got X-Api-Key %q, want ours once", values)
					}
				case "Accept-Encoding", "User-Agent":
				default:
					t.Errorf("the provider sees %s: %q", name, values)
				}
			}
			if len(got["Authorization"]) != 1 || len(got["X-Api-Key"]) != 1 {
				t.Errorf("the provider sees %v, want both credentials", got)
			}
		})
	}
}

// C-08: a value that would break out of its header is refused before anything is written.
func TestBadToken(t *testing.T) {
	tests := []struct {
		name, token string
		want        error
	}{
		{"empty", "", inject.ErrNoToken},
		{"line break", "x\r\nX-Evil: 1", inject.ErrBadToken},
		{"line feed", "x\n", inject.ErrBadToken},
		{"carriage return", "\rx", inject.ErrBadToken},
		{"nul", "x\x00", inject.ErrBadToken},
		{"space", "x y", inject.ErrBadToken},
		{"delete", "x\x7f", inject.ErrBadToken},
		{"not ASCII", "tökén", inject.ErrBadToken},
		{"not UTF-8", "x\xff", inject.ErrBadToken},
		{"too long", strings.Repeat("x", 16<<10+1), inject.ErrBadToken},
		{"far too long", strings.Repeat("x", 1<<20), inject.ErrBadToken},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, p := range []*inject.Plan{plan(t, nil), plan(t, nil, query(t, "key", "{token}"))} {
				r := request(t, "https://api.example.com/?a=1", nil)
				err := apply(p, r, connectors.Values{"token": test.token})
				if !errors.Is(err, test.want) {
					t.Fatalf("got %v, want %v", err, test.want)
				}
				if len(r.Header) != 0 || r.URL.RawQuery != "a=1" {
					t.Errorf("the request has %v and %s", r.Header, r.URL)
				}
				if test.token != "" && strings.Contains(err.Error(), test.token) {
					t.Errorf("the error shows the token: %v", err)
				}
				if test.token == "" && !strings.Contains(err.Error(), "{token}") {
					t.Errorf("the error does not say what is missing: %v", err)
				}
			}
		})
	}
}
