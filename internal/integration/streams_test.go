package integration

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

// websocket opens a WebSocket through the proxy.
func (s *sidecar) websocket(path string, headers ...string) *websocket.Conn {
	s.t.Helper()
	conn, _, err := websocket.Dial(s.t.Context(), s.proxy()+path, &websocket.DialOptions{
		HTTPHeader: s.request("GET", path, nil, headers...).Header,
		HTTPClient: newClient(s.t, nil),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.CloseNow() })
	conn.SetReadLimit(16 << 20)
	return conn
}

// echoes sends a message and fails unless it comes back.
func (s *sidecar) echoes(conn *websocket.Conn, message string) {
	s.t.Helper()
	if err := conn.Write(s.t.Context(), websocket.MessageText, []byte(message)); err != nil {
		s.t.Fatal(err)
	}
	if _, got, err := conn.Read(s.t.Context()); err != nil || string(got) != message {
		s.t.Fatalf("got %q, %v; want %q", got, err, message)
	}
}

// event reads one server-sent event.
func event(t *testing.T, r *bufio.Reader) (text string) {
	t.Helper()
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("reading an event: %v after %q", err, text)
		}
		if line == "\n" {
			return text
		}
		text += line
	}
}

// Every event arrives before the next is sent.
func TestServerSentEvents(t *testing.T) {
	s := start(t, options{})
	s.connect("alice", "user_1")
	next, release := s.provider.HoldEvents()
	defer release()
	resp := s.open(noRedirects, s.request("GET", "/api/stream?n=3&ms=0", nil, "Connected-Account: demo/user_1"))
	r := bufio.NewReader(resp.Body)
	for i := 1; i <= 3; i++ {
		next()
		if got, want := event(t, r), fmt.Sprintf("id: %d\nevent: tick\ndata: {\"n\":%d}\n", i, i); got != want {
			t.Errorf("got event %q, want %q", got, want)
		}
	}
	if rest, err := io.ReadAll(r); err != nil || len(rest) != 0 {
		t.Errorf("the stream ended with %q, %v", rest, err)
	}
}

// h2c speaks HTTP/2 without TLS.
func h2c(tr *http.Transport) {
	tr.Protocols = new(http.Protocols)
	tr.Protocols.SetUnencryptedHTTP2(true)
}

// Both directions flow at once: what was sent comes back before the rest is sent.
func TestBothDirections(t *testing.T) {
	s := start(t, options{})
	s.connect("alice", "user_1")
	for _, c := range []struct {
		name, path string
		adjust     func(*http.Transport)
	}{
		{"HTTP/1.1", "/api/echo", nil}, {"HTTP/2", "/api/echo", h2c}, {"HTTP/2 with trailers", "/api/trailers", h2c},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := s.in(t)
			body, up := io.Pipe()
			req := s.request("POST", c.path, body, "Connected-Account: demo/user_1", "Content-Type: application/grpc", "TE: trailers")
			answers := make(chan *http.Response, 1)
			client := newClient(t, c.adjust)
			go func() { // ends with the answer's header
				resp, err := client.Do(req)
				if err != nil {
					t.Error(err)
					body.CloseWithError(err)
				}
				answers <- resp
			}()
			var resp *http.Response
			for i := range 5 {
				want := fmt.Sprintf("message %d;", i)
				io.WriteString(up, want)
				if i == 0 {
					if resp = <-answers; resp == nil {
						return
					}
					defer resp.Body.Close()
				}
				got := make([]byte, len(want))
				if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != want {
					t.Fatalf("got %q, %v; want %q", got, err, want)
				}
			}
			up.Close()
			if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) != 0 {
				t.Errorf("the answer ended with %q, %v", rest, err)
			}
			if c.path == "/api/trailers" && resp.Trailer.Get("Grpc-Status") != "0" {
				t.Errorf("got trailers %v, want Grpc-Status: 0", resp.Trailer)
			}
		})
	}
}

const large = 64 << 20

// patternReader gives the first n bytes of the pattern without holding them.
func patternReader(n int64) io.Reader {
	block := fakeprovider.Pattern(251 << 8)
	return io.LimitReader(&cycle{block: block}, n)
}

type cycle struct {
	block []byte
	at    int
}

func (c *cycle) Read(p []byte) (int, error) {
	n := copy(p, c.block[c.at:])
	c.at = (c.at + n) % len(c.block)
	return n, nil
}

func sum(t *testing.T, r io.Reader) string {
	t.Helper()
	h := sha256.New()
	n, err := io.Copy(h, r)
	if err != nil {
		t.Fatalf("after %d bytes: %v", n, err)
	}
	return fmt.Sprintf("%d bytes %s", n, hex.EncodeToString(h.Sum(nil)))
}

