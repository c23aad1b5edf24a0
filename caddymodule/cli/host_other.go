//go:build !linux && !darwin

package cli

import "os"

// freeBytes is not known here.
func freeBytes(string) (uint64, bool) { return 0, false }

// running tells whether there is a process with that ID.
func running(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	_ = p.Release()
	return true
}
