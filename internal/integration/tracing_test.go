package integration

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/claviger-proxy/claviger/client"
)

// collector takes traces over OTLP, and keeps them as they come: texts stand in them as they are.
type collector struct {
	mu    sync.Mutex
	spans strings.Builder
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	keepAnswer(r.Header, body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spans.Write(body)
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// traced is a sidecar whose sites have Caddy's tracing on.
func traced(t *testing.T) (*sidecar, *collector) {
	t.Helper()
	c := new(collector)
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
	const tracing = "tracing {\n\t\tspan %s\n\t\tspan_attributes {\n\t\t\tconnection {http.claviger.connection}\n\t\t\toutcome {http.claviger.outcome}\n\t\t}\n\t}"
	s := prepare(t, options{site: strings.Replace(tracing, "%s", "proxy", 1)})
	text := strings.Replace(s.caddyfile(), "claviger_consent", strings.Replace(tracing, "%s", "consent", 1)+"\n\tclaviger_consent", 1)
	s.load(text)
	return s, c
}

// Traces tell of requests, and neither of tokens nor of authorization links; and the provider is told
// nothing of the trace.
func TestTracing(t *testing.T) {
	s, c := traced(t)
	link, err := s.api().CreateLink(t.Context(), client.NewLink{Connection: "demo", Identifier: "user_1"})
	if err != nil {
		t.Fatal(err)
	}
	s.consent(link.URL, "alice")
	s.provider.ExpireAccess("alice")
	const trace = "0af7651916cd43dd8448eb211c80319c"
	got := s.get("/api/echo?token=of-the-caller", "Connected-Account: demo/user_1", "Authorization: Bearer of-the-caller",
		"traceparent: 00-"+trace+"-b7ad6b7169203331-01", "tracestate: a=b", "baggage: user=ada")
	got.wantOK(t)
	for name := range strings.SplitSeq(got.Header.Get("X-Seen-Headers"), ",") {
		if n := strings.ToLower(name); n == "traceparent" || n == "tracestate" || n == "baggage" {
			t.Errorf("the provider got %s", name)
		}
	}
	s.get("/@demo/user_1/api/me").wantOK(t)
	if err := caddy.Stop(); err != nil { // which sends what has been collected
		t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	spans := c.spans.String()
	for _, want := range []string{"proxy", "consent", "connection", "renewed", "/api/echo", "/oauth/link/REDACTED", "/oauth/callback/demo"} {
		if !strings.Contains(spans, want) {
			t.Errorf("the traces do not have %q", want)
		}
	}
	token := link.URL[strings.LastIndex(link.URL, "/")+1:]
	for _, secret := range append(s.provider.Secrets(), token, "of-the-caller") {
		if len(secret) > 7 && strings.Contains(spans, secret) {
			t.Errorf("the traces hold a secret near %q", context60(spans, strings.Index(spans, secret), len(secret)))
		}
	}
}
