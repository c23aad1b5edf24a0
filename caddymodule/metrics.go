package caddymodule

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// collectors are the metrics of the process. Every configuration has a registry of its own, so they
// are registered again with each. No label holds an account, a user or a path.
var collectors = []prometheus.Collector{
	vaultOperations, vaultOpened,
	vaultCollector{},
	refreshes, refreshTook, refreshWaiting, refreshesForced, checks, eventsDropped,
	rateLimited,
	tokenCollector{},
	deliveries, deliveryTook,
	webhookCollector{},
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "caddy", Subsystem: "claviger", Name: name, Help: help}, labels)
}

// gauge describes one that a collector measures when it is asked.
func gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("caddy_claviger_"+name, help, labels, nil)
}

func registerMetrics(r *prometheus.Registry) error {
	for _, c := range collectors {
		var already prometheus.AlreadyRegisteredError
		if err := r.Register(c); err != nil && !errors.As(err, &already) {
			return fmt.Errorf("registering metrics: %w", err)
		}
	}
	return nil
}

// running returns the core of the running configuration, for what is measured when it is asked for. There
// is none before the vault is open; readiness tells why.
func running() (*App, *core) {
	app, err := activeApp()
	if err != nil {
		return nil, nil
	}
	c := app.core.Load()
	if c == nil {
		return nil, nil
	}
	return app, c
}
