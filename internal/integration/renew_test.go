package integration

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

// unread hides the length of a body, so that it goes out in chunks.
type unread struct{ io.Reader }

// refusal is a 401 with all that a caller may want to see of it.
func refusal(f fakeprovider.Fault) fakeprovider.Fault {
	f.Status, f.Body, f.ContentType = 401, `{"error":"provider's own words"}`, "application/vnd.x+json"
	f.Header = http.Header{
		"Www-Authenticate": {`Bearer realm="postbox", error="invalid_token"`}, "X-Own": {"1"}, "Claviger-Error": {"provider_said_so"},
	}
	return f
}

// wantRefusal fails unless the answer is that of refusal, untouched but for what we say of it.
func (a answer) wantRefusal(t *testing.T, said string) {
	t.Helper()
	want := refusal(fakeprovider.Fault{})
	if a.StatusCode != 401 || a.body != want.Body || a.Header.Get("Content-Type") != want.ContentType ||
		a.Header.Get("Www-Authenticate") != want.Header.Get("Www-Authenticate") || a.Header.Get("X-Own") != "1" || strings.Join(a.Header.Values("Claviger-Error"), ",") != said {
		t.Errorf("got %d %v\n%s\nwant the provider's own 401 with Claviger-Error %q", a.StatusCode, a.Header, a.body, said)
	}
}

// A 401 is answered with one refresh and the whole request again.
func TestRenewAndReplay(t *testing.T) {
	s := start(t, options{})
	big := string(fakeprovider.Pattern(300_000))
	readFirst := fakeprovider.Fault{Count: 1, Stream: func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.WriteHeader(401)
	}}
	notRead := early(401, "")
	for i, c := range []struct {
		name, method string
		body         func() io.Reader
		want         string
		fault        *fakeprovider.Fault
	}{
		{"no body", "GET", func() io.Reader { return nil }, "", nil},
		{"known length", "POST", func() io.Reader { return strings.NewReader("hello") }, "hello", nil},
		{"known length, large", "PUT", func() io.Reader { return strings.NewReader(big) }, big, nil},
		{"chunked", "POST", func() io.Reader { return unread{strings.NewReader("hello")} }, "hello", nil},
		{"chunked, large", "PATCH", func() io.Reader { return unread{strings.NewReader(big)} }, big, nil},
		{"judged before the body", "POST", func() io.Reader { return strings.NewReader(big) }, big, &notRead},
		{"judged before the body, chunked", "POST", func() io.Reader { return unread{strings.NewReader(big)} }, big, &notRead},
		{"judged after the body", "POST", func() io.Reader { return strings.NewReader(big) }, big, &readFirst},
		{"judged after the body, chunked", "POST", func() io.Reader { return unread{strings.NewReader(big)} }, big, &readFirst},
		{"empty body with length", "POST", func() io.Reader { return strings.NewReader("") }, "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := s.in(t)
			a := s.connect("alice", fmt.Sprintf("user_%d", i))
			if c.fault != nil {
				s.provider.SetFault("/api/echo", *c.fault)
			} else {
				s.provider.ExpireAccess("alice")
			}
			s.provider.ResetLog()
			got := s.do(c.method, "/api/echo", c.body(), "Connected-Account: "+a.ID, "Content-Type: text/plain")
			got.wantOK(t)
			if got.body != c.want || got.Header.Get("X-Seen-Method") != c.method {
				t.Errorf("the second request was %s with %d bytes, want %s with %d", got.Header.Get("X-Seen-Method"), len(got.body), c.method, len(c.want))
			}
			if n := s.provider.Requests("/api/echo"); n != 2 || s.refreshes() != 1 {
				t.Errorf("got %d requests and %d refreshes, want 2 and 1", n, s.refreshes())
			}
		})
	}
}

// a body that is too long to be kept leaves the provider's own 401, with a sign that the next
// call will work.
func TestRenewTooLargeToReplay(t *testing.T) {
	s := start(t, options{proxy: "replay_limit 64KiB"})
	s.connect("alice", "user_1")
	f := refusal(fakeprovider.Fault{})
	s.provider.SetFault("/api/echo", fakeprovider.Fault{Count: 1, Stream: func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", f.ContentType)
		for name, values := range f.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(401)
		io.WriteString(w, f.Body)
	}})
	body := fakeprovider.Pattern(1 << 20)
	s.do("POST", "/api/echo", bytes.NewReader(body), "Connected-Account: demo/user_1").wantRefusal(t, "token_refreshed_retry")
	got := s.do("POST", "/api/echo", bytes.NewReader(body), "Connected-Account: demo/user_1")
	got.wantOK(t)
	if got.body != string(body) {
		t.Error("the next call arrived with another body")
	}
	if n := s.refreshes(); n != 1 {
		t.Errorf("got %d refreshes, want 1", n)
	}
}

// The client pauses in mid-upload while the provider refuses: the second attempt goes on with what
// comes later.
func TestRenewPausedUpload(t *testing.T) {
	for _, length := range []int64{-1, 2000} {
		t.Run(fmt.Sprintf("length %d", length), func(t *testing.T) {
			s := start(t, options{})
			s.connect("alice", "user_1")
			s.provider.SetFault("/api/echo", early(401, "no"))
			part := strings.Repeat("a", 1000)
			body, more := io.Pipe()
			req := s.request("POST", "/api/echo", body, "Connected-Account: demo/user_1")
			req.ContentLength = length
			done := make(chan answer, 1)
			go func() { // ends with the answer
				a, err := send(noRedirects, req)
				if err != nil {
					t.Error(err)
				}
				done <- a
			}()
			io.WriteString(more, part)
			await(t, "the second attempt is at the provider", func() bool { return s.provider.Requests("/api/echo") == 2 })
			io.WriteString(more, part)
			more.Close()
			a := <-done
			a.wantOK(t)
			if a.body != part+part {
				t.Errorf("got %d bytes back, want %d", len(a.body), 2*len(part))
			}
		})
	}
}

