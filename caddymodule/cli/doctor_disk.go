package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
)

// Free space below which the vault is in danger, and below which it soon may be. It refuses to
// write under 64 MiB.
const (
	leastFree  = 64 << 20
	littleFree = 512 << 20
)

// checkDisk looks at the room that the vault's file system has left.
func (d *doctor) checkDisk() {
	v := d.config.Apps.Claviger.Vault
	if v.Backend != "badger" || v.InMemory {
		return
	}
	dir := existing(fill(v.Path))
	free, ok := freeBytes(dir)
	if !ok {
		return
	}
	text := fmt.Sprintf("%s are free where the vault is", humanize.IBytes(free))
	switch {
	case free < leastFree:
		d.fail("disk", "only "+text, "make room; the vault does not write with less than 64 MiB")
	case free < littleFree:
		d.warn("disk", "only "+text, "make room before it gets less than 64 MiB")
	default:
		d.ok("disk", "%s", text)
	}
}

// existing is the nearest directory above a path that exists.
func existing(path string) string {
	for {
		if _, err := os.Stat(path); err == nil || filepath.Dir(path) == path {
			return path
		}
		path = filepath.Dir(path)
	}
}

// holder reads from Badger's LOCK file which process has the vault open. The file stays after a
// crash, so the process may be gone.
func holder(dir string) (pid int, alive bool) {
	text, err := os.ReadFile(filepath.Join(dir, "LOCK"))
	if err != nil {
		return 0, false
	}
	pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 0 {
		return 0, false
	}
	return pid, running(pid)
}

// looseMode tells whether other users have access to a directory.
func looseMode(info os.FileInfo) bool {
	return runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0
}
