//go:build unix

package cli

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

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

// An export that is interrupted leaves nothing behind.
func TestExportInterrupted(t *testing.T) {
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
		if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
			t.Error(err)
		}
		<-r.Context().Done()
	}, "export", filepath.Join(dir, "accounts.age"), "--recipient", "age1y5ap36hwrc7nrq3aqxlkm3579ensjehqzgwzyhpgnkg5qn7uhqrsu2u255", "--config", config)
	files, err := os.ReadDir(dir)
	if !strings.Contains(got.err, "interrupted") || err != nil || len(files) != 0 {
		t.Errorf("got %+v; left are %v, %v", got, files, err)
	}
}
