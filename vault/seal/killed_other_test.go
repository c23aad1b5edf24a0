//go:build !unix

package seal_test

import (
	"net"
	"testing"
)

// wantKilled asks for nothing: only the command itself is killed.
func wantKilled(*testing.T, net.Conn) {}
