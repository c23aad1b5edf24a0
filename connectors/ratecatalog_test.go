package connectors_test

import (
	"net/http"
	"testing"
	"time"
)

// What providers say about their limits, each in an answer as its documentation has it.
func TestCatalogRate(t *testing.T) {
	const no = -1
	for _, tt := range []struct {
		connector string
		status    int
		header    map[string]string
		body      string
		want      time.Duration
	}{
		{"github", 403, map[string]string{"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1772367000"}, `{"message":"API rate limit exceeded"}`, 10 * time.Minute},
		{"github", 403, map[string]string{"x-ratelimit-remaining": "4999", "x-ratelimit-reset": "1772367000"}, `{"message":"Resource not accessible by integration"}`, no},
		{"github", 403, map[string]string{"x-ratelimit-remaining": "4999", "Retry-After": "60"}, `{}`, time.Minute},
		{"github", 403, map[string]string{"x-ratelimit-remaining": "4999"}, `{"message":"You have exceeded a secondary rate limit."}`, 0},
		{"linear", 400, map[string]string{"X-RateLimit-Requests-Remaining": "0", "X-RateLimit-Requests-Reset": "1772367000000", "X-RateLimit-Complexity-Remaining": "10", "X-RateLimit-Complexity-Reset": "1772369000000"}, `{"errors":[{"extensions":{"code":"RATELIMITED"}}]}`, 10 * time.Minute},
		{"linear", 400, map[string]string{"X-RateLimit-Requests-Remaining": "9"}, `{"errors":[{"extensions":{"code":"AUTHENTICATION_ERROR"}}]}`, no},
		{"salesforce", 403, nil, `[{"message":"TotalRequests Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]`, 0},
		{"salesforce", 403, nil, `[{"message":"no","errorCode":"INSUFFICIENT_ACCESS"}]`, no},
		{"gmail", 403, nil, `{"error":{"errors":[{"domain":"usageLimits","reason":"userRateLimitExceeded"}],"code":403}}`, 0},
		{"gmail", 403, nil, `{"error":{"errors":[{"domain":"global","reason":"insufficientPermissions"}],"code":403}}`, no},
		{"googlesheets", 403, nil, `{"error":{"errors":[{"domain":"usageLimits","reason":"rateLimitExceeded"}],"code":403}}`, 0},
		{"openai", 429, map[string]string{"x-ratelimit-remaining-requests": "59", "x-ratelimit-reset-requests": "1s", "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"}, `{}`, 6 * time.Minute},
		{"launchdarkly", 429, map[string]string{"X-Ratelimit-Global-Remaining": "7", "X-Ratelimit-Route-Remaining": "0", "X-Ratelimit-Reset": "1772366405000"}, `{}`, 5 * time.Second},
		{"telegram", 429, nil, `{"ok":false,"error_code":429,"parameters":{"retry_after":35}}`, 35 * time.Second},
		{"shipbob", 429, map[string]string{"x-retry-after": "25", "x-remaining-calls": "0"}, `{}`, 25 * time.Second},
		{"surveymonkey", 429, map[string]string{"X-Ratelimit-App-Global-Minute-Remaining": "100", "X-Ratelimit-App-Global-Day-Remaining": "0", "X-Ratelimit-App-Global-Day-Reset": "36000"}, `{}`, 10 * time.Hour},
		{"bigcommerce", 429, map[string]string{"X-Rate-Limit-Requests-Left": "0", "X-Rate-Limit-Time-Reset-Ms": "15000"}, `{}`, 15 * time.Second},
		{"slack", 429, map[string]string{"Retry-After": "30"}, `{"ok":false,"error":"ratelimited"}`, 30 * time.Second},
	} {
		t.Run(tt.connector, func(t *testing.T) {
			header := http.Header{}
			for name, value := range tt.header {
				header.Set(name, value)
			}
			k := lookup(t, tt.connector)
			wait, limited := k.Rate.Limit(tt.status, header, func() []byte { return []byte(tt.body) }, midday)
			if !limited {
				wait = no
			}
			if wait != tt.want {
				t.Errorf("%d %v %s: got %s, want %s", tt.status, tt.header, tt.body, wait, tt.want)
			}
		})
	}
	n := 0
	for _, k := range builtin(t).All() {
		if k.Rate.MaxWait != 0 || len(k.Rate.Windows)+len(k.Rate.RetryAfter)+len(k.Rate.Body) > 0 {
			n++
		}
	}
	if n < 45 {
		t.Errorf("%d connectors say how their providers limit requests", n)
	}
}
