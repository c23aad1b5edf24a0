package caddymodule

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
)

// watched is a body that knows how much of it was read, and whether it was closed.
type watched struct {
	io.Reader
	n      int
	closed bool
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	w.n += n
	return n, err
}

func (w *watched) Close() error {
	w.closed = true
	return nil
}

func zip(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// noise is text that gzip makes only a little shorter.
func noise(n int) string {
	var b strings.Builder
	for x := uint32(1); b.Len() < n; x = x*1664525 + 1013904223 {
		b.WriteByte("abcdefghijklmnopqrstuvwxyz012345"[x>>27])
	}
	return b.String()
}

const tokenExpired = `{"ok":false,"error":"token_expired"}`

func TestExpired(t *testing.T) {
	slack := []connectors.Expired{{Status: 200, Path: "error", In: []string{"token_expired"}}}
	both := []connectors.Expired{{Status: 400, Path: "error", In: []string{"x"}}, {Status: 400, Path: "error", In: []string{"token_expired"}}}
	behind := func(text string, n int) string { return text + strings.Repeat(" ", n) }
	tests := []struct {
		name     string
		declared []connectors.Expired
		status   int
		kind     string // Content-Type; JSON when empty
		coding   string
		body     string
		known    bool // Content-Length is there
		want     bool
		most     int // that may be read of the body
	}{
		{name: "401", status: 401, body: tokenExpired, want: true},
		{name: "nothing declared", status: 200, body: tokenExpired},
		{name: "declared status", declared: []connectors.Expired{{Status: 403}}, status: 403, body: tokenExpired, want: true},
		{name: "declared body", declared: slack, status: 200, body: tokenExpired, want: true, most: 4096},
		{name: "declared body with length", declared: slack, status: 200, body: tokenExpired, known: true, want: true, most: 4096},
		{name: "second rule", declared: both, status: 400, body: tokenExpired, want: true, most: 4096},
		{name: "other status", declared: slack, status: 500, body: tokenExpired},
		{name: "other error", declared: slack, status: 200, body: `{"ok":false,"error":"not_in_channel"}`, most: 4096},
		{name: "problem document", declared: slack, status: 200, kind: "Application/Problem+JSON ; charset=utf-8", body: tokenExpired, want: true, most: 4096},
		{name: "text", declared: slack, status: 200, kind: "text/plain", body: tokenExpired},
		{name: "html", declared: slack, status: 200, kind: "text/html", body: tokenExpired},
		{name: "events", declared: slack, status: 200, kind: "text/event-stream", body: tokenExpired},
		{name: "json lines", declared: slack, status: 200, kind: "application/x-ndjson", body: tokenExpired},
		{name: "suffix alone", declared: slack, status: 200, kind: "+json", body: tokenExpired},
		{name: "white space around", declared: slack, status: 200, body: " \r\n\t" + tokenExpired + "\n", want: true, most: 4096},
		{name: "braces in a text", declared: slack, status: 200, body: `{"a":"}{\"}\\","b":[{"c":{}}],"error":"token_expired"}`, want: true, most: 4096},
		{name: "list", declared: slack, status: 200, body: "[" + tokenExpired + "]", most: 4096},
		{name: "empty", declared: slack, status: 200},
		{name: "cut", declared: slack, status: 200, body: tokenExpired[:30], most: 4096},
		{name: "just short enough", declared: slack, status: 200, body: behind(`{"error":"token_expired"`, 4096-25) + "}", want: true, most: 4096},
		{name: "just too long", declared: slack, status: 200, body: behind(`{"error":"token_expired"`, 4096-24) + "}", most: 4096},
		{name: "too long by its length", declared: slack, status: 200, body: behind(tokenExpired, 4096-len(tokenExpired)+1), known: true},
		{name: "long", declared: slack, status: 200, body: `{"error":"token_expired","more":"` + noise(100_000) + `"}`, most: 4096},
		{name: "gzip", declared: slack, status: 200, coding: "GZIP", body: zip(t, tokenExpired), want: true, most: 4096},
		{name: "gzip with length", declared: slack, status: 200, coding: "gzip", body: zip(t, tokenExpired), known: true, want: true, most: 4096},
		{name: "gzip of other error", declared: slack, status: 200, coding: "gzip", body: zip(t, `{"error":"x"}`), most: 4096},
		{name: "gzip, 60 KiB decoded", declared: slack, status: 200, coding: "gzip", body: zip(t, behind(tokenExpired, 60<<10)), want: true, most: 4096},
		{name: "gzip, a bomb", declared: slack, status: 200, coding: "gzip", body: zip(t, behind(tokenExpired, 2<<20)), most: 4096},
		{name: "gzip, too long", declared: slack, status: 200, coding: "gzip", body: zip(t, `{"error":"token_expired","more":"`+noise(20_000)+`"}`), most: 4096},
		{name: "gzip, cut", declared: slack, status: 200, coding: "gzip", body: zip(t, tokenExpired)[:20], most: 4096},
		{name: "not gzip", declared: slack, status: 200, coding: "gzip", body: tokenExpired, most: 4096},
		{name: "identity", declared: slack, status: 200, coding: "identity", body: tokenExpired, want: true, most: 4096},
		{name: "br", declared: slack, status: 200, coding: "br", body: tokenExpired},
		{name: "twice compressed", declared: slack, status: 200, coding: "gzip, gzip", body: zip(t, zip(t, tokenExpired))},
	}
	failure := errors.New("the connection broke")
	for _, test := range tests {
		for end, wrap := range map[string]func(io.Reader) io.Reader{
			"as it comes": func(r io.Reader) io.Reader { return r },
			"in bytes":    iotest.OneByteReader,
			"end at once": iotest.DataErrReader,
			"broken":      func(r io.Reader) io.Reader { return io.MultiReader(r, iotest.ErrReader(failure)) },
		} {
			if end == "broken" && test.coding != "" {
				continue // a compressed answer without its end is not looked into
			}
			t.Run(test.name+" "+end, func(t *testing.T) {
				body := &watched{Reader: wrap(strings.NewReader(test.body))}
				resp := &http.Response{
					StatusCode: test.status, ContentLength: -1, Body: body,
					Header: http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {test.coding}},
				}
				if test.kind != "" {
					resp.Header.Set("Content-Type", test.kind)
				}
				if test.known {
					resp.ContentLength = int64(len(test.body))
				}
				length := resp.ContentLength
				if got := expired(resp, that(test.declared)); got != test.want {
					t.Errorf("got %t, want %t", got, test.want)
				}
				if body.n > test.most {
					t.Errorf("%d bytes were read, want %d at most", body.n, test.most)
				}
				var want error
				if end == "broken" {
					want = failure
				}
				if got, err := io.ReadAll(resp.Body); string(got) != test.body || !errors.Is(err, want) {
					t.Errorf("%d bytes and %v are left, want %d and %v", len(got), err, len(test.body), want)
				}
				if resp.Body.Close(); !body.closed || resp.ContentLength != length {
					t.Errorf("closed %t with length %d, want true and %d", body.closed, resp.ContentLength, length)
				}
			})
		}
	}
}

