package inject_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/connectors"
)

func BenchmarkBearer(b *testing.B) {
	p := plan(b, nil)
	values := connectors.Values{"token": strings.Repeat("x", 200)}
	r := request(b, "https://api.example.com/v1/things?page=2&size=50", nil)
	b.ReportAllocs()
	for b.Loop() {
		r.Header["Authorization"] = nil
		p.Strip(r)
		if err := apply(p, r, values); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDefaults(b *testing.B) {
	p := plan(b, map[string]string{"Accept": "application/json", "User-Agent": "claviger", "X-Version": "1"})
	values := connectors.Values{"token": strings.Repeat("x", 200)}
	r := request(b, "https://api.example.com/v1/things?page=2&size=50", nil)
	b.ReportAllocs()
	for b.Loop() {
		clear(r.Header)
		p.Strip(r)
		if err := apply(p, r, values); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkQuery(b *testing.B) {
	p := plan(b, nil, query(b, "key", "{token}"))
	values := connectors.Values{"token": strings.Repeat("x", 40)}
	target := request(b, "https://api.example.com/v1/things?page=2&key=mine&size=50", nil)
	b.ReportAllocs()
	for b.Loop() {
		r := *target
		p.Strip(&r)
		if err := apply(p, &r, values); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkApply is what a request costs whose account is in the broker's cache.
func BenchmarkApply(b *testing.B) {
	for _, test := range hot(b) {
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				test.do()
			}
		})
	}
}

// Headers are put on requests without allocation, whether they are one or several, and filled in from
// what the account has; the slots of other requests cost nothing.
func TestApplyAllocates(t *testing.T) {
	for _, test := range hot(t) {
		if got := testing.AllocsPerRun(100, test.do); got > test.want {
			t.Errorf("%s: %v allocations, want %v at most", test.name, got, test.want)
		}
	}
}

type hotPath struct {
	name string
	do   func()
	want float64
}

func hot(t testing.TB) []hotPath {
	t.Helper()
	with := func(c *connectors.Connector) func(slot string) func() {
		c.API.Slots = []connectors.Slot{{Name: "user"}}
		p := compile(t, c)
		credential := prepare(t, p, connectors.Values{
			"token": token, "token.user": "user", "account.org": "acme", "account.key": "key", "client_id": "id",
		})
		r := request(t, "https://api.example.com/v1/things?page=2&key=mine&size=50", http.Header{})
		return func(slot string) func() {
			return func() {
				one := *r
				clear(r.Header)
				if err := credential.ApplySlot(&one, slot); err != nil {
					t.Error(err)
				}
			}
		}
	}
	several := with(connector(t, map[string]string{"X-Org": "{account.org}"},
		header(t, "X-Key", "{account.key}"), header(t, "Client-Id", "{client_id}"), header(t, "Authorization", "Bearer {token}")))
	return []hotPath{
		{"bearer", with(connector(t, nil))(""), 0},
		{"defaults", with(connector(t, map[string]string{"Accept": "x/y", "User-Agent": "claviger", "X-Version": "1"}))(""), 0},
		{"several", several(""), 0},
		{"slot", several("user"), 0},
		{"basic", with(connector(t, nil, basic(t, "{account.key}", "")))(""), 0},
		{"cookie", with(connector(t, nil, injection(t, connectors.InCookie, "sid", "{token}")))(""), 0},
		{"query", with(connector(t, nil, query(t, "key", "{token}")))(""), 3},
	}
}
