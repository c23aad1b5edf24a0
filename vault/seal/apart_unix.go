//go:build unix

package seal

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// apart gives the command a session of its own: what it starts is killed with it, and it cannot
// wait for somebody at this process's terminal.
func apart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error {
		err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		if errors.Is(err, syscall.ESRCH) {
			return os.ErrProcessDone
		}
		return err
	}
}
