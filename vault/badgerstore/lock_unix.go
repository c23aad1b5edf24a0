//go:build linux || darwin

package badgerstore

import (
	"errors"
	"os"
	"syscall"

	"github.com/claviger-proxy/claviger/vault"
)

// lockDir takes the lock that the database takes on its directory.
func lockDir(dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = vault.ErrInUse
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}
