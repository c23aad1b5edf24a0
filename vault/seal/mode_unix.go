//go:build unix

package seal

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// checkMode refuses a key file that others than its reader can read.
func checkMode(path string, fi fs.FileInfo) error {
	loose := fs.FileMode(0o077)
	if st, ok := fi.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		// A file of another user that we can read reaches us through its group.
		loose = 0o037
	}
	if perm := fi.Mode().Perm(); perm&loose != 0 {
		return fmt.Errorf("key file %s: %w: other users have access to it (mode %04o); run chmod 600", path, ErrBadKey, perm)
	}
	return nil
}
