//go:build linux || darwin

package badgerstore

import "syscall"

// freeBytes tells how much a file system has left for this user: nothing when it cannot take more
// files.
func freeBytes(dir string) (uint64, bool) {
	var st syscall.Statfs_t
	if syscall.Statfs(dir, &st) != nil {
		return 0, false
	}
	if st.Files > 0 && st.Ffree == 0 {
		return 0, true
	}
	return st.Bavail * uint64(st.Bsize), true
}
