package demo

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/claviger-proxy/claviger/internal/fakeprovider"
)

// The proof at the end of the demo is worth something only if it finds what is there.
func TestSearchLogsFindsSecrets(t *testing.T) {
	p, err := fakeprovider.Start(t.Context(), fakeprovider.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	const clean = `{"level":"debug","uri":"/api/messages","from":"/oauth/callback/postbox"}`
	for _, test := range []struct {
		name, log, vault, printed, want string
	}{
		{"nothing", clean, "sealed", "hello", ""},
		{"log", clean + p.ClientSecret(), "sealed", "hello", "1 secrets are in the logs"},
		{"link", clean + "link-token", "sealed", "hello", "1 secrets are in the logs"},
		{"vault", clean, p.ClientSecret(), "hello", "in the clear in the vault"},
		{"output", clean, "sealed", p.ClientSecret(), "the demo has printed"},
		{"empty log", "", "sealed", "hello", "nothing is proved"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "claviger.log"), test.log)
			write(t, filepath.Join(dir, "vault", "000001.vlog"), test.vault)
			d := &demo{stage: &stage{dir: dir, provider: p}, out: newPrinter(io.Discard, false), links: []string{"link-token"}}
			d.out.say("%s", test.printed)
			err := d.searchLogs(context.Background())
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), p.ClientSecret()) {
				t.Error("the error holds the secret")
			}
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
