package caddymodule

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func numbered(i int) event { return event{name: fmt.Sprint(i)} }

// dropped is what the metric counts.
func dropped(t *testing.T) float64 {
	t.Helper()
	r := prometheus.NewRegistry()
	r.MustRegister(eventsDropped)
	got, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return got[0].GetMetric()[0].GetCounter().GetValue()
}

// A handler that hangs holds up nobody; what it does not keep up with is dropped, counted, and told of
// once.
func TestEventQueue(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	q := newEventQueue(zap.New(core))
	proceed, got := make(chan struct{}), make(chan string, 2*maxEvents)
	q.start(func(_ context.Context, e event) {
		<-proceed
		got <- e.name
	})
	before := dropped(t)
	q.put(numbered(0))
	for len(q.waiting) > 0 { // until the handler has it
		time.Sleep(time.Millisecond)
	}
	const more = 5
	for i := range maxEvents + more {
		q.put(numbered(i + 1))
	}
	if n := dropped(t) - before; n != more {
		t.Errorf("%v events were dropped, want %d", n, more)
	}
	if n := logs.Len(); n != 1 {
		t.Errorf("the log has %d lines, want one in a minute", n)
	}
	close(proceed)
	for i := range maxEvents + 1 {
		if name := <-got; name != fmt.Sprint(i) {
			t.Fatalf("event %d is %s", i, name)
		}
	}
	q.put(numbered(-1))
	if name := <-got; name != "-1" {
		t.Errorf("after the jam came %s", name)
	}
	q.stop()
	select {
	case <-q.done:
	default:
		t.Error("it goes on after the end")
	}
	q.put(numbered(0))
	if len(got) != 0 {
		t.Error("an event was emitted after the end")
	}
}

// It may be stopped before it was started, and while it waits for a configuration.
func TestEventQueueStop(t *testing.T) {
	newEventQueue(zap.NewNop()).stop()
	r := newRuntime(0, zap.NewNop())
	r.events.start(r.emit)
	r.events.put(numbered(0))
	ended := make(chan struct{})
	go func() { r.events.stop(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(eventTime - time.Second):
		t.Error("it does not end while there is no configuration")
	}
}

// A handler that panics ends neither the process nor the events after it, and the log does not say what it
// has panicked with.
func TestEventHandlerPanics(t *testing.T) {
	core, logs := observer.New(zap.DebugLevel)
	q := newEventQueue(zap.New(core))
	got := make(chan string, 1)
	q.start(func(_ context.Context, e event) {
		if e.name == "1" {
			panic("canary")
		}
		got <- e.name
	})
	t.Cleanup(q.stop)
	q.put(numbered(1))
	q.put(numbered(2))
	select {
	case name := <-got:
		if name != "2" {
			t.Errorf("got event %s, want 2", name)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the next event did not come")
	}
	lines := logs.All()
	if len(lines) != 1 || lines[0].Level != zap.ErrorLevel || !strings.Contains(lines[0].Message, "panicked") {
		t.Fatalf("the log has %v, want one error", lines)
	}
	if fields := lines[0].ContextMap(); len(fields) != 1 || fields["event"] != "1" || strings.Contains(lines[0].Message, "canary") {
		t.Errorf("the log says %q with %v, want the name of the event only", lines[0].Message, fields)
	}
}
