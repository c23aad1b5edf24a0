package integration

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

// The rows of THREATS.md, section 3, with the bytes of its section 7. A row is written as there: ⏎ is
// CR LF, · one space, ␊ a bare LF, and the words H, K and A at the beginning of a line are
//
//	Host: 127.0.0.1:8787        H, with the proxy's real port
//	Proxy-Authorization: …      K
//	Connected-Account: acc_a    A
//
// acc_a and acc_b stand for the IDs of alice's and bob's account, EVIL for the address of a server
// that must never be called, and P for the proxy's own.
type row struct {
	name, send string
	// status are the statuses that will do; 0 is a connection closed without an answer.
	status []int
	// code is the problem's code; empty means that any answer with that status will do.
	code string
	// upstream is how many requests may reach the provider.
	upstream int
	// check looks at what reached the provider, if one request did.
	check func(t *testing.T, e fakeprovider.Entry)
}

// threats is a proxy with two accounts, so that no account could be a default.
type threats struct {
	*sidecar
	evil  *evil
	alice string
	bob   string
}

func startThreats(t *testing.T, o options) *threats {
	t.Helper()
	s := start(t, o)
	return &threats{sidecar: s, evil: newEvil(t), alice: s.connect("alice", "user_a").ID, bob: s.connect("bob", "user_b").ID}
}

// run sends each row on a connection of its own and checks the invariants after it.
func (s *threats) run(t *testing.T, rows []row) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			s.provider.ResetLog()
			a := exchange(t, s.ports.proxy, s.wire(r.send))
			s.judge(t, r, a)
		})
	}
}

func (s *threats) judge(t *testing.T, r row, a answer) {
	t.Helper()
	if !slices.Contains(r.status, a.StatusCode) {
		t.Errorf("got status %d, want one of %v\n%s", a.StatusCode, r.status, a.body)
	}
	if r.code != "" && a.problem() != r.code {
		t.Errorf("got problem %q, want %q\n%s", a.problem(), r.code, a.body)
	}
	log := s.provider.Log()
	if len(log) != r.upstream {
		t.Errorf("the provider saw %d requests, want %d: %v", len(log), r.upstream, uris(log))
	}
	if r.check != nil && len(log) == 1 {
		r.check(t, log[0])
	}
	s.invariants(t)
}

// invariants are I2 and I5: nobody has called the evil server, and the next good request works.
func (s *threats) invariants(t *testing.T) {
	t.Helper()
	s.evil.check(t)
	s.in(t).get("/api/me", "Connected-Account: "+s.alice).wantOK(t)
}

// wire turns the notation into bytes.
func (s *threats) wire(text string) string {
	lines := strings.Split(text, "⏎")
	for i, line := range lines {
		line = strings.TrimPrefix(line, " ")
		head := ""
		for done := false; !done && i > 0; {
			word, rest, found := strings.Cut(line, " ")
			switch {
			case found && word == "H":
				head += "Host: P\r\n"
			case found && word == "K":
				head += "Proxy-Authorization: Bearer K1\r\n"
			case found && word == "A":
				head += "Connected-Account: acc_a\r\n"
			default:
				done = true
				continue
			}
			line = rest
		}
		lines[i] = head + line
	}
	proxy := fmt.Sprintf("127.0.0.1:%d", s.ports.proxy)
	return strings.NewReplacer("·", " ", "␊", "\n", "acc_a", s.alice, "acc_b", s.bob, "EVIL", s.evil.addr,
		"Host: P", "Host: "+proxy, "//P", "//"+proxy).Replace(strings.Join(lines, "\r\n"))
}

func uris(log []fakeprovider.Entry) (list []string) {
	for _, e := range log {
		list = append(list, e.Method+" "+e.URI)
	}
	return list
}

