package caddymodule

import (
	"context"
	"fmt"
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

func TestRefusedClients(t *testing.T) {
	m := meter{}
	for _, step := range []struct {
		outcome string
		want    bool
	}{
		{"refreshed", false}, {"operator", true}, {"transient", true}, {"malformed", true}, {"permanent", false}, {"operator", true}, {"refreshed", false},
	} {
		m.Refreshed("demo", "of-this-test", step.outcome, time.Second)
		if got := refused.has("of-this-test"); got != step.want {
			t.Errorf("after %s: refused is %t", step.outcome, got)
		}
	}
	if refused.has("another") || refused.has("demo") {
		t.Error("others are refused as well")
	}
}
