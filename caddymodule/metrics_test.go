package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/claviger-proxy/claviger/vault"
)

// The reference has every metric, and no other.
func TestMetricsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/reference/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	all := make(chan *prometheus.Desc, 100)
	for _, c := range collectors {
		c.Describe(all)
	}
	close(all)
	row := regexp.MustCompile("(?m)^\\| `(caddy_[a-z_]+)` \\|([^|]*)\\|")
	documented := map[string]string{}
	for _, m := range row.FindAllStringSubmatch(string(page), -1) {
		documented[m[1]] = strings.TrimSpace(strings.ReplaceAll(m[2], "`", ""))
	}
	described := regexp.MustCompile(`fqName: "([a-z_]+)".*variableLabels: \{([a-z_,]*)\}`)
	for d := range all {
		m := described.FindStringSubmatch(d.String())
		if m == nil {
			t.Fatalf("cannot read %s", d)
		}
		labels, ok := documented[m[1]]
		if want := strings.ReplaceAll(m[2], ",", ", "); !ok || labels != want {
			t.Errorf("%s is documented with labels %q, want %q", m[1], labels, want)
		}
		delete(documented, m[1])
	}
	for name := range documented {
		t.Errorf("%s is documented, and there is no such metric", name)
	}
}

func TestVaultResult(t *testing.T) {
	for want, errs := range map[string][]error{
		"ok":       {nil, vault.ErrNotFound},
		"conflict": {fmt.Errorf("x: %w", vault.ErrConflict), vault.ErrExists},
		"full":     {vault.ErrFull},
		"damaged":  {vault.ErrDamaged},
		"timeout":  {context.DeadlineExceeded, context.Canceled, fmt.Errorf("%w: %w", vault.ErrUnknown, context.Canceled)},
		"error":    {errors.New("x"), vault.ErrClosed},
	} {
		for _, err := range errs {
			if got := vaultResult(err); got != want {
				t.Errorf("%v: got %s, want %s", err, got, want)
			}
		}
	}
}
