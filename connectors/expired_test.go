package connectors_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claviger-proxy/claviger/connectors"
)

func TestExpired(t *testing.T) {
	const long = `{"ok":false,"error":"token_expired"}`
	tests := []struct {
		name, when string
		status     int
		header     http.Header
		body       string
		maybe, is  bool
	}{
		{name: "status", when: "status: 403", status: 403, maybe: true},
		{name: "other status", when: "status: 403", status: 404},
		{name: "header", when: "header: {name: x-reason, contains: Token Expired}", status: 200, header: http.Header{"X-Reason": {"a", "TOKEN EXPIRED."}}, maybe: true},
		{name: "other header", when: "header: {name: X-Reason, contains: expired}", status: 200, header: http.Header{"X-Other": {"expired"}}},
		{name: "status without the header", when: "status: 403, header: {name: X-Reason, contains: expired}", status: 403},
		{name: "header without the status", when: "status: 403, header: {name: X-Reason, contains: expired}", status: 400, header: http.Header{"X-Reason": {"expired"}}},
		{name: "body", when: "path: error, in: [x, token_expired]", status: 200, body: long, maybe: true, is: true},
		{name: "body of other status", when: "status: 400, path: error, in: [token_expired]", status: 200, body: long, is: true},
		{name: "other text", when: "path: error, in: [expired]", status: 200, body: long, maybe: true},
		{name: "other member", when: "path: ok, in: [token_expired]", status: 200, body: long, maybe: true},
		{name: "deeper", when: "path: error.code, in: [190]", status: 400, body: ` {"error":{"code":190}} `, maybe: true, is: true},
		{name: "not deep enough", when: "path: error.code, in: [x]", status: 400, body: `{"error":"x"}`, maybe: true},
		{name: "too deep", when: "path: error, in: [x]", status: 400, body: `{"error":{"code":"x"}}`, maybe: true},
		{name: "boolean", when: "path: ok, in: [false]", status: 400, body: `{"ok":false}`, maybe: true, is: true},
		{name: "null", when: "path: ok, in: ['null']", status: 400, body: `{"ok":null}`, maybe: true},
		{name: "list", when: "path: ok, in: ['x']", status: 400, body: `{"ok":["x"]}`, maybe: true},
		{name: "escaped", when: "path: error, in: [token_expired]", status: 200, body: `{"error":"\u0074oken_expired"}`, maybe: true, is: true},
		{name: "in a text", when: "path: error, in: [token_expired]", status: 200, body: `{"text":"\"error\":\"token_expired\""}`, maybe: true},
		{name: "cut", when: "path: error, in: [token_expired]", status: 200, body: long[:len(long)-1], maybe: true},
		{name: "no object", when: "path: error, in: [token_expired]", status: 200, body: `"token_expired"`, maybe: true},
		{name: "two documents", when: "path: error, in: [token_expired]", status: 200, body: long + long, maybe: true},
		{name: "deep", when: "path: error, in: [token_expired]", status: 200, body: strings.Repeat(`{"error":`, 20_000) + `"token_expired"`, maybe: true},
		{name: "nothing", when: "path: error, in: [token_expired]", status: 200, maybe: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := decode(t, minimal+"errors: {expired_when: [{"+tt.when+"}]}\n")
			looked := 0
			got := c.TokenExpired(tt.status, tt.header, func() []byte {
				looked++
				return []byte(tt.body)
			})
			if want := tt.maybe && (tt.is || !strings.Contains(tt.when, "path")); got != want {
				t.Errorf("got %t, want %t", got, want)
			}
			if want := tt.maybe && strings.Contains(tt.when, "path"); (looked == 1) != want || looked > 1 {
				t.Errorf("looked at the body %d times, want that %t", looked, want)
			}
		})
	}
	if !new(connectors.Connector).TokenExpired(http.StatusUnauthorized, nil, nil) {
		t.Error("status 401 is no refusal")
	}
}

// A case of an error is a code, or a mapping that says more.
func TestDecodeErrorCases(t *testing.T) {
	c := decode(t, minimal+`errors:
  permanent_when: [gone, "42002", {code: invalid_request, text: refresh token revoked}, {text: "no: more"}]
  operator_when: [{status: 402}]
  transient_when: [{code: busy, status: 400}]
`)
	want := connectors.Errors{
		PermanentWhen: []connectors.ErrorCase{{Code: "gone"}, {Code: "42002"}, {Code: "invalid_request", Text: "refresh token revoked"}, {Text: "no: more"}},
		OperatorWhen:  []connectors.ErrorCase{{Status: 402}},
		TransientWhen: []connectors.ErrorCase{{Code: "busy", Status: 400}},
	}
	if diff := cmp.Diff(want, c.Errors); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	checkRoundTrip(t, c)
}

// All that is declared about the life of tokens comes through a file and back.
func TestDecodeLife(t *testing.T) {
	c := decode(t, strings.Replace(minimal, "client_auth: basic", "client_auth: basic\n  expires_from: introspection", 1)+`
refresh: {min_age: 24h, keepalive: 720h, ttl: 1440h, limit: {requests: 10, per: 10m}}
introspect: {url: https://login.example.com/introspect, auth: bearer, param: t, headers: {X-A: b}, expires: a.exp, active: a.ok}
errors: {expired_when: [{status: 403, header: {name: X-A, contains: b}, path: c, in: [d, 1]}]}
`)
	hour := connectors.Duration(3600e9)
	want := connectors.Refresh{MinAge: 24 * hour, Keepalive: 720 * hour, TTL: 1440 * hour, Limit: connectors.Limit{Requests: 10, Per: hour / 6}}
	if diff := cmp.Diff(want, c.Refresh); diff != "" {
		t.Errorf("refresh (-want +got):\n%s", diff)
	}
	if c.Token.ExpiresFrom != connectors.ExpiresFromIntrospection {
		t.Errorf("expires_from is %q", c.Token.ExpiresFrom)
	}
	if e, err := c.Endpoints(nil); err != nil || e.Introspect != "https://login.example.com/introspect" {
		t.Errorf("Endpoints: Introspect = %q, %v", e.Introspect, err)
	}
	if diff := cmp.Diff([]string{"d", "1"}, c.Errors.ExpiredWhen[0].In); diff != "" {
		t.Errorf("in (-want +got):\n%s", diff)
	}
	checkRoundTrip(t, c)
	never := decode(t, strings.Replace(minimal, "client_auth: basic", "client_auth: basic\n  ttl: never", 1))
	if never.Token.TTL != connectors.TTLNever {
		t.Errorf("ttl is %q", never.Token.TTL)
	}
	checkRoundTrip(t, never)
}
