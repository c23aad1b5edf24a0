package connectors_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
)

// midday is the time of the tests of limits, and Unix time 1772366400.
var midday = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// What an answer says of a limit, in all the ways that it can be written.
func TestLimit(t *testing.T) {
	const (
		no     = -1
		paired = "windows: [{remaining: X-Left, reset: X-Reset, as: at_s}, {remaining: X-Day-Left, reset: X-Day-Reset, as: at_ms}]"
	)
	at := func(after time.Duration) string { return strconv.FormatInt(midday.Add(after).Unix(), 10) }
	tests := []struct {
		name, rate string
		status     int
		header     map[string]string
		body       string
		want       time.Duration // no when it is no limit
	}{
		{name: "success", status: 200, header: map[string]string{"Retry-After": "5"}, want: no},
		{name: "429 alone", status: 429},
		{name: "seconds", status: 429, header: map[string]string{"Retry-After": " 120 "}, want: 2 * time.Minute},
		{name: "a fraction", status: 429, header: map[string]string{"Retry-After": "1.5"}, want: 1500 * time.Millisecond},
		{name: "a date", status: 429, header: map[string]string{"Retry-After": midday.Add(time.Minute).Format(http.TimeFormat)}, want: time.Minute},
		{name: "a date that has passed", status: 429, header: map[string]string{"Retry-After": midday.Add(-time.Minute).Format(http.TimeFormat)}},
		{name: "negative", status: 429, header: map[string]string{"Retry-After": "-5"}},
		{name: "nonsense", status: 429, header: map[string]string{"Retry-After": "soon"}},
		{name: "infinite", status: 429, header: map[string]string{"Retry-After": "Inf"}},
		{name: "no number", status: 429, header: map[string]string{"Retry-After": "NaN"}},
		{name: "absurd", status: 429, header: map[string]string{"Retry-After": strings.Repeat("9", 30)}, want: time.Hour},
		{name: "no float any more", status: 429, header: map[string]string{"Retry-After": strings.Repeat("9", 400)}},
		{name: "a longer one is believed", rate: "max_wait: 24h", status: 429, header: map[string]string{"Retry-After": "80000"}, want: 80_000 * time.Second},
		{name: "a shorter one only", rate: "max_wait: 90s", status: 429, header: map[string]string{"Retry-After": "100"}, want: 90 * time.Second},
		{name: "503 is trouble, and no limit", status: 503, header: map[string]string{"Retry-After": "5"}, want: no},

		{name: "other status", rate: paired, status: 403, header: map[string]string{"X-Left": "0", "X-Reset": at(time.Minute)}, want: no},
		{name: "status and nothing left", rate: "statuses: [403], " + paired, status: 403, header: map[string]string{"X-Left": "0", "X-Reset": at(time.Minute)}, want: time.Minute},
		{name: "status and something left", rate: "statuses: [403], " + paired, status: 403, header: map[string]string{"X-Left": "1", "X-Reset": at(time.Minute)}, want: no},
		{name: "status alone", rate: "statuses: [403], " + paired, status: 403, want: no},
		{name: "status with a reset alone", rate: "statuses: [403], windows: [{reset: X-Reset}]", status: 403, header: map[string]string{"X-Reset": "5"}, want: no},
		{name: "status and Retry-After", rate: "statuses: [403], " + paired, status: 403, header: map[string]string{"X-Left": "1", "Retry-After": "7"}, want: 7 * time.Second},
		{name: "status and a Retry-After that says nothing", rate: "statuses: [403]", status: 403, header: map[string]string{"Retry-After": "x"}, want: no},
		{name: "status and its own header", rate: "statuses: [400], retry_after: [X-Wait]", status: 400, header: map[string]string{"X-Wait": "7"}, want: 7 * time.Second},
		{name: "the last success", rate: "statuses: [200], body: [{path: a, pattern: b}], " + paired, status: 200, header: map[string]string{"X-Left": "0", "Retry-After": "5"}, body: `{}`, want: no},
		{name: "less than nothing left", rate: "statuses: [403], " + paired, status: 403, header: map[string]string{"X-Left": "-3"}},
		{name: "nothing is said to be left", rate: "statuses: [403], " + paired, status: 403, header: map[string]string{"X-Left": "", "X-Reset": at(time.Minute)}, want: no},

		{name: "the window that is exhausted", rate: paired, status: 429, header: map[string]string{"X-Left": "0", "X-Reset": at(time.Minute), "X-Day-Left": "9", "X-Day-Reset": "1772389800000"}, want: time.Minute},
		{name: "the one that ends last", rate: paired, status: 429, header: map[string]string{"X-Left": "0", "X-Reset": at(time.Minute), "X-Day-Left": "0", "X-Day-Reset": "1772368200000"}, want: 30 * time.Minute},
		{name: "the first ends last", rate: paired, status: 429, header: map[string]string{"X-Left": "0", "X-Reset": at(50 * time.Minute), "X-Day-Left": "0", "X-Day-Reset": "1772368200000"}, want: 50 * time.Minute},
		{name: "no window is exhausted", rate: paired, status: 429, header: map[string]string{"X-Left": "2", "X-Reset": at(time.Minute), "Retry-After": "3"}, want: 3 * time.Second},
		{name: "window and Retry-After", rate: paired, status: 429, header: map[string]string{"X-Left": "0", "X-Reset": at(time.Minute), "Retry-After": "3"}, want: time.Minute},
		{name: "window that has ended", rate: paired, status: 429, header: map[string]string{"X-Left": "0", "X-Reset": at(-time.Hour)}},
		{name: "milliseconds taken for seconds", rate: paired, status: 429, header: map[string]string{"X-Left": "0", "X-Reset": at(0) + "000"}, want: time.Hour},

		{name: "seconds left", rate: "windows: [{reset: X-Reset}]", status: 429, header: map[string]string{"X-Reset": "9"}, want: 9 * time.Second},
		{name: "milliseconds left", rate: "windows: [{reset: X-Reset, as: in_ms}]", status: 429, header: map[string]string{"X-Reset": "9500"}, want: 9500 * time.Millisecond},
		{name: "a duration", rate: "windows: [{reset: X-Reset, as: duration}]", status: 429, header: map[string]string{"X-Reset": "6m0s"}, want: 6 * time.Minute},
		{name: "a negative duration", rate: "windows: [{reset: X-Reset, as: duration}]", status: 429, header: map[string]string{"X-Reset": "-6m"}},
		{name: "a long duration", rate: "windows: [{reset: X-Reset, as: duration}]", status: 429, header: map[string]string{"X-Reset": "2000000h"}, want: time.Hour},
		{name: "a time", rate: "windows: [{reset: X-Reset, as: rfc3339}]", status: 429, header: map[string]string{"X-Reset": "2026-03-01T12:02:00Z"}, want: 2 * time.Minute},
		{name: "a time in another zone", rate: "windows: [{reset: X-Reset, as: rfc3339}]", status: 429, header: map[string]string{"X-Reset": "2026-03-01T13:02:00+01:00"}, want: 2 * time.Minute},
		{name: "a Unix time with a fraction", rate: "windows: [{reset: X-Reset, as: at_s}]", status: 429, header: map[string]string{"X-Reset": at(time.Minute) + ".5"}, want: 60500 * time.Millisecond},
		{name: "Retry-After as a Unix time", rate: "windows: [{reset: retry-after, as: at_s}]", status: 429, header: map[string]string{"Retry-After": at(time.Minute)}, want: time.Minute},

		{name: "a text", rate: "statuses: [403], body: [{path: error.errors.0.reason, pattern: '^(?:userR|r)ateLimitExceeded$'}]", status: 403, body: `{"error":{"errors":[{"reason":"rateLimitExceeded"}]}}`},
		{name: "another text", rate: "statuses: [403], body: [{path: error.errors.0.reason, pattern: '^(?:userR|r)ateLimitExceeded$'}]", status: 403, body: `{"error":{"errors":[{"reason":"forbidden"}]}}`, want: no},
		{name: "a text in a success", rate: "statuses: [200], body: [{path: code, pattern: '^LIMIT$'}]", status: 200, body: `{"code":"LIMIT"}`},
		{name: "a time in a text", rate: "statuses: [403], body: [{path: m, pattern: '(?i)retry after (\\S+)', as: rfc3339}]", status: 403, body: `{"m":"Limit.  Retry after 2026-03-01T12:02:00.000Z"}`, want: 2 * time.Minute},
		{name: "a number", rate: "body: [{path: retry_after, pattern: '^([0-9.]+)$'}]", status: 429, body: `{"retry_after":64.57}`, want: 64570 * time.Millisecond},
		{name: "the latest of all", rate: "body: [{path: a, pattern: '(.+)'}, {path: b, pattern: '(.+)'}]", status: 429, header: map[string]string{"Retry-After": "3"}, body: `{"a":9,"b":5}`, want: 9 * time.Second},
		{name: "a text that is no time", rate: "statuses: [403], body: [{path: m, pattern: 'after (.*)'}]", status: 403, body: `{"m":"after all"}`},
		{name: "a group that is not there", rate: "statuses: [403], body: [{path: m, pattern: 'limit(?:, ([0-9]+))?'}]", status: 403, body: `{"m":"limit"}`},
		{name: "no JSON", rate: "statuses: [403], body: [{path: m, pattern: x}]", status: 403, body: `<p>x`, want: no},
		{name: "a long text", rate: "statuses: [403], body: [{path: m, pattern: x}]", status: 403, body: `{"m":"` + strings.Repeat("x", 5000) + `"}`, want: no},
		{name: "an object", rate: "statuses: [403], body: [{path: m, pattern: x}]", status: 403, body: `{"m":{"x":"x"}}`, want: no},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := decode(t, minimal+"rate: {"+tt.rate+"}\n")
			if tt.rate == "" {
				c = decode(t, minimal)
			}
			header, looked := http.Header{}, 0
			for name, value := range tt.header {
				header.Set(name, value)
			}
			body := func() []byte { looked++; return []byte(tt.body) }
			wait, limited := c.Rate.Limit(tt.status, header, body, midday)
			if !limited {
				wait = no
			}
			if (wait - tt.want).Abs() > time.Microsecond {
				t.Errorf("Limit = %s, want %s", wait, tt.want)
			}
			if looked > 1 || looked == 1 && len(c.Rate.Body) == 0 {
				t.Errorf("looked at the body %d times", looked)
			}
			if got := c.Rate.Limits(tt.status, header, body); got != limited {
				t.Errorf("Limits = %t, and Limit says %t", got, limited)
			}
			if c.Rate.Limits(tt.status, header, nil) && !limited {
				t.Error("without the body it is a limit, and with it none")
			}
		})
	}
}

