package api_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/internal/api"
)

func TestBodyStrict(t *testing.T) {
	k := setup(t, nil)
	const secret = "canary-in-a-bad-body"
	tests := []struct {
		name, body, kind string
		status           int
		code, says       string
	}{
		{"unknown field", `{"name":"x","secret":"` + secret + `"}`, "", 400, "field_unknown", `"secret"`},
		{"other case", `{"Name":"x"}`, "", 400, "field_unknown", `"Name"`},
		{"twice", `{"client_secret":"` + secret + `","client_secret":""}`, "", 400, "body_invalid", "client_secret"},
		{"twice, deep", `{"params":{"port":"1","port":"2"}}`, "", 400, "body_invalid", "port"},
		{"trailing object", `{"name":"x"}{}`, "", 400, "body_invalid", "after"},
		{"trailing text", `{"name":"x"} x`, "", 400, "body_invalid", "after"},
		{"cut off", `{"name":"x"`, "", 400, "body_invalid", "not JSON"},
		{"cut off in a list", `{"scopes":["x"`, "", 400, "body_invalid", "not JSON"},
		{"no value", `{"name"}`, "", 400, "body_invalid", "not JSON"},
		{"list", `[]`, "", 400, "body_invalid", "object"},
		{"null", `null`, "", 400, "body_invalid", "object"},
		{"not JSON", `name=x`, "", 400, "body_invalid", "not JSON"},
		{"empty", ` `, "", 400, "body_invalid", "not JSON"},
		{"not UTF-8", "{\"name\":\"\xff\"}", "", 400, "body_invalid", "UTF-8"},
		{"number", `{"client_secret":17}`, "", 400, "field_invalid", "client_secret must be a string"},
		{"text for list", `{"scopes":"` + secret + `"}`, "", 400, "field_invalid", "scopes must be a list of strings"},
		{"number in list", `{"scopes":[1]}`, "", 400, "field_invalid", "scopes must be a string"},
		{"list for map", `{"params":["a"]}`, "", 400, "field_invalid", "params must be an object"},
		{"too large", `{"name":"` + strings.Repeat("x", 64<<10) + `"}`, "", 413, "body_too_large", "64 KiB"},
		{"form", `{"name":"x"}`, "application/x-www-form-urlencoded", 415, "content_type_not_supported", "application/json"},
		{"text", `{"name":"x"}`, "text/plain", 415, "content_type_not_supported", ""},
		{"no type", `{"name":"x"}`, " ", 415, "content_type_not_supported", ""},
		{"other charset", `{"name":"x"}`, "application/json; charset=latin1", 415, "content_type_not_supported", ""},
		{"charset", `{"name":"X"}`, "application/json; charset=UTF-8", 400, "connection_name_invalid", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			kind := tt.kind
			if kind == "" {
				kind = "application/json"
			}
			got := k.send("POST", "/claviger/connections", tt.body, "Content-Type: "+strings.TrimSpace(kind))
			got.wants(t, tt.status, tt.code)
			if !strings.Contains(got.problem.Detail, tt.says) {
				t.Errorf("detail %q does not say %q", got.problem.Detail, tt.says)
			}
			if strings.Contains(got.text, secret) {
				t.Errorf("the answer repeats a value: %s", got.text)
			}
		})
	}
	t.Run("fields are named", func(t *testing.T) {
		got := k.send("POST", "/claviger/links", `{"user":"ada"}`)
		if want := "the fields are connection, identifier, scopes, inputs, return_url, state, choice, device"; got.problem.Next != want {
			t.Errorf("next is %q, want %q", got.problem.Next, want)
		}
	})
	t.Run("none is taken", func(t *testing.T) {
		a := k.account("mail", "ada", nil)
		path := "/claviger/accounts/" + string(a.ID) + "/disconnect"
		k.send("POST", path, `{"revoke":true}`).wants(t, 400, "field_unknown")
		k.send("POST", path, `x=1`, "Content-Type: text/plain").wants(t, 415, "content_type_not_supported")
		k.send("DELETE", "/claviger/connections/mail", `{"force":true}`).wants(t, 400, "field_unknown")
	})
}

