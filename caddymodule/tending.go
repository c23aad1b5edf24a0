package caddymodule

import (
	"context"
	"sync"

	"github.com/claviger-proxy/claviger/internal/broker"
)

// tending has one broker at a time look after the accounts of a vault, whatever the number of
// configurations that use it. The zero value is ready for use.
type tending struct {
	mu     sync.Mutex
	broker *broker.Broker
	cancel context.CancelFunc
	done   chan struct{} // closed when the broker has ended; nil when there has been none
	ended  bool
}

// by hands over to b, which begins when the one before has ended. It does not wait for that.
func (t *tending) by(b *broker.Broker) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended || t.broker == b {
		return
	}
	if t.cancel != nil {
		t.cancel()
	}
	ctx, cancel := context.WithCancel(context.Background())
	before, done := t.done, make(chan struct{})
	t.broker, t.cancel, t.done = b, cancel, done
	go func() { // ends with the next one, or with stop
		defer close(done)
		if before != nil {
			<-before
		}
		b.Tend(ctx)
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
