package inject_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/inject"
)

func TestPlaces(t *testing.T) {
	path := func(text string) connectors.Injection { return injection(t, connectors.InPath, "", text) }
	cookie := func(name, text string) connectors.Injection { return injection(t, connectors.InCookie, name, text) }
	tests := []struct {
		name    string
		in      []connectors.Injection
		headers map[string]string
		values  connectors.Values
		url     string
		want    http.Header
		wantURL string
	}{
		{
			name: "inputs and what was captured", in: []connectors.Injection{header(t, "X-Tenant", "{app.region}/{captured.tenant}")},
			values: connectors.Values{"app.region": "eu west", "captured.tenant": "t1"}, want: http.Header{"X-Tenant": {"eu west/t1"}},
		},
		{
			name: "function", in: []connectors.Injection{header(t, "Authorization", "Key {hex(sha256(account.key))}")},
			values: connectors.Values{"account.key": "Pässwort"},
			want:   http.Header{"Authorization": {"Key 2f29debf8a6dc1695a89ed190f7d931b0102ac6369474d59a9a483c332c9e954"}},
		},
		{
			name: "cookies", in: []connectors.Injection{cookie("sid", "{token}"), cookie("ROUTE", ".{captured.node}")},
			values: connectors.Values{"token": "a=b", "captured.node": "n1"}, want: http.Header{"Cookie": {"sid=a=b; ROUTE=.n1"}},
		},
		{
			name: "basic beyond ASCII", in: []connectors.Injection{basic(t, "{account.org}", "{account.key}")},
			values: connectors.Values{"account.org": "Zoë", "account.key": "a:b c"},
			want:   http.Header{"Authorization": {"Basic Wm/DqzphOmIgYw=="}},
		},
		{
			name: "password alone", in: []connectors.Injection{basic(t, "", "{token}")}, values: one,
			want: http.Header{"Authorization": {"Basic OnRvay0wMTIzNDU2Nzg5"}},
		},
		{
			name: "query", in: []connectors.Injection{query(t, "key", "{account.key}"), query(t, "org", "{account.org}")},
			values: connectors.Values{"account.key": "é&=+ %", "account.org": "a;b"}, url: "https://api.example.com/x?a=%41&KEY=mine",
			wantURL: "https://api.example.com/x?a=%41&key=%C3%A9%26%3D%2B+%25&org=a%3Bb",
		},
		{name: "path", in: []connectors.Injection{path("bot{token}")}, values: one, wantURL: "https://api.example.com/bot" + token + "/v1/me?a=%41"},
		{
			name: "path is escaped", in: []connectors.Injection{path("{token}")}, values: connectors.Values{"token": "a%2Fb?c#d;e,f:g@h"},
			wantURL: "https://api.example.com/a%252Fb%3Fc%23d%3Be%2Cf:g@h/v1/me?a=%41",
		},
		{
			name: "path of the caller stays", in: []connectors.Injection{path("{token}")}, values: one,
			url: "https://api.example.com/a%2Fb;c//%7e/", wantURL: "https://api.example.com/" + token + "/a%2Fb;c//%7e/",
		},
		{name: "path before none", in: []connectors.Injection{path("{token}")}, values: one, url: "https://api.example.com", wantURL: "https://api.example.com/" + token},
		{name: "dots", in: []connectors.Injection{path("{token}")}, values: connectors.Values{"token": "..."}, wantURL: "https://api.example.com/.../v1/me?a=%41"},
		{
			name: "path and query", in: []connectors.Injection{path("{token}"), query(t, "key", "{account.key}")},
			values: connectors.Values{"token": "t", "account.key": "k"}, wantURL: "https://api.example.com/t/v1/me?a=%41&key=k",
		},
		{
			name: "default headers", headers: map[string]string{
				"X-Region": "{app.region}", "X-Client": "{client_id}", "Accept": "x/y", "User-Agent": "app of {account.org}", "X-Braces": "{{}}",
			},
			in:     []connectors.Injection{header(t, "X-Key", "{token}")},
			values: connectors.Values{"app.region": "eu", "client_id": "id", "account.org": "acme", "token": "t"},
			want: http.Header{
				"X-Region": {"eu"}, "X-Client": {"id"}, "Accept": {"x/y"}, "User-Agent": {"app of acme"}, "X-Braces": {"{}"}, "X-Key": {"t"},
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.url == "" {
				test.url = "https://api.example.com/v1/me?a=%41"
			}
			if test.wantURL == "" {
				test.wantURL = test.url
			}
			if test.want == nil {
				test.want = http.Header{}
			}
			p := plan(t, test.headers, test.in...)
			r := request(t, test.url, http.Header{"Cookie": {"sid=mine"}, "Authorization": {"mine"}, "User-Agent": {""}})
			original := r.URL
			p.Strip(r)
			if err := apply(p, r, test.values); err != nil {
				t.Fatal(err)
			}
			if r.Header.Get("User-Agent") == "" {
				delete(r.Header, "User-Agent")
			}
			if diff := cmp.Diff(test.want, r.Header); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
			if got := r.URL.String(); got != test.wantURL {
				t.Errorf("got URL  %s\nwant URL %s", got, test.wantURL)
			}
			if original.String() != test.url {
				t.Errorf("the URL of the original became %s", original)
			}
		})
	}
}

