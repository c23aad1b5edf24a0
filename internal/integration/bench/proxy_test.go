//go:build linux

package bench

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/claviger-proxy/claviger/vault"
)

const (
	clients  = 32
	accounts = 10_000
	rounds   = 25
	window   = 400 * time.Millisecond
)

// tuned is the collector's setting that `claviger run` chooses when the operator has chosen none.
var tuned = []string{"GOGC=400"}

// BenchmarkAgainstCaddy puts load on bare Caddy's reverse_proxy with a static header and on
// Claviger with its vault of 10,000 accounts, turn by turn, against the same origin, and reports
// the medians of the ratios Claviger/Caddy: CPU time of the proxy for a request, and throughput.
// "tuned" is Claviger with its own collector setting against Caddy as it comes; "equal" gives both
// that setting, which leaves what our layer adds; "noise" is Caddy against itself.
func BenchmarkAgainstCaddy(b *testing.B) {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(page) }))
	b.Cleanup(origin.Close)
	ours := newClaviger(b, origin)
	for _, pair := range []struct {
		name string
		a, b func(*testing.B) *child
	}{
		{"tuned", func(b *testing.B) *child { return ours.spawn(b, tuned...) }, func(b *testing.B) *child { return bareCaddy(b, origin) }},
		{"equal", func(b *testing.B) *child { return ours.spawn(b, tuned...) }, func(b *testing.B) *child { return bareCaddy(b, origin, tuned...) }},
		{"noise", func(b *testing.B) *child { return bareCaddy(b, origin, tuned...) }, func(b *testing.B) *child { return bareCaddy(b, origin, tuned...) }},
	} {
		b.Run(pair.name, func(b *testing.B) {
			x, y := pair.a(b), pair.b(b)
			compare(b, x, y)
		})
	}
}

// compare measures x and y turn by turn, each first in every other round.
func compare(b *testing.B, x, y *child) {
	var cpu, throughput, xs, ys []float64
	load(b, x) // warm up
	load(b, y)
	b.ResetTimer()
	for range b.N {
		for round := range rounds {
			var mx, my measure
			if round%2 == 0 {
				mx, my = load(b, x), load(b, y)
			} else {
				my, mx = load(b, y), load(b, x)
			}
			cpu = append(cpu, mx.cpu/my.cpu)
			throughput = append(throughput, mx.rate/my.rate)
			xs, ys = append(xs, mx.cpu), append(ys, my.cpu)
		}
	}
	b.ReportMetric(median(cpu), "cpu-ratio")
	b.ReportMetric(median(throughput), "throughput-ratio")
	b.ReportMetric(median(xs), "a-µs-cpu/request")
	b.ReportMetric(median(ys), "b-µs-cpu/request")
	b.ReportMetric(0, "ns/op")
}

// measure is what one window of load has shown.
type measure struct {
	cpu  float64 // µs of the proxy's CPU time for a request
	rate float64 // requests in a second
}

// load sends requests in a closed loop for one window. Every answer is checked.
func load(b *testing.B, c *child) measure {
	transport := &http.Transport{MaxIdleConnsPerHost: clients, DisableCompression: true}
	defer transport.CloseIdleConnections()
	var wg sync.WaitGroup
	counts := make([]int, clients)
	start, before := time.Now(), c.cpu(b)
	end := start.Add(window)
	for i := range clients {
		wg.Go(func() {
			buf := make([]byte, 4096)
			for n := i; time.Now().Before(end); n += clients {
				req, _ := http.NewRequest(http.MethodGet, "http://"+c.addr+"/x", nil)
				req.Header.Set("Connected-Account", "bench/user_"+strconv.Itoa(n%accounts))
				resp, err := transport.RoundTrip(req)
				if err != nil {
					b.Error(err)
					return
				}
				size, err := io.ReadFull(resp.Body, buf[:len(page)])
				resp.Body.Close()
				if err != nil || resp.StatusCode != http.StatusOK || size != len(page) {
					b.Errorf("status %d, %d bytes, %v", resp.StatusCode, size, err)
					return
				}
				counts[i]++
			}
		})
	}
	wg.Wait()
	used, took := c.cpu(b)-before, time.Since(start)
	total := 0
	for _, n := range counts {
		total += n
	}
	if total == 0 {
		b.Fatal("no request was answered")
	}
	return measure{cpu: float64(used.Microseconds()) / float64(total), rate: float64(total) / took.Seconds()}
}

// bareCaddy is reverse_proxy with a static header, the yardstick.
func bareCaddy(b *testing.B, origin *httptest.Server, env ...string) *child {
	addr := freeAddr(b)
	_, port, _ := net.SplitHostPort(addr)
	return spawn(b, addr, fmt.Sprintf(`{
	admin off
	persist_config off
}
http://:%s {
	bind 127.0.0.1
	reverse_proxy %s {
		header_up Authorization "Bearer ya29.%0215d"
		transport http {
			network_proxy none
		}
	}
}
`, port, origin.Listener.Addr(), 1), env...)
}

// claviger is a seeded vault and a connector for the origin.
type claviger struct {
	dir, key, connectors string
	originPort           string
}

func newClaviger(b testing.TB, origin *httptest.Server) *claviger {
	_, port, _ := net.SplitHostPort(origin.Listener.Addr().String())
	c := &claviger{connectors: b.TempDir(), originPort: port}
	c.dir, c.key = seed(b, vault.Connection{
		Project: vault.DefaultProject, Name: "bench", Connector: "bench", Origin: vault.OriginConfig,
		ClientID: "bench-client", Params: map[string]string{"port": port},
	}, accounts, 24*time.Hour)
	if err := os.WriteFile(filepath.Join(c.connectors, "bench.yaml"), []byte(benchConnector), 0o600); err != nil {
		b.Fatal(err)
	}
	return c
}

const benchConnector = `schema: 1
name: bench
title: Bench
app:
  - name: port
    pattern: "[0-9]+"
authorize:
  url: "http://127.0.0.1:{app.port}/authorize"
token:
  url: "http://127.0.0.1:{app.port}/token"
  client_auth: basic
api:
  base_url: "http://127.0.0.1:{app.port}"
`

func (c *claviger) spawn(b *testing.B, env ...string) *child {
	addr := freeAddr(b)
	return spawn(b, addr, c.caddyfile(addr), env...)
}

func (c *claviger) caddyfile(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return fmt.Sprintf(`{
	admin off
	persist_config off
	claviger {
		vault badger %s
		key file %s
		connectors %s
		connection bench {
			client_id bench-client
			client_secret bench-secret
			param port %s
		}
	}
}
http://:%s {
	bind 127.0.0.1
	claviger_proxy
}
`, c.dir, c.key, c.connectors, c.originPort, port)
}

var page = bytes.Repeat([]byte("x"), 1024)

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// freeAddr is a loopback address that nobody listens on.
func freeAddr(b testing.TB) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
