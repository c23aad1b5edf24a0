package fakeprovider_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/internal/fakeprovider"
	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
)

type mail struct {
	Messages []fakeprovider.Message `json:"messages"`
}

func decode[T any](t *testing.T, body string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("decoding %s: %v", body, err)
	}
	return v
}

func TestMailboxesAreApart(t *testing.T) {
	a := start(t, fakeprovider.Config{})
	alice, nobody := a.grant("alice").Access, a.grant("nobody").Access
	theirs := decode[mail](t, second(a.get("/api/messages", nobody)))
	if len(theirs.Messages) == 0 || theirs.Messages[0].Subject != fakeprovider.Canary {
		t.Fatalf("got %v for nobody, want the canary", theirs)
	}
	for _, path := range []string{"/api/me", "/api/messages?limit=100", "/api/messages/" + theirs.Messages[0].ID} {
		if status, body := a.get(path, alice); strings.Contains(body, fakeprovider.Canary) {
			t.Errorf("%s: got status %d and the canary with alice's token", path, status)
		}
	}
	a.wantStatus("/api/messages/"+theirs.Messages[0].ID, alice, http.StatusNotFound)
	a.request(http.MethodPost, "/api/messages/"+theirs.Messages[0].ID+"/read", alice, nil)
	if again := decode[mail](t, second(a.get("/api/messages", nobody))); !again.Messages[0].Unread {
		t.Error("alice marked nobody's message as read")
	}
}

func second(_ int, body string) string { return body }

func TestUnauthorized(t *testing.T) {
	a := start(t, fakeprovider.Config{})
	for _, token := range []string{"", "made-up", a.grant("alice").Refresh} {
		for _, path := range []string{"/api/me", "/api/messages", "/api/echo", "/api/ws", "/api/nothing", "/userinfo"} {
			res := a.request(http.MethodGet, path, token, nil)
			got := res.Header.Get("WWW-Authenticate")
			if res.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(got, "Bearer ") || strings.Contains(got, "invalid_token") != (token != "") {
				t.Errorf("%s with %q: got %d, %q", path, token, res.StatusCode, got)
			}
		}
	}
}

func TestReadMessage(t *testing.T) {
	a := start(t, fakeprovider.Config{})
	token := a.grant("alice").Access
	before := decode[mail](t, second(a.get("/api/messages?unread=true", token))).Messages
	if len(before) == 0 || before[0].Body != "" || before[0].Snippet == "" {
		t.Fatalf("got %v, want unread messages with snippets and no bodies", before)
	}
	if one := decode[fakeprovider.Message](t, second(a.get("/api/messages/"+before[0].ID, token))); one.Body == "" || !one.Unread {
		t.Errorf("got %v, want the unread message with its body", one)
	}
	res := a.request(http.MethodPost, "/api/messages/"+before[0].ID+"/read", token, nil)
	if got := decode[fakeprovider.Message](t, read(t, res.Body)); got.Unread {
		t.Error("the message is still unread")
	}
	after := decode[mail](t, second(a.get("/api/messages?unread=true", token))).Messages
	if diff := cmp.Diff(before[1:], after); diff != "" {
		t.Errorf("unread messages (-want +got):\n%s", diff)
	}
}

func TestPagination(t *testing.T) {
	a := start(t, fakeprovider.Config{})
	token := a.grant("alice").Access
	all := decode[mail](t, second(a.get("/api/messages", token))).Messages
	if !slices.IsSortedFunc(all, func(x, y fakeprovider.Message) int { return y.Date.Compare(x.Date) }) {
		t.Error("messages are not newest first")
	}
	next := regexp.MustCompile(`^<(http://[^>]+)>; rel="next"$`)
	var got []fakeprovider.Message
	pages, at := 0, "/api/messages?limit=3"
	for at != "" {
		res := a.request(http.MethodGet, at, token, nil)
		got = append(got, decode[mail](t, read(t, res.Body)).Messages...)
		pages, at = pages+1, ""
		if m := next.FindStringSubmatch(res.Header.Get("Link")); m != nil {
			at = m[1]
		}
	}
	if diff := cmp.Diff(all, got); diff != "" || pages != 3 {
		t.Errorf("got %d pages, want 3 with all messages (-want +got):\n%s", pages, diff)
	}
	a.wantStatus("/api/messages?page=0", token, http.StatusBadRequest)
}

