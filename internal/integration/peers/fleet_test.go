//go:build peers

package peers

import (
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/vault"
)

// fleetTime is how long the traffic lasts; the environment variable CLAVIGER_FLEET has another time, 2m
// for the whole proof.
func fleetTime(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("CLAVIGER_FLEET")
	if text == "" {
		return 20 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Two processes of ours on one store, 500 requests a second for 200 accounts whose tokens live for five
// seconds. oidc-provider ends a grant at the second use of a refresh token. No grant ends, no request
// fails, and each token is replaced by one refresh.
func TestFleet(t *testing.T) {
	const users, rate = 200, 500
	length := fleetTime(t)
	f := startFleet(t, 2)
	f.connect(users)
	before := f.generations()
	start := time.Now()
	waits := f.traffic(rate, length)
	took := time.Since(start)
	f.stop()

	// A token is replaced up to a margin of a second, a tenth of its life and half a second before its
	// end. One refresh for each such time, and one for the tokens that had died before the traffic.
	const shortest = accessTTL*time.Second - 2*time.Second
	most := users * (int(took/shortest) + 2)
	refreshes := 0
	for i, n := range f.generations() {
		refreshes += int(n - before[i])
	}
	if refreshes > most || refreshes < users*int(took/(accessTTL*time.Second)) {
		t.Errorf("%d refreshes, want at most %d", refreshes, most)
	}
	total := 0
	for _, n := range f.generations() {
		total += int(n) - 1
	}
	granted := f.provider.count(func(e event) bool { return e.Type == "grant.success" && e.GrantType == "refresh_token" })
	if granted != total {
		t.Errorf("the provider has refreshed %d times, and %d new tokens were saved", granted, total)
	}
	f.provider.wantNoRefusal()
	slices.Sort(waits)
	t.Logf("%d requests in %s (%.0f a second), %d tokens refused at first; %d refreshes, %.2f for each account in the life of a token; "+
		"credential p50 %s p99 %s p99.9 %s max %s",
		len(waits), took.Round(time.Second), float64(len(waits))/took.Seconds(), f.refused.Load(), refreshes,
		float64(refreshes)/users/took.Seconds()*accessTTL,
		waits[len(waits)/2], waits[len(waits)*99/100], waits[len(waits)*999/1000], waits[len(waits)-1])
}

// traffic sends requests at a steady rate, each to any member for any account, and returns how long each
// has waited for its credential.
func (f *fleet) traffic(rate int, length time.Duration) []time.Duration {
	var mu sync.Mutex
	var waits []time.Duration
	var wg sync.WaitGroup
	start := time.Now()
	for n := range rate * int(length.Seconds()) {
		time.Sleep(time.Until(start.Add(time.Duration(n) * time.Second / time.Duration(rate))))
		if f.t.Failed() {
			break
		}
		wg.Go(func() {
			status, waited, err := f.request(f.members[rand.IntN(len(f.members))], rand.IntN(len(f.accounts)))
			if err != nil || status != http.StatusOK {
				f.t.Errorf("got %d, %v", status, err)
			}
			mu.Lock()
			defer mu.Unlock()
			waits = append(waits, waited)
		})
	}
	wg.Wait()
	return waits
}

// generations are those of the accounts' grants.
func (f *fleet) generations() []uint64 {
	f.t.Helper()
	all := make([]uint64, len(f.accounts))
	for i, id := range f.accounts {
		a, err := f.members[0].vault.Account(f.t.Context(), id)
		if err != nil {
			f.t.Fatal(err)
		}
		if a.Status != vault.StatusActive {
			f.t.Errorf("account %s is %s (%s)", a.Identifier, a.Status, a.Reason)
		}
		all[i] = a.Generation
	}
	return all
}
