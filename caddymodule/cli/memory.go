package cli

import (
	"os"
	"runtime/debug"
)

const (
	// collectorPercent is how much the heap may grow before it is collected. Most of a request's
	// memory is garbage at its end, and collecting it less often saves a sixth of the CPU.
	collectorPercent = 400
	// memoryRatio is the share of the container's memory that the Go runtime may take. The rest is
	// for the vault's mapped files and for what the kernel counts on top.
	memoryRatio = "0.8"
)

// tuneMemory chooses the collector's settings before the server starts. Caddy sets the memory
// limit itself, to a share of the container's limit (cgroup v1 or v2) or of the machine's memory,
// and only the share is changed here. Near the limit the runtime collects more often again, so the
// large percentage cannot make a small container run out of memory. An operator's own GOGC,
// GOMEMLIMIT or AUTOMEMLIMIT is left alone.
func tuneMemory(lookup func(string) (string, bool), setenv func(key, value string) error, setPercent func(int) int) {
	for _, name := range [...]string{"GOGC", "GOMEMLIMIT"} {
		if _, ok := lookup(name); ok {
			return
		}
	}
	if _, ok := lookup("AUTOMEMLIMIT"); !ok {
		_ = setenv("AUTOMEMLIMIT", memoryRatio) // fails for invalid names only
	}
	setPercent(collectorPercent)
}

func tuneProcess() { tuneMemory(os.LookupEnv, os.Setenv, debug.SetGCPercent) }
