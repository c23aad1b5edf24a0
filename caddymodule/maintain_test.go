package caddymodule

import (
	"context"
	"errors"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// heldStore is a store whose re-sealing waits for proceed, and then ends.
type heldStore struct {
	vault.Store
	begun, proceed chan struct{}
}

func (s *heldStore) Lease(ctx context.Context, name string, ttl time.Duration) (func(), error) {
	if name != "reseal" {
		return s.Store.Lease(ctx, name, ttl)
	}
	close(s.begun)
	<-s.proceed
	return nil, errors.New("it was held up")
}

// resealed begins to re-seal a new vault, and returns what ends it.
func resealed(t *testing.T) (end func()) {
	t.Helper()
	s := &heldStore{Store: vaulttest.NewStore(t), begun: make(chan struct{}), proceed: make(chan struct{})}
	v := vaulttest.OpenAt(t, s, vaulttest.NewKeys(t), nil)
	if err := v.SealIdentifiers(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { // ends with end
		defer close(done)
		reseal(context.Background(), v)
	}()
	<-s.begun
	return func() { close(s.proceed); <-done }
}

// gcPercent is how much the heap may grow before it is collected.
func gcPercent() int {
	got := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(got)
	return int(got[0].Value.Uint64())
}

// After several vaults were re-sealed at once, as on a reload to another one, the collector is as it was
// before, in whatever order they end.
func TestResealTogether(t *testing.T) {
	t.Cleanup(func() { debug.SetGCPercent(100) })
	for _, tt := range []struct {
		name           string
		before, during int
	}{
		{"fewer collections", 400, 100}, {"the operator's own", 50, 50},
	} {
		t.Run(tt.name, func(t *testing.T) {
			debug.SetGCPercent(tt.before)
			first := resealed(t)
			second := resealed(t)
			if got := gcPercent(); got != tt.during {
				t.Errorf("during both it is %d, want %d", got, tt.during)
			}
			first()
			if got := gcPercent(); got != tt.during {
				t.Errorf("during the second it is %d, want %d", got, tt.during)
			}
			second()
			if got := gcPercent(); got != tt.before {
				t.Errorf("afterwards it is %d, want %d", got, tt.before)
			}
		})
	}
}
