package caddymodule

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/claviger-proxy/claviger/internal/broker"
	"github.com/claviger-proxy/claviger/internal/oauth"
)

var (
	refreshes   = counter("refreshes_total", "Refreshes that have ended.", "connector", "outcome")
	refreshTook = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "caddy", Subsystem: "claviger", Name: "refresh_seconds",
		Help:    "How long refreshes took, from the first look at the account to the saved token.",
		Buckets: []float64{0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 45},
	}, []string{"connector"})
	refreshWaiting = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: "caddy", Subsystem: "claviger", Name: "refresh_waiting",
		Help: "Requests that wait for a refresh now.",
	})
	refreshesForced = counter("refreshes_forced_total", "Refreshes begun because the provider refused a token.", "connector")
	checks          = counter("checks_total", "Checks of credentials at the provider.", "connector", "result")
	eventsDropped   = prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "claviger", Name: "events_dropped_total",
		Help: "Events that the handlers of Caddy's events did not keep up with.",
	})
)

// meter counts what happens to tokens.
type meter struct{}

func (meter) Refreshed(connector, connection, outcome string, took time.Duration) {
	refreshes.WithLabelValues(connector, outcome).Inc()
	refreshTook.WithLabelValues(connector).Observe(took.Seconds())
	refused.note(connection, outcome)
}

func (meter) Forced(connector string) { refreshesForced.WithLabelValues(connector).Inc() }

func (meter) Waiting(more int) { refreshWaiting.Add(float64(more)) }

func (meter) Checked(connector string, ok bool) {
	result := "failed"
	if ok {
		result = "ok"
	}
	checks.WithLabelValues(connector, result).Inc()
}

// refused remembers the connections whose OAuth client the provider refuses.
var refused = refusedClients{names: map[string]bool{}}

type refusedClients struct {
	mu    sync.Mutex
	names map[string]bool
}

// note learns from the outcome of a refresh. A provider that does not answer says nothing of the client.
func (r *refusedClients) note(connection, outcome string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch outcome {
	case string(oauth.ClassOperator):
		r.names[connection] = true
	case broker.OutcomeRefreshed, string(oauth.ClassPermanent):
		delete(r.names, connection)
	}
}

func (r *refusedClients) has(connection string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.names[connection]
}

var (
	descUnsaved = gauge("unsaved_tokens", "Refreshed tokens that the vault has not taken yet, and that are in memory only.")
	descDue     = gauge("next_due_seconds", "In how many seconds the first account is due; below zero when work has piled up.")
	descRefused = gauge("connection_refused", "1 while the provider refuses the connection's OAuth client, else 0.", "connection")
)

// tokenCollector measures the tokens of the running configuration when it is asked.
type tokenCollector struct{}

func (tokenCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descUnsaved, descDue, descRefused} {
		ch <- d
	}
}

func (tokenCollector) Collect(ch chan<- prometheus.Metric) {
	app, core := running()
	if core == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), collectTime)
	defer cancel()
	put := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	put(descUnsaved, float64(app.runtime.shared.Unsaved()))
	if due, err := core.broker.NextDue(ctx); err == nil && !due.IsZero() {
		put(descDue, time.Until(due).Seconds())
	}
	for _, c := range core.set.All() {
		v := 0.0
		if refused.has(c.Name) {
			v = 1
		}
		put(descRefused, v, c.Name)
	}
}

// Interface guards
var (
	_ broker.Observer      = meter{}
	_ prometheus.Collector = tokenCollector{}
)
