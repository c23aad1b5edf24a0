//go:build !linux && !darwin

package badgerstore

import "io/fs"

// allocated is the length of a file, holes and all.
func allocated(fi fs.FileInfo) int64 { return fi.Size() }
