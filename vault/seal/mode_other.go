//go:build !unix

package seal

import "io/fs"

// checkMode accepts every file: modes say nothing about access here.
func checkMode(string, fs.FileInfo) error { return nil }
