package vault_test

import (
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/vaulttest"
)

// V-15: a clock that has lost its battery is told of, nothing is written, and all is well when it
// is set.
func TestV15ClockIn1970(t *testing.T) {
	store, keys, c := vaulttest.NewStore(t), vaulttest.NewKeys(t), newClock()
	v := vaulttest.OpenAt(t, store, keys, c.now)
	users(t, v, 1)
	before := storedKeyset(t, store)
	for _, at := range []time.Time{time.Unix(0, 0), epoch.Add(-25 * time.Hour)} {
		c.t = at
		wantErr(t, v.Check(t.Context()), vault.ErrClock)
		_, err := vault.OpenWith(t.Context(), store, keys, vault.Options{Now: c.now, ClearIdentifiers: true})
		wantErr(t, err, vault.ErrClock)
	}
	if after := storedKeyset(t, store); after.Version != before.Version {
		t.Error("the keyset was written")
	}
	for _, at := range []time.Time{epoch.Add(-23 * time.Hour), epoch, epoch.AddDate(10, 0, 0)} {
		c.t = at
		wantNil(t, v.Check(t.Context()))
		vaulttest.OpenAt(t, store, keys, c.now)
	}
}
