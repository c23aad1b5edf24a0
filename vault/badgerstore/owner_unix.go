//go:build linux || darwin

package badgerstore

import (
	"io/fs"
	"os"
	"syscall"
)

// owner is the user that a file belongs to, and user the one of this process.
func owner(fi fs.FileInfo) (uid, user int) {
	user = os.Geteuid()
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid), user
	}
	return user, user
}
