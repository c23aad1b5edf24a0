package badgerstore

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/dgraph-io/badger/v4"

	"github.com/claviger-proxy/claviger/vault"
)

// openDatabase opens the database in files that are in order. A panic of the database is an error.
func openDatabase(o badger.Options) (db *badger.DB, err error) {
	defer func() {
		if r := recover(); r != nil {
			db, err = nil, fmt.Errorf("%w: the database cannot read its files: %.200s; restore the directory from a backup",
				vault.ErrDamaged, fmt.Sprint(r))
		}
	}()
	return badger.Open(o)
}

// openError says what an operator can do about an error of opening.
func openError(dir string, err error) error {
	switch {
	case errors.Is(err, vault.ErrDamaged), errors.Is(err, vault.ErrFull):
		return fmt.Errorf("opening vault %s: %w", dir, err)
	case errors.Is(err, vault.ErrInUse), strings.Contains(err.Error(), "directory lock"):
		return fmt.Errorf("opening vault %s: %w; one process at a time can use a directory", dir, vault.ErrInUse)
	case errors.Is(err, errReadOnly):
		return fmt.Errorf("opening vault %s: %w", dir, err)
	case isErrno(err, syscall.EROFS):
		return fmt.Errorf("opening vault %s: %w: %w", dir, errReadOnly, err)
	case isErrno(err, syscall.ENOSPC):
		return fmt.Errorf("opening vault %s: %w: %w", dir, vault.ErrFull, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("opening vault %s: this user may not use it: %w", dir, err)
	}
	return fmt.Errorf("opening vault %s: %w", dir, err)
}

// isErrno is errors.Is for errors of the database, of which many are only text.
func isErrno(err error, e syscall.Errno) bool {
	return errors.Is(err, e) || strings.Contains(err.Error(), e.Error())
}
