package seal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// maxKeyText is more than any key text has, so that a wrong path to a large file is not read.
const maxKeyText = 4096

// FileKeys are keys in files, each one line as [NewKeyText] makes it. A file may be a symbolic
// link. One that other users can read is refused; its group may read it only when it belongs to
// another user, as the files of a mounted secret do.
type FileKeys struct {
	// Path is the file of the key in use.
	Path string
	// Retired are files of earlier keys, which are needed until the keyset has been encrypted
	// by the key in use.
	Retired []string
}

// Active returns the key of Path. It is [ErrNoKey] when there is no such file.
func (f FileKeys) Active(context.Context) (Key, error) {
	return readKeyFile(f.Path)
}

// Find returns the key with that ID, or [ErrUnknownKey].
func (f FileKeys) Find(_ context.Context, id string) (Key, error) {
	return findKey(id, append([]string{f.Path}, f.Retired...), readKeyFile)
}

// CheckKey tells whether a file still has the key with that ID.
func (f FileKeys) CheckKey(ctx context.Context, id string) error {
	_, err := f.Find(ctx, id)
	return err
}

// CreateKey writes a fresh key to Path, readable by this user only, and makes it durable. A file
// that exists is never touched, and half a key never stands there, whenever the process ends: but for
// file systems without hard links, where it may.
func (f FileKeys) CreateKey(context.Context) error {
	if err := createKeyFile(f.Path); err != nil {
		return fmt.Errorf("creating key file %s: %w", f.Path, err)
	}
	return nil
}

func createKeyFile(path string) error {
	dir, text := filepath.Dir(path), NewKeyText()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	whole, err := os.CreateTemp(dir, ".new-key-*")
	if err != nil {
		return err
	}
	defer os.Remove(whole.Name())
	if err := writeKey(whole, text); err != nil {
		return err
	}
	// A link never takes the place of a file, as a rename does. Some file systems have none.
	if os.Link(whole.Name(), path) != nil {
		file, e := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if e != nil {
			return e
		}
		if err := writeKey(file, text); err != nil {
			os.Remove(path)
			return err
		}
	}
	return syncDir(dir)
}

func writeKey(file *os.File, text string) error {
	_, err := io.WriteString(file, text)
	if err == nil {
		err = file.Sync()
	}
	if e := file.Close(); err == nil {
		err = e
	}
	return err
}

func readKeyFile(path string) (Key, error) {
	if path == "" {
		return Key{}, fmt.Errorf("key file: %w: no path is set", ErrNoKey)
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Key{}, fmt.Errorf("key file %s: %w", path, ErrNoKey)
	}
	if err != nil {
		return Key{}, fmt.Errorf("reading key file: %w", err)
	}
	defer file.Close()
	fi, err := file.Stat()
	if err != nil {
		return Key{}, fmt.Errorf("reading key file: %w", err)
	}
	if !fi.Mode().IsRegular() {
		return Key{}, fmt.Errorf("key file %s: %w: it is not a regular file", path, ErrBadKey)
	}
	if err := checkMode(path, fi); err != nil {
		return Key{}, err
	}
	text, err := io.ReadAll(io.LimitReader(file, maxKeyText))
	if err != nil {
		return Key{}, fmt.Errorf("reading key file: %w", err)
	}
	k, err := ParseKey(string(text))
	if err != nil {
		return Key{}, fmt.Errorf("key file %s: %w", path, err)
	}
	return k, nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	// Some file systems cannot sync a directory; the file itself is synced.
	d.Sync()
	return d.Close()
}

var (
	_ KeyProvider = FileKeys{}
	_ KeyCreator  = FileKeys{}
	_ KeyChecker  = FileKeys{}
)
