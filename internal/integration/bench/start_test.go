//go:build linux

package bench

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// BenchmarkStart starts the real binary, built as for a release, on a vault of 10,000 accounts, and
// reports the medians of: milliseconds from the start of the process to the first proxied answer,
// resident memory when idle a second later, and the size of the binary.
func BenchmarkStart(b *testing.B) {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(page) }))
	b.Cleanup(origin.Close)
	binary := filepath.Join(b.TempDir(), "claviger")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "github.com/claviger-proxy/claviger/cmd/claviger")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	ours := newClaviger(b, origin)
	b.ResetTimer()
	var start, memory []float64
	for b.Loop() {
		ms, mb := startOnce(b, binary, ours)
		start, memory = append(start, ms), append(memory, mb)
	}
	info, err := os.Stat(binary)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(median(start), "ms-to-first-answer")
	b.ReportMetric(median(memory), "idle-MB")
	b.ReportMetric(float64(info.Size())/(1<<20), "binary-MB")
	b.ReportMetric(0, "ns/op")
}

func startOnce(b *testing.B, binary string, ours *claviger) (ms, mb float64) {
	addr := freeAddr(b)
	path := filepath.Join(b.TempDir(), "Caddyfile")
	if err := os.WriteFile(path, []byte(ours.caddyfile(addr)), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(binary, "run", "--config", path)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return v[0] == 'G' && (v[:min(5, len(v))] == "GOGC=" || v[:min(8, len(v))] == "GOMEMLIM")
	})
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
	}()
	req, _ := http.NewRequest(http.MethodGet, "http://"+addr+"/x", nil)
	req.Header.Set("Connected-Account", "bench/user_4711")
	for {
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				b.Fatalf("status %d", resp.StatusCode)
			}
			break
		}
		if time.Since(begin) > 10*time.Second {
			b.Fatal(err)
		}
		time.Sleep(500 * time.Microsecond)
	}
	ms = float64(time.Since(begin).Microseconds()) / 1000
	time.Sleep(time.Second)
	return ms, resident(b, cmd.Process.Pid)
}

// resident is the memory of a process in MiB.
func resident(b *testing.B, pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		b.Fatal(err)
	}
	var size, pages int
	fmt.Sscan(string(text), &size, &pages)
	return float64(pages*os.Getpagesize()) / (1 << 20)
}
