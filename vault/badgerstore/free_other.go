//go:build !linux && !darwin

package badgerstore

// freeBytes does not know here.
func freeBytes(string) (uint64, bool) { return 0, false }