// A limit is never an expired token, whatever else the answer says, and 401 never a limit.
func TestLimitIsNotExpired(t *testing.T) {
	c := decode(t, minimal+"errors: {expired_when: [{status: 403}, {status: 429}, {path: e, in: [old]}]}\n"+
		"rate: {statuses: [403], windows: [{remaining: X-Left}], body: [{path: e, pattern: slow}]}\n")
	for _, tt := range []struct {
		name   string
		status int
		left   string
		body   string
		want   bool
	}{
		{"401", 401, "0", `{"e":"slow"}`, true},
		{"403", 403, "5", `{}`, true},
		{"403 with nothing left", 403, "0", `{}`, false},
		{"403 with the text", 403, "5", `{"e":"slow"}`, false},
		{"429", 429, "5", `{}`, false},
		{"429 with the other text", 429, "5", `{"e":"old"}`, false},
		{"another status", 400, "0", `{"e":"old"}`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			looked := 0
			got := c.TokenExpired(tt.status, http.Header{"X-Left": {tt.left}}, func() []byte { looked++; return []byte(tt.body) })
			if got != tt.want || looked > 1 {
				t.Errorf("TokenExpired = %t after %d looks at the body, want %t", got, looked, tt.want)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "0": 0, "-7": 0, "7 s": 0, "100": time.Minute, midday.Add(9 * time.Second).Format(http.TimeFormat): 9 * time.Second,
		midday.Add(-9 * time.Second).Format(http.TimeFormat): 0, "Fri, 31 Dec 9999 23:59:59 GMT": time.Minute,
	} {
		if got := connectors.RetryAfter(http.Header{"Retry-After": {value}}, midday, time.Minute); got != want {
			t.Errorf("%q: got %s, want %s", value, got, want)
		}
	}
}

// Answers that are no limit cost nothing: this is asked of every answer that passes the proxy.
func TestLimitsAllocatesNothing(t *testing.T) {
	c := lookup(t, "github")
	header := http.Header{"X-Ratelimit-Remaining": {"4999"}}
	for _, status := range []int{200, 404, 500} {
		if n := testing.AllocsPerRun(100, func() {
			if c.Rate.Limits(status, header, nil) {
				t.Error("it is a limit")
			}
			_ = c.TokenExpired(status, header, func() []byte { return nil })
		}); n != 0 {
			t.Errorf("status %d: %v allocations", status, n)
		}
	}
}

func BenchmarkLimits(b *testing.B) {
	c := lookup(b, "github")
	header := http.Header{"X-Ratelimit-Remaining": {"4999"}}
	b.ReportAllocs()
	for b.Loop() {
		if c.Rate.Limits(200, header, nil) {
			b.Fatal("it is a limit")
		}
	}
}

// Whatever a provider answers, it cannot have us wait for longer than is allowed.
func FuzzLimit(f *testing.F) {
	c, err := connectors.Decode("minimal.yaml", []byte(minimal+"rate: {statuses: [403], retry_after: [X-Wait], windows: [{reset: A, as: at_s}, "+
		"{reset: B, as: at_ms}, {reset: C, as: rfc3339}, {reset: D, as: in_ms}, {reset: E, as: duration}, {remaining: F}], body: [{path: a, pattern: '(.+)'}]}\n"))
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", "0", "5", "1e9", "9999999999999999999999", "-1", "2026-03-01T12:02:00Z", "1h", "NaN", "0x1p-2", "Fri, 31 Dec 9999 23:59:59 GMT"} {
		f.Add(403, seed)
	}
	f.Fuzz(func(t *testing.T, status int, value string) {
		header := http.Header{}
		for _, name := range []string{"Retry-After", "X-Wait", "A", "B", "C", "D", "E", "F"} {
			header.Set(name, value)
		}
		wait, limited := c.Rate.Limit(status, header, func() []byte { return []byte(`{"a":"` + value + `"}`) }, midday)
		if wait < 0 || wait > time.Hour || !limited && wait != 0 {
			t.Errorf("got %s, %t", wait, limited)
		}
		if limited && status != 429 && status != 403 {
			t.Errorf("status %d is a limit", status)
		}
	})
}
