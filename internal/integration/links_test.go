package integration

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

// basesAPI has a default base with a path, a named one below it, and one on another host name.
const basesAPI = `api:
  base_url: http://127.0.0.1:{app.port}/api
  bases:
    probe: http://127.0.0.1:{app.port}/api/echo
    local: http://localhost:{app.port}/api`

// Location, Content-Location and Link lead back through the proxy, by the same way of naming the
// account, when they point at one of the connection's own bases, and nowhere else.
func TestLinksComeBack(t *testing.T) {
	s := start(t, options{connectors: map[string]string{"bases": basesAPI}})
	id := s.connect("alice", "user_1").ID
	s.connectAt("bases", "alice", "user_2")
	own := fmt.Sprintf("http://127.0.0.1:%d", s.provider.Port())
	local := fmt.Sprintf("http://localhost:%d", s.provider.Port())
	proxy := s.proxy()
	for _, c := range []struct {
		name, path, header string
		link, want         string
	}{
		{"ID in the header", "/api/x", id, own + "/api/y?a=%2F&b#c", proxy + "/@" + id + "/api/y?a=%2F&b#c"},
		{"name in the header", "/api/x", "demo/user_1", own + "/api/y", proxy + "/@demo/user_1/api/y"},
		{"ID in the path", "/@" + id + "/api/x", "", own + "/api/y", proxy + "/@" + id + "/api/y"},
		{"name in the path", "/@demo/user_1/api/x", "", own + "/api/y", proxy + "/@demo/user_1/api/y"},
		{"escapes stay", "/@demo/user_1/api/x", "", own + "/a%2Fb/%E2%82%AC?q=%20+", proxy + "/@demo/user_1/a%2Fb/%E2%82%AC?q=%20+"},
		{"no path", "/@demo/user_1/api/x", "", own, proxy + "/@demo/user_1"},
		{"path from the root", "/api/x", "demo/user_1", "/api/y?p=2", proxy + "/@demo/user_1/api/y?p=2"},
		{"no scheme", "/api/x", "demo/user_1", strings.TrimPrefix(own, "http:") + "/api/y", proxy + "/@demo/user_1/api/y"},
		{"relative", "/api/x", "demo/user_1", "y?p=2", "y?p=2"},
		{"query only", "/api/x", "demo/user_1", "?p=2", "?p=2"},
		{"fragment only", "/api/x", "demo/user_1", "#top", "#top"},
		{"other host", "/api/x", "demo/user_1", "http://evil.test/api/y", "http://evil.test/api/y"},
		{"other port", "/api/x", "demo/user_1", "http://127.0.0.1:1/api/y", "http://127.0.0.1:1/api/y"},
		{"other scheme", "/api/x", "demo/user_1", strings.Replace(own, "http", "https", 1) + "/y", strings.Replace(own, "http", "https", 1) + "/y"},
		{"user info", "/api/x", "demo/user_1", strings.Replace(own, "//", "//u@", 1) + "/y", strings.Replace(own, "//", "//u@", 1) + "/y"},
		{"mailto", "/api/x", "demo/user_1", "mailto:a@b.example", "mailto:a@b.example"},
		{"no URL", "/api/x", "demo/user_1", "http://[::1", "http://[::1"},
		{"base with a path", "/@bases/user_2/x", "", own + "/api/y", proxy + "/@bases/user_2/y"},
		{"beside the base", "/@bases/user_2/x", "", own + "/apiary/y", own + "/apiary/y"},
		{"outside the base", "/@bases/user_2/x", "", own + "/oauth/y", own + "/oauth/y"},
		{"root outside the base", "/@bases/user_2/x", "", "/oauth/y", "/oauth/y"},
		{"default to named base", "/@bases/user_2/x", "", own + "/api/echo/y", proxy + "/@bases/user_2/@probe/y"},
		{"default to other host", "/x", "bases/user_2", local + "/api/y", proxy + "/@bases/user_2/@local/y"},
		{"named to the same", "/@bases/user_2/@local/x", "", local + "/api/y", proxy + "/@bases/user_2/@local/y"},
		{"named to default", "/@bases/user_2/@local/x", "", own + "/api/y", proxy + "/@bases/user_2/y"},
		{"named to another", "/@bases/user_2/@local/x", "", own + "/api/echo/y", proxy + "/@bases/user_2/@probe/y"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.provider.SetFault("/api/x", fakeprovider.Fault{Status: 201, Body: "{}", Header: http.Header{
				"Location": {c.link}, "Content-Location": {c.link}, "X-Location": {c.link},
				"Link": {`<` + c.link + `>; rel="next"; title="a, <b>", <http://evil.test/>; rel=last`, `<` + c.link + `>; rel=prev`},
			}})
			var headers []string
			if c.header != "" {
				headers = append(headers, "Connected-Account: "+c.header)
			}
			a := s.in(t).get(c.path, headers...)
			for name, want := range map[string]string{
				"Location": c.want, "Content-Location": c.want, "X-Location": c.link,
				"Link": `<` + c.want + `>; rel="next"; title="a, <b>", <http://evil.test/>; rel=last|<` + c.want + `>; rel=prev`,
			} {
				if got := strings.Join(a.Header[name], "|"); got != want {
					t.Errorf("got %s: %s\nwant %s", name, got, want)
				}
			}
		})
	}
}