// What a body becomes in memory is in proportion to its length.
func TestBodyEntries(t *testing.T) {
	k := setup(t, nil)
	names := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"p%d":"",`, i)
		}
		return strings.TrimSuffix(b.String(), ",")
	}
	for name, body := range map[string]string{
		"list":  `{"accounts":[` + strings.Repeat("{},", 2<<20) + `{}]}`,
		"table": `{"accounts":[{"grant":{"captured":{` + names(2000) + `}}}]}`,
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got := k.send("POST", "/claviger/accounts/import", body)
		runtime.ReadMemStats(&after)
		got.wants(t, 400, "body_invalid")
		if !strings.Contains(got.problem.Detail, "1000 entries") {
			t.Errorf("%s: detail is %q", name, got.problem.Detail)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 100<<20 {
			t.Errorf("%s: %d bytes took %d MiB", name, len(body), used>>20)
		}
	}
}

func TestRoutes(t *testing.T) {
	k := setup(t, nil)
	a := k.account("mail", "ada", nil)
	tests := []struct {
		method, path string
		status       int
		code, allow  string
	}{
		{"GET", "/claviger", 404, "route_not_found", ""},
		{"GET", "/claviger/", 404, "route_not_found", ""},
		{"GET", "/claviger/users", 404, "route_not_found", ""},
		{"GET", "/claviger/accounts/", 404, "route_not_found", ""},
		{"GET", "/claviger//status", 404, "route_not_found", ""},
		{"POST", "/claviger/accounts/../links", 404, "route_not_found", ""},
		{"GET", "/status", 404, "route_not_found", ""},
		{"GET", "/claviger/links/lnk_x", 404, "link_not_found", ""},
		{"GET", "/claviger/links/lnk_x/y", 404, "route_not_found", ""},
		{"POST", "/claviger/status", 405, "method_not_allowed", "GET, HEAD"},
		{"PUT", "/claviger/connections", 405, "method_not_allowed", "GET, HEAD, POST"},
		{"PUT", "/claviger/connections/mail", 405, "method_not_allowed", "DELETE, GET, HEAD, PATCH"},
		{"PUT", "/claviger/links", 405, "method_not_allowed", "GET, HEAD, POST"},
		{"POST", "/claviger/links/lnk_x", 405, "method_not_allowed", "DELETE, GET, HEAD"},
		{"PUT", "/claviger/accounts/" + string(a.ID), 405, "method_not_allowed", "DELETE, GET, HEAD, PATCH"},
		{"GET", "/claviger/accounts/mail/ada/disconnect", 405, "method_not_allowed", "POST"},
		{"BREW", "/claviger/accounts", 405, "method_not_allowed", "GET, HEAD, POST"},
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			got := k.send(tt.method, tt.path, "")
			got.wants(t, tt.status, tt.code)
			if allow := got.header.Get("Allow"); allow != tt.allow {
				t.Errorf("Allow is %q, want %q", allow, tt.allow)
			}
		})
	}
	for _, path := range []string{"/status", "/connectors", "/connectors/demo", "/connections/mail", "/accounts/" + string(a.ID)} {
		if got := k.send("HEAD", "/claviger"+path, ""); got.status != 200 || got.text != "" {
			t.Errorf("HEAD %s: %d with %q", path, got.status, got.text)
		}
		k.send("GET", "/claviger"+path+"?verbose=1", "").wants(t, 400, "parameter_unknown")
	}
}

func TestPrefix(t *testing.T) {
	k := setup(t, func(o *api.Options) { o.Prefix = "/api" })
	if _, err := k.Status(t.Context()); err != nil {
		t.Error(err)
	}
	k.send("GET", "/claviger/status", "").wants(t, 404, "route_not_found")
}

func TestBrowsers(t *testing.T) {
	k := setup(t, nil)
	a := k.account("mail", "ada", nil)
	path := "/claviger/accounts/" + string(a.ID) + "/disconnect"
	k.send("POST", path, "", "Origin: https://evil.example").wants(t, 403, "browser_not_allowed")
	k.send("POST", path, "", "Sec-Fetch-Site: cross-site").wants(t, 403, "browser_not_allowed")
	k.send("DELETE", "/claviger/connections/mail", "", "Origin: null").wants(t, 403, "browser_not_allowed")
	if got, err := k.Account(t.Context(), string(a.ID)); err != nil || got.Status != "ACTIVE" {
		t.Errorf("the account is %s now (%v)", got.Status, err)
	}
	if got := k.send("POST", path, "", "Origin: "+k.url); got.status != 200 {
		t.Errorf("a page of the same origin: got %d", got.status)
	}
}
