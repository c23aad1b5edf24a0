package badgerstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// prepareDir makes sure that the directory exists, belongs to this user, is closed to others and
// can be written to. The database's own files are readable by all, and are protected by the
// directory.
func prepareDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := checkUser(dir, owner); err != nil {
		return err
	}
	fi, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if perm := fi.Mode().Perm(); perm&0o077 != 0 && runtime.GOOS != "windows" {
		files, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		if len(files) > 0 || os.Chmod(dir, 0o700) != nil {
			return fmt.Errorf("other users have access to the directory (mode %04o); run chmod 700 %s, or name a directory below it", perm, dir)
		}
	}
	return writable(dir)
}

// checkUser refuses a directory of another user, who could read and replace its files, and a
// symbolic link of another user, who could lead it elsewhere.
func checkUser(dir string, owner func(fs.FileInfo) (uid, user int)) error {
	link, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if uid, user := owner(link); link.Mode()&fs.ModeSymlink != 0 && uid != user && uid != 0 {
		return fmt.Errorf("the symbolic link %s belongs to user %d, and this is user %d; name the directory that it leads to", dir, uid, user)
	}
	fi, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if uid, user := owner(fi); uid != user {
		return fmt.Errorf("the directory belongs to user %d, and this is user %d; run chown -R %d %s, or run as its owner", uid, user, user, dir)
	}
	return nil
}

// lockFile is there while the database is open.
const lockFile = "LOCK"

// restrictFiles takes the rights of other users from the files that are there, and returns how
// many bytes are in tables. Those that come later are protected by the directory, until the next
// time.
func restrictFiles(dir string) (tables uint64, err error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		if !f.Type().IsRegular() {
			continue
		}
		fi, err := f.Info()
		if err == nil && fi.Mode().Perm()&0o077 != 0 {
			err = os.Chmod(filepath.Join(dir, f.Name()), 0o600)
		}
		if errors.Is(err, fs.ErrNotExist) { // merged with others meanwhile
			continue
		}
		if err != nil {
			return 0, err
		}
		if filepath.Ext(f.Name()) == ".sst" {
			tables += uint64(fi.Size())
		}
	}
	return tables, nil
}
