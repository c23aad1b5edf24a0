package integration

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// answer is an HTTP answer with its body read.
type answer struct {
	*http.Response
	body string
}

// request makes a request to the proxy. Headers are given as "Name: value".
func (s *sidecar) request(method, path string, body io.Reader, headers ...string) *http.Request {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.proxy()+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Add(name, value)
	}
	return req
}

// send sends a request and reads the answer. It may be called from any goroutine.
func send(c *http.Client, req *http.Request) (answer, error) {
	resp, err := c.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, err
	}
	keepAnswer(resp.Header, text)
	return answer{resp, string(text)}, nil
}

// persist is send for a request without a body. It tries again when the connection ends without an
// answer, as HTTP clients with a pool do: a server that a reload stops closes connections on which no
// request has begun, and Linux resets those that wait in the queue of a closed socket
// (net.ipv4.tcp_migrate_req).
func persist(c *http.Client, req *http.Request) (a answer, err error) {
	for range 10 {
		if a, err = send(c, req.Clone(req.Context())); err == nil || req.Context().Err() != nil {
			return a, err
		}
	}
	return a, err
}

// do sends a request through the proxy and fails the test if there is no answer.
func (s *sidecar) do(method, path string, body io.Reader, headers ...string) answer {
	s.t.Helper()
	try := send
	if body == nil {
		try = persist
	}
	a, err := try(noRedirects, s.request(method, path, body, headers...))
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

func (s *sidecar) get(path string, headers ...string) answer {
	s.t.Helper()
	return s.do(http.MethodGet, path, nil, headers...)
}

// open sends a request and leaves the answer's body to the caller, who reads it while it comes.
func (s *sidecar) open(c *http.Client, req *http.Request) *http.Response {
	s.t.Helper()
	resp, err := c.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

var noRedirects = &http.Client{
	Transport:     &http.Transport{MaxIdleConnsPerHost: 128, DisableCompression: true},
	CheckRedirect: stay,
}

func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// newClient has its own connections, which end with the test.
func newClient(t *testing.T, adjust func(*http.Transport)) *http.Client {
	tr := &http.Transport{DisableCompression: true}
	if adjust != nil {
		adjust(tr)
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, CheckRedirect: stay}
}

// document is a problem as callers see it.
type document struct {
	Type         string `json:"type"`
	Title        string `json:"title"`
	Status       int    `json:"status"`
	Code         string `json:"code"`
	Detail       string `json:"detail"`
	Next         string `json:"next"`
	RequestID    string `json:"request_id"`
	ReconnectURL string `json:"reconnect_url"`
	Reason       string `json:"reason"`
	Candidates   []struct{ Account, Connection, Identifier string }
}

// document reads a problem, which is the zero document if the answer is none.
func (a answer) document() (d document) {
	if strings.HasPrefix(a.Header.Get("Content-Type"), "application/problem+json") {
		json.Unmarshal([]byte(a.body), &d)
	}
	return d
}

// problem is the code of a problem document, or empty; a problem that is not complete gives a text
// that is no code.
func (a answer) problem() string {
	d := a.document()
	switch {
	case d.Code == "":
		return ""
	case d.Next == "", d.Detail == "", d.Title == "", d.RequestID == "":
		return "a problem that does not say all: " + a.body
	case d.Code != a.Header.Get("Claviger-Error"):
		return "code " + d.Code + " but header " + a.Header.Get("Claviger-Error")
	case d.Status != a.StatusCode:
		return fmt.Sprintf("code %s with status %d in a body of status %d", d.Code, d.Status, a.StatusCode)
	}
	return d.Code
}

// want fails unless the answer is a problem with that status and code.
func (a answer) want(t *testing.T, status int, code string) {
	t.Helper()
	if a.StatusCode != status || a.problem() != code {
		t.Errorf("got %d %q, want %d %q\n%s", a.StatusCode, a.problem(), status, code, a.body)
	}
}

// wantOK fails unless the provider has answered with 200.
func (a answer) wantOK(t *testing.T) {
	t.Helper()
	if a.StatusCode != http.StatusOK || a.Header.Get("Claviger-Error") != "" {
		t.Errorf("got %d, want the provider's 200\n%s", a.StatusCode, a.body)
	}
}

// dialRaw opens a connection on which bytes are sent as they are.
func dialRaw(t *testing.T, port int) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(context.Background(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn
}

// raw sends bytes as they are and returns everything that comes back until the connection is
// closed or quiet.
func raw(t *testing.T, port int, text string) string {
	t.Helper()
	conn := dialRaw(t, port)
	defer conn.Close()
	io.WriteString(conn, text) // an answer may come before all is written
	conn.SetReadDeadline(time.Now().Add(400 * time.Millisecond))
	var got bytes.Buffer
	io.Copy(&got, conn) // ends with the deadline at the latest
	keepAnswer(nil, got.Bytes())
	return got.String()
}

// exchange sends bytes as they are and returns the first answer, or one with status 0 if the
// connection was closed without any.
func exchange(t *testing.T, port int, text string) answer {
	t.Helper()
	conn := dialRaw(t, port)
	defer conn.Close()
	io.WriteString(conn, text)
	return readAnswer(bufio.NewReader(conn), text)
}

func newReader(r io.Reader) *bufio.Reader { return bufio.NewReader(r) }

func readAnswer(r *bufio.Reader, request string) answer {
	method, _, _ := strings.Cut(request, " ")
	resp, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		return answer{Response: &http.Response{}}
	}
	var text []byte
	if resp.StatusCode != http.StatusSwitchingProtocols {
		text, _ = io.ReadAll(resp.Body)
	}
	keepAnswer(resp.Header, text)
	return answer{resp, string(text)}
}

// evil is a server that must never be called.
type evil struct {
	addr  string
	calls chan string
}

func newEvil(t *testing.T) *evil {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &evil{addr: l.Addr().String(), calls: make(chan string, 64)}
	t.Cleanup(func() { l.Close() })
	go func() { // ends with the listener
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			e.calls <- conn.RemoteAddr().String()
			conn.Close()
		}
	}()
	return e
}

func (e *evil) check(t *testing.T) {
	t.Helper()
	select {
	case from := <-e.calls:
		t.Errorf("the evil server was called from %s", from)
	default:
	}
}

func oneOf[T comparable](got T, want ...T) bool { return slices.Contains(want, got) }
