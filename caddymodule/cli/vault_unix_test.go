//go:build unix

package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/claviger-proxy/claviger/vault"
	"github.com/claviger-proxy/claviger/vault/seal"
)

func init() {
	caddy.RegisterModule(absentStore{})
	caddy.RegisterModule(absentKey{})
}

// absentStore and absentKey are modules that are never asked for anything.
type (
	absentStore struct{}
	absentKey   struct{ seal.FileKeys }
)

func (absentStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "claviger.vaults.absent", New: func() caddy.Module { return new(absentStore) }}
}

func (absentStore) OpenStore(context.Context, *zap.Logger) (vault.Store, error) {
	return nil, vault.ErrInUse
}

func (absentKey) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "claviger.keys.absent", New: func() caddy.Module { return new(absentKey) }}
}

func (k absentKey) KeyProvider() seal.KeyProvider { return k.FileKeys }

// An export that is interrupted, also by a terminal that is closed, leaves nothing behind.
func TestExportInterrupted(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) { exportInterrupted(t, sig) })
	}
}

func exportInterrupted(t *testing.T, sig syscall.Signal) {
	always := make(chan os.Signal, 1)
	signal.Notify(always, sig) // else one that is ignored here, as under nohup, would be ignored
	defer signal.Stop(always)
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	config := filepath.Join(t.TempDir(), "caddy.json")
	text := `{"apps":{"claviger":{"vault":{"backend":"absent"},"key":{"provider":"absent"}}}}`
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got := runVault(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		fmt.Fprint(w, "claviger backup 1\n")
		_ = http.NewResponseController(w).Flush()
		if files, err := os.ReadDir(dir); err != nil || len(files) != 2 { // the copy, and the export itself
			t.Errorf("before: %v, %v", files, err)
		}
		if err := syscall.Kill(os.Getpid(), sig); err != nil {
			t.Error(err)
		}
		select {
		case <-r.Context().Done():
		case <-time.After(20 * time.Second):
			t.Error("the command has not ended")
		}
	}, "export", filepath.Join(dir, "accounts.age"), "--recipient", "age1y5ap36hwrc7nrq3aqxlkm3579ensjehqzgwzyhpgnkg5qn7uhqrsu2u255", "--config", config)
	files, err := os.ReadDir(dir)
	if !strings.Contains(got.err, "interrupted") || err != nil || len(files) != 0 {
		t.Errorf("got %+v; left are %v, %v", got, files, err)
	}
}

// Who is asked for a file or a passphrase on standard input, and has none, can end the command.
func TestReadingInterrupted(t *testing.T) {
	never := make(chan os.Signal, 1)
	signal.Notify(never, syscall.SIGINT) // else one that comes too early ends the test
	defer signal.Stop(never)
	for _, args := range [][]string{
		{"import", "-"}, {"import", "accounts.age", "--passphrase-file", "-"}, {"export", filepath.Join(t.TempDir(), "e"), "--passphrase-file", "-"},
	} {
		in, out, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		before := os.Stdin
		os.Stdin = in
		done := make(chan output, 1)
		go func() { done <- runAt(t, "http://127.0.0.1:1", args...) }()
		got := untilDone(t, done, out)
		os.Stdin = before
		if !got.failed || !strings.Contains(got.err, "interrupted") {
			t.Errorf("%v: %+v", args, got)
		}
		out.Close()
		in.Close()
	}
}

// untilDone interrupts the command until it ends, after 5 seconds by the end of its input.
func untilDone(t *testing.T, done chan output, in io.Closer) output {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); {
		if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		select {
		case got := <-done:
			return got
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Error("it goes on")
	in.Close()
	return <-done
}
