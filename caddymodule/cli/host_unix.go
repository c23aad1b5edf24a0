//go:build linux || darwin

package cli

import (
	"errors"
	"syscall"
)

// freeBytes tells how much a file system has left for this user.
func freeBytes(dir string) (uint64, bool) {
	var st syscall.Statfs_t
	if syscall.Statfs(dir, &st) != nil {
		return 0, false
	}
	return st.Bavail * uint64(st.Bsize), true
}

// running tells whether there is a process with that ID, of whichever user.
func running(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