// What a caller sends stays in the place of a default header, filled in or not.
func TestCallerOverridesDefault(t *testing.T) {
	p := plan(t, map[string]string{"X-Org": "{account.org}", "X-Region": "{app.region}", "X-Version": "1"})
	r := request(t, "https://api.example.com/", http.Header{"X-Org": {"mine"}, "X-Version": {"2"}})
	p.Strip(r)
	if err := apply(p, r, connectors.Values{"token": token, "account.org": "acme", "app.region": "eu"}); err != nil {
		t.Fatal(err)
	}
	want := http.Header{"X-Org": {"mine"}, "X-Version": {"2"}, "X-Region": {"eu"}, "Authorization": {"Bearer " + token}}
	if diff := cmp.Diff(want, r.Header); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

// An optional input without a value: what names it is left out, but never with a part of a credential.
func TestOptional(t *testing.T) {
	tests := []struct {
		name    string
		headers map[string]string
		in      []connectors.Injection
		values  connectors.Values
		want    http.Header
		missing string
	}{
		{
			name: "of several", in: []connectors.Injection{header(t, "X-Key", "{account.key}"), header(t, "X-Extra", "{account.extra}")},
			values: connectors.Values{"account.key": "k"}, want: http.Header{"X-Key": {"k"}},
		},
		{
			name: "the first of several", in: []connectors.Injection{header(t, "X-Extra", "{account.extra}"), header(t, "X-Key", "{account.key}")},
			values: connectors.Values{"account.key": "k", "account.extra": ""}, want: http.Header{"X-Key": {"k"}},
		},
		{
			name: "there", in: []connectors.Injection{header(t, "X-Key", "{account.key}"), header(t, "X-Extra", "{account.extra}")},
			values: connectors.Values{"account.key": "k", "account.extra": "e"}, want: http.Header{"X-Key": {"k"}, "X-Extra": {"e"}},
		},
		{name: "an API that is open without a key", in: []connectors.Injection{header(t, "X-Extra", "{account.extra}")}, want: http.Header{}},
		{name: "basic", in: []connectors.Injection{basic(t, "{account.extra}", "")}, want: http.Header{}},
		{name: "cookie", in: []connectors.Injection{injection(t, connectors.InCookie, "a", "{account.extra}")}, want: http.Header{}},
		{name: "beside an input", in: []connectors.Injection{header(t, "X-Site", "{account.org}/{account.site}")}, values: connectors.Values{"account.org": "o"}, want: http.Header{}},
		{name: "beside a token", in: []connectors.Injection{header(t, "X-Site", "{account.site}:{token}")}, values: one, missing: "{account.site}"},
		{name: "beside no token", in: []connectors.Injection{header(t, "X-Site", "{account.site}:{token}")}, missing: "{token}"},
		{name: "beside a secret", in: []connectors.Injection{basic(t, "{account.key}", "{account.site}")}, values: connectors.Values{"account.key": "k"}, missing: "{account.site}"},
		{name: "beside a missing secret", in: []connectors.Injection{basic(t, "{account.site}", "{account.key}")}, missing: "{account.key}"},
		{name: "half of two", in: []connectors.Injection{basic(t, "{account.extra}", "{account.site}")}, values: connectors.Values{"account.extra": "e"}, missing: "{account.site}"},
		{name: "path", in: []connectors.Injection{injection(t, connectors.InPath, "", "{account.extra}")}, missing: "{account.extra}"},
		{name: "required", in: []connectors.Injection{header(t, "X-Key", "{account.key}")}, values: one, missing: "{account.key}"},
		{name: "captured", in: []connectors.Injection{header(t, "X-Key", "{token}"), query(t, "t", "{captured.tenant}")}, values: one, missing: "{captured.tenant}"},
		{name: "client", in: []connectors.Injection{header(t, "X-Key", "{token}"), header(t, "Client-Id", "{client_id}")}, values: one, missing: "{client_id}"},
		{
			name: "default header", headers: map[string]string{"X-Agent": "{app.agent}/{app.region}"},
			values: one, want: http.Header{"Authorization": {"Bearer " + token}},
		},
		{name: "required default header", headers: map[string]string{"X-Region": "{app.region}"}, values: one, missing: "{app.region}"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := plan(t, test.headers, test.in...)
			r := request(t, "https://api.example.com/", nil)
			if test.missing != "" {
				err := apply(p, r, test.values)
				if !errors.Is(err, inject.ErrNoToken) || !strings.Contains(err.Error(), test.missing) {
					t.Errorf("got %v, want that there is no %s", err, test.missing)
				}
				return
			}
			if err := apply(p, r, test.values); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, r.Header); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
		})
	}
}

