package policy_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/claviger-proxy/claviger/internal/policy"
)

// TestCheckBuilt covers what net/http answers itself or only HTTP/2 delivers.
func TestCheckBuilt(t *testing.T) {
	tests := []struct {
		name   string
		change func(*http.Request)
		path   string
		want   string
	}{
		{"untouched", func(*http.Request) {}, "", ""},
		{"extended CONNECT", func(r *http.Request) {
			r.Method = http.MethodConnect
			r.Header[":protocol"] = []string{"websocket"}
		}, "", policy.CodeMethod},
		{"extended CONNECT, rewritten", func(r *http.Request) {
			r.Header[":protocol"] = []string{"websocket"}
		}, "", policy.CodeMethod},
		{"PRI", func(r *http.Request) { r.Method = "PRI"; r.RequestURI = "*" }, "", policy.CodeMethod},
		{"no method", func(r *http.Request) { r.Method = "" }, "", policy.CodeMethod},
		{"no target", func(r *http.Request) { r.RequestURI = "" }, "", policy.CodeTarget},
		{"control byte in the query", func(r *http.Request) { r.RequestURI = "/?a=\x01" }, "", policy.CodeTarget},
		{"space in the query", func(r *http.Request) { r.RequestURI = "/?a=b c" }, "", policy.CodeTarget},
		{"UTF-8 in the query", func(r *http.Request) { r.RequestURI = "/?a=é" }, "", ""},
		{"continue", func(r *http.Request) { r.Header.Set("Expect", "100-Continue") }, "", ""},
		{"other expectation", func(r *http.Request) { r.Header.Set("Expect", "200-ok") }, "", policy.CodeExpectation},
		{"two expectations", func(r *http.Request) {
			r.Header["Expect"] = []string{"100-continue", "x"}
		}, "", policy.CodeExpectation},
		{"upgrade over HTTP/2", func(r *http.Request) {
			r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/2.0", 2, 0
			r.Header.Set("Upgrade", "websocket")
		}, "", policy.CodeUpgrade},
		{"two origins", func(r *http.Request) {
			r.Header["Origin"] = []string{"http://example.com", "http://evil.test"}
			r.Header.Set("Upgrade", "websocket")
		}, "", policy.CodeBrowser},
		{"path behind a prefix", func(r *http.Request) {
			r.RequestURI = "/@ca_01/v1/me"
		}, "/v1/me", ""},
		{"S-01 behind a prefix", func(r *http.Request) {
			r.RequestURI = "/@ca_01//evil.test/x"
		}, "//evil.test/x", policy.CodePath},
		{"S-07 in the target only", func(r *http.Request) {
			r.RequestURI = "/@ca_01/../x"
		}, "/x", policy.CodePath},
		{"S-07 in the path only", func(*http.Request) {}, "/../x", policy.CodePath},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/v1/me", nil)
			tt.change(r)
			wantCode(t, policy.Check(r, policy.Options{Path: tt.path}), tt.want)
		})
	}
}

// typical returns what an SDK sends.
func typical() *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/@gmail/ada/v1/projects/grp%2Fname/issues?state=open", nil)
	r.Host, r.RemoteAddr = "127.0.0.1:8090", "127.0.0.1:4711"
	for name, value := range map[string]string{
		"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "sdk/1.2",
		"Content-Type": "application/json", "Content-Length": "120", "Connection": "keep-alive",
		"Idempotency-Key": "6f1c", "X-Request-Id": "42",
	} {
		r.Header.Set(name, value)
	}
	return r
}

func TestNoAllocation(t *testing.T) {
	r := typical()
	o := policy.Options{Path: "/v1/projects/grp%2Fname/issues"}
	for name, f := range map[string]func(){
		"Check":        func() { policy.Check(r, o) },
		"CheckHost":    func() { policy.CheckHost(r, nil) },
		"CheckCaller":  func() { policy.CheckCaller(r) },
		"DropSteering": func() { policy.DropSteering(r.Header) },
	} {
		if got := testing.AllocsPerRun(100, f); got != 0 {
			t.Errorf("%s: got %v allocations, want none", name, got)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	r := typical()
	o := policy.Options{Path: "/v1/projects/grp%2Fname/issues"}
	b.ReportAllocs()
	for b.Loop() {
		if no := policy.Check(r, o); no != nil {
			b.Fatal(no.Message)
		}
	}
}

func BenchmarkCheckHostAndCaller(b *testing.B) {
	r := typical()
	b.ReportAllocs()
	for b.Loop() {
		if policy.CheckHost(r, nil) != nil || policy.CheckCaller(r) != nil {
			b.Fatal("refused")
		}
	}
}

func BenchmarkDropSteering(b *testing.B) {
	h := typical().Header
	b.ReportAllocs()
	for b.Loop() {
		h["Connected-Account"] = h["X-Request-Id"]
		policy.DropSteering(h)
	}
}
