package connectors

import "time"

// Rate says how a provider tells that it limits requests, and until when, beside status 429 and the header
// Retry-After, which always count. It holds for the API and for the endpoints that give tokens. See [Rate.Limit].
type Rate struct {
	// Statuses are HTTP statuses, beside 429, that can mean that. One of them does where the answer has more to
	// say so: a window with nothing remaining, Retry-After or a header of RetryAfter, or a text of Body. With a
	// status below 400 only a text of Body does.
	Statuses []int `yaml:"statuses,omitempty"`
	// RetryAfter are headers with the seconds left, or a date, as Retry-After has them.
	RetryAfter []string `yaml:"retry_after,omitempty"`
	// Windows are what the provider counts requests in. Of several that are exhausted the one that ends last
	// counts.
	Windows []Window `yaml:"windows,omitempty"`
	// Body are texts in a JSON answer. Of several that are there the longest wait counts.
	Body []LimitText `yaml:"body,omitempty"`
	// MaxWait is the longest wait that is believed: an hour if nothing is given, and a day at most.
	MaxWait Duration `yaml:"max_wait,omitempty"`
}

// Window is a span of time with a number of requests, or of something else, that it has room for.
type Window struct {
	// Remaining is the header with what is left; the window is exhausted when it is 0. Without such a header
	// the window counts in each answer that limits.
	Remaining string `yaml:"remaining,omitempty"`
	// Reset is the header with the end of the window.
	Reset string `yaml:"reset,omitempty"`
	// As is how the end is written: in_s (seconds left, the default, or an HTTP date), in_ms, duration (such as
	// 6m0s), at_s, at_ms (Unix time) or rfc3339.
	As string `yaml:"as,omitempty"`
}

// LimitText is a text in a JSON answer that says that the provider limits requests.
type LimitText struct {
	// Path is where the text, or number, stands.
	Path string `yaml:"path"`
	// Pattern is an RE2 expression that matches somewhere in it. What a group of it matches is the wait.
	Pattern string `yaml:"pattern"`
	// As is how the wait is written, as in [Window].
	As string `yaml:"as,omitempty"`
}

// The bounds of [Rate].MaxWait.
const (
	defaultMaxWait = time.Hour
	maxMaxWait     = 24 * time.Hour
)

// The values of [Window].As and [LimitText].As.
const (
	leftSeconds  = "in_s"
	leftMillis   = "in_ms"
	leftDuration = "duration"
	endSeconds   = "at_s"
	endMillis    = "at_ms"
	endDate      = "rfc3339"
)
