//go:build unix

package seal_test

import (
	"net"
	"testing"
	"time"
)

// wantKilled fails the test when the process at the other end is alive.
func wantKilled(t *testing.T, c net.Conn) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	if n, err := c.Read(make([]byte, 1)); n > 0 || err == nil || isTimeout(err) {
		t.Errorf("the command's child is alive: %v", err)
	}
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}
