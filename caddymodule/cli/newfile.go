package cli

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

// newFile is a file that appears under its name when it is whole, and never in the place of another
// one. Until then it has a temporary name beside it.
type newFile struct {
	file *os.File
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
		return nil, unwritable(path, err, "check the directory and its permissions")
	}
	return &newFile{file: f, path: path}, nil
}

func unwritable(path string, err error, next string) error {
	return failed("file_unwritable", path+" cannot be written: "+cause(err), next)
}

const checkDisk = "check the disk that it is on"

// Write implements io.Writer. Its errors are for people.
func (f *newFile) Write(p []byte) (int, error) {
	n, err := f.file.Write(p)
	if err != nil {
		err = unwritable(f.path, err, checkDisk)
	}
	return n, err
}

// stdout is where a file goes that is not to be one. Its errors are for people.
type stdout struct{ to io.Writer }

// newStdout makes the end of who reads an error of writing: it would end the process at once, with
// what has to be removed before.
func newStdout(c *call) stdout {
	signal.Ignore(syscall.SIGPIPE)
	return stdout{c.out}
}

func (o stdout) Write(p []byte) (int, error) {
	n, err := o.to.Write(p)
	if err != nil {
		err = unwritable("standard output", err, "check where it goes")
	}
	return n, err
}

func existsAlready(path string) error {
	return failed("file_exists", path+" exists, and is not overwritten", "choose another name, or remove that file")
}

// commit makes the file durable and gives it its name.
func (f *newFile) commit() error {
	err := f.file.Sync()
	if e := f.file.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = f.link()
	}
	if err != nil {
		_ = os.Remove(f.file.Name())
		if errors.Is(err, fs.ErrExist) {
			return existsAlready(f.path)
		}
		return unwritable(f.path, err, checkDisk)
	}
	if dir, err := os.Open(filepath.Dir(f.path)); err == nil {
		_ = dir.Sync() // some file systems cannot; the file itself is synced
		_ = dir.Close()
	}
	return nil
}

// link names the file, unless the name is taken. Where there are no hard links, it looks first.
func (f *newFile) link() error {
	err := os.Link(f.file.Name(), f.path)
	if err == nil {
		return os.Remove(f.file.Name())
	}
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := os.Lstat(f.path); err == nil {
		return fs.ErrExist
	}
	return os.Rename(f.file.Name(), f.path)
}

// discard removes the file, unless it was committed.
func (f *newFile) discard() {
	if f.file.Close() == nil { // else it was closed by commit
		_ = os.Remove(f.file.Name())
	}
}
