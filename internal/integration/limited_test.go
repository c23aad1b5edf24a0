package integration

import (
	"net/http"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

// limitedAPI is an API that limits requests in its own way, and refuses tokens with that status as well.
const limitedAPI = `api:
  base_url: http://127.0.0.1:{app.port}
errors:
  expired_when:
    - {status: 403}
rate:
  statuses: [403, 400]
  windows:
    - {remaining: X-Left, reset: X-Reset, as: at_s}
  body:
    - {path: error, pattern: ^slow$}`

// A provider that limits requests is heard: its answer passes as it is, it is counted and in the access log, and no
// token is refreshed for it.
func TestLimitedPasses(t *testing.T) {
	s := start(t, options{
		site:       "log_append outcome {http.claviger.outcome}",
		proxy:      `header_down X-Outcome "{http.claviger.outcome}"`,
		connectors: map[string]string{"busy": limitedAPI},
	})
	s.connectAt("busy", "alice", "user_1")
	const counted = `caddy_claviger_rate_limited_total{connector="busy"}`
	left := func(n string) http.Header { return http.Header{"X-Left": {n}, "X-Reset": {"1772366400"}} }
	for _, c := range []struct {
		name    string
		fault   fakeprovider.Fault
		outcome string
		refresh int
	}{
		{"429", fakeprovider.Fault{Status: 429, Body: `{"error":"busy"}`, Header: http.Header{"Retry-After": {"7"}}}, "limited", 0},
		{"nothing left", fakeprovider.Fault{Status: 403, Body: `{"error":"forbidden"}`, Header: left("0")}, "limited", 0},
		{"a text that decides whether the token is good", fakeprovider.Fault{Status: 403, Body: `{"error":"slow"}`, Header: left("1")}, "fresh", 0},
		{"a text of another status", fakeprovider.Fault{Status: 400, Body: `{"error":"slow"}`, Header: left("1")}, "fresh", 0},
		{"the last success", fakeprovider.Fault{Status: 200, Body: `{}`, Header: left("0")}, "fresh", 0},
		{"something left", fakeprovider.Fault{Status: 403, Count: 1, Body: `{"error":"forbidden"}`, Header: left("1")}, "renewed", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := s.in(t)
			s.provider.ResetLog()
			s.provider.SetFault("/api/me", c.fault)
			before := s.metrics()[counted]
			a := s.get("/api/me", "Connected-Account: busy/user_1")
			if got := a.Header.Get("X-Outcome"); got != c.outcome {
				t.Errorf("the outcome is %q, want %q", got, c.outcome)
			}
			if c.refresh == 0 && (a.StatusCode != c.fault.Status || a.body != c.fault.Body || a.Header.Get("Claviger-Error") != "" ||
				a.Header.Get("Retry-After") != c.fault.Header.Get("Retry-After") || a.Header.Get("X-Left") != c.fault.Header.Get("X-Left")) {
				t.Errorf("got %d %q with %v, want the provider's own answer", a.StatusCode, a.body, a.Header)
			}
			want := 0.0
			if c.outcome == "limited" {
				want = 1
			}
			if more := s.metrics()[counted] - before; more != want {
				t.Errorf("counted %v, want %v", more, want)
			}
			if s.refreshes() != c.refresh {
				t.Errorf("%d refreshes, want %d", s.refreshes(), c.refresh)
			}
		})
	}
	await(t, "the access log is written", func() bool { return strings.Contains(readFile(t, logFile()), `"outcome":"limited"`) })
}
