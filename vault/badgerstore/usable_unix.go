//go:build linux || darwin

package badgerstore

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
)

// usable tells whether files can be made in the directory, in which the database's lock file must
// be the one that it has made. The database ends the process when it cannot make a file.
func usable(dir string, lock fs.FileInfo) error {
	if err := sameFile(filepath.Join(dir, lockFile), lock); err != nil {
		return err
	}
	return writable(dir)
}

func writable(dir string) error {
	const write = 2
	err := syscall.Access(dir, write)
	if errors.Is(err, syscall.EROFS) {
		return errReadOnly
	}
	if err != nil {
		return fmt.Errorf("writing in %s: %w", dir, err)
	}
	return nil
}
