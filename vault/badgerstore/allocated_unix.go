//go:build linux || darwin

package badgerstore

import (
	"io/fs"
	"syscall"
)

// allocated is what a file takes on the disk.
func allocated(fi fs.FileInfo) int64 {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return min(st.Blocks*512, fi.Size())
	}
	return fi.Size()
}
