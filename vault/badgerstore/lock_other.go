//go:build !linux && !darwin

package badgerstore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/claviger-proxy/claviger/vault"
)

// lockDir tells whether another process holds the database's lock, which is a file that only it
// can open.
func lockDir(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return func() {}, nil
	}
	if err != nil {
		return nil, vault.ErrInUse
	}
	return func() {}, f.Close()
}
