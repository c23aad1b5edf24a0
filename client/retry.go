package client

import (
	"context"
	"crypto/rand"
	"errors"
	mathrand "math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// DefaultRetries is how often a request is sent again when [Options].Retries is zero.
const DefaultRetries = 2

const (
	// firstPause is doubled for each further attempt; up to half of it is left to chance.
	firstPause = 200 * time.Millisecond
	// maxPause is the longest that the server's Retry-After is waited for; if it says more, the caller is
	// told at once.
	maxPause = 10 * time.Second
)

const codeInProgress = "request_in_progress"

// reply is what came back from one attempt.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// newKey is what makes the server do a change once, however often it is sent; none where it is sent once.
func (c *Client) newKey(method string) string {
	if c.retries == 0 || method == http.MethodGet {
		return ""
	}
	return rand.Text()
}

// pause is how long to wait before another attempt, and whether there is one.
func (c *Client) pause(attempt int, r reply, err error) (time.Duration, bool) {
	if attempt >= c.retries || err == nil && !passing(r) || errors.Is(err, errTooLong) {
		return 0, false
	}
	wait := firstPause << attempt
	wait -= mathrand.N(wait / 2)
	if err != nil {
		return wait, true
	}
	if s, err := strconv.Atoi(r.header.Get("Retry-After")); err == nil && s >= 0 {
		asked := time.Duration(s) * time.Second
		return max(wait, asked), asked <= maxPause
	}
	return wait, true
}

// passing tells whether an answer is of a state that passes.
func passing(r reply) bool {
	switch r.status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	case http.StatusConflict:
		return r.header.Get("Claviger-Error") == codeInProgress
	}
	return false
}

// sleep waits, and returns why it was broken off.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