func TestEcho(t *testing.T) {
	a := start(t, fakeprovider.Config{})
	token := a.grant("alice").Access
	const target = "/api/echo/a%2Fb//../c?x=1;y=%20"
	body := fakeprovider.Pattern(300_000)
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPut, a.provider.URL()+target, bytes.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "image/x-test")
	req.Header.Set("X-Zebra", "1")
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if got := read(t, res.Body); got != string(body) {
		t.Errorf("got %d bytes back, want the %d sent", len(got), len(body))
	}
	want := map[string]string{
		"Content-Type": "image/x-test", "X-Seen-Method": "PUT", "X-Seen-Uri": target,
		"X-Seen-Headers": "Accept-Encoding,Authorization,Content-Length,Content-Type,User-Agent,X-Zebra",
	}
	for name, v := range want {
		if got := res.Header.Get(name); got != v {
			t.Errorf("%s: got %q, want %q", name, got, v)
		}
	}
}

func TestEchoStreams(t *testing.T) {
	a := start(t, fakeprovider.Config{})
	r, w := io.Pipe()
	res := make(chan *http.Response, 1)
	token := a.grant("alice").Access
	go func() { res <- a.request(http.MethodPost, "/api/echo", token, r) }()
	if _, err := io.WriteString(w, "first\n"); err != nil {
		t.Fatal(err)
	}
	// The answer begins, and has the first line, while the request is not over.
	lines := bufio.NewReader((<-res).Body)
	for _, want := range []string{"first\n", "second\n"} {
		if got, err := lines.ReadString('\n'); got != want {
			t.Fatalf("got %q, %v, want %q", got, err, want)
		}
		if want == "first\n" {
			_, _ = io.WriteString(w, "second\n")
		}
	}
	_ = w.Close()
	if _, err := lines.ReadByte(); err != io.EOF {
		t.Errorf("got %v at the end, want EOF", err)
	}
}

