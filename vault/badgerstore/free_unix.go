//go:build linux || darwin

package badgerstore

import "syscall"

// freeBytes tells how much a file system has left for this user.
func freeBytes(dir string) (uint64, bool) {
	var st syscall.Statfs_t
	if syscall.Statfs(dir, &st) != nil {
		return 0, false
	}
	return st.Bavail * uint64(st.Bsize), true
}
