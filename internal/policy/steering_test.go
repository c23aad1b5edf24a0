package policy_test

import (
	"net/http"
	"testing"

	"github.com/claviger-proxy/claviger/internal/policy"
	"github.com/google/go-cmp/cmp"
)

func TestDropSteering(t *testing.T) {
	tests := []struct {
		name string // row of the threat list
		drop []string
	}{
		{"T-04", []string{"Connected_Account", "connected_account", "CONNECTED_BASE", "Connected_base"}},
		{"T-10", []string{"Connected-Account", "Connected-Base", "Proxy-Authorization", "Proxy-Connection"}},
		{"S-21", []string{"Base-Url-Override", "X-Upstream-Url", "Base_Url_Override", "X_Upstream_URL"}},
		{"C-03", []string{"Cookie"}},
		{"C-04", []string{"X-Http-Method-Override", "X-Method-Override", "X-Http-Method", "X_HTTP_METHOD_OVERRIDE"}},
		{"C-05", []string{
			"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port",
			"Forwarded", "X-Real-Ip", "X-Original-Url", "X-Rewrite-Url", "Via", "X_Forwarded_For", "x-real-IP",
		}},
		{"C-07", []string{"Referer", "Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Sec-Fetch-User"}},
		{"C-10", []string{"Traceparent", "Tracestate", "Baggage"}},
		{"early data", []string{"Early-Data"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{"Accept": {"*/*"}}
			for _, name := range tt.drop {
				h[name] = []string{"x", "y"}
			}
			policy.DropSteering(h)
			if diff := cmp.Diff(http.Header{"Accept": {"*/*"}}, h); diff != "" {
				t.Errorf("headers after dropping (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDropSteeringKeeps(t *testing.T) {
	h := http.Header{"": {"x"}}
	for _, name := range []string{
		"Accept", "Accept-Encoding", "Authorization", "Content-Type", "Content-Length", "Cookies",
		"Connection", "Connected-Accounts", "Early-Data-X", "Forward", "If-Match", "Idempotency-Key",
		"Origins", "Prefer", "Range", "Referers", "Sec-Websocket-Key", "Sec-Websocket-Version", "Te",
		"Trace", "Upgrade", "User-Agent", "Vary", "X-Api-Key", "X-Forward", "X-Goog-Api-Client",
		"X-Github-Api-Version", "X_Custom", "Proxy", "B", "_",
	} {
		h.Set(name, "x")
	}
	want := h.Clone()
	policy.DropSteering(h)
	if diff := cmp.Diff(want, h); diff != "" {
		t.Errorf("headers after dropping (-want +got):\n%s", diff)
	}
	policy.DropSteering(nil)
}
