package integration

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

// oddAPI is an API that does not only say 401 when a token is no longer good.
const oddAPI = `api:
  base_url: http://127.0.0.1:{app.port}
errors:
  expired_when:
    - {status: 200, path: error, in: [token_expired, invalid_auth]}
    - {status: 403, header: {name: WWW-Authenticate, contains: invalid_token}}
    - {status: 409}`

const tokenExpired = `{"ok":false,"error":"token_expired"}`

// odd is a sidecar with an account odd/user_1 at that API.
func odd(t *testing.T, o options) *sidecar {
	t.Helper()
	o.connectors = map[string]string{"odd": oddAPI}
	s := start(t, o)
	s.connectAt("odd", "alice", "user_1")
	s.provider.ResetLog()
	return s
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, text)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// What a connector declares is answered like a 401, with one refresh and the whole request again.
func TestExpiredRenewAndReplay(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault fakeprovider.Fault
	}{
		{"200 with an error inside", fakeprovider.Fault{Body: tokenExpired}},
		{"in chunks", fakeprovider.Fault{Stream: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			for _, part := range []string{tokenExpired[:11], tokenExpired[11:], "\n"} {
				io.WriteString(w, part)
				http.NewResponseController(w).Flush()
			}
		}}},
		{"gzip", fakeprovider.Fault{Body: gzipped(t, tokenExpired), Header: http.Header{"Content-Encoding": {"gzip"}}}},
		{"403 with a header", fakeprovider.Fault{Status: 403, ContentType: "text/html", Body: "<p>no", Header: http.Header{"Www-Authenticate": {`Bearer error="Invalid_Token"`}}}},
		{"status alone", fakeprovider.Fault{Status: 409}},
		{"before the body was read", early(409, "")},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := odd(t, options{})
			c.fault.Count = 1
			s.provider.SetFault("/api/echo", c.fault)
			body := string(fakeprovider.Pattern(100_000))
			a := s.do("POST", "/api/echo", strings.NewReader(body), "Connected-Account: odd/user_1", "Accept-Encoding: gzip")
			a.wantOK(t)
			if a.body != body {
				t.Errorf("the second request had %d bytes, want %d", len(a.body), len(body))
			}
			if n := s.provider.Requests("/api/echo"); n != 2 || s.refreshes() != 1 {
				t.Errorf("got %d requests and %d refreshes, want 2 and 1", n, s.refreshes())
			}
		})
	}
}

// What a connector does not declare is the provider's answer, and passes byte for byte.
func TestExpiredPassesOthers(t *testing.T) {
	s := odd(t, options{})
	long := `{"ok":false,"error":"token_expired","more":"` + strings.Repeat("x", 1<<20) + `"}`
	for _, c := range []struct {
		name  string
		fault fakeprovider.Fault
	}{
		{"other error", fakeprovider.Fault{Body: `{"ok":false,"error":"channel_not_found"}`}},
		{"good answer", fakeprovider.Fault{Body: `{"ok":true,"text":"token_expired"}`}},
		{"long answer", fakeprovider.Fault{Body: long, Header: http.Header{"Content-Length": {itoa(len(long))}}}},
		{"long answer in chunks", fakeprovider.Fault{Body: long}},
		{"long answer in gzip", fakeprovider.Fault{Body: gzipped(t, string(fakeprovider.Pattern(1<<20))+tokenExpired) + strings.Repeat("x", 8<<10), Header: http.Header{"Content-Encoding": {"gzip"}}}},
		{"cut document", fakeprovider.Fault{Body: tokenExpired[:20]}},
		{"text", fakeprovider.Fault{ContentType: "text/plain", Body: tokenExpired}},
		{"other status", fakeprovider.Fault{Status: 202, Body: tokenExpired}},
		{"403 without the header", fakeprovider.Fault{Status: 403, Body: tokenExpired}},
		{"two documents", fakeprovider.Fault{Body: `{"ok":true}` + tokenExpired}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := s.in(t)
			s.provider.SetFault("/api/me", c.fault)
			s.provider.ResetLog()
			a := s.get("/api/me", "Connected-Account: odd/user_1", "Accept-Encoding: gzip")
			want := c.fault.Status
			if want == 0 {
				want = 200
			}
			if a.StatusCode != want || a.body != c.fault.Body || a.Header.Get("Claviger-Error") != "" {
				t.Errorf("got %d with %d bytes, want %d with %d", a.StatusCode, len(a.body), want, len(c.fault.Body))
			}
			if length := c.fault.Header.Get("Content-Length"); length != "" && a.ContentLength != int64(len(a.body)) {
				t.Errorf("got length %d, want %s", a.ContentLength, length)
			}
			if s.provider.Requests("/api/me") != 1 || s.refreshes() != 0 {
				t.Errorf("got %d requests and %d refreshes, want 1 and none", s.provider.Requests("/api/me"), s.refreshes())
			}
		})
	}
}