// that is a connector that declares that.
func that(declared []connectors.Expired) *connectors.Connector {
	return &connectors.Connector{Errors: connectors.Errors{ExpiredWhen: declared}}
}

// An answer that goes on after its first object is not waited for, nor is one that is no object.
func TestExpiredDoesNotWait(t *testing.T) {
	slack := []connectors.Expired{{Path: "error", In: []string{"token_expired"}}}
	for text, want := range map[string]bool{tokenExpired: true, `{"type":"ADDED"}` + "\n": false, "[1,": false, "null": false} {
		r, w := io.Pipe()
		go io.WriteString(w, text) // ends with the Read below, or with r
		late := time.AfterFunc(5*time.Second, func() { w.CloseWithError(io.ErrClosedPipe) })
		resp := &http.Response{StatusCode: 200, ContentLength: -1, Body: r, Header: http.Header{"Content-Type": {"application/json"}}}
		if got := expired(resp, that(slack)); got != want {
			t.Errorf("%q: got %t, want %t", text, got, want)
		}
		got := make([]byte, len(text))
		if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != text {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
		if !late.Stop() {
			t.Errorf("%q: the end of the answer was waited for", text)
		}
		r.Close()
	}
}

// A protocol switch has no body: what comes after it is the connection.
func TestExpiredLeavesUpgrades(t *testing.T) {
	body := &watched{Reader: strings.NewReader(tokenExpired)}
	resp := &http.Response{StatusCode: 101, ContentLength: -1, Body: body, Header: http.Header{"Content-Type": {"application/json"}}}
	if expired(resp, that([]connectors.Expired{{Path: "error", In: []string{"token_expired"}}})) || resp.Body != body || body.n != 0 {
		t.Error("the connection was read")
	}
}

func TestExpiredAllocates(t *testing.T) {
	header := []connectors.Expired{{Status: 403}, {Status: 200, Header: &connectors.HeaderTest{Name: "X-Reason", Contains: "expired"}}}
	for name, declared := range map[string][]connectors.Expired{"nothing declared": nil, "status and header": header} {
		resp := &http.Response{StatusCode: 200, ContentLength: -1, Body: http.NoBody, Header: http.Header{"Content-Type": {"application/json"}}}
		k := that(declared)
		if n := testing.AllocsPerRun(100, func() { expired(resp, k) }); n != 0 {
			t.Errorf("%s: %v allocations, want none", name, n)
		}
	}
}

// FuzzPeek: an answer is left as it was, and what is seen of it is its one JSON object, or nothing.
func FuzzPeek(f *testing.F) {
	for _, seed := range []string{
		tokenExpired, " {} ", "{}{}", `{"a":"\\\"}"}`, `[{}]`, `{"a":[{"b":[1]}],"c":{}} `, `{"a":[{"b":{}}]}x`, "{", `{"`, "}{", `"{}"`, "", "{]",
	} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, text string, bytewise bool) {
		var r io.Reader = strings.NewReader(text)
		if bytewise {
			r = iotest.OneByteReader(r)
		}
		resp := &http.Response{StatusCode: 200, ContentLength: -1, Body: io.NopCloser(r), Header: http.Header{"Content-Type": {"application/json"}}}
		got := string(peek(resp))
		if left, err := io.ReadAll(resp.Body); string(left) != text || err != nil {
			t.Fatalf("%q is left of %q, %v", left, text, err)
		}
		if got != "" && !strings.HasPrefix(strings.TrimLeft(got, " \t\r\n"), "{") || !strings.HasPrefix(text, got) {
			t.Fatalf("got %q of %q", got, text)
		}
		whole := strings.TrimRight(text, " \t\r\n")
		if len(text) <= 4096 && json.Valid([]byte(text)) && whole[len(whole)-1] == '}' && got != whole {
			t.Fatalf("got %q of %q", got, text)
		}
	})
}

func BenchmarkExpired(b *testing.B) {
	slack := []connectors.Expired{{Status: 200, Path: "error", In: []string{"token_expired", "invalid_auth"}}}
	for name, declared := range map[string][]connectors.Expired{"nothing declared": nil, "slack": slack} {
		b.Run(name, func(b *testing.B) {
			text := `{"ok":true,"messages":["` + noise(2000) + `"]}`
			resp := &http.Response{StatusCode: 200, ContentLength: -1, Header: http.Header{"Content-Type": {"application/json"}}}
			k := that(declared)
			b.ReportAllocs()
			for b.Loop() {
				resp.Body = io.NopCloser(strings.NewReader(text))
				expired(resp, k)
			}
		})
	}
}