func TestLargeBodies(t *testing.T) {
	s := start(t, options{})
	s.connect("alice", "user_1")
	want := sum(t, patternReader(large))
	t.Run("down", func(t *testing.T) {
		resp := s.in(t).open(noRedirects, s.request("GET", fmt.Sprintf("/api/bytes?n=%d", large), nil, "Connected-Account: demo/user_1"))
		if got := sum(t, resp.Body); got != want || resp.ContentLength != large {
			t.Errorf("got %s with length %d, want %s", got, resp.ContentLength, want)
		}
	})
	for _, length := range []int64{large, -1} {
		t.Run(fmt.Sprintf("up and down, length %d", length), func(t *testing.T) {
			req := s.in(t).request("POST", "/api/echo", patternReader(large), "Connected-Account: demo/user_1")
			req.ContentLength = length
			if got := sum(t, s.in(t).open(noRedirects, req).Body); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
	t.Run("up over HTTP/2", func(t *testing.T) {
		req := s.in(t).request("POST", "/api/echo", patternReader(large/4), "Connected-Account: demo/user_1")
		if got, want := sum(t, s.in(t).open(newClient(t, h2c), req).Body), sum(t, patternReader(large/4)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// Compressed answers pass as they are, whatever the caller accepts.
func TestCompressedAnswers(t *testing.T) {
	s := start(t, options{site: "encode gzip"})
	s.connect("alice", "user_1")
	for _, accept := range []string{"", "gzip", "br, zstd;q=0.5", "identity"} {
		t.Run("Accept-Encoding: "+accept, func(t *testing.T) {
			s.provider.ResetLog()
			headers := []string{"Connected-Account: demo/user_1"}
			if accept != "" {
				headers = append(headers, "Accept-Encoding: "+accept)
			}
			a := s.in(t).get("/api/gzip", headers...)
			if got := s.provider.Log()[0].Header.Get("Accept-Encoding"); got != accept {
				t.Errorf("the provider saw Accept-Encoding %q, want %q", got, accept)
			}
			if a.Header.Get("Content-Encoding") != "gzip" || a.ContentLength != int64(len(a.body)) {
				t.Errorf("got Content-Encoding %q and length %d of %d", a.Header.Get("Content-Encoding"), a.ContentLength, len(a.body))
			}
			z, err := gzip.NewReader(strings.NewReader(a.body))
			if err != nil {
				t.Fatal(err)
			}
			if text, err := io.ReadAll(z); err != nil || string(text) != "{\"compressed\":true}\n" {
				t.Errorf("got %q, %v", text, err)
			}
		})
	}
}

func TestWebSocket(t *testing.T) {
	s := start(t, options{})
	a := s.connect("alice", "user_1")
	for _, way := range [][]string{{"/api/ws", "Connected-Account: " + a.ID}, {"/@demo/user_1/api/ws"}, {"/@" + a.ID + "/api/ws", "Origin: " + s.proxy()}} {
		conn := s.websocket(way[0], way[1:]...)
		for _, n := range []int{1, 125, 70_000, 1 << 20} {
			s.echoes(conn, strings.Repeat("x", n))
		}
		if err := conn.Close(websocket.StatusNormalClosure, "done"); err != nil {
			t.Errorf("closing: %v", err)
		}
	}
}

func TestStatusesAndMethods(t *testing.T) {
	s := start(t, options{})
	s.connect("alice", "user_1")
	tag := "Connected-Account: demo/user_1"
	t.Run("HEAD", func(t *testing.T) {
		a := s.in(t).do("HEAD", "/api/bytes?n=1000", nil, tag)
		if a.StatusCode != 200 || a.ContentLength != 1000 || a.body != "" {
			t.Errorf("got %d, length %d, %q", a.StatusCode, a.ContentLength, a.body)
		}
	})
	for _, code := range []string{"204", "304"} {
		t.Run(code, func(t *testing.T) {
			a := s.in(t).get("/api/status/"+code, tag)
			if fmt.Sprint(a.StatusCode) != code || a.body != "" {
				t.Errorf("got %d %q", a.StatusCode, a.body)
			}
		})
	}
	t.Run("Expect: 100-continue", func(t *testing.T) {
		conn := dialRaw(t, s.ports.proxy)
		r := bufio.NewReader(conn)
		fmt.Fprintf(conn, "POST /api/echo HTTP/1.1\r\nHost: localhost\r\n%s\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", tag)
		if line, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100") {
			t.Fatalf("got %q, %v before the body, want 100", line, err)
		}
		for line := ""; line != "\r\n"; { // the provider's own, if it comes first, has headers
			var err error
			if line, err = r.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
		io.WriteString(conn, "hello")
		a := readAnswer(r, "POST")
		for a.StatusCode == http.StatusContinue { // the provider's own may follow ours
			a = readAnswer(r, "POST")
		}
		if a.StatusCode != 200 || a.body != "hello" {
			t.Errorf("got %d %q", a.StatusCode, a.body)
		}
	})
	t.Run("103", func(t *testing.T) {
		s.provider.SetFault("/api/early", fakeprovider.Fault{Stream: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			io.WriteString(w, "late")
		}})
		early := 0
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			Got1xxResponse: func(code int, h textproto.MIMEHeader) error { early = code; return nil },
		})
		a, err := send(noRedirects, s.in(t).request("GET", "/api/early", nil, tag).WithContext(ctx))
		if err != nil || a.body != "late" || early != http.StatusEarlyHints {
			t.Errorf("got %d, then %q, %v", early, a.body, err)
		}
	})
	t.Run("range", func(t *testing.T) {
		a := s.in(t).get("/api/bytes?n=1000", tag, "Range: bytes=10-19")
		if a.StatusCode != 206 || a.body != string(fakeprovider.Pattern(1000)[10:20]) {
			t.Errorf("got %d %q", a.StatusCode, a.body)
		}
	})
}

// An answer that comes before the whole body has been sent reaches the caller at once.
func TestEarlyAnswer(t *testing.T) {
	s := start(t, options{})
	s.connect("alice", "user_1")
	s.provider.SetFault("/api/full", early(413, `{"error":"too much"}`))
	conn := dialRaw(t, s.ports.proxy)
	fmt.Fprintf(conn, "POST /@demo/user_1/api/full HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nonly this")
	if a := readAnswer(bufio.NewReader(conn), "POST"); a.StatusCode != 413 || a.body != `{"error":"too much"}` {
		t.Errorf("got %d %q before the body was sent, want the provider's 413", a.StatusCode, a.body)
	}
	s.get("/api/me", "Connected-Account: demo/user_1").wantOK(t)
}

// What is left of a body after an early answer is never taken for the next request (F-14).
func TestEarlyAnswerSmugglesNothing(t *testing.T) {
	s := start(t, options{})
	s.connect("alice", "user_1")
	const hidden = "GET /@demo/user_1/api/hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
	for _, length := range []int{len(hidden) + 9, 300_000} {
		s.provider.SetFault("/api/full", early(413, "no"))
		conn := dialRaw(t, s.ports.proxy)
		r := bufio.NewReader(conn)
		fmt.Fprintf(conn, "POST /@demo/user_1/api/full HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\nonly this", length)
		if a := readAnswer(r, "POST"); a.StatusCode != 413 || !a.Close {
			t.Errorf("got %d, close %t; want 413 and the connection closed", a.StatusCode, a.Close)
		}
		io.WriteString(conn, hidden)
		if rest, _ := io.ReadAll(r); len(rest) != 0 {
			t.Errorf("got a second answer:\n%s", rest)
		}
	}
	if n := s.provider.Requests("/api/hidden"); n != 0 {
		t.Errorf("the hidden request was sent %d times", n)
	}
}

// A connection is kept when the provider has taken the whole body.
func TestKeepAliveAfterBody(t *testing.T) {
	s := start(t, options{})
	s.connect("alice", "user_1")
	s.provider.SetFault("/api/post", fakeprovider.Fault{Stream: func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, r.Body)
	}})
	conn := dialRaw(t, s.ports.proxy)
	r := bufio.NewReader(conn)
	for i := range 6 {
		if i == 3 {
			s.provider.ExpireAccess("alice")
		}
		body := "Content-Length: 5\r\n\r\nhello"
		if i%2 == 1 {
			body = "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
		}
		fmt.Fprintf(conn, "POST /@demo/user_1/api/post HTTP/1.1\r\nHost: localhost\r\n%s", body)
		if a := readAnswer(r, "POST"); a.StatusCode != 200 || a.body != "hello" || a.Close {
			t.Fatalf("request %d: got %d %q, close %t", i, a.StatusCode, a.body, a.Close)
		}
	}
}

// early answers while the body is still being sent, as servers other than Go's do.
func early(status int, body string) fakeprovider.Fault {
	return fakeprovider.Fault{Count: 1, Stream: func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		c.EnableFullDuplex()
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(status)
		io.WriteString(w, body)
		c.Flush()
		io.Copy(io.Discard, r.Body)
	}}
}

func TestUnixSocket(t *testing.T) {
	s := start(t, options{sites: "http:// {\n\tbind unix/@dir@/proxy.sock|0600\n\tclaviger_proxy\n}"})
	s.connect("alice", "user_1")
	client := newClient(t, func(tr *http.Transport) {
		tr.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(s.dir, "proxy.sock"))
		}
	})
	for _, host := range []string{"localhost", "anything.example"} {
		req := s.request("GET", "/@demo/user_1/api/messages?limit=1", nil)
		req.Host = host
		a, err := send(client, req)
		if err != nil {
			t.Fatal(err)
		}
		a.wantOK(t)
		if want := "<http://" + host + "/@demo/user_1/api/messages?"; !strings.HasPrefix(a.Header.Get("Link"), want) {
			t.Errorf("got Link %q, want one that begins with %s", a.Header.Get("Link"), want)
		}
	}
}