// An answer that ends early ends early for the caller as well.
func TestExpiredCutConnection(t *testing.T) {
	s := odd(t, options{})
	for _, length := range []int64{-1, 1000} {
		s.provider.SetFault("/api/me", fakeprovider.Fault{Stream: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if length > 0 {
				w.Header().Set("Content-Length", fmt.Sprint(length))
			}
			io.WriteString(w, tokenExpired[:20])
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}})
		resp := s.open(noRedirects, s.request("GET", "/api/me", nil, "Connected-Account: odd/user_1"))
		got, err := io.ReadAll(resp.Body)
		if err == nil || string(got) != tokenExpired[:20] || resp.ContentLength != length {
			t.Errorf("got %q of %d bytes and %v, want the beginning and an error", got, resp.ContentLength, err)
		}
	}
}

// Trailers come after an answer that was looked at.
func TestExpiredTrailers(t *testing.T) {
	s := odd(t, options{})
	s.provider.SetFault("/api/me", fakeprovider.Fault{Stream: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Trailer", "X-Sum")
		io.WriteString(w, `{"ok":true}`)
		http.NewResponseController(w).Flush()
		w.Header().Set("X-Sum", "42")
	}})
	a := s.get("/api/me", "Connected-Account: odd/user_1")
	a.wantOK(t)
	if a.body != `{"ok":true}` || a.Trailer.Get("X-Sum") != "42" {
		t.Errorf("got %q with trailers %v", a.body, a.Trailer)
	}
}

// Streams are not looked at: every part arrives before the next is sent, JSON lines or events, and so
// does a JSON document that is followed by more.
func TestExpiredStreams(t *testing.T) {
	s := odd(t, options{})
	for kind, part := range map[string]string{
		"text/event-stream":    "data: " + tokenExpired + "\n\n",
		"application/x-ndjson": tokenExpired + "\n",
		"application/json":     `{"type":"ADDED"}` + "\n",
	} {
		t.Run(kind, func(t *testing.T) {
			s := s.in(t)
			next := make(chan bool)
			s.provider.SetFault("/api/me", fakeprovider.Fault{Stream: func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", kind)
				for i := range 3 {
					io.WriteString(w, part)
					http.NewResponseController(w).Flush()
					if i == 2 {
						return
					}
					select {
					case <-next:
					case <-r.Context().Done():
						return
					}
				}
			}})
			s.provider.ResetLog()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			resp := s.open(noRedirects, s.request("GET", "/api/me", nil, "Connected-Account: odd/user_1").WithContext(ctx))
			got := make([]byte, len(part))
			for i := range 3 {
				if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != part {
					t.Fatalf("part %d is %q, %v; want %q", i, got, err, part)
				}
				if i < 2 {
					next <- true
				}
			}
			if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) != 0 {
				t.Errorf("the stream ended with %q, %v", rest, err)
			}
			if s.provider.Requests("/api/me") != 1 || s.refreshes() != 0 {
				t.Errorf("got %d requests and %d refreshes, want 1 and none", s.provider.Requests("/api/me"), s.refreshes())
			}
		})
	}
}

// The answer to the second request is passed on whatever it is, and R-12 holds as it does for 401.
func TestExpiredRefusedAgain(t *testing.T) {
	s := odd(t, options{})
	s.provider.SetFault("/api/me", fakeprovider.Fault{Body: tokenExpired, Header: http.Header{"Claviger-Error": {"account_expired"}}})
	for range 5 {
		a := s.get("/api/me", "Connected-Account: odd/user_1")
		a.wantOK(t)
		if a.body != tokenExpired {
			t.Errorf("got %q, want the provider's own answer", a.body)
		}
	}
	if n := s.provider.Requests("/api/me"); n != 6 || s.refreshes() != 1 {
		t.Errorf("got %d requests and %d refreshes, want 6 and 1", n, s.refreshes())
	}
}

// a body that is too long to be kept leaves the provider's own answer, with a sign that the
// request will work when it is sent again.
func TestExpiredTooLargeToReplay(t *testing.T) {
	s := odd(t, options{proxy: "replay_limit 64KiB"})
	s.provider.SetFault("/api/echo", fakeprovider.Fault{Count: 1, Stream: func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, tokenExpired)
	}})
	body := fakeprovider.Pattern(1 << 20)
	a := s.do("POST", "/api/echo", bytes.NewReader(body), "Connected-Account: odd/user_1")
	if a.StatusCode != 200 || a.body != tokenExpired || a.Header.Get("Claviger-Error") != "token_refreshed_retry" {
		t.Errorf("got %d %q with Claviger-Error %q", a.StatusCode, a.body, a.Header.Get("Claviger-Error"))
	}
	a = s.do("POST", "/api/echo", bytes.NewReader(body), "Connected-Account: odd/user_1")
	a.wantOK(t)
	if a.body != string(body) || s.refreshes() != 1 {
		t.Errorf("got %d bytes and %d refreshes, want %d and 1", len(a.body), s.refreshes(), len(body))
	}
}
