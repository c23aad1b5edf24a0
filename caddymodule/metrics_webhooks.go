package caddymodule

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/claviger-proxy/claviger/internal/api"
	"github.com/claviger-proxy/claviger/internal/webhook"
	"github.com/claviger-proxy/claviger/vault"
)

var (
	deliveries   = counter("webhook_deliveries_total", "Attempts to deliver an event to a webhook, and deliveries that were given up without one.", "outcome")
	deliveryTook = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: "caddy", Subsystem: "claviger", Name: "webhook_delivery_seconds",
		Help:    "How long attempts to deliver took.",
		Buckets: []float64{0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15},
	})
	descBacklog  = gauge("webhook_backlog", "Events that are still to be delivered, one for each webhook.")
	descDisabled = gauge("webhooks_disabled", "Webhooks that get no events, by the reason.", "reason")
)

// observeDelivery is told how each delivery was dealt with.
func observeDelivery(r webhook.Result) {
	switch r.Code {
	case "":
		deliveries.WithLabelValues("delivered").Inc()
	case webhook.CodeEndpointDisabled, webhook.CodeEndpointGone, webhook.CodeEventGone: // nothing was sent
		deliveries.WithLabelValues(r.Code).Inc()
		return
	default:
		deliveries.WithLabelValues(r.Code).Inc()
	}
	deliveryTook.Observe(r.Took.Seconds())
}

// webhookCollector measures the webhooks of the running configuration when it is asked.
type webhookCollector struct{}

func (webhookCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- descBacklog
	ch <- descDisabled
}

func (webhookCollector) Collect(ch chan<- prometheus.Metric) {
	_, core := running()
	if core == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), collectTime)
	defer cancel()
	if n, err := core.vault.Backlog(ctx); err == nil {
		ch <- prometheus.MustNewConstMetric(descBacklog, prometheus.GaugeValue, float64(n))
	}
	counts, err := countDisabled(ctx, core.vault)
	if err != nil {
		return
	}
	for reason, n := range counts {
		ch <- prometheus.MustNewConstMetric(descDisabled, prometheus.GaugeValue, float64(n), reason)
	}
}

// countDisabled counts the disabled webhooks by their reasons, which are all there.
func countDisabled(ctx context.Context, v *vault.Vault) (map[string]int, error) {
	counts := map[string]int{webhook.ReasonGone: 0, webhook.ReasonFailing: 0, api.ReasonOperator: 0, api.ReasonNotConfigured: 0}
	page := vault.PageQuery{}
	for {
		got, err := v.Webhooks(ctx, vault.DefaultProject, page)
		if err != nil {
			return nil, err
		}
		for _, w := range got.Items {
			if w.Disabled {
				counts[w.DisabledReason]++
			}
		}
		if page.After = got.Next; page.After == "" {
			return counts, nil
		}
	}
}

var _ prometheus.Collector = webhookCollector{}
