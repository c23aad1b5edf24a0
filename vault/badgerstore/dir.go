package badgerstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/claviger-proxy/claviger/vault"
)

// prepareDir makes sure that the directory exists and is closed to other users. The database's
// own files are readable by all, and are protected by the directory.
func prepareDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return openError(dir, err)
	}
	fi, err := os.Stat(dir)
	if err != nil {
		return openError(dir, err)
	}
	perm := fi.Mode().Perm()
	if perm&0o077 == 0 || runtime.GOOS == "windows" {
		return nil
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return openError(dir, err)
	}
	if len(files) == 0 && os.Chmod(dir, 0o700) == nil {
		return nil
	}
	return fmt.Errorf("opening vault: other users have access to the directory %s (mode %04o); run chmod 700, or name a directory below it", dir, perm)
}

// restrictFiles takes the rights of other users from the files that are there. Those that come
// later are protected by the directory alone.
func restrictFiles(dir string) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		if !f.Type().IsRegular() {
			continue
		}
		err := os.Chmod(filepath.Join(dir, f.Name()), 0o600)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func openError(dir string, err error) error {
	switch {
	case strings.Contains(err.Error(), "directory lock"):
		return fmt.Errorf("opening vault %s: %w; one process at a time can use a directory", dir, vault.ErrInUse)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("opening vault %s: the file system is read-only: %w", dir, err)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("opening vault %s: %w: %w", dir, vault.ErrFull, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("opening vault %s: this user may not use it: %w", dir, err)
	}
	return fmt.Errorf("opening vault %s: %w", dir, err)
}
