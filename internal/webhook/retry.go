package webhook

import (
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/claviger-proxy/claviger/connectors"
)

// After each of the first attempts there is one of these breaks, and then lateTries of lateBreak: all of
// them are a bit more than a day, while this program runs.
var breaks = []time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour,
}

const (
	lateTries = 12
	lateBreak = 2 * time.Hour
	// maxRetryAfter is how long a receiver may ask us to wait.
	maxRetryAfter = time.Hour
)

// retryIn is the break after that many attempts. Up to a tenth is added, so that what has failed
// together does not come back together.
func retryIn(attempts int) (wait time.Duration, more bool) {
	switch i := attempts - 1; {
	case i < len(breaks):
		wait = breaks[i]
	case i < len(breaks)+lateTries:
		wait = lateBreak
	default:
		return 0, false
	}
	return wait + rand.N(wait/10), true
}

// retryAfter is how long an answer asks us to wait.
func retryAfter(status int, h http.Header, now time.Time) time.Duration {
	if status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
		return 0
	}
	return connectors.RetryAfter(h, now, maxRetryAfter)
}