// as checks whose token arrived, alone, and that nothing else came with the request but names.
func as(user string, names ...string) func(*testing.T, fakeprovider.Entry) {
	return func(t *testing.T, e fakeprovider.Entry) {
		t.Helper()
		if e.User != user {
			t.Errorf("the provider saw the token of %q, want %q", e.User, user)
		}
		if n := len(e.Header["Authorization"]); n != 1 {
			t.Errorf("the provider saw %d Authorization headers, want 1", n)
		}
		for name := range e.Header {
			if name != "Authorization" && !slices.Contains(names, name) {
				t.Errorf("the provider saw header %s: %q", name, e.Header[name])
			}
		}
	}
}

func TestThreatTags(t *testing.T) {
	s := startThreats(t, options{})
	invalid := func(name, send string) row {
		return row{name: name, send: send, status: []int{400}, code: "account_tag_invalid"}
	}
	s.run(t, []row{
		invalid("T-02 two tags", "GET /api/echo/v1/me HTTP/1.1⏎ H K A Connected-Account: acc_b⏎ ⏎"),
		invalid("T-02 two tags, other order", "GET /api/echo/v1/me HTTP/1.1⏎ H K Connected-Account: acc_b⏎ A ⏎"),
		invalid("T-02 the same tag twice", "GET /api/echo/v1/me HTTP/1.1⏎ H K A A ⏎"),
		invalid("T-03 comma", "GET /api/echo/v1/me HTTP/1.1⏎ H K Connected-Account: acc_a, acc_b⏎ ⏎"),
		invalid("T-03 semicolon", "GET /api/echo/v1/me HTTP/1.1⏎ H K Connected-Account: acc_a;acc_b⏎ ⏎"),
		invalid("T-03 quotes", "GET /api/echo/v1/me HTTP/1.1⏎ H K Connected-Account: \"acc_a\"⏎ ⏎"),
		invalid("T-03 empty", "GET /api/echo/v1/me HTTP/1.1⏎ H K Connected-Account: ⏎ ⏎"),
		{
			name: "T-04 underscore", send: "GET /api/echo/v1/me HTTP/1.1⏎ H K A Connected_Account: acc_b⏎ ⏎",
			status: []int{200}, upstream: 1, check: as("alice"),
		},
		{
			name: "T-04 underscore alone", send: "GET /api/echo/v1/me HTTP/1.1⏎ H K Connected_Account: acc_b⏎ ⏎",
			status: []int{409}, code: "account_ambiguous",
		},
		{
			name: "T-05 path and header", send: "GET /@acc_a/api/echo/v1/me HTTP/1.1⏎ H K Connected-Account: acc_b⏎ ⏎",
			status: []int{400}, code: "account_tag_conflict",
		},
		{
			name: "T-05 ID and name", send: "GET /@demo/user_b/api/echo/v1/me HTTP/1.1⏎ H K A ⏎",
			status: []int{400}, code: "account_tag_conflict",
		},
		{
			name: "T-05 unknown in the header", send: "GET /@acc_a/api/echo/v1/me HTTP/1.1⏎ H K Connected-Account: demo/nobody_here⏎ ⏎",
			status: []int{404}, code: "account_not_found",
		},
		invalid("T-08 encoded blank", "GET /api/echo/v1/me HTTP/1.1⏎ H K Connected-Account: acc_a%20⏎ ⏎"),
		invalid("T-08 Cyrillic", "GET /api/echo/v1/me HTTP/1.1⏎ H K Connected-Account: demo/user_а⏎ ⏎"),
		invalid("T-08 no-break space", "GET /api/echo/v1/me HTTP/1.1⏎ H K Connected-Account: demo/user_a\u00a0⏎ ⏎"),
		invalid("T-08 long", "GET /api/echo/v1/me HTTP/1.1⏎ H K Connected-Account: demo/"+strings.Repeat("a", 10_000)+"⏎ ⏎"),
		{
			name: "T-08 other case", send: "GET /api/echo/v1/me HTTP/1.1⏎ H K Connected-Account: demo/USER_A⏎ ⏎",
			status: []int{404}, code: "account_not_found",
		},
		invalid("T-08 other case of the connection", "GET /api/echo/v1/me HTTP/1.1⏎ H K Connected-Account: DEMO/user_a⏎ ⏎"),
		{
			name: "T-08 part of the name", send: "GET /api/echo/v1/me HTTP/1.1⏎ H K Connected-Account: demo/user_⏎ ⏎",
			status: []int{404}, code: "account_not_found",
		},
		invalid("T-08 encoded slash in the path's tag", "GET /@demo%2Fuser_a%2Fx/api/echo HTTP/1.1⏎ H K ⏎"),
		invalid("T-09 folded", "GET /api/echo/v1/me HTTP/1.1⏎ H K Connected-Account: acc_a⏎ ·acc_b⏎ ⏎"),
		{
			name: "T-11 listed in Connection", send: "GET /api/echo/v1/me HTTP/1.1⏎ H K A Connection: Connected-Account⏎ ⏎",
			status: []int{200}, upstream: 1, check: as("alice"),
		},
		{
			name: "T-11 base listed in Connection", send: "GET /api/echo/v1/me HTTP/1.1⏎ H K A Connected-Base: nowhere⏎ Connection: Connected-Base⏎ ⏎",
			status: []int{400}, code: "base_unknown",
		},
		{name: "T-12 in a trailer", send: "POST /api/echo/v1/me HTTP/1.1⏎ H K Transfer-Encoding: chunked⏎ Trailer: Connected-Account⏎ ⏎" +
			" 2⏎ hi⏎ 0⏎ A ⏎", status: []int{409}, code: "account_ambiguous"},
		{name: "T-10 what arrives", send: "GET /api/echo/v1/me HTTP/1.1⏎ H K A Connected-Base: ⏎ ⏎", status: []int{400}, code: "base_unknown"},
		{
			name: "T-10 nothing of ours arrives", send: "GET /api/echo/v1/me HTTP/1.1⏎ H K A User-Agent: app/1⏎ Accept: a/b⏎ ⏎",
			status: []int{200}, upstream: 1, check: as("alice", "User-Agent", "Accept"),
		},
		{
			name: "T-10 not even a user agent", send: "GET /api/echo/v1/me HTTP/1.1⏎ H K A ⏎",
			status: []int{200}, upstream: 1, check: as("alice"),
		},
	})
	t.Run("T-08 upper case ID", func(t *testing.T) {
		s.provider.ResetLog()
		a := s.in(t).get("/api/me", "Connected-Account: "+strings.ToUpper(s.alice))
		s.judge(t, row{status: []int{400, 404}}, a)
	})
}

// T-14: what one request said is forgotten when the next comes on the same connection.
func TestThreatKeepAlive(t *testing.T) {
	s := startThreats(t, options{})
	s.provider.ResetLog()
	conn := dialRaw(t, s.ports.proxy)
	r := newReader(conn)
	for _, step := range []struct {
		send, user string
		status     int
	}{
		{"GET /api/me HTTP/1.1⏎ H K A ⏎", "alice", 200},
		{"GET /api/me HTTP/1.1⏎ H ⏎", "", 409},
		{"GET /api/me HTTP/1.1⏎ H K Connected-Account: acc_b⏎ ⏎", "bob", 200},
		{"GET /@acc_a/api/me HTTP/1.1⏎ H K ⏎", "alice", 200},
	} {
		text := s.wire(step.send)
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		a := readAnswer(r, text)
		if a.StatusCode != step.status || step.user != "" && !strings.Contains(a.body, `"`+step.user+`"`) {
			t.Errorf("%s: got %d %s, want %d of %q", step.send, a.StatusCode, a.body, step.status, step.user)
		}
	}
	if n := len(s.provider.Log()); n != 3 {
		t.Errorf("the provider saw %d requests, want 3", n)
	}
	s.invariants(t)
}
