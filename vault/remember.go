package vault

import (
	"sync"
	"time"
)

// remembered is what was counted last. Counting takes time in proportion to the number of records:
// up to quickCount it is done each time, and beyond that, it may take a hundredth of the time.
type remembered[T any] struct {
	mu    sync.Mutex
	until time.Time
	last  T
}

const quickCount = 10 * time.Millisecond

// get counts, or returns what was counted a short while ago.
func (r *remembered[T]) get(count func() (T, error)) (T, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	start := time.Now()
	if start.Before(r.until) {
		return r.last, nil
	}
	now, err := count()
	if err != nil {
		var none T
		return none, err
	}
	if took := time.Since(start); took > quickCount {
		r.last, r.until = now, start.Add(100*took)
	}
	return now, nil
}
