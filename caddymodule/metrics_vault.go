package caddymodule

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/claviger-proxy/claviger/vault"
)

var (
	vaultOperations = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "caddy", Subsystem: "claviger_vault", Name: "operation_seconds",
		Help:    "How long operations on the vault's store took.",
		Buckets: []float64{1e-5, 1e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 5e-2, 0.25, 1, 5},
	}, []string{"operation", "result"})
	vaultOpened = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: "caddy", Subsystem: "claviger_vault", Name: "open_seconds",
		Help: "How long opening the vault took.",
	})
)

// observeVault is told of every operation on the vault's store.
func observeVault(op string, took time.Duration, err error) {
	vaultOperations.WithLabelValues(op, vaultResult(err)).Observe(took.Seconds())
}

// vaultResult is the outcome of an operation. What callers are told as an answer is no error.
func vaultResult(err error) string {
	switch {
	case err == nil, errors.Is(err, vault.ErrNotFound):
		return "ok"
	case errors.Is(err, vault.ErrConflict), errors.Is(err, vault.ErrExists):
		return "conflict"
	case errors.Is(err, vault.ErrFull):
		return "full"
	case errors.Is(err, vault.ErrDamaged):
		return "damaged"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, vault.ErrUnknown):
		return "timeout"
	}
	return "error"
}

var (
	descBytes    = gauge("vault_bytes", "Size of the vault's files.")
	descStale    = gauge("vault_stale_bytes", "What is known of the files to be deleted or replaced, and goes with the next merges.")
	descRecords  = gauge("vault_records", "Records in the vault.", "kind")
	descAccounts = gauge("vault_accounts", "Connected accounts.", "status")
	descKeys     = gauge("vault_key_info", "Keys of the vault's keyset, and the one that encrypts it.", "key", "role")
	descReseal   = gauge("vault_resealing", "1 while records are to be sealed anew, else 0.")
	descSeen     = gauge("vault_resealed_records", "Records that re-sealing has seen in this pass.")
)

// vaultCollector measures the vault of the running configuration when it is asked.
type vaultCollector struct{}

func (vaultCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descBytes, descStale, descRecords, descAccounts, descKeys, descReseal, descSeen} {
		ch <- d
	}
}

// collectTime bounds what a scrape waits for the vault.
const collectTime = 5 * time.Second

func (vaultCollector) Collect(ch chan<- prometheus.Metric) {
	_, core := running()
	if core == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), collectTime)
	defer cancel()
	put := func(d *prometheus.Desc, v int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v), labels...)
	}
	if size, ok, err := core.vault.Measure(ctx); ok && err == nil {
		put(descBytes, size.Bytes)
		put(descStale, size.Stale)
		for kind, n := range size.Records {
			put(descRecords, int64(n), string(kind))
		}
	}
	if counts, err := core.vault.CountAccounts(ctx); err == nil {
		for status, n := range counts {
			put(descAccounts, int64(n), string(status))
		}
	}
	ring := core.vault.Keyring()
	put(descKeys, 1, ring.KeyEncryptionKey, "key_encryption")
	for _, k := range ring.Keys {
		role := "earlier"
		if k.Primary {
			role = "primary"
		}
		put(descKeys, 1, k.ID, role)
	}
	state, err := core.vault.ResealState(ctx)
	if err != nil {
		return
	}
	put(descSeen, int64(state.Seen))
	if state.Needed {
		put(descReseal, 1)
	} else {
		put(descReseal, 0)
	}
}

var _ prometheus.Collector = vaultCollector{}