// A client that knows nothing of tags pages through everything by following absolute URLs.
func TestPagingByLinks(t *testing.T) {
	s := start(t, options{})
	id := s.connect("alice", "a+b|c@example.com").ID
	next := regexp.MustCompile(`<([^>]*)>; rel="next"`)
	for _, way := range []struct{ path, header string }{
		{"/@" + id + "/api/messages?limit=2", ""},
		{"/@demo/a+b%7Cc@example.com/api/messages?limit=2", ""},
		{"/api/messages?limit=2", id},
		{"/api/messages?limit=2", "demo/a+b|c@example.com"},
	} {
		t.Run(way.path+way.header, func(t *testing.T) {
			req := s.in(t).request("GET", way.path, nil)
			if way.header != "" {
				req.Header.Set("Connected-Account", way.header)
			}
			seen, pages := map[string]bool{}, 0
			for req != nil {
				a, err := send(noRedirects, req)
				if err != nil {
					t.Fatal(err)
				}
				a.wantOK(t)
				var page struct{ Messages []struct{ ID string } }
				json.Unmarshal([]byte(a.body), &page)
				for _, m := range page.Messages {
					seen[m.ID] = true
				}
				pages++
				link := next.FindStringSubmatch(a.Header.Get("Link"))
				if req = nil; link == nil || pages > 10 {
					break
				}
				if _, path, _ := strings.Cut(link[1], "//"); strings.ContainsAny(path, "|<>\" ") {
					t.Errorf("%s is no URL", link[1])
				}
				if req, err = http.NewRequestWithContext(t.Context(), "GET", link[1], nil); err != nil {
					t.Fatal(err)
				}
			}
			if len(seen) != 7 || pages != 4 {
				t.Errorf("got %d messages on %d pages, want 7 on 4", len(seen), pages)
			}
		})
	}
}

// Named bases are reached by header and by path, and only those that there are.
func TestNamedBases(t *testing.T) {
	s := start(t, options{connectors: map[string]string{"bases": basesAPI}})
	s.connectAt("bases", "alice", "user_2")
	tag := "Connected-Account: bases/user_2"
	for _, c := range []struct {
		path    string
		headers []string
		want    string
	}{
		{"/echo/x", []string{tag}, "/api/echo/x"},
		{"/x%2Fy?a=1", []string{tag, "Connected-Base: probe"}, "/api/echo/x%2Fy?a=1"},
		{"/@bases/user_2/@probe/x", nil, "/api/echo/x"},
		{"/@bases/user_2/x", []string{"Connected-Base: probe"}, "/api/echo/x"},
		{"/@bases/user_2/@probe/x", []string{"Connected-Base: probe"}, "/api/echo/x"},
		{"/@bases/user_2/@local/echo/x", nil, "/api/echo/x"},
		{"/@bases/user_2/@probe", nil, "/api/echo/"},
		{"/@bases/user_2/@probe/@probe/x", nil, "/api/echo/@probe/x"},
	} {
		t.Run(c.path, func(t *testing.T) {
			a := s.in(t).get(c.path, c.headers...)
			if a.wantOK(t); a.Header.Get("X-Seen-Uri") != c.want {
				t.Errorf("the provider saw %s, want %s", a.Header.Get("X-Seen-Uri"), c.want)
			}
		})
	}
	for name, headers := range map[string][]string{
		"unknown":       {tag, "Connected-Base: nowhere"},
		"a host":        {tag, "Connected-Base: evil.test"},
		"a URL":         {tag, "Connected-Base: http://evil.test"},
		"empty":         {tag, "Connected-Base: "},
		"two":           {tag, "Connected-Base: probe", "Connected-Base: probe"},
		"other case":    {tag, "Connected-Base: PROBE"},
		"list":          {tag, "Connected-Base: probe, local"},
		"default, said": {tag, "Connected-Base: default"},
	} {
		t.Run(name, func(t *testing.T) { s.in(t).get("/echo/x", headers...).want(t, 400, "base_unknown") })
	}
	s.get("/@bases/user_2/@nowhere/x").want(t, 400, "base_unknown")
	s.get("/@bases/user_2/@/x").want(t, 400, "base_unknown")
	s.get("/@bases/user_2/@local/x", "Connected-Base: probe").want(t, 400, "base_unknown")
}