// many callers with a stale token are one refresh.
func TestRenewStampede(t *testing.T) {
	s := start(t, options{})
	s.connect("alice", "user_1")
	s.provider.ExpireAccess("alice")
	s.provider.ResetLog()
	var all sync.WaitGroup
	for range 60 {
		req := s.request("GET", "/api/me", nil, "Connected-Account: demo/user_1")
		all.Go(func() {
			a, err := send(noRedirects, req)
			if err != nil || a.StatusCode != 200 {
				t.Errorf("got %v %s, want 200", err, a.body)
			}
		})
	}
	all.Wait()
	if n := s.refreshes(); n != 1 {
		t.Errorf("got %d refreshes, want 1", n)
	}
}

// an account whose renewed token is refused as well gets the provider's own answer, and no
// refresh for each request.
func TestRenewRefusedAgain(t *testing.T) {
	s := start(t, options{})
	s.connect("alice", "user_1")
	s.provider.SetFault("/api/me", refusal(fakeprovider.Fault{}))
	s.provider.ResetLog()
	for range 5 {
		s.get("/api/me", "Connected-Account: demo/user_1").wantRefusal(t, "")
	}
	if n := s.refreshes(); n != 1 {
		t.Errorf("got %d refreshes, want 1", n)
	}
	if n := s.provider.Requests("/api/me"); n != 6 {
		t.Errorf("the provider saw %d requests, want 6", n)
	}
	s.provider.ClearFaults()
	s.get("/api/me", "Connected-Account: demo/user_1").wantOK(t)
}

// A 401 whose own body does not end holds up nobody.
func TestRenewEndlessRefusal(t *testing.T) {
	s := start(t, options{})
	s.connect("alice", "user_1")
	s.provider.SetFault("/api/me", fakeprovider.Fault{Count: 1, Stream: func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(401)
		io.WriteString(w, "no")
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	a, err := send(noRedirects, s.request("GET", "/api/me", nil, "Connected-Account: demo/user_1").WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	a.wantOK(t)
}

// A refresh that fails leaves the provider's refusal, and the account as it is.
func TestRenewFails(t *testing.T) {
	s := start(t, options{})
	s.connect("alice", "user_1")
	s.provider.SetFault("/api/me", refusal(fakeprovider.Fault{Count: 1}))
	s.provider.SetFault("/oauth/token", fakeprovider.Fault{Status: 503, Body: "busy"})
	s.get("/api/me", "Connected-Account: demo/user_1").wantRefusal(t, "")
	s.provider.ClearFaults()
	s.get("/api/me", "Connected-Account: demo/user_1").wantOK(t)
	a := s.account("demo", "user_1")
	if a.Status != "ACTIVE" || a.LastError == "" {
		t.Errorf("got %s with last error %q, want ACTIVE with one", a.Status, a.LastError)
	}
	s.provider.ExpireAccess("alice")
	await(t, "a refresh is tried again", func() bool {
		return s.get("/api/me", "Connected-Account: demo/user_1").StatusCode == 200
	})
}

// Request trailers come with the second attempt as well.
func TestRenewTrailers(t *testing.T) {
	s := start(t, options{})
	s.connect("alice", "user_1")
	s.provider.ExpireAccess("alice")
	req := s.request("POST", "/api/trailers", unread{strings.NewReader("body")}, "Connected-Account: demo/user_1", "TE: trailers")
	req.Trailer = http.Header{"X-Sum": {"42"}, "X-Other": {"1"}}
	a, err := send(noRedirects, req)
	if err != nil {
		t.Fatal(err)
	}
	a.wantOK(t)
	if a.body != "body" || a.Trailer.Get("Grpc-Status") != "0" || a.Trailer.Get("Seen-X-Sum") != "42" || a.Trailer.Get("Seen-X-Other") != "1" {
		t.Errorf("got %q with trailers %v", a.body, a.Trailer)
	}
}

// A WebSocket upgrade is repeated like any other request.
func TestRenewUpgrade(t *testing.T) {
	s := start(t, options{})
	a := s.connect("alice", "user_1")
	s.provider.ExpireAccess("alice")
	s.echoes(s.websocket("/api/ws", "Connected-Account: "+a.ID), "after a 401")
	if n := s.provider.Requests("/api/ws"); n != 2 {
		t.Errorf("the provider saw %d requests, want 2", n)
	}
}

// the caller who started a refresh goes away; the refresh is finished and saved.
func TestRenewCallerGoesAway(t *testing.T) {
	s := start(t, options{})
	s.connect("alice", "user_1")
	s.provider.ExpireAccess("alice")
	s.provider.ResetLog()
	release, waiting := s.provider.HoldToken()
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	req := s.request("GET", "/api/me", nil, "Connected-Account: demo/user_1").WithContext(ctx)
	go func() { // ends with cancel
		send(noRedirects, req)
		close(gone)
	}()
	await(t, "the refresh is at the provider", func() bool { return waiting() == 1 })
	cancel()
	<-gone
	release()
	s.get("/api/me", "Connected-Account: demo/user_1").wantOK(t)
	if n := s.refreshes(); n != 1 {
		t.Errorf("got %d refreshes, want 1", n)
	}
}
