package policy_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/internal/policy"
)

// judge answers with the code of the first refusal, or 204.
func judge(w http.ResponseWriter, r *http.Request) {
	for _, no := range []*policy.Refusal{
		policy.Check(r, policy.Options{}), policy.CheckHost(r, nil), policy.CheckCaller(r),
	} {
		if no != nil {
			w.WriteHeader(no.Status)
			io.WriteString(w, no.Code)
			return
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

const (
	host = "Host: 127.0.0.1:8787\r\n"
	ws   = host + "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n" + wsRest
	// wsRest is a good handshake without its Upgrade and Connection.
	wsRest = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)

// TestWire sends bytes to a real server. Rows that net/http answers by itself have no code.
func TestWire(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(judge))
	server.Config.DisableGeneralOptionsHandler = true // it answers OPTIONS * itself
	server.Start()
	t.Cleanup(server.Close)
	long := strings.Repeat("a", 100<<10)
	tests := []struct {
		name   string // row of the threat list
		line   string
		header string
		status int
		code   string
	}{
		{"good", "GET /v1/me", host, 204, ""},
		{"good query", "GET /v1/me?q=/../a%20b&x=//y", host, 204, ""},
		{"S-01", "GET //evil.test/x", host, 400, policy.CodePath},
		{"S-02", "GET http://evil.test/v1/me", host, 400, policy.CodeTarget},
		{"S-02b", "GET http://user:pw@evil.test/", host, 400, policy.CodeTarget},
		{"S-02c", "GET ftp://evil.test/", host, 400, policy.CodeTarget},
		{"S-03", "GET http://127.0.0.1:8787/x", host, 400, policy.CodeTarget},
		{"S-04", "CONNECT evil.test:443", "Host: evil.test:443\r\n", 405, policy.CodeMethod},
		{"S-05", "GET /v1/me", "Host: evil.test\r\n", 421, policy.CodeHost},
		{"S-07", "GET /v1/%2e%2e/admin", host, 400, policy.CodePath},
		{"S-07 raw", "GET /v1/../../admin", host, 400, policy.CodePath},
		{"S-08", "GET /v1/..;/admin", host, 400, policy.CodePath},
		{"S-09", "GET /api/v4/projects/grp%2Fname", host, 204, ""},
		{"S-10", "GET /v1/%252e%252e%252fx", host, 400, policy.CodePath},
		{"S-11", "GET /v1/%5c..%5cadmin", host, 400, policy.CodePath},
		{"S-11 raw", `GET /v1\..\admin`, host, 400, policy.CodePath},
		{"S-12", "GET /v1/a%00b", host, 400, policy.CodePath},
		{"S-12 raw UTF-8", "GET /v1/é", host, 400, policy.CodePath},
		{"S-12 raw control", "GET /v1/\x01", host, 400, ""},
		{"S-13", "GET /v1/me#/admin", host, 400, policy.CodePath},
		{"S-13 in the query", "GET /v1/me?x#y", host, 400, policy.CodeTarget},
		{"S-16 path", "GET /" + long, host, 414, policy.CodeTooLong},
		{"S-16 parameters", "GET /?" + strings.Repeat("a=1&", 10000), host, 414, policy.CodeTooLong},
		{"S-17 OPTIONS", "OPTIONS *", host, 400, policy.CodeTarget},
		{"S-17 GET", "GET *", host, 400, policy.CodeTarget},
		{"F-08 mixed case", "GeT /", host, 405, policy.CodeMethod},
		{"F-08 lower case", "get /", host, 405, policy.CodeMethod},
		{"F-08 TRACE", "TRACE /", host, 405, policy.CodeMethod},
		{"F-08 TRACK", "TRACK /", host, 405, policy.CodeMethod},
		{"F-08 DEBUG", "DEBUG /", host, 405, policy.CodeMethod},
		{"F-08 long", strings.Repeat("A", 5000) + " /", host, 405, policy.CodeMethod},
		{"F-08 DELETE", "DELETE /x", host, 204, ""},
		{"H-04", "GET /", host + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n" +
			"HTTP2-Settings: AAMAAABkAAQAAP__\r\n", 400, policy.CodeUpgrade},
		{"H-04 settings alone", "GET /", host + "HTTP2-Settings: AAMAAABkAAQAAP__\r\n", 400, policy.CodeUpgrade},
		{"H-04 beside websocket", "GET /", ws + "HTTP2-Settings: AAMAAABkAAQAAP__\r\n", 400, policy.CodeUpgrade},
		{"H-05 foo", "GET /", host + "Connection: Upgrade\r\nUpgrade: foo\r\n" + wsRest, 400, policy.CodeUpgrade},
		{"H-05 list", "GET /", host + "Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n" + wsRest, 400, policy.CodeUpgrade},
		{"H-05 two lines", "GET /", ws + "Upgrade: h2c\r\n", 400, policy.CodeUpgrade},
		{"H-05 TLS", "GET /", host + "Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n", 400, policy.CodeUpgrade},
		{"H-07 good", "GET /ws", ws, 204, ""},
		{"H-07 empty body", "GET /ws", ws + "Content-Length: 0\r\n", 204, ""},
		{"H-07 body", "GET /ws", ws + "Content-Length: 4\r\n\r\nabcd", 400, policy.CodeUpgrade},
		{"H-07 chunked", "GET /ws", ws + "Transfer-Encoding: chunked\r\n\r\n0\r\n", 400, policy.CodeUpgrade},
		{"H-07 POST", "POST /ws", ws, 400, policy.CodeUpgrade},
		{"H-07 two keys", "GET /ws", ws + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", 400, policy.CodeUpgrade},
		{"H-07 version 12", "GET /ws", strings.Replace(ws, ": 13", ": 12", 1), 400, policy.CodeUpgrade},
		{"H-07 short key", "GET /ws", strings.Replace(ws, "dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ=", 1), 400, policy.CodeUpgrade},
		{"H-07 key not base64", "GET /ws", strings.Replace(ws, "dGhl", "d_hl", 1), 400, policy.CodeUpgrade},
		{"H-07 no key", "GET /ws", strings.Replace(ws, "Sec-WebSocket-Key", "X-Key", 1), 400, policy.CodeUpgrade},
		{"H-07 no Connection", "GET /ws", host + "Upgrade: websocket\r\n" + wsRest, 400, policy.CodeUpgrade},
		{"A-01", "GET /v1/me", "Host: rebind.evil.test:8787\r\n", 421, policy.CodeHost},
		{"A-02 null", "GET /v1/me", host + "Origin: null\r\n", 403, policy.CodeBrowser},
		{"A-02 evil", "GET /v1/me", host + "Origin: https://evil.test\r\n", 403, policy.CodeBrowser},
		{"A-02 own", "GET /v1/me", host + "Origin: http://127.0.0.1:8787\r\n", 403, policy.CodeBrowser},
		{"A-02 cross-site", "GET /v1/me", host + "Sec-Fetch-Site: cross-site\r\n", 403, policy.CodeBrowser},
		{"A-02 same-site", "GET /v1/me", host + "Sec-Fetch-Site: same-site\r\n", 403, policy.CodeBrowser},
		{"A-02 none", "GET /v1/me", host + "Sec-Fetch-Site: none\r\n", 204, ""},
		{"A-02 fetch of a program", "GET /v1/me", host + "Sec-Fetch-Mode: cors\r\n", 204, ""},
		{"A-12 websocket from a page", "GET /ws", ws + "Origin: http://evil.test\r\n", 403, policy.CodeBrowser},
		{"A-12 from another port", "GET /ws", ws + "Origin: http://127.0.0.1:3000\r\n", 403, policy.CodeBrowser},
		{"A-12 null", "GET /ws", ws + "Origin: null\r\n", 403, policy.CodeBrowser},
		{"A-12 websocket library", "GET /ws", ws + "Origin: http://127.0.0.1:8787\r\n", 204, ""},
		{"T-04", "GET /v1/me", host + "Connected-Account: ca_a\r\nConnected_Account: ca_b\r\n", 204, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, body := raw(t, server.Listener.Addr(), tt.line+" HTTP/1.1\r\n"+tt.header+"\r\n")
			if status != tt.status || tt.code != "" && body != tt.code {
				t.Errorf("got %d %q, want %d %q", status, body, tt.status, tt.code)
			}
		})
	}
}

func TestWireHTTP10AndPreface(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(judge))
	t.Cleanup(server.Close)
	if status, code := raw(t, server.Listener.Addr(), "GET /ws HTTP/1.0\r\n"+ws+"\r\n"); code != policy.CodeUpgrade {
		t.Errorf("H-07 over HTTP/1.0: got %d %q, want %s", status, code, policy.CodeUpgrade)
	}
	if status, code := raw(t, server.Listener.Addr(), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"); status < 400 {
		t.Errorf("S-17 preface: got %d %q, want a refusal", status, code)
	}
}

// raw sends bytes and returns status and body of the answer.
func raw(t *testing.T, addr net.Addr, request string) (int, string) {
	t.Helper()
	conn, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatal(fmt.Errorf("reading the answer: %w", err))
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}
