//go:build !unix

package seal

import "os/exec"

// apart does nothing: without process groups, only the command itself is killed.
func apart(*exec.Cmd) {}
