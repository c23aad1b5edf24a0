package integration

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// A provider that fails while the caller is still sending: the caller's connection is closed after
// our answer, because the next request on it could not be told from the rest of the body.
func TestFailureDuringUploadClosesTheConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() { // ends with the listener
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			bufio.NewReader(conn).ReadString('\n')
			io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\nConnection: Upgrade\r\n\r\n")
		}
	}()
	s := start(t, elsewhere("http://"+l.Addr().String()))
	s.connectAt("elsewhere", "alice", "user_1")
	s.connect("alice", "user_1")
	for range 10 {
		conn := dialRaw(t, s.ports.proxy)
		r := bufio.NewReader(conn)
		fmt.Fprintf(conn, "POST /x HTTP/1.1\r\nHost: localhost\r\nConnected-Account: elsewhere/user_1\r\nContent-Length: 10\r\n\r\nhello")
		resp, err := http.ReadResponse(r, &http.Request{Method: http.MethodPost})
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		if resp.StatusCode != http.StatusBadGateway || !resp.Close {
			t.Fatalf("got %d, closing %v; want 502 and the end of the connection", resp.StatusCode, resp.Close)
		}
		if _, err := r.ReadByte(); err == nil {
			t.Fatal("the connection is still in use")
		}
	}
	for range 100 { // the same, with a body that may or may not have been read by then
		s.do(http.MethodPost, "/x", strings.NewReader("body"), "Connected-Account: elsewhere/user_1").want(t, http.StatusBadGateway, "provider_bad_answer")
		s.get("/api/me", "Connected-Account: demo/user_1").wantOK(t)
	}
}
