package caddymodule

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/internal/connection"
	"github.com/claviger-proxy/claviger/vault"
)

// hopFor is the hop of a request of demo/alice to that path of this proxy, at a base with a path.
func hopFor(t *testing.T, path string) *hop {
	t.Helper()
	more, err := connectors.Decode("climb.yaml", []byte(`schema: 1
name: climb
title: Climb
authorize:
  url: https://api.example.com/authorize
token:
  url: https://api.example.com/token
  client_auth: none
api:
  base_url: https://api.example.com/v1
`))
	if err != nil {
		t.Fatal(err)
	}
	catalog, err := connectors.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	c, err := connection.New(vault.Connection{Name: "climb", Connector: "climb", ClientID: "id"}, catalog.With(more))
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Host = "localhost:8090"
	r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8090}))
	var tag tag
	if err := tag.read(r); err != nil {
		t.Fatal(err)
	}
	if tag.path.IsZero() {
		tag.header = broker.Ref{Connection: "climb", Identifier: "alice"}
	}
	base, _ := c.Base("")
	return &hop{target: broker.Target{Connection: c}, credential: broker.Credential{Connection: c}, base: base, tag: tag, inbound: r}
}

// A provider must not lead its caller to another account of this proxy, in no spelling that some
// client resolves.
func TestLinksDoNotLeadToOtherAccounts(t *testing.T) {
	for _, from := range []string{"/@climb/alice/a/b", "/a"} {
		for _, link := range []string{
			"/@slack/bob/x", "../../../../@slack/bob/x", "../../../@slack/bob/x", "../@slack/bob/x", "./../@slack/bob/x",
			"@slack/bob/x", "./@slack/bob/x", "x/../../../../@slack/bob/x", "%2e%2e/%2E./.%2e/@slack/bob/x",
			`..\..\..\@slack\bob\x`, "/v1/../@slack/bob/x", "/v1/x/../../../../@slack/bob/x", "/x/../@slack/bob/x",
			"/v1/%2e%2e/%2e%2e/%2e%2e/@slack/bob/x", "https://api.example.com/v1/../../../@slack/bob/x",
			"https://api.example.com/v1/%2e%2e/%2e%2e/%2e%2e/@slack/bob/x", "//api.example.com/v1/../../../@slack/bob/x",
			".\t./../../../@slack/bob/x", " ../../../../@slack/bob/x", "/\t@slack/bob/x",
			"http://localhost:8090/@slack/bob/x", "http://LOCALHOST:8090/@slack/bob/x", "http://127.0.0.1:8090/@slack/bob/x",
			"//localhost:8090/@slack/bob/x", "http://[::1]:8090/@slack/bob/x", "http://localhost.:8090/@slack/bob/x",
			"http:/@slack/bob/x", "http:../../../../@slack/bob/x", "http:@slack/bob/x", `/\localhost:8090/@slack/bob/x`,
			"///localhost:8090/@slack/bob/x", "http:///localhost:8090/@slack/bob/x", "%zz/../../../../@slack/bob/x",
		} {
			t.Run(from+" "+link, func(t *testing.T) {
				resp := &http.Response{Header: http.Header{"Location": {link}, "Link": {"<" + link + ">; rel=next"}}}
				cleanAnswer(resp, hopFor(t, from))
				for _, got := range []string{
					resp.Header.Get("Location"), strings.TrimSuffix(strings.TrimPrefix(resp.Header.Get("Link"), "<"), ">; rel=next"),
				} {
					if u := follow(t, from, got); u.Port() == "8090" && strings.HasPrefix(path.Clean(u.Path), "/@slack") {
						t.Errorf("got %q, which leads to %s", got, u)
					}
				}
			})
		}
	}
}

// follow resolves a link as browsers do.
func follow(t *testing.T, from, link string) *url.URL {
	t.Helper()
	link = strings.NewReplacer("\t", "", `\`, "/", "%2e", ".", "%2E", ".", "%zz", "zz").Replace(strings.TrimSpace(link))
	if rest, ok := strings.CutPrefix(link, "http:"); ok && !strings.HasPrefix(rest, "//") {
		link = rest
	}
	link = strings.Replace(link, "///", "//", 1)
	u, err := url.Parse("http://localhost:8090" + from)
	if err != nil {
		t.Fatal(err)
	}
	if u, err = u.Parse(link); err != nil {
		t.Fatal(err)
	}
	return u
}

func TestLinksWithAtSign(t *testing.T) {
	h := hopFor(t, "/@climb/alice/a/b")
	for _, c := range []struct{ name, link, want string }{
		{"below the base", "https://api.example.com/v1/a@b.example/y?p=2#c", "http://localhost:8090/@climb/alice/a@b.example/y?p=2#c"},
		{"from the root", "/v1/a@b.example/y", "http://localhost:8090/@climb/alice/a@b.example/y"},
		{"beside", "a@b.example/y", "http://localhost:8090/@climb/alice/a/a@b.example/y"},
		{"one up", "../a@b.example/y", "http://localhost:8090/@climb/alice/a@b.example/y"},
		{"out of the base", "../../a@b.example/y", "https://api.example.com/a@b.example/y"},
		{"root outside the base", "/a@b.example/y", "https://api.example.com/a@b.example/y"},
		{"other host", "https://evil.test/@x/y", "https://evil.test/@x/y"},
		{"user info", "https://u@api.example.com/v1/y", "https://u@api.example.com/v1/y"},
		{"in the query", "y?p=../@x", "y?p=../@x"},
		{"mailto", "mailto:a@b.example", "mailto:a@b.example"},
		{"this proxy", "http://localhost:8090/@slack/bob/x", "https://api.example.com/v1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp := &http.Response{Header: http.Header{"Location": {c.link}}}
			if cleanAnswer(resp, h); resp.Header.Get("Location") != c.want {
				t.Errorf("got %q, want %q", resp.Header.Get("Location"), c.want)
			}
		})
	}
}
