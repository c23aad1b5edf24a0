package caddymodule

import (
	"context"
	"sync"
)

// tender looks after something in the vault until ctx ends.
type tender interface{ Tend(ctx context.Context) }

// tending has one tender of a kind at a time look after a vault, whatever the number of configurations
// that use it. The zero value is ready for use.
type tending struct {
	mu     sync.Mutex
	tender tender
	cancel context.CancelFunc
	done   chan struct{} // closed when the tender has ended; nil when there has been none
	ended  bool
}

// by hands over to next, which begins when the one before has ended. It does not wait for that.
func (t *tending) by(next tender) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended || t.tender == next {
		return
	}
	if t.cancel != nil {
		t.cancel()
	}
	ctx, cancel := context.WithCancel(context.Background())
	before, done := t.done, make(chan struct{})
	t.tender, t.cancel, t.done = next, cancel, done
	go func() { // ends with the next one, or with stop
		defer close(done)
		if before != nil {
			<-before
		}
		next.Tend(ctx)
	}()
}

// stop ends it for good, and waits for what is under way.
func (t *tending) stop() {
	t.mu.Lock()
	t.ended = true
	done := t.done
	if t.cancel != nil {
		t.cancel()
	}
	t.mu.Unlock()
	if done != nil {
		<-done
	}
}
