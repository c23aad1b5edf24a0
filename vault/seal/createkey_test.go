package seal_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/claviger-proxy/claviger/vault/seal"
)

// Whoever looks while a key file is made, or after the process was killed, sees none or a whole one.
func TestCreateKeyIsWhole(t *testing.T) {
	for range 30 {
		dir := t.TempDir()
		f := seal.FileKeys{Path: filepath.Join(dir, "key")}
		made := make(chan error, 1)
		go func() { made <- f.CreateKey(t.Context()) }()
		for {
			_, err := f.Active(t.Context())
			if err == nil {
				break
			}
			if !errors.Is(err, seal.ErrNoKey) {
				t.Fatalf("got error %v, want ErrNoKey", err)
			}
		}
		if err := <-made; err != nil {
			t.Fatal(err)
		}
		files, err := os.ReadDir(dir)
		if err != nil || len(files) != 1 {
			t.Fatalf("got files %v and error %v, want the key alone", files, err)
		}
	}
}