// C-02: a place that is left out for want of a value is not the caller's to fill.
func TestOptionalIsStripped(t *testing.T) {
	p := plan(t, nil, header(t, "X-Extra", "{account.extra}"), query(t, "site", "{account.site}"))
	r := request(t, "https://api.example.com/?site=mine&a=1", http.Header{"X-Extra": {"mine"}, "x_extra": {"mine"}})
	p.Strip(r)
	if err := apply(p, r, nil); err != nil {
		t.Fatal(err)
	}
	if len(r.Header) != 0 || r.URL.RawQuery != "a=1" {
		t.Errorf("got %v and %s, want nothing of it", r.Header, r.URL.RawQuery)
	}
}

// C-08: what would leave its place, or end the line, is refused before anything is written.
func TestHostileValues(t *testing.T) {
	const key = "{account.key}"
	places := map[string]connectors.Injection{
		"header": header(t, "X-Key", key),
		"query":  query(t, "key", key),
		"path":   injection(t, connectors.InPath, "", "v{account.key}"),
		"dots":   injection(t, connectors.InPath, "", ".{account.key}"),
		"whole":  injection(t, connectors.InPath, "", key),
		"cookie": injection(t, connectors.InCookie, "sid", key),
		"body":   injection(t, connectors.InBody, "key", key),
		"user":   basic(t, key, "x"),
		"basic":  basic(t, "x", key),
	}
	all := []string{"header", "query", "path", "dots", "whole", "cookie", "body", "user", "basic"}
	tests := []struct {
		name, value string
		bad         []string
	}{
		{"line break", "x\r\nX-Evil: 1", all},
		{"line feed at the end", "x\n", all},
		{"nul", "x\x00y", all},
		{"escape", "\x1b[31m", all},
		{"delete", "x\x7f", all},
		{"next line", "x\u0085y", all},
		{"not UTF-8", "x\xff", all},
		{"a megabyte", strings.Repeat("x", 1<<20), all},
		{"over the limit", strings.Repeat("x", 16<<10+1), all},
		{"space at the end", "x ", []string{"header", "cookie"}},
		{"space", "x y", []string{"cookie"}},
		{"quotes", `"x"`, []string{"cookie"}},
		{"second cookie", "x;admin=1", []string{"cookie"}},
		{"comma", "x,y", []string{"cookie"}},
		{"backslash", `x\y`, []string{"cookie", "path", "dots", "whole"}},
		{"slash", "x/../y", []string{"path", "dots", "whole"}},
		{"dot", ".", []string{"dots", "whole"}},
		{"dots", "..", []string{"whole"}},
		{"escaped dots and slash", "%2e%2e%2f", nil},
		{"colon", "x:y", []string{"user"}},
		{"not ASCII", "clé", []string{"header", "cookie"}},
		{"harmless", "x-1_2.3~4", nil},
	}
	for _, test := range tests {
		for name, in := range places {
			t.Run(test.name+"/"+name, func(t *testing.T) {
				p := plan(t, nil, in)
				_, err := p.Prepare(connectors.Values{"account.key": test.value})
				bad := slices.Contains(test.bad, name)
				if bad != errors.Is(err, inject.ErrBadToken) || !bad && err != nil {
					t.Fatalf("got %v, want an error: %t", err, bad)
				}
				if err != nil && strings.Contains(err.Error(), test.value) && len(test.value) > 1 {
					t.Errorf("the error shows the value: %v", err)
				}
			})
		}
	}
}

func TestHostileDefault(t *testing.T) {
	p := plan(t, map[string]string{"X-Org": "{account.org}"})
	_, err := p.Prepare(connectors.Values{"token": token, "account.org": "x\r\nX-Evil: 1"})
	if !errors.Is(err, inject.ErrBadToken) || !strings.Contains(err.Error(), "X-Org") || strings.Contains(err.Error(), "Evil") {
		t.Errorf("got %v, want the header's name and not its value", err)
	}
}