func TestEventsOneByOne(t *testing.T) {
	a := start(t, fakeprovider.Config{})
	next, release := a.provider.HoldEvents()
	defer release()
	res := a.request(http.MethodGet, "/api/stream?n=4&ms=0", a.grant("alice").Access, nil)
	if got := res.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("got content type %q", got)
	}
	lines := bufio.NewScanner(res.Body)
	event := func() string {
		var b strings.Builder
		for lines.Scan() && lines.Text() != "" {
			b.WriteString(lines.Text() + "|")
		}
		return b.String()
	}
	for _, want := range []string{`id: 1|event: tick|data: {"n":1}|`, `id: 2|event: tick|data: {"n":2}|`} {
		next() // the one after is not even written
		if got := event(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	release()
	if got := event() + event() + event(); got != `id: 3|event: tick|data: {"n":3}|id: 4|event: tick|data: {"n":4}|` {
		t.Errorf("after release: got %q, want events 3 and 4 and the end", got)
	}
}

func TestWebSocket(t *testing.T) {
	a := start(t, fakeprovider.Config{})
	conn, _, err := websocket.Dial(t.Context(), a.provider.URL()+"/api/ws", &websocket.DialOptions{
		Subprotocols: []string{"mail.v1"},
		HTTPHeader:   http.Header{"Authorization": {"Bearer " + a.grant("alice").Access}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := conn.Subprotocol(); got != "mail.v1" {
		t.Errorf("got subprotocol %q", got)
	}
	for kind, message := range map[websocket.MessageType]string{websocket.MessageText: "hello", websocket.MessageBinary: "\x00\xff"} {
		if err := conn.Write(t.Context(), kind, []byte(message)); err != nil {
			t.Fatal(err)
		}
		gotKind, got, err := conn.Read(t.Context())
		if err != nil || gotKind != kind || string(got) != message {
			t.Errorf("got %v %q, %v, want %v %q", gotKind, got, err, kind, message)
		}
	}
	// Close of the server ends a socket that is open.
	if err := a.provider.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if _, _, err := conn.Read(t.Context()); err == nil {
		t.Error("got a message from a closed server")
	}
}

func TestTrailers(t *testing.T) {
	a := start(t, fakeprovider.Config{})
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, a.provider.URL()+"/api/trailers", io.MultiReader(strings.NewReader("body")))
	req.Header.Set("Authorization", "Bearer "+a.grant("alice").Access)
	req.Trailer = http.Header{"X-Checksum": {"abc"}}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if got := read(t, res.Body); got != "body" {
		t.Errorf("got body %q", got)
	}
	want := http.Header{"Grpc-Status": {"0"}, "Seen-X-Checksum": {"abc"}}
	if diff := cmp.Diff(want, res.Trailer); diff != "" {
		t.Errorf("trailers (-want +got):\n%s", diff)
	}
}

func TestProbes(t *testing.T) {
	a := start(t, fakeprovider.Config{})
	token := a.grant("alice").Access

	res := a.request(http.MethodGet, "/api/redirect?to=http://elsewhere.example/&code=307", token, nil)
	if got := res.Header.Get("Location"); res.StatusCode != 307 || got != "http://elsewhere.example/" {
		t.Errorf("redirect: got %d to %q", res.StatusCode, got)
	}
	if status, body := a.get("/api/bytes?n=70000", token); status != 200 || body != string(fakeprovider.Pattern(70000)) {
		t.Errorf("bytes: got %d with %d bytes", status, len(body))
	}
	for _, code := range []int{200, 204, 304, 401, 418, 429, 503} {
		a.wantStatus("/api/status/"+strconv.Itoa(code), token, code)
	}
	a.wantStatus("/api/status/99", token, http.StatusBadRequest)
	a.wantStatus("/api/nothing", token, http.StatusNotFound)

	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, a.provider.URL()+"/api/gzip", nil)
	req.Header = http.Header{"Authorization": {"Bearer " + token}, "Accept-Encoding": {"identity"}}
	packed, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = packed.Body.Close() }()
	z, err := gzip.NewReader(packed.Body)
	if err != nil || packed.Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("gzip: got %v", err)
	}
	if got := read(t, z); got != `{"compressed":true}`+"\n" {
		t.Errorf("gzip: got %q", got)
	}
}

func TestLog(t *testing.T) {
	c := newClock()
	a := start(t, fakeprovider.Config{Now: c.now})
	tok := a.grant("alice")
	a.get("/api/messages?limit=1", tok.Access)
	a.provider.ExpireAccess("alice")
	a.get("/api/me", tok.Access)
	a.refresh(tok.Refresh)
	type line struct {
		Method, URI, User, Token, Grant string
		Status                          int
	}
	var got []line
	for _, e := range a.provider.Log() {
		got = append(got, line{e.Method, e.URI, e.User, e.Token, e.Form.Get("grant_type"), e.Status})
		if !e.Time.Equal(c.now()) || e.Header.Get("User-Agent") == "" {
			t.Errorf("%s: got time %v and header %v", e.URI, e.Time, e.Header)
		}
	}
	fp := fakeprovider.Fingerprint(tok.Access)
	want := []line{
		{"GET", "/api/messages?limit=1", "alice", fp, "", 200},
		{"GET", "/api/me", "alice", fp, "", 401},
		{"POST", "/oauth/token", "", "", "refresh_token", 200},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
	if a.provider.Requests("/api/me") != 1 || a.provider.TokenCalls() != 1 || a.provider.TokenCalls("authorization_code") != 0 {
		t.Error("the counts do not agree with the log")
	}
	a.provider.ResetLog()
	if got := len(a.provider.Log()); got != 0 {
		t.Errorf("got %d entries after ResetLog", got)
	}
}

func TestFaults(t *testing.T) {
	a := start(t, fakeprovider.Config{})
	token := a.grant("alice").Access

	a.provider.SetFault("/api/me", fakeprovider.Fault{
		Status: 503, Body: "later", ContentType: "text/plain",
		Header: http.Header{"Retry-After": {"1"}}, Count: 1,
	}, fakeprovider.Fault{Delay: time.Millisecond, Count: 1}, fakeprovider.Fault{Body: `{}`, Count: 1})
	res := a.request(http.MethodGet, "/api/me", token, nil)
	if got := read(t, res.Body); res.StatusCode != 503 || got != "later" || res.Header.Get("Retry-After") != "1" || res.Header.Get("Content-Type") != "text/plain" {
		t.Errorf("got %d %q %v", res.StatusCode, got, res.Header)
	}
	if _, body := a.get("/api/me", token); !strings.Contains(body, "alice") {
		t.Errorf("delayed: got %s, want the proper answer", body)
	}
	if _, body := a.get("/api/me", token); body != "{}" {
		t.Errorf("third: got %s, want {}", body)
	}
	if _, body := a.get("/api/me", token); !strings.Contains(body, "alice") {
		t.Errorf("used up: got %s, want the proper answer", body)
	}

	a.provider.SetFault("/api/", fakeprovider.Fault{Status: 500})
	a.wantStatus("/api/messages", token, 500)
	a.provider.SetFault("/api/me", fakeprovider.Fault{Status: 501})
	a.wantStatus("/api/me", token, 501)
	a.provider.ClearFaults()
	a.wantStatus("/api/me", token, 200)

	a.provider.SetFault("/api/me", fakeprovider.Fault{Stream: func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "own")
	}})
	if _, body := a.get("/api/me", token); body != "own" {
		t.Errorf("stream: got %q", body)
	}
}

