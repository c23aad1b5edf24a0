package cli

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// newFile is a file that appears under its name when it is whole, and never in the place of another
// one. Until then it has a temporary name beside it.
type newFile struct {
	*os.File
	path string
}

// createFile begins a file that only this user can read.
func createFile(path string) (*newFile, error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, existsAlready(path)
	}
	temporary := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+rand.Text()[:8])
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, failed("file_unwritable", path+" cannot be written: "+cause(err), "check the directory and its permissions")
	}
	return &newFile{File: f, path: path}, nil
}

func existsAlready(path string) error {
	return failed("file_exists", path+" exists, and is not overwritten", "choose another name, or remove that file")
}

// commit makes the file durable and gives it its name.
func (f *newFile) commit() error {
	err := f.Sync()
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = f.link()
	}
	if err != nil {
		_ = os.Remove(f.Name())
		if errors.Is(err, fs.ErrExist) {
			return existsAlready(f.path)
		}
		return failed("file_unwritable", f.path+" cannot be written: "+cause(err), "check the disk that it is on")
	}
	if dir, err := os.Open(filepath.Dir(f.path)); err == nil {
		_ = dir.Sync() // some file systems cannot; the file itself is synced
		_ = dir.Close()
	}
	return nil
}

// link names the file, unless the name is taken. Where there are no hard links, it looks first.
func (f *newFile) link() error {
	err := os.Link(f.Name(), f.path)
	if err == nil {
		return os.Remove(f.Name())
	}
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := os.Lstat(f.path); err == nil {
		return fs.ErrExist
	}
	return os.Rename(f.Name(), f.path)
}

// discard removes the file, unless it was committed.
func (f *newFile) discard() {
	if f.Close() == nil { // else it was closed by commit
		_ = os.Remove(f.Name())
	}
}
