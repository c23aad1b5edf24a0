//go:build linux

package bench

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/vault"
)

const (
	busyAccounts = 200
	busyClients  = 16
	busyRate     = 500 // requests in a second, to each of two proxies
	busyRounds   = 24
	busyWindow   = 5 * time.Second
)

// BenchmarkDuringRefreshes sends a steady 500 requests a second for 200 accounts through each of two
// proxies at once: one whose tokens live for 5 to 10 seconds, and are refreshed ahead of time without
// end, and one whose tokens live for a day. It reports the ratios of the latencies of the first to those
// of the second: of the 99.9th percentiles of all rounds together, the median of those of each round, and
// of the 99th percentiles and the medians; and what one refresh costs the first in processor time. What
// else the machine does meets both, and so does the processor's load of refreshes. "noise" is the second
// against another like it.
func BenchmarkDuringRefreshes(b *testing.B) {
	brief := newIssuer(b, func() time.Duration { return 5*time.Second + rand.N(5*time.Second) })
	lasting := newIssuer(b, func() time.Duration { return 24 * time.Hour })
	same := newIssuer(b, func() time.Duration { return 24 * time.Hour })
	b.Run("refreshes", func(b *testing.B) { compareLatency(b, brief, lasting) })
	b.Run("noise", func(b *testing.B) { compareLatency(b, same, lasting) })
}

// issuer is a provider whose tokens say when they die, and which refuses dead ones, with a vault of
// accounts there.
type issuer struct {
	*claviger
	life func() time.Duration
	// refreshes counts the tokens given, refused the requests that came with a dead one.
	refreshes, refused atomic.Int64
}

func newIssuer(b *testing.B, life func() time.Duration) *issuer {
	s := &issuer{life: life}
	origin := httptest.NewServer(s)
	b.Cleanup(origin.Close)
	_, port, _ := net.SplitHostPort(origin.Listener.Addr().String())
	s.claviger = &claviger{connectors: b.TempDir(), originPort: port}
	s.dir, s.key = seed(b, vault.Connection{
		Project: vault.DefaultProject, Name: "bench", Connector: "bench", Origin: vault.OriginConfig,
		ClientID: "bench-client", Params: map[string]string{"port": port},
	}, busyAccounts, time.Second)
	// 200 accounts whose tokens live for 7.5 seconds need more refreshes than the 50 in a second that an
	// unknown provider gets.
	connector := benchConnector + "refresh: {rotates: always, limit: {requests: 12000, per: 1m}}\n"
	if err := os.WriteFile(filepath.Join(s.connectors, "bench.yaml"), []byte(connector), 0o600); err != nil {
		b.Fatal(err)
	}
	return s
}

func (s *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/token" {
		life, n := s.life(), s.refreshes.Add(1)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":"ya29.%0200d.%d","token_type":"bearer","expires_in":%.3f,"refresh_token":"1//%0100d"}`,
			n, time.Now().Add(life).UnixMilli(), life.Seconds(), n)
		return
	}
	token := r.Header.Get("Authorization")
	dies, err := strconv.ParseInt(token[strings.LastIndexByte(token, '.')+1:], 10, 64)
	if err != nil || time.Now().UnixMilli() >= dies {
		s.refused.Add(1)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.Write(page)
}

// compareLatency measures x and y at once.
func compareLatency(b *testing.B, x, y *issuer) {
	cx, cy := x.spawn(b, tuned...), y.spawn(b, tuned...)
	defer cx.stop()
	defer cy.stop()
	transport := &http.Transport{MaxIdleConnsPerHost: busyClients, DisableCompression: true}
	defer transport.CloseIdleConnections()
	both := func() (mx, my []float64) {
		var wg sync.WaitGroup
		wg.Go(func() { mx = send(b, cx, transport) })
		wg.Go(func() { my = send(b, cy, transport) })
		wg.Wait()
		return mx, my
	}
	both() // until all tokens are fresh
	refreshes, refused, start := x.refreshes.Load(), x.refused.Load(), time.Now()
	usedX, usedY := cx.cpu(b), cy.cpu(b)
	var xs, ys, ratios []float64
	for range b.N {
		for range busyRounds {
			mx, my := both()
			ratios = append(ratios, quantile(mx, 0.999)/quantile(my, 0.999))
			xs, ys = append(xs, mx...), append(ys, my...)
		}
	}
	if n := x.refused.Load() - refused; n > 0 {
		b.Errorf("%d requests met a dead token", n)
	}
	for _, q := range []float64{0.5, 0.99, 0.999} {
		b.ReportMetric(quantile(xs, q)/quantile(ys, q), fmt.Sprintf("p%g-ratio", 100*q))
	}
	b.ReportMetric(median(ratios), "p99.9-ratio-of-rounds")
	b.ReportMetric(quantile(xs, 0.999), "a-p99.9-µs")
	b.ReportMetric(quantile(ys, 0.999), "b-p99.9-µs")
	if n := float64(x.refreshes.Load() - refreshes); n > 0 {
		b.ReportMetric(n/time.Since(start).Seconds(), "refreshes/s")
		b.ReportMetric(float64((cx.cpu(b)-usedX-cy.cpu(b)+usedY).Microseconds())/n, "µs-cpu/refresh")
	}
	b.ReportMetric(0, "ns/op")
}

func quantile(v []float64, q float64) float64 {
	slices.Sort(v)
	return v[int(float64(len(v))*q)]
}

// send sends requests at a steady rate from several clients for one window, and returns how long each has
// taken, in microseconds. Every answer is checked.
func send(b *testing.B, c *child, transport *http.Transport) (all []float64) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	start := time.Now()
	for i := range busyClients {
		wg.Go(func() {
			var took []float64
			buf := make([]byte, len(page))
			for n := i; n < busyRate*int(busyWindow/time.Second); n += busyClients {
				time.Sleep(time.Until(start.Add(time.Duration(n) * time.Second / busyRate)))
				req, _ := http.NewRequest(http.MethodGet, "http://"+c.addr+"/x", nil)
				req.Header.Set("Connected-Account", "bench/user_"+strconv.Itoa(rand.IntN(busyAccounts)))
				sent := time.Now()
				resp, err := transport.RoundTrip(req)
				if err != nil {
					b.Error(err)
					return
				}
				_, err = io.ReadFull(resp.Body, buf)
				resp.Body.Close()
				took = append(took, float64(time.Since(sent).Nanoseconds())/1000)
				if err != nil || resp.StatusCode != http.StatusOK {
					b.Errorf("status %d, %v", resp.StatusCode, err)
					return
				}
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, took...)
		})
	}
	wg.Wait()
	return all
}
