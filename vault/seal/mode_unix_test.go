//go:build !windows

package seal_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/claviger-proxy/claviger/vault/seal"
)

// V-10: a key that others can read is not used.
func TestV10KeyFileMode(t *testing.T) {
	f := seal.FileKeys{Path: filepath.Join(t.TempDir(), "key")}
	if err := f.CreateKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	for mode, ok := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o640: false, 0o644: false, 0o604: false, 0o666: false} {
		if err := os.Chmod(f.Path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := f.Active(t.Context())
		if ok && err != nil || !ok && !errors.Is(err, seal.ErrBadKey) {
			t.Errorf("mode %04o: got error %v, want accepted %v", mode, err, ok)
		}
	}
}