func TestFaultsThatGiveNoAnswer(t *testing.T) {
	tests := []struct {
		name  string
		fault fakeprovider.Fault
	}{
		{"destroy", fakeprovider.Fault{Destroy: true}},
		{"hang", fakeprovider.Fault{Hang: true}},
		{"long delay", fakeprovider.Fault{Delay: time.Hour}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := start(t, fakeprovider.Config{})
			a.provider.SetFault("/oauth/token", tt.fault)
			client := http.Client{Timeout: 50 * time.Millisecond}
			res, err := client.Post(a.provider.URL()+"/oauth/token", "application/x-www-form-urlencoded", strings.NewReader("a=b"))
			if err == nil {
				_ = res.Body.Close()
				t.Errorf("got status %d, want no answer", res.StatusCode)
			}
			if got := a.provider.Log(); len(got) != 1 || got[0].Status != 0 {
				t.Errorf("got log %v, want one entry without status", got)
			}
		})
	}
}

func TestLostAnswer(t *testing.T) {
	a := start(t, fakeprovider.Config{})
	tok := a.grant("alice")
	a.provider.SetFault("/oauth/token", fakeprovider.Fault{Lost: true, Count: 1})
	if _, err := a.tryToken(map[string][]string{"grant_type": {"refresh_token"}, "refresh_token": {tok.Refresh}}); err == nil {
		t.Error("got an answer, want none")
	}
	if got := a.refresh(tok.Refresh); got.Error != "invalid_grant" {
		t.Errorf("got error %q, want invalid_grant because the token is spent", got.Error)
	}
}

func TestMaliciousTokenAnswers(t *testing.T) {
	a := start(t, fakeprovider.Config{})
	a.provider.SetFault("/oauth/token", fakeprovider.Fault{Body: `{"access_token":"evil\r\nX-Evil: 1","token_type":"Bearer"}`})
	if got := a.refresh("any"); got.Access != "evil\r\nX-Evil: 1" || !slices.Contains(a.provider.Secrets(), got.Access) {
		t.Errorf("got %q, want it and find it in Secrets", got.Access)
	}
	a.provider.SetFault("/oauth/token", fakeprovider.Fault{Endless: true})
	res := a.request(http.MethodPost, "/oauth/token", "", nil)
	if n, err := io.CopyN(io.Discard, res.Body, 5<<20); err != nil {
		t.Errorf("the endless answer ended after %d bytes: %v", n, err)
	}
}
