package caddymodule

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"
)

const (
	maxEvents = 1024
	// droppedEvery is how often dropped events are told of in the log.
	droppedEvery = time.Minute
	// eventTime is how long a handler that is at work may take when the process ends.
	eventTime = 5 * time.Second
)

// event is one on its way to Caddy's event system. Its data are made by the configuration that emits
// it.
type event struct {
	name string
	data func(*App) map[string]any
}

// eventQueue emits events one after the other, apart from who has caused them: a handler that takes its
// time holds up nobody. When it is full, events are dropped.
type eventQueue struct {
	waiting chan event
	log     *zap.Logger
	cancel  context.CancelFunc
	done    chan struct{}

	mu      sync.Mutex
	dropped int
	told    time.Time
}

func newEventQueue(log *zap.Logger) *eventQueue {
	return &eventQueue{waiting: make(chan event, maxEvents), log: log}
}

// put never blocks.
func (q *eventQueue) put(e event) {
	select {
	case q.waiting <- e:
		return
	default:
	}
	eventsDropped.Inc()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropped++
	if now := time.Now(); now.Sub(q.told) >= droppedEvery {
		q.log.Warn("events were dropped: the handlers of Caddy's events do not keep up", zap.Int("events", q.dropped))
		q.told, q.dropped = now, 0
	}
}

// start begins to emit.
func (q *eventQueue) start(emit func(context.Context, event)) {
	ctx, cancel := context.WithCancel(context.Background())
	q.cancel, q.done = cancel, make(chan struct{})
	go q.run(ctx, emit) // ends with stop
}

func (q *eventQueue) run(ctx context.Context, emit func(context.Context, event)) {
	defer close(q.done)
	for {
		select {
		case e := <-q.waiting:
			q.emit(ctx, e, emit)
		case <-ctx.Done():
			return
		}
	}
}

// emit leaves an event to a handler. One that panics must not end the process; what it panics with may
// hold data, and is not told.
func (q *eventQueue) emit(ctx context.Context, e event, by func(context.Context, event)) {
	defer func() {
		if recover() != nil {
			q.log.Error("a handler of Caddy's events has panicked", zap.String("event", e.name))
		}
	}()
	by(ctx, e)
}

// stop ends it, and waits a moment for a handler that is at work. It may be called without start.
func (q *eventQueue) stop() {
	if q.cancel == nil {
		return
	}
	q.cancel()
	select {
	case <-q.done:
	case <-time.After(eventTime):
		q.log.Warn("a handler of Caddy's events does not come to an end")
	}
}