// A function that cannot read its argument is not a reason to send something else.
func TestUnreadableArgument(t *testing.T) {
	_, err := plan(t, nil, header(t, "X-User", `{jwt_claim(token, "sub")}`)).Prepare(one)
	if !errors.Is(err, inject.ErrBadToken) || strings.Contains(err.Error(), token) {
		t.Errorf("got %v", err)
	}
}

// The time and random text are made for each request.
func TestVolatile(t *testing.T) {
	const nonce = `{account.key}{random("16")}`
	tests := map[string]struct {
		headers map[string]string
		in      connectors.Injection
		get     func(c *inject.Prepared, r *http.Request) string
	}{
		"default header": {map[string]string{"X-Nonce": "{uuid()}"}, header(t, "X-Key", "{token}"), func(_ *inject.Prepared, r *http.Request) string {
			return r.Header.Get("X-Nonce")
		}},
		"header": {nil, header(t, "X-Nonce", nonce), func(_ *inject.Prepared, r *http.Request) string { return r.Header.Get("X-Nonce") }},
		"half":   {nil, basic(t, "x", nonce), func(_ *inject.Prepared, r *http.Request) string { return r.Header.Get("Authorization") }},
		"query":  {nil, query(t, "nonce", nonce), func(_ *inject.Prepared, r *http.Request) string { return r.URL.Query().Get("nonce") }},
		"slot":   {nil, of("user", header(t, "X-Key", nonce)), func(_ *inject.Prepared, r *http.Request) string { return r.Header.Get("X-Key") }},
		"body": {nil, injection(t, connectors.InBody, "nonce", nonce), func(c *inject.Prepared, _ *http.Request) string {
			body, err := c.Body("", http.Header{"Content-Type": {"application/json"}}, nil)
			if err != nil {
				t.Error(err)
			}
			return string(body)
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := connector(t, test.headers, test.in, header(t, "Authorization-Info", "Bearer {token}"))
			p.API.Slots = []connectors.Slot{{Name: "user"}}
			values := connectors.Values{"token": token, "token.user": token, "account.key": "k"}
			c := prepare(t, compile(t, p), values)
			clear(values) // the credential keeps its own
			seen := map[string]bool{}
			for range 3 {
				r := request(t, "https://api.example.com/", nil)
				if err := c.ApplySlot(r, test.in.Slot); err != nil {
					t.Fatal(err)
				}
				seen[test.get(c, r)] = true
				if got := r.Header.Get("Authorization-Info"); got != "Bearer "+token {
					t.Errorf("got the other header %q", got)
				}
			}
			if len(seen) != 3 || seen[""] {
				t.Errorf("got %v, want three different texts", seen)
			}
		})
	}
}

// Without Strip before it, Apply leaves nothing of the caller's in its place either.
func TestApplyReplaces(t *testing.T) {
	p := plan(t, nil, header(t, "X-Key", "{token}"), query(t, "key", "{token}"), injection(t, connectors.InCookie, "sid", "{token}"))
	r := request(t, "https://api.example.com/?a=1&key=mine&KEY=mine", http.Header{"X-Key": {"mine", "mine"}, "Cookie": {"sid=mine"}})
	if err := apply(p, r, one); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(http.Header{"X-Key": {token}, "Cookie": {"sid=" + token}}, r.Header); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	if want := "a=1&key=" + token; r.URL.RawQuery != want {
		t.Errorf("got the query %s, want %s", r.URL.RawQuery, want)
	}
}

// A path that does not begin with a slash, as that of OPTIONS *, does not become a part of the segment.
func TestPathWithoutSlash(t *testing.T) {
	r := request(t, "https://api.example.com/", nil)
	r.URL.Path = "*"
	if err := apply(plan(t, nil, injection(t, connectors.InPath, "", "{token}")), r, one); err != nil {
		t.Fatal(err)
	}
	if want := "/" + token + "/*"; r.URL.Path != want || r.URL.EscapedPath() != want {
		t.Errorf("got %s and %s, want %s", r.URL.Path, r.URL.EscapedPath(), want)
	}
}

// Of several mistakes it is always the same one that is told.
func TestErrorIsStable(t *testing.T) {
	for range 20 {
		p := plan(t, map[string]string{"A": "{app.region}", "B": "{captured.b}", "C": "{captured.c}", "D": "{captured.d}"})
		if _, err := p.Prepare(one); err == nil || !strings.Contains(err.Error(), "{app.region}") {
			t.Fatalf("got %v, want that there is no {app.region}", err)
		}
	}
}
